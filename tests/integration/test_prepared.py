"""Our own statements are prepared in the session that scripts run in: neither comes to harm by the other."""

from __future__ import annotations

import pytest

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
