"""The oracle of these tests finds what is wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.torture.oracle import Known, Part, Seen, disagreements
from tests.torture.plans import index, whole

PLAN = [
    whole("a", "table a"),
    Known(
        "b",
        (index(1, "i"), Part(3, ("table b",))),
        (index(1, "i"), Part(2, ("table b",))),
    ),
]
A, B = {"table a"}, {"index i", "table b"}
BOTH = ["deploy a", "deploy b"]


def seen(recorded: str, history: list[str], sights: set[str], **progress: dict[int, str]) -> Seen:
    """``deploy={…}`` and ``revert={…}`` are the progress of b."""
    rows = {("b", action): states for action, states in progress.items()}
    return Seen(frozenset(recorded), rows, history, Counter(sights))


@pytest.mark.parametrize(
    "agreeing",
    [
        seen("", [], set()),
        seen("a", ["deploy a"], A),
        seen("ab", BOTH, A | B),
        seen("a", ["deploy a"], A, deploy={1: "started"}),
        seen("a", ["deploy a"], A | {"invalid i"}, deploy={1: "started"}),
        seen("a", ["deploy a"], A | {"index i"}, deploy={1: "started"}),
        seen("a", ["deploy a"], A | {"index i"}, deploy={1: "done"}),
        seen("a", ["deploy a", "fail b"], A | B, deploy={1: "done", 3: "done"}),
        seen("ab", BOTH, A | B, revert={1: "started"}),
        seen("ab", BOTH, A | {"invalid i", "table b"}, revert={1: "started"}),
        seen("ab", BOTH, A | {"table b"}, revert={1: "done"}),
        seen("a", [*BOTH, "revert b"], A),
    ],
)
def test_what_agrees_is_found_to_agree(agreeing: Seen) -> None:
    assert disagreements(PLAN, agreeing) == []


@pytest.mark.parametrize(
    "lie",
    [
        seen("", [], A),
        seen("a", ["deploy a"], set()),
        seen("b", ["deploy b"], B),
        seen("a", ["deploy a"], A | {"index i"}),
        seen("a", ["deploy a"], A | {"invalid i"}),
        seen("a", ["deploy a"], A, deploy={1: "done"}),
        seen("a", ["deploy a"], A | B, deploy={1: "started"}),
        seen("ab", BOTH, A | {"table b"}),
        seen("ab", BOTH, A | {"table b", "invalid i"}),
        seen("ab", BOTH, A | B, revert={1: "done"}),
        seen("ab", BOTH, A | B, deploy={1: "done", 3: "done"}),
        seen("a", ["deploy a"], A, revert={1: "started"}),
        seen("a", ["deploy a", "deploy a"], A),
        seen("a", [], A),
        seen("a", BOTH, A),
        seen("a", ["deploy a"], A | {"table c"}),
    ],
)
def test_what_contradicts_itself_is_found(lie: Seen) -> None:
    assert len(disagreements(PLAN, lie)) >= 1


def test_what_is_there_twice_is_found() -> None:
    twice = Seen(frozenset("a"), {}, ["deploy a"], Counter({"table a": 2}))
    assert disagreements(PLAN, twice) == ["a is recorded, progress {}: table a is there 2 times, expected 1 to 1"]
