"""Runs on the caller's own psycopg connection: idle, and given back as it was; or inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from sqitchpy.errors import DeployError, EngineError, LockTimeoutError, RevertError, ScriptError, SqitchpyError
from sqitchpy.events import StepFinished
from sqitchpy.testing import DatabaseServer
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table

Connection = psycopg.Connection[Any]


@pytest.fixture(params=[True, False], ids=["autocommit", "transactions"])
def mine(request: pytest.FixtureRequest, build: Build) -> Iterator[tuple[App, Connection]]:
    """A project, and a connection of the caller's with autocommit on and off."""
    app = build({"a": table("a"), "b": table("b")}, tags={"a": "v1"})
    with app.database.connect(autocommit=request.param) as connection:
        yield app, connection


def state(connection: Connection) -> tuple[Any, ...]:
    settings = (
        "search_path",
        "role",
        "application_name",
        "client_encoding",
        "statement_timeout",
        "my.setting",
        "timezone",
    )
    names = ", ".join(f"current_setting('{name}', true)" for name in settings)
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        row = cursor.execute(f"SELECT {names}, session_user::text".encode()).fetchone()
    if not connection.autocommit:
        connection.commit()
    assert row is not None
    return row


# -- an idle connection -----------------------------------------------------------------------------------------


def test_everything_works_on_the_callers_connection(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    with app.session(connection=connection) as target:
        assert target.deploy(verify=True).done == ("a", "b")
        assert target.verify().errors == 0
        assert target.status().pending == ()
        assert len(list(target.log())) == 2
        assert target.revert("@v1").done == ("b",)
    assert not connection.closed
    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert app.deployed() == app.tables() == ["a"]


def test_scripts_run_in_the_callers_session(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "deploy" / "a.sql").write_text("CREATE TABLE public.a AS SELECT pg_backend_pid() AS pid;")
    with app.session(connection=connection) as target:
        target.deploy("a")
    assert app.value("SELECT pid FROM a") == connection.info.backend_pid


SETTINGS = (
    "SET search_path = somewhere, public",
    "SET application_name = 'the caller''s'",
    "SET client_encoding = 'LATIN1'",
    "SET statement_timeout = '1h'",
    "SET my.setting = 'mine'",
    "SET timezone = 'Asia/Kathmandu'",
    "SET ROLE pg_monitor",
)


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE public.inert ();",
        "SET search_path = x; SET ROLE pg_read_all_data; SET work_mem = '64kB'; SET timezone = 'UTC';",
        "SET search_path = x; RESET ALL; SET my.setting = 'mine';",
        "SET statement_timeout = '1min'; VACUUM pg_catalog.pg_am;",
    ],
)
def test_the_caller_gets_every_setting_back(mine: tuple[App, Connection], script: str) -> None:
    app, connection = mine
    app.rows("GRANT ALL ON SCHEMA public TO pg_monitor")
    app.rows(f'GRANT CREATE ON DATABASE "{app.database.name}" TO pg_monitor')
    (app.path / "deploy" / "a.sql").write_text(script)
    for setting in SETTINGS:
        connection.execute(setting.encode())
    connection.commit()
    before = state(connection)
    with app.session(connection=connection) as target:
        target.deploy(verify=False)
    assert state(connection) == before
    assert before[:3] == ("somewhere, public", "pg_monitor", "the caller's")
    assert app.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'sqitch'") == [("pg_monitor",)]


@pytest.mark.parametrize("transaction", ["own", "caller"])
def test_scripts_see_the_callers_settings_each_of_them(build: Build, transaction: str) -> None:
    mess = "SET search_path = x; SET ROLE pg_monitor; SET work_mem = '64kB';"
    look = "current_setting('search_path') AS path, current_user::text AS role, current_setting('work_mem') AS work_mem"
    app = build({"a": Scripts(mess), "b": Scripts(f"CREATE TABLE public.seen AS SELECT {look};")})
    with app.database.connect() as connection:
        user = connection.info.user
        connection.execute("SET search_path = somewhere, public")
        around = connection.transaction() if transaction == "caller" else nullcontext()
        with around, app.session(connection=connection, transaction=transaction) as target:
            target.deploy()
        assert app.rows("SELECT path, role, work_mem FROM seen") == [("somewhere, public", user, "4MB")]


def test_the_caller_gets_its_settings_back_after_a_failure(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "deploy" / "b.sql").write_text("SET search_path = x; CREATE TABLE public.b (); SELECT 1/0;")
    connection.execute("SET search_path = somewhere, public")
    connection.commit()
    before = state(connection)
    with app.session(connection=connection) as target, pytest.raises(DeployError):
        target.deploy(mode="change")
    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert state(connection) == before
    assert app.tables() == ["a"]


