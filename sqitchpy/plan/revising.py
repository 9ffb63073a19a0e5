"""Taking changes out of a plan, and renaming one. Pure: a plan in, a plan out.

As with new lines (``sqitchpy.plan.editing``) the whole file is written anew and parsed before it is handed back;
comments and blanks stay. The ids of the changes from the first edited line on are other ones then: ``displaced`` names
them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqitchpy.errors import SqitchpyError, UnknownChangeError
from sqitchpy.model import Change, Dependency, Plan
from sqitchpy.plan.editing import check_change_name
from sqitchpy.plan.grammar import BLANKS
from sqitchpy.plan.header import split_lines
from sqitchpy.plan.parser import parse_plan
from sqitchpy.plan.refs import find_in_plan, resolve_requirement
from sqitchpy.plan.writer import render, rewritten_line


def remove_change(plan: Plan, spec: str) -> tuple[Plan, Change]:
    """Take out the change that a reference names. Its tags stay where they are, and so belong to the change before.

    Returns the plan without it, and the change. What is refused is what would break the plan: that another change
    requires it, or that it is the first one and bears a tag.

    Raises:
        SqitchpyError: there is no such change, or it cannot be taken out.
    """
    change = _planned(plan, spec)
    for other in plan.changes:
        for required in other.requires:
            if resolve_requirement(plan, required) is change:
                raise SqitchpyError(
                    f'Cannot remove "{change.name}": {plan.file}:{other.line}: change "{other.name}" requires '
                    f'"{required.key}"',
                    hint=f'Nothing was changed. Remove "{other.name}" first, or take the requirement out of its line.',
                )
    if change.tags and change.position == 0:
        tag = change.tags[0]
        raise SqitchpyError(
            f'Cannot remove "{change.name}": it is the first change, and {plan.file}:{tag.line} tags it {tag}',
            hint="Nothing was changed. A tag needs a change that it stands behind: take its line out first.",
        )
    return without(plan, [change], tags=False), change


def without(plan: Plan, dropped: Collection[Change], *, tags: bool) -> Plan:
    """The plan without some changes; with ``tags`` also without the tags that they bear."""
    base = parse_plan(render(plan), plan.file)
    lines = split_lines(base.text)
    positions = {change.position for change in dropped}
    gone = {change.line for change in base.changes if change.position in positions}
    if tags:
        gone |= {tag.line for change in base.changes if change.position in positions for tag in change.tags}
    gone |= set(_gaps(lines, gone))
    return parse_plan("".join(f"{line}\n" for number, line in enumerate(lines, 1) if number not in gone), plan.file)


def _gaps(lines: Sequence[str], gone: Collection[int]) -> Iterator[int]:
    """At the end of the file, the empty lines that ``add`` has put between a tag and a change that goes."""
    end = len(lines)
    while end in gone:
        above = end - 1
        if above > 1 and not lines[above - 1].strip(BLANKS) and lines[above - 2].lstrip(BLANKS).startswith("@"):
            yield above
            above -= 1
        end = above


def rename_change(plan: Plan, old: str, new: str) -> Plan:
    """Give a change, all instances of it, another name: in its own lines and in what others require and conflict with.

    Raises:
        SqitchpyError: there is no such change, a name that cannot be, or one that is taken.
    """
    if old not in plan.by_name:
        raise _unknown(plan, old)
    check_change_name(new)
    if new in plan.by_name:
        line = plan.by_name[new][0].line
        raise SqitchpyError(
            f'Cannot rename "{old}": {plan.file}:{line} has a change "{new}" already', hint="Nothing was changed."
        )
    base = parse_plan(render(plan), plan.file)
    lines = split_lines(base.text)
    for change in base.changes:
        renamed = change._replace(
            name=new if change.name == old else change.name,
            requires=tuple(_renamed(change.requires, old, new)),
            conflicts=tuple(_renamed(change.conflicts, old, new)),
        )
        if renamed != change:
            lines[change.line - 1] = rewritten_line(renamed, lines[change.line - 1])
    return parse_plan("".join(f"{line}\n" for line in lines), plan.file)


def displaced(before: Plan, after: Plan) -> tuple[Change, ...]:
    """The changes of a plan whose ids another one does not have: none of them may be deployed anywhere."""
    return tuple(change for change in before.changes if change.id not in after.by_id)


def _renamed(dependencies: Sequence[Dependency], old: str, new: str) -> Iterator[Dependency]:
    for each in dependencies:
        yield each._replace(change=new) if each.project is None and each.change == old else each


def _planned(plan: Plan, spec: str) -> Change:
    found = find_in_plan(plan, spec)
    if found is None:
        raise _unknown(plan, spec)
    return found


def _unknown(plan: Plan, spec: str) -> UnknownChangeError:
    hint = f"“sqitchpy plan” lists the changes of {plan.file}."
    if "@" in spec and spec.partition("@")[0] in plan.by_name:
        hint = "A change is renamed with all its instances: give its name alone."
    return UnknownChangeError(f'Unknown change: "{spec}"', hint=hint)
