"""Ctrl-C, SIGTERM and kill -9 in the middle of a run: nothing half-done stays, and the next run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from sqitchpy.errors import InterruptedRunError
from sqitchpy.events import ScriptMessage, ScriptOutput
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SLEEPS = Scripts("CREATE TABLE half ();\nSELECT pg_sleep(60);\n")


def busy(app: App, words: str = "pg_sleep") -> bool:
    """Whether the server is at work on such a statement."""
    here = "datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
    return bool(app.value(f"SELECT count(*) FROM pg_stat_activity WHERE {here} AND query LIKE %s", f"%{words}%"))


class Command:
    """A command in a process of its own, stopped at the end of the test whatever happens."""

    def __init__(self, app: App, *words: str) -> None:
        self.process = subprocess.Popen(
            app.command(*words),
            cwd=app.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def end(self, number: int) -> tuple[int, str, str]:
        """Send a signal and wait; exit code, standard output, standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


Start = Callable[..., Command]


@pytest.fixture
def start() -> Iterator[Start]:
    commands: list[Command] = []

    def run(app: App, *words: str) -> Command:
        commands.append(Command(app, *words))
        return commands[-1]

    yield run
    for command in commands:
        if command.process.poll() is None:
            command.process.kill()
            command.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_script_is_cancelled_on_the_server_and_rolled_back(
    build: Build, start: Start, number: int
) -> None:
    app = build({"a": table("a"), "b": SLEEPS, "c": table("c")})
    command = start(app, "deploy")
    until(lambda: busy(app), "the script")
    code, out, err = command.end(number)
    assert code == 130
    assert "Traceback" not in err
    assert err.startswith("Interrupted\n")
    assert "What was running for change b was cancelled and rolled back" in err
    assert out.splitlines()[-1].startswith("  + b ..")
    assert not busy(app)
    assert app.deployed() == app.tables() == ["a"]
    write_script(app.path, "deploy", "b", "CREATE TABLE b ();")
    assert app.deploy().done == ("b", "c")


def test_an_interrupted_run_that_is_one_transaction_has_completed_nothing(build: Build, start: Start) -> None:
    app = build({"a": table("a"), "b": SLEEPS, "c": table("c")})
    command = start(app, "deploy", "--transaction", "run")
    until(lambda: busy(app), "the script")
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False), err
    assert "What was running for change b was cancelled and rolled back; 0 changes completed." in err
    assert app.deployed() == app.tables() == []


def test_an_interrupted_verification_takes_its_change_along(build: Build, start: Start) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();", "DROP TABLE b;", "SELECT pg_sleep(60);")})
    command = start(app, "deploy", "--verify")
    until(lambda: busy(app), "the verification")
    assert command.end(signal.SIGINT)[0] == 130
    assert app.deployed() == app.tables() == ["a"]


def test_an_interrupted_verification_after_the_commit_leaves_its_change_deployed_and_says_so(
    build: Build, start: Start
) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();", "DROP TABLE b;", "SELECT pg_sleep(60);")})
    command = start(app, "deploy", "--verify", "--verify-when", "after", "--to", "b")
    until(lambda: busy(app), "the verification")
    code, _, err = command.end(signal.SIGINT)
    assert code == 130
    assert "Change b is deployed and recorded, “sqitchpy verify” says whether it is well; 2 changes completed." in err
    assert app.deployed() == app.tables() == ["a", "b"]


def test_a_second_interruption_gives_the_connection_up_and_says_that_nobody_knows(build: Build, start: Start) -> None:
    stubborn = (
        "DO $$BEGIN LOOP BEGIN PERFORM pg_sleep(0.5); EXIT WHEN clock_timestamp() > now() + interval '4 s';"
        " EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END$$;"
    )
    app = build({"a": table("a"), "b": Scripts(f"CREATE TABLE b ();\n{stubborn}")})
    command = start(app, "deploy")
    until(lambda: busy(app, "LOOP"), "the script")
    command.process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert "“sqitchpy status” says whether change b was completed" in err
    with app.session() as target:
        target.deploy(lock_timeout=30)
    assert app.deployed() == app.tables() == ["a", "b"]


def test_an_interruption_while_a_run_is_taken_back_is_told_like_any_other(build: Build, start: Start) -> None:
    app = build(
        {"a": Scripts("CREATE TABLE a ();", "DROP TABLE a;\nSELECT pg_sleep(60);"), "b": Scripts("SELECT nothing;")}
    )
    command = start(app, "deploy", "--json")
    until(lambda: busy(app), "the revert script")
    code, out, err = command.end(signal.SIGINT)
    assert code == 130
    assert "What was running for change a was cancelled and rolled back" in err
    document = json.loads(out)
    assert [(step["action"], step["change"], step["outcome"]) for step in document["steps"]] == [
        ("deploy", "a", "done"),
        ("deploy", "b", "failed"),
        ("revert", "a", "failed"),
    ]
    assert app.deployed() == app.tables() == ["a"]


