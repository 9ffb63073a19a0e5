"""The deployment lock: one deployer at a time, be it sqitchpy or Sqitch; and what becomes of lost connections."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import sqitchpy
from sqitchpy.errors import DeployError, EngineError, LockTimeoutError, RevertError, SqitchpyError
from sqitchpy.events import FailureReported, LockWaiting, ScriptOutput
from sqitchpy.options import Runner
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script
from tests.waiting import until

Connection = psycopg.Connection[Any]


def pids(app: App, name: str) -> list[int]:
    """The server processes of this database's sqitchpy sessions of one purpose."""
    rows = app.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
        f"sqitchpy {name}",
    )
    return [pid for (pid,) in rows]


def holds_lock(app: App) -> bool:
    """Whether somebody has the deployment lock of this database."""
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    found = app.value(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 75474063 AND {here}")
    return bool(found)


class Running:
    """A deployment in a thread of its own."""

    def __init__(self, app: App, **options: Any) -> None:
        self.error: BaseException | None = None
        self._app = app
        self._options = options
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._app.session() as target:
                target.deploy(**self._options)
        except BaseException as error:
            self.error = error

    def end(self) -> BaseException | None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.error


@pytest.fixture
def holder(elsewhere: Connection) -> Connection:
    """Another session, that holds the lock."""
    elsewhere.execute("SET application_name = 'the other one'")
    elsewhere.execute("SELECT pg_advisory_lock(75474063)")
    return elsewhere


# -- waiting ----------------------------------------------------------------------------------------------------


def test_a_second_deployer_waits_and_then_goes_on(build: Build, holder: Connection) -> None:
    app = build({"a": table("a")})
    running = Running(app, lock_timeout=30)
    until(lambda: bool(app.of(LockWaiting)), "the message")
    assert app.value("SELECT to_regnamespace('sqitch')") is None
    holder.execute("SELECT pg_advisory_unlock(75474063)")
    assert running.end() is None
    assert app.deployed() == ["a"]
    (waiting,) = app.of(LockWaiting)
    assert (waiting.destination, waiting.timeout) == (app.database.uri, 30)
    assert (waiting.holder.pid, waiting.holder.application) == (holder.info.backend_pid, "the other one")


def test_waiting_ends_with_sqitchs_words_and_the_holders_name(build: Build, holder: Connection) -> None:
    app = build({"a": table("a")})
    with app.session() as target, pytest.raises(LockTimeoutError) as failure:
        target.deploy(lock_timeout=1)
    assert failure.value.message == (
        f"Timed out waiting 1 seconds for another instance of Sqitch to finish work on {app.database.uri}"
    )
    hint = failure.value.hint or ""
    assert f"held by backend {holder.info.backend_pid}, user {holder.info.user}" in hint
    assert "application the other one" in hint


def test_the_time_to_wait_is_for_each_of_those_who_have_the_lock(build: Build) -> None:
    app = build({"a": table("a")})
    with app.database.connect() as first, app.database.connect() as second:
        first.execute("SELECT pg_advisory_lock(75474063)")
        running = Running(app, lock_timeout=1.5)
        until(lambda: bool(app.of(LockWaiting)), "the message")
        queued = threading.Thread(target=second.execute, args=("SELECT pg_advisory_lock(75474063)",))
        queued.start()
        time.sleep(1.2)
        first.execute("SELECT pg_advisory_unlock(75474063)")
        queued.join()
        time.sleep(1.2)
        second.execute("SELECT pg_advisory_unlock(75474063)")
        assert running.end() is None
    assert app.deployed() == ["a"]


def test_revert_waits_too(build: Build, elsewhere: Connection) -> None:
    app = build({"a": table("a")})
    app.deploy()
    elsewhere.execute("SELECT pg_advisory_lock(75474063)")
    with app.session() as target, pytest.raises(LockTimeoutError):
        target.revert(lock_timeout=0.2)
    assert app.deployed() == ["a"]


def test_nobody_waits_inside_the_server(build: Build, holder: Connection) -> None:
    app = build({"a": table("a")})
    running = Running(app, lock_timeout=2)
    until(lambda: bool(app.of(LockWaiting)), "the message")
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    waiting = app.value(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND {here}")
    assert waiting == 0
    assert isinstance(running.end(), LockTimeoutError)


def test_two_deployers_at_once_deploy_every_change_once(build: Build) -> None:
    app = build({f"c{number}": Scripts(f"SELECT pg_sleep(0.02); CREATE TABLE c{number} ();") for number in range(10)})
    first, second = Running(app, lock_timeout=30), Running(app, lock_timeout=30)
    assert (first.end(), second.end()) == (None, None)
    assert app.history() == [f"deploy c{number}" for number in range(10)]


def test_the_lock_is_released_when_a_session_ends(build: Build, elsewhere: Connection) -> None:
    app = build({"a": table("a"), "b": Scripts("SELECT 1/0;")})
    with pytest.raises(DeployError):
        app.deploy()
    assert elsewhere.execute("SELECT pg_try_advisory_lock(75474063)").fetchone() == (True,)


def test_a_session_that_has_deployed_lets_others_deploy(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    with app.session() as target:
        target.deploy("a")
        assert app.deploy("b").done == ("b",)
        assert target.revert("a").done == ("b",)


def test_locks_of_other_databases_are_not_in_the_way(build: Build, holder: Connection) -> None:
    app = build({"a": table("a")})
    with psycopg.connect(**{**app.database.params, "dbname": "postgres"}, autocommit=True) as other:
        holder.execute("SELECT pg_advisory_unlock(75474063)")
        other.execute("SELECT pg_advisory_lock(75474063)")
        assert app.deploy().done == ("a",)


GATED = "SELECT count(*) FROM gate;"
"""A script that waits until the test opens the gate."""


def test_sqitchs_own_lock_keeps_us_out(build: Build, sqitch: str, elsewhere: Connection) -> None:
    app = build({"a": Scripts(GATED, "SELECT 1;"), "b": table("b")})
    elsewhere.execute("CREATE TABLE gate ()")
    with elsewhere.transaction():
        elsewhere.execute("LOCK TABLE gate")
        theirs = subprocess.Popen(
            [sqitch, "deploy", "--to", "a", app.database.uri], cwd=app.path, stdout=subprocess.DEVNULL
        )
        until(lambda: holds_lock(app), "Sqitch")
        ours = Running(app, lock_timeout=30)
        until(lambda: bool(app.of(LockWaiting)), "our waiting")
    assert ours.end() is None
    assert theirs.wait(30) == 0
    assert app.history() == ["deploy a", "deploy b"]


def test_our_lock_keeps_sqitch_out(build: Build, sqitch: str, elsewhere: Connection) -> None:
    app = build({"a": Scripts(GATED, "SELECT 1;"), "b": table("b")})
    elsewhere.execute("CREATE TABLE gate ()")
    with elsewhere.transaction():
        elsewhere.execute("LOCK TABLE gate")
        ours = Running(app, to="a")
        until(lambda: holds_lock(app), "our lock")
        theirs = subprocess.Popen([sqitch, "deploy", app.database.uri], cwd=app.path, stdout=subprocess.PIPE, text=True)
        assert theirs.stdout is not None
        first = theirs.stdout.readline()
    assert ours.end() is None
    rest, _ = theirs.communicate(timeout=30)
    assert first == f"Blocked by another instance of Sqitch working on {app.database.uri}; waiting 60 seconds...\n"
    assert (theirs.returncode, rest.splitlines()[-1]) == (0, "  + b .. ok")
    assert app.history() == ["deploy a", "deploy b"]


def test_concurrent_indexes_are_built_while_another_deployer_waits(build: Build) -> None:
    app = build({"t": table("t"), "i": Scripts("SELECT pg_sleep(0.5);\nCREATE INDEX CONCURRENTLY i ON t (id);\n")})
    first = Running(app, lock_timeout=30)
    until(lambda: bool(pids(app, "work")), "the first")
    second = Running(app, lock_timeout=30)
    assert (first.end(), second.end()) == (None, None)
    assert app.history() == ["deploy t", "deploy i"]
    assert app.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") is True


# -- the lock is lost -------------------------------------------------------------------------------------------


def test_when_the_session_with_the_lock_is_gone_nothing_more_is_deployed(build: Build, elsewhere: Connection) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();\n\\echo in the middle\n"), "b": table("b")})

    def kill(event: object) -> None:
        app.told.append(event)  # type: ignore[arg-type]
        if isinstance(event, ScriptOutput):
            (pid,) = pids(app, "control")
            elsewhere.execute("SELECT pg_terminate_backend(%s)", (pid,))
            until(lambda: not pids(app, "control"), "the end of the control session")

    with pytest.raises(DeployError), app.session(on_event=kill) as target:
        target.deploy(mode="change")
    assert app.deployed() == ["a"]  # it was under way, and the lock was checked when it began
    assert app.tables() == ["a"]
    told = app.text_of(FailureReported)
    assert "The registry of" in told
    assert "the session that held the deployment lock is gone" in told


def test_after_a_lost_lock_the_next_run_goes_on(build: Build, elsewhere: Connection) -> None:
    app = build({"a": table("a"), "b": Scripts("\\echo now\n"), "c": table("c")})

    def kill(event: object) -> None:
        if isinstance(event, ScriptOutput):
            elsewhere.execute("SELECT pg_terminate_backend(%s)", pids(app, "control"))
            until(lambda: not pids(app, "control"), "the end of the control session")

    with app.session(on_event=kill) as target, pytest.raises(SqitchpyError):
        target.deploy()
    deployed = app.deployed()
    app.deploy()
    assert app.deployed() == ["a", "b", "c"]
    assert deployed in ([], ["a", "b"])


def test_a_registry_that_was_changed_under_the_run_is_noticed(build: Build, elsewhere: Connection) -> None:
    app = build({"a": Scripts("\\echo now\n"), "b": table("b")})

    def meddle(event: object) -> None:
        app.told.append(event)  # type: ignore[arg-type]
        if type(event).__name__ == "StepFinished" and getattr(event, "action", "") == "deploy":
            elsewhere.execute("DELETE FROM sqitch.changes")

    with pytest.raises(DeployError), app.session(on_event=meddle) as target:
        target.deploy(mode="change")
    assert "another deployer was at work" in app.text_of(FailureReported)
    assert (app.deployed(), app.tables()) == ([], [])


@pytest.mark.parametrize("runner", ["native", "psql"])
def test_when_the_lock_is_lost_before_the_record_the_revert_script_does_not_run(
    build: Build, elsewhere: Connection, runner: Runner
) -> None:
    """Another deployer may be at work by then, and have deployed the very change."""
    script = Scripts("CREATE TABLE b ();\nVACUUM b;\nSELECT 'now';\n", "DROP TABLE b;")
    app = build({"a": table("a"), "b": script})

    def kill(event: object) -> None:
        app.told.append(event)  # type: ignore[arg-type]
        if isinstance(event, ScriptOutput):
            elsewhere.execute("SELECT pg_terminate_backend(%s)", pids(app, "control"))
            until(lambda: not pids(app, "control"), "the end of the control session")

    with pytest.raises(DeployError) as failure, app.session(on_event=kill) as target:
        target.deploy(mode="change", runner=runner)
    assert "the session that held the deployment lock is gone" in app.text_of(FailureReported)
    assert "what its script did was kept, since its revert script was not run" in (failure.value.hint or "")
    assert (app.deployed(), app.tables()) == (["a"], ["a", "b"])
    if runner == "native":  # its progress was noted
        assert app.deploy().done == ("b",)


def test_a_script_that_failed_outside_a_transaction_leaves_nothing_in_the_session(build: Build) -> None:
    app = build(
        {
            "a": Scripts(
                "CREATE SCHEMA s; CREATE TABLE a (); VACUUM a; SET search_path = s; SELECT nothing;", "SELECT 1;"
            ),
        }
    )
    with app.session() as target:
        with pytest.raises(DeployError):
            target.deploy()
        write_script(app.path, "deploy", "a", "CREATE TABLE b ();")
        target.deploy(lock_timeout=5)
    assert app.tables() == ["a", "b"]


@pytest.mark.parametrize("script", ["CREATE TABLE b ();", "SELECT 1 AS one \\gset\nCREATE TABLE b (); VACUUM b;"])
@pytest.mark.parametrize("runner", ["native", "psql"])
def test_a_session_is_not_in_its_own_way(build: Build, script: str, runner: Runner) -> None:
    app = build({"a": table("a"), "b": Scripts(script, "DROP TABLE b;")})
    with app.session() as target:
        target.deploy(runner=runner, lock_timeout=5)
        target.revert(runner=runner, lock_timeout=5)
        target.deploy(runner=runner, lock_timeout=5)
    assert app.deployed() == app.tables() == ["a", "b"]


# -- the connection is lost -------------------------------------------------------------------------------------

DIES = "CREATE TABLE half ();\nSELECT pg_terminate_backend(pg_backend_pid());\nCREATE TABLE never ();\n"


def test_a_connection_lost_in_the_middle_of_a_script_leaves_nothing_of_it(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts(DIES), "c": table("c")})
    with pytest.raises(DeployError) as failure:
        app.deploy()
    assert failure.value.message == "Deploy failed: the connection was lost while change b was under way"
    assert "Run “sqitchpy status”" in (failure.value.hint or "")
    assert app.deployed() == app.tables() == ["a"]  # nothing was reverted either: the lock may be lost
    write_script(app.path, "deploy", "b", "CREATE TABLE b ();")
    assert app.deploy().done == ("b", "c")


def test_a_connection_lost_during_a_revert_leaves_the_change_deployed(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", f"DROP TABLE a;\n{DIES}"), "b": table("b")})
    app.deploy()
    with pytest.raises(RevertError) as failure:
        app.revert()
    assert failure.value.message == "Revert failed: the connection was lost while change a was under way"
    assert app.deployed() == app.tables() == ["a"]


def test_a_connection_lost_between_statements_that_were_committed_leaves_a_true_registry(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE one ();\nCOMMIT;\nSELECT pg_terminate_backend(pg_backend_pid());\n")})
    with pytest.raises(DeployError):
        app.deploy()
    assert (app.deployed(), app.tables()) == ([], ["one"])


def test_a_connection_lost_during_verify_is_one_error(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", verify="SELECT pg_terminate_backend(pg_backend_pid());")})
    app.deploy()
    with pytest.raises(SqitchpyError) as failure:
        app.verify()
    assert failure.value.hint
    assert app.deployed() == ["a"]


def test_a_session_can_be_used_again_after_its_connection_was_lost(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts(DIES)})
    with app.session() as target:
        with pytest.raises(DeployError):
            target.deploy()
        write_script(app.path, "deploy", "b", "CREATE TABLE b ();")
        assert target.deploy().done == ("b",)
        assert target.status().pending == ()


def test_a_server_that_is_down_is_one_clear_error(build: Build) -> None:
    app = build({"a": table("a")})
    with (
        sqitchpy.Project.open(app.path).target("db:pg://nobody@127.0.0.1:1/none") as target,
        pytest.raises(EngineError) as failure,
    ):
        target.deploy()
    assert "refused" in failure.value.message
    assert "Is the server running" in (failure.value.hint or "")


def test_a_statement_that_takes_too_long_fails_like_any_other(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();\nSELECT pg_sleep(30);\n")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGOPTIONS", "-c statement_timeout=2000")
        with pytest.raises(DeployError):
            app.deploy(mode="change")
    assert "canceling statement due to statement timeout" in app.text_of(FailureReported)
    assert app.deployed() == app.tables() == ["a"]


@pytest.fixture
def watchdog() -> Iterator[None]:
    """Nothing here may hang: say where it does."""
    import faulthandler

    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


pytestmark = pytest.mark.usefixtures("watchdog")
