"""Our own statements are prepared in the session that scripts run in: neither comes to harm by the other."""

from __future__ import annotations

import pytest

from sqitchpy.events import Warned
from tests.integration.conftest import Build
from tests.projects import Scripts, table


def test_a_script_may_prepare_statements_of_its_own(build: Build) -> None:
    prepares = [Scripts(f"PREPARE mine AS SELECT {n};\nEXECUTE mine;") for n in (1, 2)]
    app = build({"a": table("a"), "b": prepares[0], "c": prepares[1], "d": table("d")})
    app.deploy()
    assert app.deployed() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("sql", ["DEALLOCATE ALL;", "DISCARD PLANS;", "DO $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$;"])
def test_a_script_may_take_them_away(build: Build, sql: str) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": Scripts(f"CREATE TABLE c ();\n{sql}"), "d": table("d")})
    app.deploy()
    assert app.deployed() == app.tables() == ["a", "b", "c", "d"]


def test_what_takes_them_away_behind_our_back_makes_the_change_run_again(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})
    app.rows(
        "CREATE FUNCTION mean() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$;"
    )
    app.rows("CREATE EVENT TRIGGER mean ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION mean()")
    try:
        app.deploy()
        assert app.deployed() == app.tables() == ["a", "b", "c"]
        assert app.history() == ["deploy a", "deploy b", "deploy c"]
    finally:
        app.rows("DROP EVENT TRIGGER mean")


def test_a_failure_in_between_does_not_confuse_them(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b (); SELECT 1/0;", "DROP TABLE b;"), "c": table("c")})
    with app.session() as target:
        with pytest.raises(Exception, match="Deploy failed"):
            target.deploy(mode="change")
        (app.path / "deploy/b.sql").write_text("CREATE TABLE b ();")
        target.deploy()
        target.revert()
        target.deploy()
    assert app.deployed() == app.tables() == ["a", "b", "c"]


def test_nothing_is_left_prepared_on_a_callers_connection(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    with app.database.connect() as connection:
        with app.session(connection=connection) as target:
            target.deploy()
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


MEANS = "CREATE FUNCTION prepares() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; END$$"


@pytest.mark.parametrize("where", ["deploy", "verify"])
@pytest.mark.parametrize("statement", ["SELECT prepares();", "DO $$BEGIN PERFORM prepares(); END$$;"])
def test_what_a_function_prepares_is_gone_for_the_next_script(build: Build, where: str, statement: str) -> None:
    def scripts(name: str) -> Scripts:
        deploy = f"CREATE TABLE {name} ();\n"
        return Scripts(deploy + statement) if where == "deploy" else Scripts(deploy, verify=f"-- {name}\n{statement}")

    app = build({"t": table("t"), **{name: scripts(name) for name in "abc"}})
    app.rows(MEANS)
    app.deploy(verify=True)
    assert app.deployed() == ["t", "a", "b", "c"]
    assert app.tables() == ["a", "b", "c", "t"]


LEFT = {
    "a setting": (
        "SELECT set_config('x.y', 'left', false);",
        "SELECT 1/(coalesce(current_setting('x.y', true), '') = '')::int;",
    ),
    "a role": (
        "SELECT set_config('role', 'pg_monitor', false);",
        "SELECT 1/(current_user <> 'pg_monitor')::int;",
    ),
    "a temporary table": (
        "DO $$BEGIN CREATE TEMP TABLE left_over (); END$$;",
        "SELECT 1/(to_regclass('left_over') IS NULL)::int;",
    ),
    "a lock": (
        "SELECT pg_advisory_lock(12345);",
        "SELECT 1/(count(*) = 0)::int FROM pg_locks WHERE locktype = 'advisory' AND objid = 12345;",
    ),
    "the last value of a sequence": (
        "SELECT nextval('counted');",
        "DO $$BEGIN PERFORM lastval(); RAISE 'left'; EXCEPTION WHEN object_not_in_prerequisite_state THEN END$$;",
    ),
    "a listener": (
        "DO $$BEGIN EXECUTE 'LISTEN something'; END$$;",
        "SELECT 1/(count(*) = 0)::int FROM pg_listening_channels();",
    ),
    "a cursor": (
        "DO $$BEGIN EXECUTE 'DECLARE mine CURSOR WITH HOLD FOR SELECT 1'; END$$;",
        "SELECT 1/(count(*) = 0)::int FROM pg_cursors WHERE name = 'mine';",
    ),
}


@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("where", ["deploy", "verify"])
def test_what_functions_leave_behind_is_gone_for_the_next_script(build: Build, what: str, where: str) -> None:
    does, finds_nothing = LEFT[what]
    first = Scripts(does) if where == "deploy" else Scripts("CREATE TABLE b ();", verify=does)
    app = build({"a": table("a"), "b": first, "c": Scripts(finds_nothing), "d": table("d")})
    app.rows("CREATE SEQUENCE counted")
    app.deploy(verify=True)
    assert app.deployed() == ["a", "b", "c", "d"]


def test_what_a_deferred_trigger_prepares_is_gone_for_the_next_script(build: Build) -> None:
    prepares = Scripts("PREPARE mine AS SELECT 2;\nCREATE TABLE b ();")
    app = build({"t": table("t"), "a": Scripts("INSERT INTO x VALUES (1);"), "b": prepares, "c": table("c")})
    app.rows("CREATE TABLE x (i integer)")
    app.rows(
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql"
        " AS $$BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; RETURN NULL; END$$"
    )
    app.rows(
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON x DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION late()"
    )
    app.deploy(mode="change")
    assert app.deployed() == ["t", "a", "b", "c"]
    assert app.value("SELECT count(*) FROM x") == 1


@pytest.mark.parametrize(
    ("head", "tail"), [("-- sqitchpy: transaction=off\n", ""), ("", "CREATE INDEX CONCURRENTLY i ON c (id);\n")]
)
def test_a_noted_script_may_call_functions_that_deallocate(build: Build, head: str, tail: str) -> None:
    deallocates = "DO $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$;\n"
    rows = "".join(f"{deallocates}INSERT INTO c VALUES ({n});\n" for n in range(2))
    noted = Scripts(f"{head}CREATE TABLE c (id integer);\n{rows}{tail}", "DROP TABLE c;")
    app = build({"a": table("a"), "c": noted, "d": table("d")})
    app.deploy(mode="change")
    assert app.deployed() == ["a", "c", "d"]
    assert app.value("SELECT count(*) FROM c") == 2


def test_what_makes_a_change_run_again_is_told(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();\nSELECT prepares();")})
    app.rows(MEANS)
    app.deploy()
    assert app.deployed() == ["a", "b"]
    assert [event.text.partition(",")[0] for event in app.of(Warned)] == [
        "Functions or a connection pooler prepare or deallocate statements in this session"
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE pg_temp.left_over ();",
        "CREATE OR REPLACE TEMP VIEW left_over AS SELECT 1;",
        "CREATE FUNCTION pg_temp.left_over() RETURNS integer LANGUAGE sql AS 'SELECT 1';",
    ],
)
def test_what_is_temporary_by_its_schema_is_gone_for_the_next_script(build: Build, statement: str) -> None:
    finds_nothing = (
        "SELECT 1/(NOT EXISTS (SELECT FROM pg_class WHERE relname = 'left_over'"
        " UNION SELECT FROM pg_proc WHERE proname = 'left_over'))::int;"
    )
    app = build({"a": Scripts(statement), "b": Scripts(finds_nothing)})
    app.deploy()
    assert app.deployed() == ["a", "b"]
