"""The server is restarted under a deployer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from sqitchpy.testing import Database
from tests.torture.conftest import Count, Make, Rounds
from tests.torture.servers import OwnServer
from tests.torture.world import ACTIONS, ended, says_so, wait_for_moment, where


@pytest.fixture
def database(throw_away: OwnServer) -> Iterator[Database]:
    with throw_away.server.database() as made:
        yield made


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restarts_of_the_server_leave_registry_and_schema_in_agreement(
    mode: Literal["fast", "immediate"],
    throw_away: OwnServer,
    database: Database,
    make_world: Make,
    rounds: Rounds,
    count: Count,
) -> None:
    world = make_world(database=database)
    measured = {action: world.measure(*words) for action, words in ACTIONS.items()}
    for number in rounds(2, 0.1):
        action = ("deploy", "revert")[number % 2]
        count(f"rounds ({mode})")
        before = world.look()
        process = world.start(*ACTIONS[action])
        wait_for_moment(process, number, measured[action])
        throw_away.restart(mode)
        done = ended(process)
        assert done.code == 0 or says_so(done), str(done)
        after = world.look()
        assert world.complaints() == [], str(done)
        count("completed all the same" if done.code == 0 else where(world.plan, before, after))
        again = world.run(*ACTIONS[action])
        assert again.code == 0, str(again)
        world.must_be(deployed=action == "deploy")
