"""One tool waits while the other works, whichever of them is first."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from sqitchpy.testing import Database

from .harness.lanes import Lane
from .harness.scenario import Scenario, Step

GATED = Scenario(
    name="gated",
    title="A deploy script that waits for a table which the test has locked",
    files={
        "sqitch.conf": "[core]\n\tengine = pg\n",
        "sqitch.plan": "%project=gated\n\ngated 2024-01-02T03:04:05Z Ann Ex <ann@example.com>\n",
        "deploy/gated.sql": "SELECT count(*) FROM gate;\n",
        "revert/gated.sql": "SELECT count(*) FROM gate;\n",
    },
    steps=(Step(run="deploy"),),
)
HOLDERS = """
    SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
     WHERE locktype = 'advisory' AND (classid, objid) = (0, 75474063) AND granted AND datname = current_database()
"""
ROW = "Who holds the lock"
"""The row of docs/compatibility.md that is shown here."""

PAIRS = [("sqitch", "sqitchpy"), ("sqitchpy", "sqitch"), ("sqitchpy", "sqitchpy")]


@contextmanager
def closed_gate(database: Database) -> Iterator[None]:
    """Nobody can read the table ``gate`` meanwhile."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS gate ()")
        with connection.transaction():
            connection.execute("LOCK TABLE gate")
            yield


Start = Callable[[Lane, str, str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command and goes on; what still runs at the end of the test is ended."""
    with ExitStack() as stack:

        def begin(lane: Lane, tool: str, words: str) -> subprocess.Popen[str]:
            pipe = subprocess.PIPE
            environ, command = lane.environ(Step(run=words)), lane.command(tool, words)
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, cwd=lane.directory, env=environ
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def wait_until_locked(database: Database) -> None:
    end = time.monotonic() + 60
    while database.rows(HOLDERS) != [(1,)]:
        assert time.monotonic() < end, "the lock was never taken"
        time.sleep(0.05)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_second_waits_for_the_first_and_finds_its_work_done(
    first: str, second: str, make_lane: Callable[..., Lane], start: Start
) -> None:
    lane = make_lane("lock", GATED, ("sqitch",))
    database = lane.database.database
    destination = f"db:pg:{database.name}"
    with closed_gate(database):
        worker = start(lane, first, "deploy")
        wait_until_locked(database)
        hasty = lane.run(second, Step(run="deploy --lock-timeout 1"))
        waiter = start(lane, second, "deploy --lock-timeout 60")
        assert waiter.stdout is not None
        blocked = waiter.stdout.readline()
    out, _ = waiter.communicate(timeout=60)
    worker_out, worker_err = worker.communicate(timeout=60)

    blocked_by = f"Blocked by another instance of Sqitch working on {destination}; waiting"
    assert hasty.stdout == f"{blocked_by} 1 seconds...\n"
    held_by = [line for line in hasty.stderr.splitlines() if line.startswith("The lock is held by backend")]
    assert len(held_by) == (1 if second == "sqitchpy" else 0)
    timed_out = f"Timed out waiting 1 seconds for another instance of Sqitch to finish work on {destination}"
    assert (timed_out in hasty.stderr.splitlines(), hasty.exit) == (True, 2)
    unexpected = [line for line in worker_err.splitlines() if "warning: waiting for a lock of backend" not in line]
    assert (worker.returncode, unexpected) == (0, [])
    assert worker_out.endswith("  + gated .. 0\nok\n")
    assert blocked == f"{blocked_by} 60 seconds...\n"
    assert (out, waiter.returncode) == ("Nothing to deploy (up-to-date)\n", 0)
    assert database.rows("SELECT event, change FROM sqitch.events") == [("deploy", "gated")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_revert_waits_for_a_revert(first: str, second: str, make_lane: Callable[..., Lane], start: Start) -> None:
    lane = make_lane("lock", GATED, ("sqitch",))
    database = lane.database.database
    database.rows("CREATE TABLE gate ()")
    assert lane.run(second, Step(run="deploy")).exit == 0
    with closed_gate(database):
        worker = start(lane, first, "revert -y")
        wait_until_locked(database)
        waiter = start(lane, second, "revert -y")
        assert waiter.stdout is not None
        blocked = waiter.stdout.readline()
    out, _ = waiter.communicate(timeout=60)
    worker.communicate(timeout=60)
    assert blocked.startswith("Blocked by another instance of Sqitch")
    assert (out, waiter.returncode, worker.returncode) == ("Nothing to revert (nothing deployed)\n", 0, 0)
