"""Reverts are sent before an answer is there: behind one that fails nothing is reverted."""

from __future__ import annotations

import pytest

from sqitchpy.engines.pg.wire import Wire
from sqitchpy.errors import DeployError, InterruptedRunError, RevertError
from sqitchpy.events import StepFinished, StepStarted
from tests.integration.conftest import App, Build, raises_once
from tests.projects import Scripts, table, write_script

NAMES = ["a", "b", "c", "d", "e", "f"]
BACKWARDS = NAMES[::-1]


def deployed(build: Build, **reverts: str) -> App:
    """Six tables, each with a change of its own; ``reverts`` are other revert scripts."""
    app = build({name: table(name) for name in NAMES})
    app.deploy()
    for name, text in reverts.items():
        write_script(app.path, "revert", name, text)
    return app


def test_each_revert_has_its_transaction(build: Build) -> None:
    app = deployed(build)
    app.told.clear()
    assert app.revert().done == tuple(BACKWARDS)
    assert app.deployed() == app.tables() == []
    assert app.value("SELECT count(DISTINCT xmin::text) FROM sqitch.events WHERE event = 'revert'") == len(NAMES)
    steps = [event.label for event in app.told if isinstance(event, StepStarted | StepFinished)]
    assert steps == [name for name in BACKWARDS for _ in range(2)]


FAILURES = {
    "a statement": "DROP TABLE d;\nSELECT 1/0;",
    "a statement of plain DDL": "DROP TABLE d;\nDROP TABLE nothing;",
    "the COMMIT": "INSERT INTO late VALUES (1), (1);\nDROP TABLE d;",
    "the COMMIT of plain DDL": "COMMENT ON TABLE d IS 'fails late';\nDROP TABLE d;",
    "the record": "DROP TABLE d;\nALTER TABLE sqitch.events ADD CHECK (event <> 'revert' OR change <> 'd');",
}


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("what", FAILURES)
def test_nothing_is_reverted_behind_a_failure(build: Build, what: str, only: bool) -> None:
    app = deployed(build, d=FAILURES[what])
    if only:
        app.rows(
            "INSERT INTO sqitch.dependencies SELECT y.change_id, 'require', x.change, x.change_id"
            " FROM sqitch.changes x, sqitch.changes y"
            " WHERE (x.change, y.change) IN (('a', 'b'), ('b', 'd'), ('d', 'e'))"
        )
    prepare_late_failures(app)
    with pytest.raises(RevertError) as raised:
        app.revert(only="a" if only else None)
    left = ["a", "b", "c", "d", "f"] if only else ["a", "b", "c", "d"]
    assert raised.value.change == "d"
    assert raised.value.report.done == (("e",) if only else ("f", "e"))
    assert app.deployed() == left
    assert set(app.tables()) - {"late"} == set(left)
    app.rows("DROP EVENT TRIGGER late")
    app.rows("DROP TABLE late")
    write_script(app.path, "revert", "d", "DROP TABLE d;")
    app.revert()
    assert app.deployed() == app.tables() == []


def prepare_late_failures(app: App) -> None:
    """A table whose rows are looked at when a transaction commits, and DDL that puts such rows into it."""
    app.rows("CREATE TABLE late (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    app.rows(
        "CREATE FUNCTION put() RETURNS event_trigger LANGUAGE plpgsql"
        " AS $$BEGIN IF current_query() LIKE '%fails late%' THEN INSERT INTO public.late VALUES (1), (1); END IF; END$$"
    )
    app.rows("CREATE EVENT TRIGGER late ON ddl_command_end WHEN tag IN ('COMMENT') EXECUTE FUNCTION put()")


def test_a_script_that_runs_by_itself_is_waited_for(build: Build) -> None:
    app = deployed(build, d="DROP TABLE d;\nCREATE INDEX CONCURRENTLY ON nothing (id);")
    with pytest.raises(RevertError) as raised:
        app.revert()
    assert raised.value.kept
    assert app.deployed() == ["a", "b", "c", "d"]
    assert app.tables() == ["a", "b", "c"]


def test_a_script_that_cannot_be_read_is_told_as_such(build: Build) -> None:
    app = deployed(build)

    def break_script(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "f":
            write_script(app.path, "revert", "a", "\\nonsense\n")

    with pytest.raises(RevertError) as raised, app.session(on_event=break_script) as target:
        target.revert()
    assert raised.value.change == "a"
    assert not raised.value.kept
    assert app.deployed() == app.tables() == ["a"]


def test_what_a_failed_deployment_takes_back_stops_at_a_failure(build: Build) -> None:
    app = build(
        {name: table(name) for name in NAMES}
        | {"f": Scripts("SELECT 1/0;"), "c": Scripts("CREATE TABLE c ();", "SELECT 1/0;")}
    )
    with pytest.raises(DeployError, match="manually repaired") as raised:
        app.deploy()
    assert raised.value.change == "c"
    assert app.deployed() == app.tables() == ["a", "b", "c"]
    assert app.history()[5:] == ["fail f", "revert e", "revert d"]


@pytest.mark.parametrize("kind", [StepStarted, StepFinished])
def test_the_report_of_an_interruption_is_what_the_registry_says(build: Build, kind: type) -> None:
    app = deployed(build)

    def stop(event: object) -> None:
        if isinstance(event, kind) and event.label == "e":
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError) as raised, app.session(on_event=stop) as target:
        target.revert()
    left = app.deployed()
    assert left == app.tables() == NAMES[: len(left)]
    assert raised.value.report.done == tuple(BACKWARDS[: len(NAMES) - len(left)])
    assert app.revert().done == tuple(reversed(left))


def test_an_interruption_that_is_interrupted_itself_is_told_as_one(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C twice: nobody knows what became of what was sent, and nothing was lost but our patience."""
    app = deployed(build, d="SELECT pg_sleep(0.5);\nDROP TABLE d;")

    def drain(wire: Wire, *, cancels: bool) -> None:
        raise KeyboardInterrupt

    def tell(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "e":
            monkeypatch.setattr(Wire, "_drain", drain)
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError) as raised, app.session(on_event=tell) as target:
        target.revert()
    assert "says whether change e was completed, and what may have been behind it" in (raised.value.hint or "")
    monkeypatch.undo()
    app.revert()
    assert app.deployed() == app.tables() == []


def test_a_listener_that_raises_leaves_a_session_that_goes_on(build: Build) -> None:
    app = deployed(build)
    with app.session(on_event=raises_once(StepFinished)) as target:
        with pytest.raises(RuntimeError, match="enough"):
            target.revert()
        left = app.deployed()
        assert left == app.tables() == NAMES[: len(left)]
        assert target.revert().done == tuple(reversed(left))
        assert target.deploy().done == tuple(NAMES)


def test_a_lost_connection_leaves_whole_changes(build: Build) -> None:
    app = deployed(build, d="DROP TABLE d;\nCOMMENT ON SCHEMA public IS 'dead';")
    app.rows(
        "CREATE FUNCTION die() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END$$"
    )
    app.rows("CREATE EVENT TRIGGER die ON ddl_command_end WHEN tag IN ('COMMENT') EXECUTE FUNCTION die()")
    try:
        with pytest.raises(RevertError, match="the connection was lost while change d was under way"):
            app.revert()
        assert app.deployed() == app.tables() == ["a", "b", "c", "d"]
    finally:
        app.rows("DROP EVENT TRIGGER die")
    assert app.revert().done == ("d", "c", "b", "a")