def test_a_late_tag_can_be_waited_for_and_interrupted(
    build: Build, start: Start, elsewhere: psycopg.Connection
) -> None:
    app = build({"a": table("a")})
    app.deploy()
    plan = app.path / "sqitch.plan"
    plan.write_text(plan.read_text().rstrip("\n") + "\n@late 2024-01-02T03:04:05Z Ann Ex <ann@example.com>\n")
    with elsewhere.transaction(force_rollback=True):
        elsewhere.execute("LOCK sqitch.tags IN EXCLUSIVE MODE")
        command = start(app, "deploy")
        until(lambda: busy(app, "tags"), "the tag")
        code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err, "internal" in err) == (130, False, False)
    app.deploy()
    assert app.rows("SELECT tag FROM sqitch.tags") == [("@late",)]


def test_an_interrupted_revert_leaves_the_change_deployed(build: Build, start: Start) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", "DROP TABLE a;\nSELECT pg_sleep(60);\n"), "b": table("b")})
    app.deploy()
    command = start(app, "revert", "-y")
    until(lambda: busy(app), "the script")
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert app.deployed() == app.tables() == ["a"]


def test_an_interrupted_verify_changes_nothing(build: Build, start: Start) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", verify="SELECT pg_sleep(60);")})
    app.deploy()
    command = start(app, "verify")
    until(lambda: busy(app), "the script")
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert not busy(app)


def test_waiting_for_the_lock_can_be_interrupted(build: Build, start: Start, elsewhere: psycopg.Connection) -> None:
    app = build({"a": table("a")})
    elsewhere.execute("SELECT pg_advisory_lock(75474063)")
    command = start(app, "deploy")
    assert command.process.stdout is not None
    assert command.process.stdout.readline().startswith("Blocked by another instance of Sqitch")
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert app.value("SELECT to_regnamespace('sqitch')") is None


def test_data_on_its_way_can_be_interrupted(build: Build, start: Start, elsewhere: psycopg.Connection) -> None:
    lines = "".join(f"{number}\n" for number in range(200_000))
    app = build({"t": table("t"), "copy": Scripts(f"COPY t FROM stdin;\n{lines}\\.\nSELECT pg_sleep(60);\n")})
    app.deploy("t")
    with elsewhere.transaction(force_rollback=True):
        elsewhere.execute("LOCK TABLE t")
        command = start(app, "deploy")
        until(lambda: busy(app, "COPY t"), "the data")
        code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert app.value("SELECT count(*) FROM t") == 0
    assert app.deployed() == ["t"]


def test_data_on_their_way_out_can_be_interrupted(build: Build, start: Start) -> None:
    app = build({"a": table("a"), "out": Scripts("CREATE TABLE half ();\nCOPY (SELECT pg_sleep(60)) TO STDOUT;\n")})
    command = start(app, "deploy")
    until(lambda: busy(app), "the data")
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert not busy(app)
    assert app.deployed() == app.tables() == ["a"]


def test_a_concurrent_index_that_was_interrupted_is_built_by_the_next_run(
    build: Build, start: Start, elsewhere: psycopg.Connection
) -> None:
    app = build({"t": table("t"), "i": Scripts("CREATE INDEX CONCURRENTLY i ON t (id);")})
    app.deploy("t")
    with elsewhere.transaction(force_rollback=True):
        elsewhere.execute("INSERT INTO t VALUES (1)")
        command = start(app, "deploy")
        until(lambda: busy(app, "CONCURRENTLY"), "the index")
        until(lambda: app.value("SELECT to_regclass('i')") is not None, "its place in the catalogue")
        code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    assert "what ran before it was kept, since the script is not one transaction; 0 changes completed." in err
    assert app.deployed() == ["t"]
    app.deploy()
    assert app.rows("SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 't'::regclass") == [
        ("i", True)
    ]


def test_a_script_in_psql_can_be_interrupted(build: Build, start: Start) -> None:
    app = build({"a": table("a"), "b": Scripts("BEGIN;\nCREATE TABLE half ();\nSELECT pg_sleep(60);\nCOMMIT;\n")})
    command = start(app, "deploy", "--runner", "psql")
    until(lambda: busy(app), "the script")
    code, _, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False)
    until(lambda: not busy(app), "the end of psql's statement")
    assert app.deployed() == app.tables() == ["a"]


