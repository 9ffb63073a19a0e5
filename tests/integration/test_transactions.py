"""One change, one transaction; and what becomes of scripts that cannot be one."""

from __future__ import annotations

import re

import pytest

from sqitchpy.errors import DeployError, RevertError, ScriptError
from sqitchpy.events import FailureReported, ScriptMessage, Warned
from sqitchpy.testing import DatabaseServer
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script

XID = "CREATE TABLE public.xids AS SELECT pg_current_xact_id()::text::bigint AS id;"


def one(build: Build, deploy: str, revert: str = "SELECT 'nothing';", verify: str | None = None) -> App:
    return build({"a": Scripts(deploy, revert, verify)})


def failure_of(app: App, **options: object) -> str:
    """What was told about the change that failed."""
    with pytest.raises(DeployError):
        app.deploy(**options)  # type: ignore[arg-type]
    return app.text_of(FailureReported)


# -- one transaction --------------------------------------------------------------------------------------------


NOTED = "ADD COLUMN xid bigint DEFAULT pg_current_xact_id()::text::bigint"
"""A column that notes in which transaction a row was written."""


@pytest.mark.parametrize(
    "script",
    [
        f"BEGIN;\n{XID}\nCOMMIT;\n",
        f"begin transaction;\n{XID}\nend;\n",
        f"START TRANSACTION;\n{XID}\nCOMMIT WORK;\n",
        XID,
        f"SET client_min_messages = warning;\nBEGIN;\n{XID}\nCOMMIT;\n",
        f"BEGIN;\n{XID}\nCOMMIT;\nCREATE TABLE afterwards ();\n",
        f"BEGIN;\nSAVEPOINT s;\n{XID}\nRELEASE s;\nCOMMIT;\n",
    ],
    ids=["begin", "lower case", "start", "unwrapped", "set before", "statement after", "savepoint"],
)
def test_script_verification_and_rows_are_one_transaction(build: Build, script: str) -> None:
    same = "SELECT 1/count(*) FROM xids WHERE id = pg_current_xact_id()::text::bigint;"
    app = build({"first": table("first"), "a": Scripts(script, None, same)}, tags={"a": "v1"})
    app.deploy("first")
    for name in ("changes", "events", "tags"):
        app.rows(f"ALTER TABLE sqitch.{name} {NOTED}")
    app.deploy(verify=True)
    ((xid,),) = app.rows("SELECT id FROM xids")
    assert app.rows("SELECT xid FROM sqitch.changes WHERE change = 'a'") == [(xid,)]
    assert app.rows("SELECT xid FROM sqitch.events WHERE change = 'a'") == [(xid,)]
    assert app.rows("SELECT xid FROM sqitch.tags") == [(xid,)]


def test_revert_script_and_rows_are_one_transaction(build: Build) -> None:
    app = one(build, "SELECT 1;", f"BEGIN;\n{XID}\nCOMMIT;\n")
    app.deploy()
    app.rows(f"ALTER TABLE sqitch.events {NOTED}")
    app.revert()
    assert app.rows("SELECT xid = (SELECT id FROM xids) FROM sqitch.events WHERE event = 'revert'") == [(True,)]


def test_nothing_is_seen_by_others_before_the_verification_has_passed(build: Build) -> None:
    app = one(build, "CREATE TABLE t ();", verify="SELECT 1;\n\\echo now\nSELECT 2;")
    seen: list[list[str]] = []

    def look(event: object) -> None:
        if getattr(event, "text", "") == "now\n":
            seen.append(app.tables())

    with app.session(on_event=look) as target:
        target.deploy(verify=True)
    assert (seen, app.tables()) == ([[]], ["t"])


def test_statements_outside_the_transaction_of_a_script_are_undone_with_it(build: Build) -> None:
    app = one(build, "CREATE TABLE before ();\nBEGIN;\nCREATE TABLE t ();\nCOMMIT;\nSELECT 1/0;\n")
    assert "psql:deploy/a.sql:5: ERROR:  division by zero" in failure_of(app)
    assert app.tables() == []


def test_a_transaction_that_ends_with_rollback_leaves_nothing_but_is_recorded(build: Build) -> None:
    app = one(build, "BEGIN;\nCREATE TABLE t ();\nROLLBACK;\nCREATE TABLE kept ();\n")
    app.deploy()
    assert app.tables() == ["kept"]
    assert app.deployed() == ["a"]


def test_a_transaction_that_is_never_committed_is_refused_before_any_of_it_runs(build: Build) -> None:
    app = build({"first": table("first"), "a": Scripts("BEGIN;\nCREATE TABLE t ();\n", "SELECT 1;")})
    told = failure_of(app, mode="change")
    assert told == "deploy/a.sql:1: the transaction opened here is never committed"
    assert app.tables() == ["first"]


