"""Sixteen deployers are started at once on an empty database."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from sqitchpy.testing import DatabaseServer
from tests.torture.conftest import ROUNDS, Count, Make, Rounds
from tests.torture.plans import CHANGES, PREPARED, WHOLE
from tests.torture.world import SQITCHPY, Ended, World, ended

MANY = 16
TRANSACTIONAL = {name: CHANGES[name] for name in WHOLE}


def all_at_once(world: World, server: DatabaseServer, sqitch: str = "", one_in: int = 2) -> list[tuple[str, Ended]]:
    """One in so many is the real Sqitch, if there is one. Fails unless every change was deployed exactly once."""
    with server.database() as database:
        database.rows(PREPARED)
        here = replace(world, database=database)
        tools = ["sqitch" if sqitch and number % one_in == 1 else "sqitchpy" for number in range(MANY)]
        starts = [(sqitch, "deploy") if tool == "sqitch" else (*SQITCHPY, "deploy") for tool in tools]
        runs = [here.start(*words, tool=()) for words in starts]
        done = [(tool, ended(run, seconds=400)) for tool, run in zip(tools, runs, strict=True)]
        assert here.look().history == [f"deploy {change.name}" for change in here.plan], str(done)
        here.must_be(deployed=True)
        return done


def test_of_sixteen_deployers_at_once_all_succeed_and_each_change_is_deployed_once(
    make_world: Make, pg_server: DatabaseServer, rounds: Rounds, count: Count
) -> None:
    world = make_world()
    for _ in rounds(1, 1 / 6):
        done = all_at_once(world, pg_server)
        assert [end.code for _, end in done] == [0] * MANY, "\n".join(str(end) for _, end in done if end.code)
        count("rounds")


def test_real_sqitch_may_be_among_them(
    make_world: Make, pg_server: DatabaseServer, sqitch: str, rounds: Rounds, count: Count
) -> None:
    world = make_world(TRANSACTIONAL)
    for _ in rounds(1, 1 / 100):  # a minute each
        done = all_at_once(world, pg_server, sqitch, 2 if ROUNDS else 8)
        count("rounds")
        codes = Counter((tool, end.code) for tool, end in done)
        for (tool, code), number in codes.items():
            count(f"{tool} exited {code}", number)
        assert {code for tool, code in codes if tool == "sqitchpy"} == {0}, "\n".join(str(end) for _, end in done)
