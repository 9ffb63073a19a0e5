"""Every way in which a script can use transactions: how it runs, and what is there afterwards."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

import psycopg
import pytest

from sqitchpy.events import Blocked
from sqitchpy.options import Transaction
from tests.integration.conftest import Build
from tests.integration.test_locks import Running, holds_lock
from tests.projects import Scripts, table
from tests.waiting import until


class Shape(NamedTuple):
    """A deploy script, how it runs (``transaction`` or ``statements``), and the tables it leaves."""

    script: str
    runs: str
    tables: list[str]


SHAPES = {
    "unwrapped": Shape("CREATE TABLE one ();", "transaction", ["one"]),
    "wrapped once": Shape("BEGIN;\nCREATE TABLE one ();\nCOMMIT;", "transaction", ["one"]),
    "wrapped in other words": Shape("START TRANSACTION; CREATE TABLE one (); END;", "transaction", ["one"]),
    "comments alone": Shape("-- nothing\n/* at all */\n", "transaction", []),
    "statements around the transaction": Shape(
        "CREATE TABLE one (); BEGIN; CREATE TABLE two (); COMMIT; CREATE TABLE three ();",
        "transaction",
        ["one", "three", "two"],
    ),
    "nested begin": Shape("BEGIN; BEGIN; CREATE TABLE one (); COMMIT;", "transaction", ["one"]),
    "rollback at the end": Shape("BEGIN; CREATE TABLE one (); ROLLBACK;", "transaction", []),
    "savepoints": Shape(
        "BEGIN; CREATE TABLE one (); SAVEPOINT s; CREATE TABLE two (); ROLLBACK TO s; CREATE TABLE three (); COMMIT;",
        "transaction",
        ["one", "three"],
    ),
    "several blocks": Shape(
        "BEGIN; CREATE TABLE one (); COMMIT; BEGIN; CREATE TABLE two (); COMMIT;", "statements", ["one", "two"]
    ),
    "a commit in the middle": Shape(
        "BEGIN; CREATE TABLE one (); COMMIT; CREATE TABLE two (); COMMIT;", "statements", ["one", "two"]
    ),
    "commit and chain": Shape(
        "BEGIN; CREATE TABLE one (); COMMIT AND CHAIN; CREATE TABLE two (); COMMIT;", "statements", ["one", "two"]
    ),
    "rollback and chain": Shape(
        "BEGIN; CREATE TABLE one (); ROLLBACK AND CHAIN; CREATE TABLE two (); COMMIT;", "statements", ["two"]
    ),
    "characteristics": Shape("BEGIN ISOLATION LEVEL SERIALIZABLE; CREATE TABLE one (); COMMIT;", "statements", ["one"]),
    "a table until the commit": Shape(
        "BEGIN; CREATE TEMP TABLE t (a int) ON COMMIT DROP; CREATE TABLE one AS TABLE t; COMMIT;",
        "transaction",
        ["one"],
    ),
    "listening": Shape("LISTEN c; NOTIFY c; CREATE TABLE one ();", "transaction", ["one"]),
    "set local": Shape(
        "BEGIN; CREATE SCHEMA s; SET LOCAL search_path = s; CREATE TABLE elsewhere (); COMMIT;", "transaction", []
    ),
    "indexes concurrently": Shape(
        "CREATE TABLE one (a int); CREATE INDEX CONCURRENTLY i ON one (a); REINDEX INDEX CONCURRENTLY i;"
        "DROP INDEX CONCURRENTLY i; CREATE INDEX CONCURRENTLY ON one (a); VACUUM one;",
        "statements",
        ["one"],
    ),
    "detach concurrently": Shape(
        "CREATE TABLE one (a int) PARTITION BY LIST (a); CREATE TABLE two PARTITION OF one FOR VALUES IN (1);"
        "ALTER TABLE one DETACH PARTITION two CONCURRENTLY;",
        "statements",
        ["one", "two"],
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("transaction", ["change", "run", "script"])
def test_it_leaves_what_psql_would_leave(build: Build, shape: Shape, transaction: Transaction) -> None:
    revert = (
        "DO $$BEGIN EXECUTE (SELECT coalesce('DROP TABLE ' || string_agg(tablename, ','), 'SELECT 1') FROM pg_tables"
    )
    revert += " WHERE schemaname = 'public'); END$$; DROP SCHEMA IF EXISTS s CASCADE;"
    app = build({"a": Scripts(shape.script, revert, "SELECT 1;"), "z": Scripts("SELECT 1;", "SELECT 1;")})
    with app.session() as target:
        (looked, *_), *_ = (step.scripts for step in target.preview_deploy().steps)
        assert looked.runs == shape.runs
        target.deploy(verify=True, transaction=transaction, lock_timeout=5)
        assert app.deployed() == ["a", "z"]
        assert app.tables() == shape.tables
        target.revert(lock_timeout=5)
    assert app.tables() == []


def test_a_prepared_transaction_is_the_scripts_own_affair(build: Build) -> None:
    script = "BEGIN; CREATE TABLE one (); PREPARE TRANSACTION 'sqitchpy';"
    app = build({"a": Scripts(script)})
    ((allowed,),) = app.rows("SHOW max_prepared_transactions")
    with app.session() as target:
        ((looked,),) = (step.scripts for step in target.preview_deploy().steps)
        assert looked.runs == "statements"
        if allowed == "0":
            with pytest.raises(Exception, match="Deploy failed") as failure:
                target.deploy()
            assert "prepared transactions are disabled" in str(failure.value.failure)  # type: ignore[attr-defined]
            assert app.tables() == app.deployed() == []
            return
        target.deploy()
    assert (app.tables(), app.deployed()) == ([], ["a"])
    with app.database.connect() as connection:
        connection.execute("COMMIT PREPARED 'sqitchpy'")
    assert app.tables() == ["one"]


def test_an_index_is_built_when_a_waiting_sqitch_gives_up_and_it_is_said_who_was_waited_for(
    build: Build, sqitch: str, elsewhere: psycopg.Connection
) -> None:
    """Sqitch waits inside the server, with a snapshot that CREATE INDEX CONCURRENTLY has to wait for."""
    gated = Scripts("SELECT count(*) FROM gate;")
    app = build({"t": table("t"), "gated": gated, "i": Scripts("CREATE INDEX CONCURRENTLY i ON t (id);")})
    elsewhere.execute("CREATE TABLE gate ()")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    with elsewhere.transaction():
        elsewhere.execute("LOCK TABLE gate")
        ours = Running(app)
        until(lambda: holds_lock(app), "our lock")
        theirs = subprocess.Popen(
            [sqitch, "deploy", "--lock-timeout", "4", app.database.uri],
            cwd=app.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until(lambda: bool(app.value(waiting)), "Sqitch's waiting")
    said, _ = theirs.communicate(timeout=60)
    assert ours.end() is None
    assert "Timed out waiting 4 seconds for another instance of Sqitch to finish work" in said
    assert app.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [(True,)]
    assert app.deployed() == ["t", "gated", "i"]
    queries = [str(holder.query) for event in app.of(Blocked) for holder in event.holders]
    assert [query for query in queries if "pg_advisory_lock" in query] != []