def test_verification_leaves_nothing_behind_in_the_transaction(build: Build) -> None:
    app = one(
        build,
        "CREATE TABLE t (id int);",
        verify="BEGIN;\nINSERT INTO t VALUES (1);\nCREATE TABLE u ();\nALTER TABLE t ADD x int;\nROLLBACK;\n",
    )
    app.deploy(verify=True)
    assert app.rows("SELECT * FROM t") == []
    assert app.tables() == ["t"]


def test_an_empty_script_is_deployed(build: Build) -> None:
    app = one(build, "-- nothing to do\n", "")
    app.deploy(verify=True)
    app.revert()
    assert app.history() == ["deploy a", "revert a"]


# -- what is checked when ---------------------------------------------------------------------------------------

DEFERRED = "CREATE TABLE t (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO t VALUES (1), (1);\n"


def test_a_deferred_constraint_fails_at_the_verification(build: Build) -> None:
    app = one(build, f"BEGIN;\n{DEFERRED}COMMIT;\n", verify="SELECT 1;")
    told = failure_of(app, verify=True)
    assert 'ERROR:  duplicate key value violates unique constraint "t_id_key"' in told
    assert (app.tables(), app.history()) == ([], ["fail a"])


def test_a_deferred_constraint_fails_at_commit(build: Build) -> None:
    app = one(build, f"BEGIN;\n{DEFERRED}COMMIT;\n")
    assert failure_of(app) == (
        'psql:deploy/a.sql: ERROR:  duplicate key value violates unique constraint "t_id_key"\n'
        "DETAIL:  Key (id)=(1) already exists.\nSQLSTATE: 23505"
    )
    assert (app.tables(), app.history()) == ([], ["fail a"])


def test_a_deferred_constraint_fails_at_the_commit_of_a_revert(build: Build) -> None:
    app = one(build, "CREATE TABLE kept ();", f"{DEFERRED}DROP TABLE kept;")
    app.deploy()
    with pytest.raises(RevertError):
        app.revert()
    assert (app.tables(), app.deployed()) == (["kept"], ["a"])


# -- what cannot be in a transaction ----------------------------------------------------------------------------


def test_indexes_are_built_concurrently(build: Build) -> None:
    app = build(
        {
            "t": table("t"),
            "i": Scripts(
                "CREATE INDEX CONCURRENTLY one ON t (id);\nCREATE UNIQUE INDEX CONCURRENTLY two ON t (id);\n",
                "DROP INDEX CONCURRENTLY two;\nDROP INDEX CONCURRENTLY one;\n",
                "SELECT 1/count(*) FROM pg_index WHERE indexrelid = 'two'::regclass AND indisvalid;",
            ),
        }
    )
    app.deploy(verify=True)
    indexes = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid ORDER BY 1"
    assert app.rows(indexes) == [("one",), ("two",)]
    app.revert("t")
    assert app.rows(indexes) == []


def test_maintenance_and_new_databases_are_possible(build: Build, pg_server: DatabaseServer) -> None:
    app = build({"t": table("t")})
    name = f"{app.database.name}_x"
    write_script(app.path, "deploy", "t", f'VACUUM (ANALYZE) pg_class;\nCREATE DATABASE "{name}" TEMPLATE template0;\n')
    write_script(app.path, "revert", "t", f'DROP DATABASE "{name}";\n')
    there = f"SELECT count(*) FROM pg_database WHERE datname = '{name}'"
    try:
        app.deploy()
        assert app.value(there) == 1
    finally:
        app.revert()
    assert app.value(there) == 0


def test_blocks_of_a_script_are_committed_one_by_one(build: Build) -> None:
    app = one(
        build,
        "BEGIN;\nCREATE TABLE one ();\nCOMMIT;\nBEGIN;\nCREATE TABLE two ();\nSELECT 1/0;\nCOMMIT;\n",
        "CREATE TABLE was_reverted ();",
    )
    assert "psql:deploy/a.sql:6: ERROR:  division by zero" in failure_of(app)
    assert app.tables() == ["one"]  # as with Sqitch: when the script fails, no revert script runs
    assert app.history() == ["fail a"]


def test_a_script_of_several_blocks_goes_on_after_its_last_completed_one(build: Build) -> None:
    app = one(
        build,
        "BEGIN;\nCREATE TABLE one ();\nCOMMIT;\nBEGIN;\nCREATE TABLE two (id int REFERENCES later (id));\nCOMMIT;\n",
    )
    failure_of(app)
    app.rows("CREATE TABLE later (id int PRIMARY KEY)")
    app.deploy()
    assert app.tables() == ["later", "one", "two"]
    assert app.deployed() == ["a"]
    (said,) = app.of(Warned)
    assert said.text == "deploy/a.sql:4: going on here, where an earlier run has ended"


