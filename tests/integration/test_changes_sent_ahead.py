"""Changes that commit by themselves are sent before an answer is there: what fails takes nothing behind it along."""

from __future__ import annotations

import pytest

from sqitchpy.engines.pg.ahead import Ahead
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.errors import DeployError, InterruptedRunError, SqitchpyError
from sqitchpy.events import StepFinished, StepStarted, Warned
from sqitchpy.options import Transaction
from tests.integration.conftest import App, Build, raises_once
from tests.projects import Scripts, table, write_script

NAMES = ["a", "b", "c", "d", "e", "f"]


def tables(**others: Scripts) -> dict[str, Scripts]:
    return {name: others.get(name, table(name)) for name in NAMES}


def transactions(app: App) -> int:
    """In how many transactions the registry's rows were written."""
    return int(app.value("SELECT count(DISTINCT xmin::text) FROM sqitch.changes"))


def test_each_change_has_its_transaction(build: Build) -> None:
    app = build(tables())
    assert app.deploy(verify=True).done == tuple(NAMES)
    assert app.deployed() == app.tables() == NAMES
    assert transactions(app) == len(NAMES)
    steps = [event.label for event in app.told if isinstance(event, StepStarted | StepFinished)]
    assert steps == [name for name in NAMES for _ in range(2)]


