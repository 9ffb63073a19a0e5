"""A script finds the session as psql would: what one leaves in it is not seen by the next, nor by the registry."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest

from sqitchpy.engines.pg.opening import FRESH
from sqitchpy.errors import DeployError, ScriptError
from sqitchpy.events import Event, RunStarted
from sqitchpy.testing import Database, DatabaseServer
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script
from tests.waiting import until

# Custom settings stay as empty ones in a session that has once had them; and our own lock is none of theirs.
LOOK = """SELECT current_setting('search_path') AS search_path,
    current_user::text AS role, session_user::text AS session_user,
    nullif(current_setting('my.setting', true), '') AS setting, current_setting('work_mem') AS work_mem,
    current_setting('client_encoding') AS encoding, current_setting('DateStyle') AS datestyle,
    (SELECT count(*) FROM pg_class WHERE relpersistence = 't') AS temporary,
    (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) AS prepared,
    (SELECT count(*) FROM pg_cursors WHERE name = 'c') AS cursors,
    (SELECT count(*) FROM pg_listening_channels()) AS channels,
    (SELECT count(*) FROM pg_locks
      WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid <> 75474063) AS locks"""

MESS = """
SET search_path = elsewhere;
SET my.setting = 'mine';
SET work_mem = '64kB';
SET DateStyle = 'German';
CREATE TEMPORARY TABLE t (id int);
PREPARE p AS SELECT 1;
DECLARE c CURSOR WITH HOLD FOR SELECT 1;
LISTEN news;
SELECT pg_advisory_lock(1);
"""

WRAPPED = f"BEGIN;{MESS}COMMIT;"
STATEMENTS = f"{MESS}VACUUM pg_catalog.pg_am;"


@pytest.fixture
def role(pg_server: DatabaseServer, pg_database: Database) -> Iterator[str]:
    """A role that may do next to nothing."""
    name = f"{pg_database.name}_role"
    pg_server.execute(f"CREATE ROLE {name}")
    yield name
    pg_database.rows(f"DROP OWNED BY {name}")
    pg_server.execute(f"DROP ROLE {name}")


def fresh(app: App) -> tuple[object, ...]:
    """What a new session sees."""
    (row,) = app.rows(LOOK)
    return row


@pytest.mark.parametrize("mess", [WRAPPED, MESS, STATEMENTS], ids=["wrapped", "unwrapped", "statements"])
@pytest.mark.parametrize("verify", [False, True])
def test_the_next_change_sees_nothing_of_what_a_script_has_set(build: Build, mess: str, verify: bool) -> None:
    app = build({"mess": Scripts(mess, verify="SELECT 1;"), "look": Scripts(f"CREATE TABLE public.seen AS {LOOK};")})
    app.deploy(verify=verify)
    assert app.rows("SELECT * FROM seen") == [fresh(app)]


def test_the_next_change_sees_nothing_of_a_run_that_was_one_transaction(build: Build) -> None:
    app = build({"mess": Scripts(WRAPPED), "look": Scripts(f"CREATE TABLE public.seen AS {LOOK};")})
    with app.session() as target:
        target.deploy("mess", transaction="run")
        target.deploy("look")
    assert app.rows("SELECT * FROM seen") == [fresh(app)]


EVENT_TRIGGER = """
CREATE FUNCTION takes() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(7); END';
CREATE EVENT TRIGGER takes ON ddl_command_end EXECUTE FUNCTION takes();"""


def test_nothing_is_left_of_a_run_that_was_one_transaction_with_event_triggers(build: Build) -> None:
    app = build({"trigger": Scripts(EVENT_TRIGGER), "b": table("b")})
    with app.session() as target:
        target.deploy("trigger")
        target.deploy(transaction="run")
        assert app.tables() == ["b"]
        assert app.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7") == 0


def test_the_next_change_sees_nothing_of_what_a_verification_has_set(build: Build) -> None:
    app = build({"mess": Scripts("SELECT 1;", verify=MESS), "look": Scripts(f"CREATE TABLE public.seen AS {LOOK};")})
    app.deploy(verify=True)
    assert app.rows("SELECT * FROM seen") == [fresh(app)]


def test_the_next_revert_sees_nothing_of_what_a_script_has_set(build: Build) -> None:
    app = build(
        {"look": Scripts("SELECT 1;", f"CREATE TABLE public.seen AS {LOOK};"), "mess": Scripts("SELECT 2;", MESS)}
    )
    app.deploy()
    app.revert()
    assert app.rows("SELECT * FROM seen") == [fresh(app)]


def test_a_verification_sees_no_settings_of_its_script(build: Build, role: str) -> None:
    verify = (
        "SELECT 1/(current_setting('search_path') = '\"$user\", public' AND current_user = session_user"
        " AND current_setting('my.setting', true) IS DISTINCT FROM 'mine')::int;"
    )
    script = f"{MESS} GRANT CREATE ON SCHEMA public TO {role}; SET ROLE {role}; CREATE TABLE public.by_role ();"
    app = build({"mess": Scripts(script, verify=verify)})
    app.deploy(verify=True)
    assert app.value("SELECT tableowner FROM pg_tables WHERE tablename = 'by_role'") == role


@pytest.mark.parametrize("statement", ["SET ROLE", "SET SESSION AUTHORIZATION"])
@pytest.mark.parametrize("verify", [False, True])
def test_rows_are_written_by_who_we_are_whatever_role_a_script_takes(
    build: Build, role: str, statement: str, verify: bool
) -> None:
    app = build(
        {
            "a": Scripts(f"BEGIN;\n{statement} {role};\nCOMMIT;\n", f"{statement} {role};", f"{statement} {role};"),
            "look": Scripts(f"CREATE TABLE public.seen AS {LOOK};", "DROP TABLE seen;"),
        }
    )
    app.deploy(verify=verify)
    assert app.rows("SELECT * FROM seen") == [fresh(app)]
    app.revert()
    assert app.history() == ["deploy a", "deploy look", "revert look", "revert a"]


@pytest.mark.parametrize("whom", ["ROLE CURRENT_USER IN DATABASE", "DATABASE"])
def test_settings_for_new_sessions_are_seen_by_the_next_change(build: Build, whom: str) -> None:
    app = build({"set": table("t"), "look": Scripts(f"CREATE TABLE public.seen AS {LOOK};")})
    name = app.database.name
    path = app.path / "deploy" / "set.sql"
    path.write_text(f'BEGIN;\nALTER {whom} "{name}" SET search_path = public, later;\nCOMMIT;\n')
    app.deploy()
    assert app.value("SELECT search_path FROM seen") == "public, later"


def test_a_role_may_be_created_and_used_by_the_same_run(build: Build, role: str) -> None:
    app = build(
        {
            "grant": Scripts(f"GRANT CREATE ON SCHEMA public TO {role};"),
            "use": Scripts(f"BEGIN;\nSET LOCAL ROLE {role};\nCREATE TABLE public.t ();\nCOMMIT;\n"),
        }
    )
    app.deploy()
    assert app.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == role


def test_a_script_may_set_its_client_encoding_and_the_rows_stay_utf_8(build: Build) -> None:
    script = "SET client_encoding = 'LATIN1';\nCREATE TABLE t AS SELECT 'é'::text AS v;\n".encode("latin-1")
    app = build({"a": Scripts(script, note="Größe ✓")})
    app.deploy()
    assert app.value("SELECT v FROM t") == "é"
    assert app.value("SELECT note FROM sqitch.changes") == "Größe ✓"


def test_databases_in_other_encodings_get_their_rows_converted(build: Build, pg_server: DatabaseServer) -> None:
    locale = "LOCALE 'C'" if pg_server.version() >= 130000 else "LC_COLLATE 'C' LC_CTYPE 'C'"
    with pg_server.database(options=f"ENCODING 'LATIN1' TEMPLATE template0 {locale}") as latin:
        script = "CREATE TABLE t AS SELECT 'é'::text AS v;\n".encode("latin-1")
        app = build({"a": Scripts(script, note="Größe")}, database=latin)
        app.deploy()
        assert app.value("SELECT v FROM t") == "é"
        assert app.value("SELECT note FROM sqitch.changes") == "Größe"


def test_statements_can_be_limited_in_time_from_outside(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=54321")
    app = build({"a": Scripts("CREATE TABLE t AS SELECT current_setting('statement_timeout') AS v;")})
    app.deploy()
    assert app.value("SELECT v FROM t") == "54321ms"


def test_sessions_are_named_for_whoever_looks_at_the_server(build: Build) -> None:
    ours = "datname = current_database() AND application_name LIKE 'sqitchpy%'"
    app = build({"a": Scripts(f"CREATE TABLE t AS SELECT application_name FROM pg_stat_activity WHERE {ours};")})
    app.deploy()
    assert sorted(app.rows("SELECT * FROM t")) == [("sqitchpy control",), ("sqitchpy work",)]
    app.rows("DROP TABLE t")
    app.revert(log_only=True)


OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def test_no_session_is_left_behind(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy(verify=True)
    app.verify()
    app.revert()
    until(lambda: app.value(OTHERS) == 0, "the sessions' end")


def test_no_session_is_left_behind_by_a_run_that_is_refused_while_it_is_opened(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("\\nonsense")})
    for _ in range(5):
        with pytest.raises(ScriptError):
            app.deploy()
    until(lambda: app.value(OTHERS) == 0, "the sessions' end")


def test_a_session_that_stood_idle_before_its_first_script_is_replaced(build: Build) -> None:
    """The server may end it (idle_session_timeout) while large scripts are looked over."""
    app = build({"a": table("a")})

    def end_it(event: Event) -> None:
        if isinstance(event, RunStarted):
            time.sleep(FRESH + 0.1)
            work = "application_name = 'sqitchpy work' AND datname = current_database()"
            assert app.value(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {work}") == 1

    with app.session(on_event=end_it) as target:
        target.deploy()
    assert app.deployed() == ["a"]


def test_where_there_is_no_room_for_the_second_session_it_is_said(build: Build, role: str) -> None:
    app = build({"a": table("a")})
    app.rows(f"ALTER ROLE {role} LOGIN CONNECTION LIMIT 1")
    app.rows(f"GRANT CREATE ON DATABASE {app.database.name} TO {role}")
    app.database = dataclasses.replace(app.database, params={**app.database.params, "user": role})
    with pytest.raises(DeployError) as caught:
        app.deploy()
    assert caught.value.failure is not None
    assert "too many connections for role" in caught.value.failure.message


def test_a_session_reads_scripts_anew_for_every_run(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE one ();", "DROP TABLE one;", "SELECT 1/0;")})
    with app.session() as target:
        target.deploy()
        write_script(app.path, "revert", "a", "ALTER TABLE one RENAME TO two;")
        write_script(app.path, "verify", "a", "SELECT 1;")
        assert target.verify().errors == 0
        write_script(app.path, "verify", "a", "SELECT 2;")
        assert target.verify().errors == 0
        target.revert()
        write_script(app.path, "deploy", "a", "CREATE TABLE three ();")
        target.deploy(verify=True)
    assert app.tables() == ["three", "two"]