def test_an_edited_script_begins_anew(build: Build) -> None:
    app = one(build, "BEGIN;\nCREATE TABLE one ();\nCOMMIT;\nBEGIN;\nSELECT 1/0;\nCOMMIT;\n")
    failure_of(app)
    write_script(app.path, "deploy", "a", "BEGIN;\nCREATE TABLE one ();\nCOMMIT;\nBEGIN;\nSELECT 1;\nCOMMIT;\n")
    assert 'ERROR:  relation "one" already exists' in failure_of(app)


def test_a_commit_in_the_middle_keeps_what_came_before_it(build: Build) -> None:
    app = one(build, "CREATE TABLE one ();\nCOMMIT;\nCREATE TABLE two ();\n")
    app.deploy()
    assert app.tables() == ["one", "two"]
    assert app.text_of(ScriptMessage) == "psql:deploy/a.sql:2: WARNING:  there is no transaction in progress\n"


@pytest.mark.parametrize(("mode", "kept"), [("all", []), ("change", ["t"])])
def test_a_failed_verification_of_such_a_script_runs_its_revert_script(
    build: Build, mode: str, kept: list[str]
) -> None:
    app = build(
        {
            "t": table("t"),
            "i": Scripts("CREATE INDEX CONCURRENTLY one ON t (id);", "DROP INDEX one;", "SELECT 1/0;"),
        }
    )
    told = failure_of(app, mode=mode, verify=True)
    assert told.endswith('Verify script "verify/i.sql" failed.')
    assert app.tables() == kept
    assert app.value("SELECT to_regclass('one')") is None
    assert app.history() == ["deploy t", "fail i"] + (["revert t"] if mode == "all" else [])


def test_a_revert_script_of_several_blocks_that_fails_leaves_the_change_deployed(build: Build) -> None:
    app = one(
        build,
        "CREATE TABLE one ();\nCREATE TABLE two ();\n",
        "BEGIN;\nDROP TABLE one;\nCOMMIT;\nBEGIN;\nDROP TABLE missing;\nCOMMIT;\n",
    )
    app.deploy()
    with pytest.raises(RevertError):
        app.revert()
    assert (app.deployed(), app.tables()) == (["a"], ["two"])


def test_the_first_line_of_a_script_can_ask_for_no_transaction(build: Build) -> None:
    app = one(build, "-- sqitchpy: transaction=off\nCREATE TABLE one ();\nSELECT 1/0;\n")
    failure_of(app)
    assert app.tables() == ["one"]


def test_a_misspelt_first_line_is_refused_before_anything_runs(build: Build) -> None:
    app = build({"first": table("first"), "a": Scripts("-- sqitchpy: transaction=of\nSELECT 1;", "")})
    with pytest.raises(ScriptError) as failure:
        app.deploy()
    assert failure.value.message == "deploy/a.sql:1: unknown setting 'transaction=of'"
    assert app.tables() == []


def test_serializable_transactions_keep_their_characteristics(build: Build) -> None:
    app = one(
        build,
        "BEGIN ISOLATION LEVEL SERIALIZABLE;\n"
        "CREATE TABLE t AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;\n",
    )
    app.deploy()
    assert app.value("SELECT level FROM t") == "serializable"


# -- what shows only when it runs -------------------------------------------------------------------------------


def test_a_call_that_commits_is_run_again_outside_the_transaction(build: Build) -> None:
    app = build(
        {
            "p": Scripts(
                "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$\nBEGIN\n  FOR i IN 1..3 LOOP\n"
                "    INSERT INTO t VALUES (i); COMMIT;\n  END LOOP;\nEND $$;\nCREATE TABLE t (id int);\n"
            ),
            "call": Scripts("CALL fill();\n"),
        }
    )
    app.deploy()
    assert app.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,), (3,)]
    assert app.deployed() == ["p", "call"]
    (said,) = app.of(Warned)
    assert said.text.startswith(
        "call: psql:deploy/call.sql:1: ERROR:  invalid transaction termination; it was rolled back"
    )


def test_a_new_enum_value_can_be_used_by_the_script_that_adds_it(build: Build) -> None:
    app = build(
        {
            "e": Scripts("CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE t (m mood);\n"),
            "add": Scripts("ALTER TYPE mood ADD VALUE 'ok';\nINSERT INTO t VALUES ('ok');\n"),
        }
    )
    app.deploy()
    assert app.rows("SELECT m::text FROM t") == [("ok",)]
    assert len(app.of(Warned)) == 1


