"""Dependencies between the lines of a plan: what is missing, and the order of a section that is out of order.

A section is the run of changes up to and including the one that a tag line closes. Sqitch takes lines in the order of
the file and refuses a change that stands before what it requires. We sort such a section, if that moves no change
across a tag or a rework: then the sorted lines are a plan that Sqitch accepts and that means the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from sqitchpy.errors import PlanFault
from sqitchpy.model import Dependency
from sqitchpy.plan.drafts import ChangeDraft, Section
from sqitchpy.plan.faults import DependencyFaults

Unmet = list[tuple[ChangeDraft, list[str]]]

_NAMES_IN_A_CYCLE = 12


class Arranged(NamedTuple):
    """Sections in dependency order, the names that had to move down, and what cannot be helped."""

    sections: list[Section]
    moved: tuple[str, ...]
    faults: list[DependencyFaults]


def arrange(sections: Iterable[Section], file: str) -> Arranged:
    """Check the requirements of each section, and sort those that are out of order."""
    seen: dict[str, int] = {}  # lines of names and of @tags in closed sections; of a reworked name, the latest
    arranged: list[Section] = []
    moved: list[str] = []
    faults: list[DependencyFaults] = []
    for section in sections:
        unmet = _unmet(section.changes, seen)
        if unmet:
            sortable = _is_sortable(section, unmet)
            order, cycles = _order(section, seen) if sortable else (None, [])
            if order:
                delayed = _delayed(order)
                moved += [section.changes[position].name for position in order if position in delayed]
                section = Section([section.changes[position] for position in order], section.tags)
            else:
                told = list(_sqitch_faults(section.changes, unmet, file))
                faults.append(DependencyFaults(section.end, told, cycles, sortable))
        arranged.append(section)
        seen |= {change.name: change.line for change in section.changes}
        seen.update((f"@{tag.name}", tag.line) for tag in section.tags)
    return Arranged(arranged, tuple(moved), faults)


def _unmet(changes: Sequence[ChangeDraft], seen: dict[str, int]) -> Unmet:
    """Find the requirements that no earlier line meets. Conflicts are not looked at, nor other projects."""
    here: set[str] = set()
    unmet: Unmet = []
    for change in changes:
        if change.requires:
            missing = [
                required.key
                for required in change.requires
                if (required[2] not in here or required[3]) and not _is_met(required, seen, here)  # most are met here
            ]
            if missing:
                unmet.append((change, missing))
        here.add(change.name)
    return unmet


def _is_met(required: Dependency, seen: dict[str, int], here: set[str]) -> bool:
    project, name, tag = required[1:4]
    if project:
        return True
    if name is None:
        return f"@{tag}" in seen  # an id of the own project is never met
    if tag is None:
        return name in here or name in seen
    # Sqitch compares with the LATEST line of a reworked name, so x@v1 is unknown once x was reworked and tagged again.
    return name in seen and seen[name] < seen.get(f"@{tag}", 0)


def _is_sortable(section: Section, unmet: Unmet) -> bool:
    """Whether all that is missing stands further down in the section."""
    names = {change.name for change in section.changes}
    return all(key in names and key != change.name for change, missing in unmet for key in missing)


def _order(section: Section, seen: dict[str, int]) -> tuple[list[int] | None, list[PlanFault]]:
    """Sort the positions of a section; ``None``, and the cycles, when that is not possible."""
    position = {change.name: index for index, change in enumerate(section.changes)}
    from sqitchpy.plan import graph  # networkx takes long to import, and most plans are in order

    edges = [
        (position[required.change], index)
        for index, change in enumerate(section.changes)
        for required in change.requires
        if required.change in position and _is_local_name(required) and required.change not in seen
    ]
    order = graph.sorted_positions(len(section.changes), edges)
    if order is None:
        return None, [_cycle(section, cycle) for cycle in graph.cycles(edges)]
    fixed = [index for index, change in enumerate(section.changes) if change.name in seen]
    if section.tags:
        fixed.append(len(section.changes) - 1)
    return (order, []) if _keeps(order, fixed) else (None, [])


def _is_local_name(required: Dependency) -> bool:
    return required.project is None and required.tag is None


def _keeps(order: Sequence[int], fixed: Iterable[int]) -> bool:
    """Whether nothing crosses the fixed positions: those of reworks, and of the change that a tag closes."""
    highest = list(accumulate(order, max))
    return all(order[index] == index and highest[index] == index for index in fixed)


def _delayed(order: Sequence[int]) -> set[int]:
    """The positions that come later than something that stood below them; the others only close ranks."""
    return {position for position, highest in zip(order, accumulate(order, max), strict=True) if position < highest}


def _cycle(section: Section, cycle: Sequence[int]) -> PlanFault:
    names = [section.changes[position].name for position in (*cycle, cycle[0])]
    if len(names) > _NAMES_IN_A_CYCLE:
        names[_NAMES_IN_A_CYCLE - 2 : -1] = [f"({len(names) - _NAMES_IN_A_CYCLE + 1} more)"]
    return PlanFault(section.changes[cycle[0]].line, f"Dependency cycle: {' → '.join(names)}")


def _sqitch_faults(changes: Sequence[ChangeDraft], unmet: Unmet, file: str) -> Iterator[PlanFault]:
    """Tell a section's faults in Sqitch's words; the last of each change says how far to move it down."""
    position = {change.name: index for index, change in enumerate(changes)}
    for change, missing in unmet:
        distances = [position.get(key, -1) - position[change.name] for key in missing]
        told = [_sqitch_fault(change.name, key, by) for key, by in zip(missing, distances, strict=True)]
        furthest = max(distances)
        if furthest > 0:
            told[-1] += f'\n    HINT: move "{change.name}" down {_count(furthest, "line")} in {file}'
        yield from (PlanFault(change.line, message) for message in told)


def _sqitch_fault(change: str, required: str, distance: int) -> str:
    if change == required:
        return f'Change "{change}" cannot require itself'
    if distance > 0:
        return f'Change "{change}" planned {_count(distance, "change")} before required change "{required}"'
    return f'Unknown change "{required}" required by change "{change}"'


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
