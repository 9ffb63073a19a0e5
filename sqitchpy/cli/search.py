"""Which changes of a plan ``sqitchpy plan`` shows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqitchpy.cli.listing import pattern
from sqitchpy.errors import SqitchpyError
from sqitchpy.model import Change

Test = Callable[[Change], bool]


class PlanSearch(NamedTuple):
    """What to show. None of the patterns: everything."""

    event: str | None = None
    change: str | None = None
    planner: str | None = None
    limit: int | None = None
    offset: int | None = None
    reverse: bool = False


def search(changes: Sequence[Change], wanted: PlanSearch) -> Iterator[Change]:
    """The changes that are wanted, in the order wanted.

    Two oddities of Sqitch's are kept, for its output is parsed: offset and limit choose a window of the plan *before*
    the filters look at it, and a change is shown that *any* filter lets through. A limit of 0 is none.

    Raises:
        SqitchpyError: an unknown event, or a pattern that is no regular expression.
    """
    tests = list(_tests(wanted))
    ordered = changes[::-1] if wanted.reverse else changes
    start = max(0, wanted.offset or 0)
    end = max(start, start + wanted.limit) if wanted.limit else len(ordered)
    return (change for change in ordered[start:end] if not tests or any(test(change) for test in tests))


def _tests(wanted: PlanSearch) -> Iterator[Test]:
    if wanted.planner:
        planner = pattern(wanted.planner)
        yield lambda change: planner.search(change.planner.name) is not None
    if wanted.change:
        name = pattern(wanted.change)
        yield lambda change: name.search(change.name) is not None
    if wanted.event:
        event = wanted.event.lower()
        if event not in ("deploy", "revert"):
            raise SqitchpyError(f'Unknown change operation "{event}"', hint="Use deploy or revert.")
        yield lambda change: (change.operator == "-") == (event == "revert")
