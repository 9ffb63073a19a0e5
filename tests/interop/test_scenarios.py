"""The same commands with Sqitch and with sqitchpy; and the two taking turns on one database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness.lanes import Lane, side_by_side
from .harness.scenario import Scenario, read_scenario, scenario_paths

SCENARIOS = [read_scenario(path) for path in scenario_paths()]
SQITCH_FIRST = ("sqitch", "sqitchpy")
SQITCHPY_FIRST = ("sqitchpy", "sqitch")

Record = Callable[[str, object], None]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_both_tools_answer_alike(scenario: Scenario, make_lane: Callable[..., Lane], record_property: Record) -> None:
    lanes = [make_lane("sqitch", scenario, ("sqitch",)), make_lane("sqitchpy", scenario, ("sqitchpy",))]
    if scenario.alternate:
        lanes += [
            make_lane("sqitch first", scenario, SQITCH_FIRST),
            make_lane("sqitchpy first", scenario, SQITCHPY_FIRST),
        ]
    outcome = side_by_side(lanes)
    record_property("scenarios", 1)
    record_property("steps", outcome.steps)
    record_property("differences", outcome.differences)
    if outcome.complaints:
        pytest.fail("\n".join((scenario.title, *outcome.complaints)), pytrace=False)
