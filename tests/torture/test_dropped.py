"""The network between a deployer and the server is cut, or swallows what is sent."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from sqitchpy.testing import Database
from tests.torture.conftest import Count, Make, Rounds
from tests.torture.proxy import Proxy, proxy_to
from tests.torture.world import ACTIONS, World, ended, says_so, wait_for_moment, where

BOUNDED = "?keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000"


@pytest.fixture
def proxy(pg_database: Database) -> Iterator[Proxy]:
    with proxy_to(pg_database.params) as running:
        yield running


def by_proxy(database: Database, proxy: Proxy, settings: str = "") -> str:
    """The target that leads to the database by way of the proxy."""
    secret = database.params.get("password")
    login = quote(database.params.get("user", ""), safe="") + (f":{quote(secret, safe='')}" if secret else "")
    return f"db:pg://{login}@127.0.0.1:{proxy.port}/{database.name}{settings}"


def test_reset_connections_are_told_and_leave_registry_and_schema_in_agreement(
    proxy: Proxy, pg_database: Database, make_world: Make, rounds: Rounds, count: Count
) -> None:
    world = make_world(uri=by_proxy(pg_database, proxy))
    measured = {action: world.measure(*words) for action, words in ACTIONS.items()}
    for number in rounds(3, 0.2):
        action = ("deploy", "revert")[number % 2]
        count("rounds")
        before = world.look()
        process = world.start(*ACTIONS[action])
        wait_for_moment(process, number, measured[action])
        cut = proxy.cut()
        done = ended(process)
        assert done.code == 0 or (cut and says_so(done)), str(done)
        world.settle()
        after = world.look()
        assert world.complaints() == [], str(done)
        count("completed all the same" if done.code == 0 else where(world.plan, before, after))
        again = world.run(*ACTIONS[action])
        assert again.code == 0, str(again)
        world.must_be(deployed=action == "deploy")


def swallowed(world: World, proxy: Proxy, number: int, measured: tuple[float, float]) -> float:
    """Deploy, pull the cable, and wait for the deployer to notice; how long that took, 0 if it was done before."""
    process = world.start("deploy")
    wait_for_moment(process, number, measured)
    begun = time.monotonic()
    if not proxy.swallow():
        ended(process)
        return 0
    done = ended(process, seconds=40)
    assert done.code == 0 or says_so(done), str(done)
    return time.monotonic() - begun if done.code else 0


@pytest.mark.skipif(sys.platform != "linux", reason="socket filters of Linux")
def test_a_silent_network_ends_a_run_when_libpq_is_told_to_watch(
    proxy: Proxy, pg_database: Database, make_world: Make, rounds: Rounds, count: Count
) -> None:
    world = make_world(uri=by_proxy(pg_database, proxy, BOUNDED))
    measured = world.measure("deploy")
    for number in rounds(1, 0.05):
        assert world.run("revert", "-y").code == 0
        count("rounds")
        seconds = swallowed(world, proxy, number % 7, measured)  # always after the first line: the lock is taken
        assert seconds < 20
        count("noticed" if seconds else "completed all the same")
        if seconds:
            hasty = world.run("deploy", "--lock-timeout", "1")  # the server has noticed nothing: its sessions live
            assert (hasty.code, "The lock is held by" in hasty.err) == (2, True), str(hasty)
        proxy.hang_up()
        world.settle()
        assert world.complaints() == []
        again = world.run("deploy")
        assert again.code == 0, str(again)
        world.must_be(deployed=True)


@pytest.mark.skipif(sys.platform != "linux", reason="socket filters of Linux")
def test_a_silent_network_is_waited_for_when_libpq_is_told_nothing(
    proxy: Proxy, pg_database: Database, make_world: Make
) -> None:
    """What the settings of the test above are for."""
    world = make_world(uri=by_proxy(pg_database, proxy))
    first, rest = world.measure("deploy")
    assert world.run("revert", "-y").code == 0
    process = world.start("deploy")
    wait_for_moment(process, 0, (first, rest))
    assert proxy.swallow()
    time.sleep(3)
    assert process.poll() is None
    process.kill()
    process.communicate()
    proxy.hang_up()
    world.settle()
    assert world.complaints() == []
    assert world.run("deploy").code == 0
    world.must_be(deployed=True)