def test_a_failure_needs_no_cancelling_of_what_is_behind_it(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request to cancel takes a connection of its own; where that is refused, the failure is told all the same."""
    app = build(tables(c=Scripts("CREATE TABLE c ();\nSELECT 1/0;")))
    cancelled: list[bool] = []
    drain = Wire._drain

    def watch(wire: Wire, *, cancels: bool) -> None:
        cancelled.append(cancels)
        drain(wire, cancels=cancels)

    monkeypatch.setattr(Wire, "_drain", watch)
    with pytest.raises(DeployError) as raised:
        app.deploy()
    assert "division by zero" in str(raised.value.failure)
    assert cancelled
    assert not any(cancelled)


FAILURES = {
    "a statement": Scripts("CREATE TABLE c ();\nSELECT 1/0;"),
    "a statement of plain DDL": Scripts("CREATE TABLE c ();\nDROP TABLE nothing;"),
    "the COMMIT": Scripts(
        "CREATE TABLE c (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED);\nCOPY c FROM STDIN;\n1\n1\n\\.\n"
    ),
    "the COMMIT of plain DDL": Scripts("CREATE TABLE c ();\nCOMMENT ON TABLE c IS 'fails late';"),
    "the record": Scripts("CREATE TABLE c ();\nALTER TABLE sqitch.changes ADD CHECK (change <> 'c');"),
    "the verification": Scripts("CREATE TABLE c ();", verify="SELECT 1/0;"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_nothing_is_deployed_behind_a_failure(build: Build, what: str) -> None:
    app = build(tables(c=FAILURES[what]))
    if what == "the COMMIT of plain DDL":
        late_failure(app)
    with pytest.raises(DeployError) as raised:
        app.deploy(mode="change", verify=True)
    assert raised.value.change == "c"
    assert app.deployed() == app.tables() == ["a", "b"]
    assert app.history() == ["deploy a", "deploy b", "fail c"]
    write_script(app.path, "deploy", "c", "CREATE TABLE c ();")
    write_script(app.path, "verify", "c", "SELECT 1;")
    app.rows("DROP EVENT TRIGGER IF EXISTS late")
    assert app.deploy(mode="change", verify=True).done == ("c", "d", "e", "f")


def late_failure(app: App) -> None:
    """Make COMMENT on a table put a row where a constraint is looked at when its transaction commits."""
    app.rows("CREATE SCHEMA late")
    app.rows("CREATE TABLE late.rows (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    app.rows(
        "CREATE FUNCTION late.put() RETURNS event_trigger LANGUAGE plpgsql"
        " AS $$BEGIN IF current_query() LIKE '%fails late%' THEN INSERT INTO late.rows VALUES (1), (1); END IF; END$$"
    )
    app.rows("CREATE EVENT TRIGGER late ON ddl_command_end WHEN tag IN ('COMMENT') EXECUTE FUNCTION late.put()")


def test_what_is_taken_back_after_a_failure_is_what_was_deployed(build: Build) -> None:
    app = build(tables(e=Scripts("SELECT 1/0;")), tags={"b": "v1"})
    with pytest.raises(DeployError) as raised:
        app.deploy(mode="tag")
    assert app.deployed() == app.tables() == ["a", "b"]
    assert app.history()[4:] == ["fail e", "revert d", "revert c"]
    assert raised.value.change == "e"


def test_what_turns_out_to_need_its_own_transactions_gets_them_and_others_go_on(build: Build) -> None:
    enum = Scripts("ALTER TYPE mood ADD VALUE 'new';\nCREATE TABLE c (m mood DEFAULT 'new');", "DROP TABLE c;")
    app = build(tables(a=Scripts("CREATE TYPE mood AS ENUM ('old');\nCREATE TABLE a ();"), c=enum))
    assert app.deploy().done == tuple(NAMES)
    assert app.deployed() == app.tables() == NAMES
    assert any("runs again statement by statement" in event.text for event in app.of(Warned))


@pytest.mark.parametrize("tags", [1, 300])
def test_statements_of_ours_that_are_deallocated_do_no_harm(build: Build, tags: int) -> None:
    """A change with many tags is not sent in one piece."""
    app = build(tables(), tags={name: [f"{name}{n}" for n in range(tags)] for name in "bc"})
    app.rows("CREATE FUNCTION mean() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$")
    app.rows("CREATE EVENT TRIGGER mean ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION mean()")
    try:
        with app.session() as target:
            target.deploy("a", verify=True)
            assert target.deploy(verify=True).done == tuple(NAMES[1:])
        assert app.deployed() == app.tables() == NAMES
        assert app.value("SELECT count(*) FROM sqitch.tags") == 2 * tags
    finally:
        app.rows("DROP EVENT TRIGGER mean")


@pytest.mark.parametrize("kind", [StepStarted, StepFinished])
def test_the_report_of_an_interruption_is_what_the_registry_says(build: Build, kind: type) -> None:
    app = build(tables())

    def stop(event: object) -> None:
        if isinstance(event, kind) and event.label == "b":
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError) as raised, app.session(on_event=stop) as target:
        target.deploy()
    deployed = app.deployed()
    assert deployed == app.tables() == NAMES[: len(deployed)]
    assert raised.value.report.done == tuple(deployed)
    assert app.deploy().done == tuple(NAMES[len(deployed) :])


def test_a_listener_that_raises_leaves_a_session_that_goes_on(build: Build) -> None:
    app = build(tables())
    with app.session(on_event=raises_once(StepFinished)) as target:
        with pytest.raises(RuntimeError, match="enough"):
            target.deploy()
        deployed = app.deployed()
        assert deployed == app.tables() == NAMES[: len(deployed)]
        assert target.deploy().done == tuple(NAMES[len(deployed) :])


def test_a_script_that_is_edited_meanwhile_is_run_as_it_is_then(build: Build) -> None:
    app = build(tables())

    def edit(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "a":
            write_script(app.path, "deploy", "f", "CREATE TABLE f ();\nCOMMIT;\nSELECT 1/0;")

    with app.session(on_event=edit) as target, pytest.raises(DeployError) as raised:
        target.deploy(mode="change")
    assert raised.value.change == "f"
    assert app.deployed() == NAMES[:-1]


def test_a_lost_connection_leaves_whole_changes(build: Build) -> None:
    """The server ends the session from within: what is behind it was sent and is gone."""
    app = build(tables())
    app.rows(
        "CREATE FUNCTION die() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END$$"
    )
    app.rows("CREATE EVENT TRIGGER die ON ddl_command_end WHEN tag IN ('CREATE TYPE') EXECUTE FUNCTION die()")
    write_script(app.path, "deploy", "c", "CREATE TABLE c ();\nCREATE TYPE dead AS ENUM ('x');")
    try:
        with pytest.raises(DeployError, match="the connection was lost while change c was under way"):
            app.deploy()
        assert app.deployed() == app.tables() == ["a", "b"]
    finally:
        app.rows("DROP EVENT TRIGGER die")
    assert app.deploy().done == ("c", "d", "e", "f")


@pytest.mark.parametrize("transaction", ["change", "run"])
def test_a_change_whose_last_statement_fills_the_queue(build: Build, transaction: str) -> None:
    """Its 256th statement is sent by queue() itself; then send_part() finds no pipeline: “the connection was lost”."""
    for count in range(238, 250):
        app = build(
            {"a": Scripts("CREATE TABLE IF NOT EXISTS a ();"), "b": Scripts("CREATE TABLE IF NOT EXISTS b ();")},
            tags={"a": [f"x{n}z" for n in range(count)]},
            name=f"app{count}",
            registry=f"registry{count}",
        )
        with app.session() as target:
            assert target.deploy(transaction=transaction).done == ("a", "b")


@pytest.mark.parametrize("transaction", ["change", "run"])
@pytest.mark.parametrize("script", ["SELECT 1;", "SET x.y = 1;", "CREATE INDEX CONCURRENTLY ON b (id);"])
def test_what_cannot_be_cleaned_up_is_no_failure_of_what_is_committed(
    build: Build, monkeypatch: pytest.MonkeyPatch, script: str, transaction: Transaction
) -> None:
    """A statement_timeout may end DISCARD TEMP, for one; the session is replaced then."""
    monkeypatch.setattr(OwnSession, "tidy", (*OwnSession.tidy, b"SELECT 1/0"))
    monkeypatch.setattr(OwnSession, "as_new", (*OwnSession.as_new, b"SELECT 1/0"))
    app = build(tables(b=Scripts("CREATE TABLE b (id integer);"), c=Scripts(script), e=Scripts(f"-- e\n{script}")))
    with app.session() as target:
        assert target.deploy(mode="change", verify=True, transaction=transaction).done == tuple(NAMES)
    assert app.deployed() == NAMES
    assert app.history() == [f"deploy {name}" for name in NAMES]


def test_who_verifies_in_between_is_told_of_his_own_failures(build: Build) -> None:
    """The failure of this verification was taken for that of deploying b."""
    app = build(tables(a=Scripts("CREATE TABLE a ();", "DROP TABLE a;", "SELECT 1/0;")))
    found = []

    def look(event: object) -> None:
        if isinstance(event, StepFinished) and event.action == "deploy":
            try:
                target.verify("a", "a")
            except SqitchpyError as error:
                found.append(str(error))

    with app.session(on_event=look) as target:
        assert target.deploy().done == tuple(NAMES)
    assert app.deployed() == NAMES
    assert found == ["Changes are under way in this session"] * len(NAMES)


def test_an_interruption_right_behind_an_answer_leaves_nothing_on_its_way(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between read_part() and the line behind it."""
    app = build(tables())
    do, again = Ahead.do, []

    def interrupted_do(self, task, committer):
        attempt = self._transactions.attempt

        def interrupted(stage, work, **options):
            attempt(stage, work, **options)
            if getattr(work, "__name__", "") == "read_part" and not again:
                again.append(task)
                raise KeyboardInterrupt

        monkeypatch.setattr(self._transactions, "attempt", interrupted)
        try:
            return do(self, task, committer)
        finally:
            monkeypatch.setattr(self._transactions, "attempt", attempt)

    monkeypatch.setattr(Ahead, "do", interrupted_do)
    with app.session() as target:
        with pytest.raises(InterruptedRunError) as raised:
            target.deploy()
        assert list(raised.value.report.done) == app.deployed()
        target.deploy()
        assert app.deployed() == app.tables() == NAMES
        target.revert()
        assert app.deployed() == []


def test_a_session_goes_on_after_a_listener_that_raises_when_the_server_has_ended_it(build: Build) -> None:
    app = build(tables())
    stops = [RuntimeError("enough")]

    def stop(event: object) -> None:
        if isinstance(event, StepFinished) and stops:
            ended = app.rows(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name LIKE '%work%' AND datname = current_database()"
            )
            assert ended == [(True,)]
            raise stops.pop()

    with app.session(on_event=stop) as target:
        with pytest.raises((RuntimeError, SqitchpyError)):
            target.deploy()
        deployed = app.deployed()
        assert target.deploy().done == tuple(NAMES[len(deployed) :])
