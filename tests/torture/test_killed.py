"""kill -9 of a deployer, at moments spread over its run; afterwards everything agrees, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.projects import Scripts
from tests.torture.conftest import Count, Make, Rounds
from tests.torture.oracle import Known, Part
from tests.torture.plans import CHANGES, whole
from tests.torture.world import ACTIONS, World, wait_for_moment, where
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

OPTIONS = ((), ("--verify",), ("--transaction", "run"))
SLEEPS = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'
"""
TOGETHER = {name: scripts for name, scripts in CHANGES.items() if name != "widened"}
"""What ``--transaction run`` can deploy: an enum value must be committed before it is used."""


def kill(process: subprocess.Popen[str]) -> bool:
    """Kill a command with all it has started; whether it was still there."""
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def words_of(action: str, number: int, lane: int) -> tuple[str, ...]:
    return ACTIONS[action] + (OPTIONS[number // 2 % (2 + lane)] if action == "deploy" else ())


def kill_once(world: World, words: tuple[str, ...], number: int, measured: tuple[float, float], count: Count) -> None:
    before = world.look()
    process = world.start(*words)
    wait_for_moment(process, number, measured)
    count("killed" if kill(process) else "had ended before")
    if number % 4 == 3:
        count("followed at once")
        return
    world.settle()
    after = world.look()
    assert world.complaints() == []
    count(where(world.plan, before, after))


def test_a_change_that_turned_out_to_need_single_statements_goes_on_with_them(make_world: Make) -> None:
    """That it needs them is known from its first attempt, which the next run must not repeat."""
    use = "INSERT INTO marks SELECT 'used ' || 'c'::kind;\nSELECT pg_sleep(1);\n"
    plan = [whole("kinds", "value kind.a"), Known("slow", (Part(1, ("value kind.c",)), Part(2, ("mark used c",))), ())]
    slow = Scripts(f"ALTER TYPE kind ADD VALUE 'c';\n{use}")
    world = make_world({"kinds": CHANGES["kinds"], "slow": slow}, plan)
    process = world.start("deploy")
    until(lambda: world.database.rows(SLEEPS) == [(1,)], "the last statement")
    kill(process)
    world.settle()
    assert world.complaints() == []
    assert world.look().progress["slow", "deploy"] == {1: "done", 2: "done", 3: "done"}
    done = world.run("deploy", "--transaction", "run")
    assert done.code == 0, str(done)
    assert "an earlier run has begun it statement by statement" in done.err
    world.must_be(deployed=True)


@pytest.mark.parametrize("lane", [0, 1])
def test_killed_deployers_leave_registry_and_schema_in_agreement(
    lane: int, make_world: Make, rounds: Rounds, count: Count
) -> None:
    world = make_world(TOGETHER if lane else CHANGES)
    measured = {action: world.measure(*words) for action, words in ACTIONS.items()}
    for turn in rounds(3, 0.5):
        number = 2 * turn + lane
        action = ("deploy", "revert")[turn % 2]
        words = words_of(action, turn, lane)
        count("rounds")
        for again in range(1 + turn % 3 // 2):
            kill_once(world, words, 3 * number + again, measured[action], count)
        done = world.run(*words)
        assert done.code == 0, str(done)
        world.must_be(deployed=action == "deploy")