def test_a_script_with_a_transaction_of_its_own_is_not_run_again(build: Build) -> None:
    app = build(
        {
            "e": Scripts("CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE t (m mood);\n"),
            "add": Scripts("BEGIN;\nALTER TYPE mood ADD VALUE 'ok';\nINSERT INTO t VALUES ('ok');\nCOMMIT;\n"),
        }
    )
    assert "unsafe use of new value" in failure_of(app, mode="change")
    assert app.deployed() == ["e"]


def test_a_verification_that_cannot_be_in_the_transaction_runs_after_it(build: Build) -> None:
    app = one(
        build,
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\n",
        verify="CALL p();\n",
    )
    app.deploy(verify=True)
    assert app.deployed() == ["a"]
    assert "the verification runs after the change is committed" in app.of(Warned)[0].text
    assert app.verify().errors == 0


def test_a_verification_after_the_commit_that_fails_takes_the_change_back(build: Build) -> None:
    app = one(build, "CREATE TABLE t ();", "DROP TABLE t;", "-- sqitchpy: verify=after\nSELECT 1/0;")
    failure_of(app, verify=True)
    assert (app.deployed(), app.tables()) == ([], [])
    assert app.history()[-1] == "fail a"


# -- names that stand in the way --------------------------------------------------------------------------------


def test_temporary_tables_named_like_the_registrys_do_no_harm(build: Build) -> None:
    names = ("changes", "events", "tags", "dependencies", "projects", "releases")
    app = one(
        build,
        "".join(f"CREATE TEMPORARY TABLE {name} (x int);\n" for name in names)
        + "SET search_path = pg_temp, public;\nCREATE TABLE public.t ();\n",
        verify="SELECT 1;",
    )
    app.deploy(verify=True)
    assert app.deployed() == ["a"]
    app.revert()
    assert app.history() == ["deploy a", "revert a"]


def test_functions_and_types_on_the_search_path_of_the_database_do_no_harm(build: Build) -> None:
    app = one(build, "CREATE TABLE t ();", verify="SELECT 1;")
    app.rows("CREATE SCHEMA evil")
    app.rows("CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT to_timestamp(0) $$")
    app.rows("CREATE FUNCTION evil.greatest(timestamptz, timestamptz) RETURNS timestamptz LANGUAGE sql AS 'SELECT $1'")
    app.rows("CREATE TABLE evil.changes (x int)")
    app.rows(f'ALTER DATABASE "{app.database.name}" SET search_path = evil, pg_catalog, public')
    app.deploy(verify=True)
    app.deploy()
    assert app.value("SELECT committed_at > '2024-01-01' FROM sqitch.changes") is True


def test_a_script_may_drop_what_the_session_holds(build: Build) -> None:
    app = build(
        {
            "a": Scripts("SELECT pg_advisory_unlock_all();\nCREATE TABLE a ();\n"),
            "b": Scripts("DISCARD ALL;\nCREATE TABLE b ();\n"),
            "c": Scripts("SELECT pg_advisory_unlock(75474063);\nCREATE TABLE c ();\n"),
        }
    )
    app.deploy()
    assert app.tables() == ["a", "b", "c"]


def test_a_script_that_takes_its_own_registry_away_is_not_recorded(build: Build) -> None:
    app = one(build, "CREATE TABLE t ();\nDROP SCHEMA sqitch CASCADE;\n")
    with pytest.raises(DeployError):
        app.deploy()
    assert (app.tables(), app.history()) == ([], ["fail a"])


def test_a_long_verification_says_which_locks_it_held(build: Build) -> None:
    slow = Scripts("ALTER TABLE a ADD COLUMN b int;", "ALTER TABLE a DROP COLUMN b;", "SELECT pg_sleep(1.2);")
    quick = Scripts("ALTER TABLE a ADD COLUMN c int;", "ALTER TABLE a DROP COLUMN c;", "SELECT c FROM a;")
    app = build({"a": table("a"), "quick": quick, "slow": slow})
    app.deploy(verify=True)
    (warning,) = app.of(Warned)
    assert re.fullmatch(
        r"slow: verifying it took 1\.\d s, with these locks held: AccessExclusiveLock on a\. "
        r"“-- sqitchpy: verify=after” on the first line of verify/slow\.sql verifies after the commit",
        warning.text,
    )


def test_a_verification_may_reset_its_session(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", verify="RESET ALL; SELECT FROM a;")})
    app.deploy(verify=True)
    assert app.of(Warned) == []
