"""How the faults of a plan are told: Sqitch's words first, verbatim, then everything else that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqitchpy.errors import PlanError, PlanFault

SHOWN = 20
"""How many faults the message shows; ``PlanError.faults`` has all of them."""

_NAMES_MUST_NOT = (
    'must not begin with punctuation, contain "@", ":", "#", "\\", "[", "]", or blanks, '
    "or end in punctuation or digits following punctuation"
)
NO_PLANNER = "Missing planner name and email"
INVALID_NAME = f"Invalid name; names {_NAMES_MUST_NOT}"
INVALID_PROJECT = f'invalid project name "{{}}": project names {_NAMES_MUST_NOT}'
INVALID_PRAGMA = "Invalid pragma; a blank line must come between pragmas and changes"


class SyntaxFault(Exception):
    """A line that cannot be read; the words are Sqitch's, without file and line."""


class DependencyFaults(NamedTuple):
    """What is wrong with the dependencies of one section; ``cycles`` among it, which Sqitch does not tell."""

    end: int
    faults: list[PlanFault]
    cycles: list[PlanFault]
    sortable: bool
    """Whether it is only out of order: everything that is required is there."""


def plan_error(
    file: str, syntax: Sequence[PlanFault], dependency: Sequence[DependencyFaults] = (), hint: str | None = None
) -> PlanError:
    """Put all faults into one error.

    Sqitch stops at its first fault: a section's dependencies are checked when its tag is met, so they come before the
    syntax of later lines. Sections after a syntax fault are not reported, for want of the faulty line's change.
    """
    first = min((fault.line for fault in syntax), default=1 << 62)
    blocks = [block for block in dependency if not syntax or block.end < first]
    told = [line for block in blocks for line in _dependency_lines(block)]
    told += [(fault, _syntax_line(file, fault)) for fault in syntax]
    faults = [fault for fault, _ in told if fault]
    return PlanError("\n".join(_capped(told)), file=file, faults=faults, hint=hint)


def _dependency_lines(block: DependencyFaults) -> Iterator[tuple[PlanFault | None, str]]:
    """One section in Sqitch's layout: a heading, then the faults, indented."""
    yield None, "Dependency errors detected:" if len(block.faults) > 1 else "Dependency error detected:"
    for fault in (*block.faults, *block.cycles):
        yield fault, f"  {fault.message}"


def _syntax_line(file: str, fault: PlanFault) -> str:
    if not fault.line:
        return fault.message
    return f"Syntax error in {file} at line {fault.line}: {fault.message}"


def _capped(told: Sequence[tuple[PlanFault | None, str]]) -> Iterator[str]:
    left = SHOWN
    for fault, line in told:
        if fault and not left:
            break
        left -= fault is not None
        yield line
    more = sum(fault is not None for fault, _ in told) - SHOWN
    if more > 0:
        yield f"… and {more:,} more"
