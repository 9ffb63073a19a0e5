"""The same commands with Sqitch and with sqitchpy; and the two taking turns on one database."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from .harness.lanes import Lane, side_by_side
from .harness.scenario import ENGINES, Scenario, all_scenarios

SCENARIOS = all_scenarios()
SQITCH_FIRST = ("sqitch", "sqitchpy")
SQITCHPY_FIRST = ("sqitchpy", "sqitch")
ALONE = "SQITCHPY_SQITCH_ALONE" in os.environ
"""To write a scenario before there is anything of ours to compare: what it says of Sqitch is checked, nothing else."""

Record = Callable[[str, object], None]


def _id(scenario: Scenario) -> str:
    return f"{scenario.name}-{scenario.engine}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_id)
def test_both_tools_answer_alike(scenario: Scenario, make_lane: Callable[..., Lane], record_property: Record) -> None:
    turns: list[tuple[str, ...]] = [("sqitch",)] if ALONE else [("sqitchpy",)]
    if scenario.alternate and not ALONE:
        turns += [SQITCH_FIRST, SQITCHPY_FIRST]
    lanes = [make_lane("sqitch", scenario, ("sqitch",))]
    lanes += [make_lane(f"{' then '.join(each)} {number}", scenario, each) for number, each in enumerate(turns, 2)]
    outcome = side_by_side(lanes)
    record_property(
        "compared",
        {"engine": scenario.engine, "scenarios": 1, "steps": outcome.steps, "differences": outcome.differences},
    )
    if outcome.complaints:
        pytest.fail("\n".join((scenario.title, *outcome.complaints)), pytrace=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_lanes_of_sqitch_do_not_differ(engine: str, make_lane: Callable[..., Lane]) -> None:
    """What is masked is all that depends on the lane: nothing that is found above comes from the comparison itself."""
    (scenario,) = (each for each in SCENARIOS if (each.name, each.engine) == ("life_with_tags", engine))
    outcome = side_by_side([make_lane(name, scenario, ("sqitch",)) for name in ("one", "two")])
    assert (outcome.complaints, outcome.differences) == ([], 0)
