"""Real Sqitch, killed in the same way on the same plan: the figure that docs/reliability.md compares with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqitchpy.testing import DatabaseServer
from tests.torture.conftest import ROUNDS, Count, Make, Rounds
from tests.torture.oracle import Seen
from tests.torture.plans import PREPARED
from tests.torture.test_killed import kill
from tests.torture.world import World, wait_for_moment, where


def finishes(world: World, sqitch: str) -> bool:
    """Whether one of the next three runs completes the deployment."""
    ends = [world.run("deploy", tool=(sqitch,)).code for _ in range(3)]
    everything = {change.name for change in world.plan}
    return 0 in ends and world.look().recorded == everything and world.complaints() == []


@pytest.mark.skipif(not ROUNDS, reason="make torture measures it")
def test_real_sqitch_does_not_always_go_on_after_it_was_killed(
    make_world: Make, pg_server: DatabaseServer, sqitch: str, rounds: Rounds, count: Count
) -> None:
    world = make_world()
    measured = world.measure("deploy", tool=(sqitch,))
    stuck = 0
    for number in rounds(0, 1 / 15):
        with pg_server.database() as database:
            database.rows(PREPARED)
            here = replace(world, database=database)
            process = here.start("deploy", tool=(sqitch,))
            wait_for_moment(process, number, measured)
            count("killed" if kill(process) else "had ended before")
            here.settle()
            count(where(here.plan, Seen(), here.look()))
            done = finishes(here, sqitch)
            count("completed by a later run" if done else "stuck")
            stuck += not done
    assert stuck > 0, "then docs/reliability.md says of Sqitch what is not true"