def test_the_caller_gets_its_session_user_back(mine: tuple[App, Connection], pg_server: DatabaseServer) -> None:
    app, connection = mine
    role = f"{app.database.name}_role"
    pg_server.execute(f"CREATE ROLE {role} SUPERUSER")
    try:
        connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
        connection.commit()
        (app.path / "deploy" / "a.sql").write_text("SELECT 1;")
        with app.session(connection=connection) as target:
            target.deploy()
        assert state(connection)[-1] == role
    finally:
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.commit()
        app.rows(f"DROP OWNED BY {role} CASCADE")
        pg_server.execute(f"DROP ROLE {role}")


def test_what_the_caller_holds_in_its_session_stays(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    connection.execute("CREATE TEMPORARY TABLE changes (id int)")
    connection.execute("PREPARE mine AS SELECT 42")
    connection.execute("SELECT pg_advisory_lock(7)")
    connection.commit()
    with app.session(connection=connection) as target:
        target.deploy(verify=True)
    assert connection.execute("EXECUTE mine").fetchone() == (42,)
    assert connection.execute("SELECT count(*) FROM changes").fetchone() == (0,)
    assert connection.execute("SELECT pg_advisory_unlock(7)").fetchone() == (True,)


def test_the_callers_row_factory_and_notices_are_its_own(build: Build) -> None:
    app = build({"a": Scripts("DO $$ BEGIN RAISE NOTICE 'hello'; END $$;"), "b": table("b")})
    heard: list[str] = []
    with app.database.connect(row_factory=dict_row) as connection:
        connection.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
        with app.session(connection=connection) as target:
            target.deploy(verify=True)
            target.verify()
        connection.execute("DO $$ BEGIN RAISE NOTICE 'again'; END $$")
        assert connection.execute("SELECT 1 AS x").fetchone() == {"x": 1}  # type: ignore[comparison-overlap]
    assert "again" in heard
    assert "again" not in "".join(event.text for event in app.told if hasattr(event, "text"))


def test_a_connection_that_is_busy_is_refused(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    with connection.transaction():
        connection.execute("SELECT 1")
        with pytest.raises(EngineError) as failure, app.session(connection=connection) as target:
            target.deploy()
    assert "it must be idle" in failure.value.message
    assert 'transaction="caller"' in (failure.value.hint or "")
    assert app.value("SELECT to_regnamespace('sqitch')") is None


def test_a_connection_that_is_closed_is_refused(build: Build) -> None:
    app = build({"a": table("a")})
    connection = app.database.connect()
    connection.close()
    with pytest.raises(SqitchpyError), app.session(connection=connection) as target:
        target.deploy()


def test_statements_that_refuse_a_transaction_run_on_the_callers_connection(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "deploy" / "b.sql").write_text("CREATE INDEX CONCURRENTLY i ON a (id);\nVACUUM a;\n")
    with app.session(connection=connection) as target:
        target.deploy()
    assert app.value("SELECT to_regclass('i')::text") == "i"


def test_the_lock_is_taken_and_given_back(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    with app.database.connect() as other:
        other.execute("SELECT pg_advisory_lock(75474063)")
        with app.session(connection=connection) as target, pytest.raises(LockTimeoutError):
            target.deploy(lock_timeout=0.2)
        other.execute("SELECT pg_advisory_unlock(75474063)")
        with app.session(connection=connection) as target:
            target.deploy()
            assert other.execute("SELECT pg_try_advisory_lock(75474063)").fetchone() == (True,)


# -- the caller's transaction -----------------------------------------------------------------------------------


def test_nothing_is_committed_in_the_callers_transaction(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TABLE of_the_caller ()")
        with app.session(connection=connection, transaction="caller") as target:
            assert target.deploy(verify=True).done == ("a", "b")
            assert target.status().pending == ()
            assert target.verify().errors == 0
        assert connection.execute("SELECT count(*) FROM sqitch.changes").fetchone() == (2,)
        assert connection.info.transaction_status == TransactionStatus.INTRANS
        assert app.tables() == []
    assert app.tables() == []
    assert app.value("SELECT to_regnamespace('sqitch')") is None


def test_the_caller_commits_all_or_nothing(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    with connection.transaction(), app.session(connection=connection, transaction="caller") as target:
        target.deploy()
    assert app.deployed() == app.tables() == ["a", "b"]
    with (
        connection.transaction(force_rollback=True),
        app.session(connection=connection, transaction="caller") as target,
    ):
        assert target.revert().done == ("b", "a")
    assert app.deployed() == app.tables() == ["a", "b"]


def test_a_failed_change_is_undone_alone_and_the_transaction_goes_on(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "deploy" / "b.sql").write_text("CREATE TABLE b ();\nSELECT 1/0;\n")
    with connection.transaction():
        connection.execute("CREATE TABLE of_the_caller ()")
        with app.session(connection=connection, transaction="caller") as target, pytest.raises(DeployError):
            target.deploy(mode="change")
        connection.execute("CREATE TABLE afterwards ()")
    assert app.tables() == ["a", "afterwards", "of_the_caller"]
    assert app.history() == ["deploy a", "fail b"]


def test_mode_all_takes_back_within_the_transaction(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "verify" / "b.sql").write_text("SELECT 1/0;")
    with connection.transaction():
        with app.session(connection=connection, transaction="caller") as target, pytest.raises(DeployError):
            target.deploy(verify=True)
        assert connection.execute("SELECT to_regclass('public.a')").fetchone() == (None,)
    assert app.history() == ["deploy a", "fail b", "revert a"]


def test_a_failed_revert_leaves_the_transaction_usable(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "revert" / "a.sql").write_text("DROP TABLE nothing;")
    with connection.transaction():
        with app.session(connection=connection, transaction="caller") as target:
            target.deploy()
            with pytest.raises(RevertError):
                target.revert()
        assert connection.execute("SELECT change FROM sqitch.changes").fetchall() == [("a",)]


@pytest.mark.parametrize(
    "script", ["CREATE INDEX CONCURRENTLY i ON a (id);", "CREATE TABLE x ();\nCOMMIT;\nCREATE TABLE y ();", "VACUUM;"]
)
def test_what_cannot_be_in_a_transaction_is_refused_before_anything_runs(
    mine: tuple[App, Connection], script: str
) -> None:
    app, connection = mine
    (app.path / "deploy" / "b.sql").write_text(script)
    with connection.transaction(force_rollback=True):
        with app.session(connection=connection, transaction="caller") as target, pytest.raises(ScriptError) as failure:
            target.deploy()
        assert "this cannot be part of the caller's transaction" in failure.value.message
        assert connection.execute("SELECT to_regclass('public.a')").fetchone() == (None,)
        assert connection.info.transaction_status == TransactionStatus.INTRANS


def test_there_must_be_a_transaction(build: Build) -> None:
    app = build({"a": table("a")})
    with (
        app.database.connect() as connection,
        pytest.raises(EngineError) as failure,
        app.session(connection=connection, transaction="caller") as target,
    ):
        target.deploy()
    assert failure.value.message == "There is no transaction open on the connection, or it has failed"


def test_a_failed_transaction_is_refused(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    with connection.transaction(force_rollback=True):
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT 1/0")
        with pytest.raises(EngineError), app.session(connection=connection, transaction="caller") as target:
            target.deploy()


def test_a_transaction_that_psycopg_has_not_begun_yet_is_begun(build: Build) -> None:
    app = build({"a": table("a")})
    with app.database.connect(autocommit=False) as connection:
        with app.session(connection=connection, transaction="caller") as target:
            target.deploy()
        connection.rollback()
        assert app.tables() == []


def test_the_callers_settings_are_back_while_its_transaction_goes_on(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    (app.path / "deploy" / "a.sql").write_text("SET search_path = x; SET ROLE pg_monitor; SELECT 1;")
    with connection.transaction(force_rollback=True):
        connection.execute("SET search_path = somewhere, public")
        with app.session(connection=connection, transaction="caller") as target:
            target.deploy()
        row = connection.execute("SELECT current_setting('search_path'), current_setting('role')").fetchone()
        assert row == ("somewhere, public", "none")


def test_a_fixture_can_deploy_and_forget(mine: tuple[App, Connection]) -> None:
    app, connection = mine
    for _ in range(2):
        with connection.transaction(force_rollback=True):
            with app.session(connection=connection, transaction="caller") as target:
                target.deploy(verify=True)
            assert connection.execute("SELECT count(*) FROM a").fetchone() == (0,)
    assert app.value("SELECT to_regnamespace('sqitch')") is None


def test_a_lent_connection_can_be_used_by_whoever_is_told(build: Build) -> None:
    app = build({name: table(name) for name in "abcdef"})
    with app.database.connect() as connection:
        seen = []

        def look(event: object) -> None:
            if isinstance(event, StepFinished):
                seen.append(connection.execute("SELECT count(*) FROM sqitch.changes").fetchone())

        with app.session(connection=connection, on_event=look) as target:
            target.deploy()
    assert seen == [(n,) for n in range(1, 7)]


def test_a_lent_connection_does_not_wait_for_itself(build: Build) -> None:
    """What ran statement by statement left its mark (75474063, 1) on a lent session: the next call waited for it."""
    app = build({"a": table("a"), "b": Scripts("CREATE INDEX CONCURRENTLY ON a (id);", "DROP INDEX a_id_idx;")})
    with app.database.connect() as connection, app.session(connection=connection) as target:
        target.deploy()
        target.revert(lock_timeout=2)
        target.deploy(lock_timeout=2)
    assert app.deployed() == ["a", "b"]
