"""pg_terminate_backend of one of a deployer's sessions, at moments spread over its run."""

from __future__ import annotations

import pytest

from tests.torture.conftest import Count, Make, Rounds
from tests.torture.world import ACTIONS, World, ended, says_so, wait_for_moment, where

TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = %s
"""


def terminate_once(
    world: World, words: tuple[str, ...], session: str, number: int, measured: tuple[float, float], count: Count
) -> None:
    before = world.look()
    process = world.start(*words)
    wait_for_moment(process, number, measured)
    ((ends,),) = world.database.rows(TERMINATE, f"sqitchpy {session}")
    done = ended(process)
    world.settle()
    after = world.look()
    assert done.code == 0 or (ends and says_so(done)), str(done)
    assert world.complaints() == [], str(done)
    count(f"terminated ({session} session)" if ends else "no session at that moment")
    if done.code == 0:
        count("completed all the same")
    else:
        count(where(world.plan, before, after))


@pytest.mark.parametrize("session", ["work", "control"])
def test_terminated_sessions_are_told_and_leave_registry_and_schema_in_agreement(
    session: str, make_world: Make, rounds: Rounds, count: Count
) -> None:
    world = make_world()
    measured = {action: world.measure(*words) for action, words in ACTIONS.items()}
    for number in rounds(3, 0.2):
        action = ("deploy", "revert")[number % 2]
        count("rounds")
        terminate_once(world, ACTIONS[action], session, number, measured[action], count)
        done = world.run(*ACTIONS[action])
        assert done.code == 0, str(done)
        world.must_be(deployed=action == "deploy")
