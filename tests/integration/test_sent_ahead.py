"""What is sent before an answer is there: errors, output and rows belong to the right change all the same."""

from __future__ import annotations

import time
from typing import Any

import pytest

import sqitchpy
from sqitchpy.engines.pg import wire
from sqitchpy.engines.pg.link import Link
from sqitchpy.errors import DeployError, EngineError, InterruptedRunError
from sqitchpy.events import ScriptMessage, ScriptOutput, StepFinished, StepStarted
from tests.integration.conftest import App, Build, raises_once
from tests.projects import Scripts, table


def deploy(app: App, **options: Any) -> sqitchpy.Report:
    with app.session() as target:
        return target.deploy(transaction="run", lock_timeout=5, **options)


def long_script(name: str, statements: int) -> Scripts:
    comments = "".join(f"COMMENT ON TABLE {name} IS '{n}';\n" for n in range(statements))
    return Scripts(f"CREATE TABLE {name} ();\n{comments}", f"DROP TABLE {name};", comments)


def test_changes_of_many_statements_are_in_one_window(build: Build) -> None:
    app = build({"a": long_script("a", 50), "b": long_script("b", 65), "c": long_script("c", 65), "d": table("d")})
    report = deploy(app, verify=True)
    assert report.done == ("a", "b", "c", "d")
    assert app.deployed() == app.tables() == ["a", "b", "c", "d"]


def test_a_change_with_many_tags_is_in_the_window(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")}, tags={"b": [f"v{n}" for n in range(300)]})
    deploy(app)
    assert app.deployed() == app.tables() == ["a", "b", "c"]
    assert app.value("SELECT count(*) FROM sqitch.tags") == 300


@pytest.mark.parametrize("mode", ["all", "change"])
def test_a_failure_among_changes_of_many_statements_is_that_of_its_change(build: Build, mode: str) -> None:
    fails = Scripts(long_script("b", 70).deploy + "SELECT nothing;")  # type: ignore[operator]
    app = build({"a": long_script("a", 60), "b": fails, "c": long_script("c", 70), "d": table("d")})
    with pytest.raises(DeployError) as raised:
        deploy(app, mode=mode)
    assert raised.value.change == "b"
    assert app.deployed() == app.tables() == ([] if mode == "all" else ["a"])
    assert app.history()[-1] == "fail b"


@pytest.mark.parametrize("mode", ["all", "tag", "change"])
def test_a_script_that_goes_away_meanwhile_is_a_failure_of_its_own_change(build: Build, mode: str) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})

    def delete(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "a":
            (app.path / "deploy/c.sql").unlink()

    with app.session(on_event=delete) as target, pytest.raises(DeployError) as raised:
        target.deploy(transaction="run", mode=mode)
    assert raised.value.change == "c"
    assert app.history()[-1] == "fail c"
    assert app.deployed() == app.tables() == (["a", "b"] if mode == "change" else [])


@pytest.mark.parametrize(
    "edited",
    ["CREATE TABLE c ();\nCOMMIT;\nSELECT 1/0;", "BEGIN; CREATE TABLE c (); COMMIT AND CHAIN; SELECT 1/0;COMMIT;"],
)
def test_a_script_that_is_edited_meanwhile_cannot_commit_the_run(build: Build, edited: str) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})

    def edit(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "a":
            (app.path / "deploy/c.sql").write_text(edited)

    with app.session(on_event=edit) as target, pytest.raises(DeployError) as raised:
        target.deploy(transaction="run")
    assert raised.value.change == "c"
    assert app.deployed() == app.tables() == []


def test_a_run_goes_on_where_an_interrupted_one_has_prepared_nothing(build: Build) -> None:
    slow = "DROP TABLE IF EXISTS nothing;\nCREATE INDEX ON given (slow(id));\nCREATE TABLE a ();"
    app = build({"a": Scripts(slow), "b": table("b")})
    app.rows("CREATE TABLE given AS SELECT 1 AS id")
    app.rows(
        "CREATE FUNCTION slow(id integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql"
        " AS $$BEGIN PERFORM pg_sleep(0.3); RETURN 1; END$$"
    )
    with app.session(on_event=raises_once(ScriptMessage)) as target:
        with pytest.raises(RuntimeError, match="enough"):
            target.deploy()
        assert target.deploy(transaction="run").done == ("a", "b")
    assert app.deployed() == ["a", "b"]


@pytest.mark.parametrize("mode", ["all", "change"])
def test_a_run_survives_that_its_statements_are_deallocated(build: Build, mode: str) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})
    app.rows(
        "CREATE FUNCTION mean() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$;"
    )
    app.rows("CREATE EVENT TRIGGER mean ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION mean()")
    try:
        deploy(app, mode=mode)
        assert app.deployed() == app.tables() == ["a", "b", "c"]
    finally:
        app.rows("DROP EVENT TRIGGER mean")


def test_what_a_failed_script_has_prepared_is_gone_when_others_are_reverted(build: Build) -> None:
    prepares = "PREPARE mine AS SELECT 1;\n"
    app = build(
        {"a": Scripts("CREATE TABLE a ();", prepares + "DROP TABLE a;"), "b": Scripts(prepares + "SELECT 1/0;")}
    )
    with pytest.raises(DeployError):
        app.deploy()
    assert app.deployed() == app.tables() == []