def test_a_killed_deployer_leaves_nothing_half_done_and_the_next_one_waits_for_its_last_statement(
    build: Build, start: Start
) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();\nSELECT pg_sleep(2);\n"), "c": table("c")})
    command = start(app, "deploy")
    until(lambda: busy(app), "the script")
    assert command.end(signal.SIGKILL)[0] == -signal.SIGKILL
    with app.session() as target:
        target.deploy(lock_timeout=30)  # of b as well, unless the server had all of it and completed it
    assert app.deployed() == app.tables() == ["a", "b", "c"]
    assert app.history() == ["deploy a", "deploy b", "deploy c"]


def test_a_callback_that_raises_keyboardinterrupt_stops_the_run(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})

    def stop(event: object) -> None:
        if getattr(event, "label", "") == "b":
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError) as failure, app.session(on_event=stop) as target:
        target.deploy()
    assert failure.value.code == 130
    assert failure.value.report.done == tuple(app.deployed())  # b was on its way when its beginning was told
    assert "a" in app.deployed()


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$BEGIN RAISE NOTICE 'now'; END$$;",
        "COPY (SELECT 1) TO STDOUT;",
        "SELECT 1 \\; SELECT 2;",
        "SELECT 1 \\; COPY (SELECT 1) TO STDOUT;",
    ],
)
def test_whoever_is_shown_output_may_stop_the_run(build: Build, statement: str) -> None:
    app = build({"a": table("a"), "b": Scripts(f"CREATE TABLE half ();\n{statement}\nSELECT pg_sleep(60);")})

    def stop(event: object) -> None:
        if isinstance(event, ScriptOutput | ScriptMessage):
            raise KeyboardInterrupt

    with app.session(on_event=stop) as target:
        with pytest.raises(InterruptedRunError) as failure:
            target.deploy()
        assert "cancelled and rolled back" in (failure.value.hint or "")
        assert app.deployed() == app.tables() == ["a"]
        write_script(app.path, "deploy", "b", "CREATE TABLE b ();")
        assert target.deploy().done == ("b",)  # on the same connections


def test_whoever_is_shown_rows_that_came_with_the_commit_is_told_that_the_change_is_deployed(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();\nSELECT 1;")})

    def stop(event: object) -> None:
        if isinstance(event, ScriptOutput):
            raise KeyboardInterrupt

    with app.session(on_event=stop) as target, pytest.raises(InterruptedRunError) as failure:
        target.deploy()
    assert "Change b is deployed and recorded" in (failure.value.hint or "")
    assert failure.value.report.done == ("a", "b")
    assert app.deployed() == app.tables() == ["a", "b"]


def test_a_thread_can_interrupt_what_the_main_thread_waits_for(build: Build) -> None:
    """What Jupyter and application servers do: the signal reaches the process while it waits for the server."""
    app = build({"a": table("a"), "b": SLEEPS})
    program = (
        "import os, signal, sys, threading, sqitchpy\n"
        "from sqitchpy.errors import InterruptedRunError\n"
        "def told(event):\n"
        "    if getattr(event, 'label', '') == 'b' and type(event).__name__ == 'StepStarted':\n"
        "        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "with sqitchpy.Project.open().target(sys.argv[1], on_event=told) as target:\n"
        "    try:\n"
        "        target.deploy()\n"
        "    except InterruptedRunError as error:\n"
        "        print(error.report.done)\n"
        "    print(target.status().state.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, app.database.uri],
        cwd=app.path,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "('a',)\na\n")
    assert not busy(app)


@pytest.mark.parametrize("before", ["", "DO $$BEGIN RAISE NOTICE 'arrives at once'; END$$;\n"], ids=["quiet", "notice"])
@pytest.mark.parametrize("jobs", ["1", "3"])
def test_an_interruption_stops_every_verification_that_is_under_way(
    build: Build, start: Start, jobs: str, before: str
) -> None:
    names = [f"c{n}" for n in range(8)]
    verify = f"{before}SELECT pg_sleep(60);"
    app = build({n: Scripts(f"CREATE TABLE {n} ();", f"DROP TABLE {n};", verify) for n in names})
    app.deploy()
    command = start(app, "verify", "--jobs", jobs)
    until(lambda: busy(app), "a verification")
    begun = time.monotonic()
    code, out, err = command.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (130, False), err
    assert out.splitlines()[-1].startswith("  * c0 ..")
    assert time.monotonic() - begun < 20
    until(lambda: not busy(app), "the end of them all")