@pytest.mark.parametrize("mode", ["all", "tag", "change"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whoever_is_shown_output_may_end_a_run_while_others_are_on_their_way(
    build: Build, mode: str, error: type[BaseException]
) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();\nSELECT 1;"), "b": table("b"), "c": table("c")})
    stops = [error("enough")]

    def stop(event: object) -> None:
        if isinstance(event, ScriptOutput) and stops:
            raise stops.pop()

    expected = InterruptedRunError if error is KeyboardInterrupt else error
    with app.session(on_event=stop) as target:
        with pytest.raises(expected):
            target.deploy(transaction="run", mode=mode)
        assert app.tables() == app.deployed() == []
        assert target.deploy(transaction="run", mode=mode).done == ("a", "b", "c")
    assert app.deployed() == app.tables() == ["a", "b", "c"]


def test_two_scripts_of_a_run_may_prepare_the_same(build: Build) -> None:
    prepares = Scripts("PREPARE mine AS SELECT 1;\nEXECUTE mine;", verify="PREPARE mine AS SELECT 2;\nEXECUTE mine;")
    app = build({"a": prepares, "b": Scripts(f"-- b\n{prepares.deploy}", verify=prepares.verify), "c": table("c")})
    deploy(app, verify=True)
    assert app.deployed() == ["a", "b", "c"]


@pytest.mark.parametrize("stop_at", ["c1", "c2"])
def test_a_verification_that_ends_early_leaves_a_callers_transaction_usable(build: Build, stop_at: str) -> None:
    verifications = ["SELECT 1;", "SELECT pg_sleep(0.3);", "SELECT 3;"]
    app = build({f"c{n}": Scripts(f"CREATE TABLE c{n} ();", verify=text) for n, text in enumerate(verifications, 1)})
    app.deploy()

    def stop(event: object) -> None:
        if isinstance(event, StepFinished) and event.label == stop_at:
            raise RuntimeError("enough")

    with app.database.connect(autocommit=False) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
        with (
            app.session(connection=connection, transaction="caller", on_event=stop) as target,
            pytest.raises(RuntimeError, match="enough"),
        ):
            target.verify()
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)
        connection.commit()
    assert "mine" in app.tables()


def test_too_many_locks_are_no_lie_about_what_was_deployed_before(build: Build) -> None:
    many = "".join(f"CREATE TABLE t{number} (a text);\n" for number in range(12000))
    vacuum = Scripts("VACUUM a;", "SELECT 1;")
    app = build({"a": table("a"), "vacuum": vacuum, "many": Scripts(many)})
    with pytest.raises(EngineError, match="These 1 changes need about 48000 locks") as raised:
        deploy(app)
    assert (raised.value.hint or "").startswith("None of them was deployed.")
    assert app.deployed() == ["a", "vacuum"]


@pytest.mark.parametrize("how", ["change", "run"])
def test_a_script_that_skips_all_but_plain_ddl_runs_once(build: Build, how: str) -> None:
    skips = r"""\if false
SELECT 1;
\endif
DROP TABLE IF EXISTS nothing;
CREATE TABLE b ();"""
    app = build({"a": table("a"), "b": Scripts(skips), "c": table("c")})
    with app.session() as target:
        target.deploy(transaction=how)  # type: ignore[arg-type]
    assert app.deployed() == app.tables() == ["a", "b", "c"]
    assert len(app.of(ScriptMessage)) == 1


def test_what_a_rolled_back_run_has_prepared_is_gone_when_others_are_reverted(build: Build) -> None:
    prepares = "PREPARE mine AS SELECT 1;\n"
    changes = {
        "a": Scripts("CREATE TABLE a ();", f"{prepares}DROP TABLE a;"),
        "vacuum": Scripts("VACUUM a;", "SELECT 1;"),
        "b": Scripts(f"{prepares}SELECT 1/0;"),
    }
    app = build(changes)
    with pytest.raises(DeployError):
        deploy(app)
    assert app.deployed() == app.tables() == []


def test_answers_gather_while_others_are_on_their_way(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be woken by each of them costs both ends."""
    waits = 0
    wait_for_one = Link._wait

    def count(link: Link, *, writing: bool) -> None:
        nonlocal waits
        waits += 1
        wait_for_one(link, writing=writing)

    names = [f"c{number}" for number in range(60)]
    app = build({name: Scripts(f"SELECT pg_sleep(0.002);  -- {name}") for name in names})
    monkeypatch.setattr(Link, "_wait", count)
    monkeypatch.setattr(wire, "LONGEST_NAP", 1.0)  # however slow the machine is
    assert deploy(app).done == tuple(names)
    assert waits < len(names), waits


def test_a_notice_that_is_here_before_anybody_waits_for_it_is_told(build: Build) -> None:
    app = build({"a": table("a")})
    told: list[tuple[str, object]] = []
    with app.database.connect() as connection:
        link = wire.Wire(connection, lambda notice, origin: told.append((notice.message, origin)))
        for name in ("x", "y"):
            link.queue(f"DROP TABLE IF EXISTS {name}".encode(), origin=name)
            link.send_part()
        time.sleep(0.1)
        link.read_part()
        link.read_part()
    assert told == [(f'table "{name}" does not exist, skipping', name) for name in ("x", "y")]
