"""New lines in a plan: adding, reworking and tagging changes, and taking a piece out. Pure: a plan in, a plan out.

As Sqitch does it, the whole file is written anew (see ``sqitchpy.plan.writer``) with a line more. The result is parsed
before it is handed back, so that no plan that cannot be read is ever written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqitchpy.errors import PlanError, SqitchpyError, UnknownChangeError
from sqitchpy.model import Change, Dependency, Person, Plan, Tag
from sqitchpy.plan.grammar import BLANKS, is_name, is_reserved, is_sha1_like, parse_dependency, patterns_for, read_note
from sqitchpy.plan.header import read_header, split_lines
from sqitchpy.plan.parser import parse_plan
from sqitchpy.plan.refs import find_in_plan
from sqitchpy.plan.writer import format_change_line, format_tag_line, render

_MUST_NOT = 'must not begin with punctuation, contain "@", ":", "#", {}"\\", "[", "]", or blanks, '
_NOR_END = "or end in punctuation or digits following punctuation"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be planned. ``at`` is a timestamp as plans have it; the dependencies are as typed, without ``!``."""

    name: str
    planner: Person
    at: str
    note: str = ""
    requires: Sequence[str] = ()
    conflicts: Sequence[str] = ()


def note_of(texts: Iterable[str]) -> str:
    """The note that several ``--note`` make: joined by empty lines, trimmed, with ``\\n`` in them unescaped."""
    return read_note("\n\n".join(texts))


def check_change_name(name: str) -> None:
    """Raise SqitchpyError for a name that no new change can have."""
    _check_name(name)
    if not is_name(name) or name == "0":  # Sqitch plans a change 0, and then cannot read the plan
        raise SqitchpyError(f'"{name}" is invalid: changes {_MUST_NOT.format("")}{_NOR_END}')


def check_tag_name(name: str) -> None:
    """Raise SqitchpyError for a name that no new tag can have."""
    _check_name(name)
    if not is_name(name) or name == "0" or "/" in name:
        raise SqitchpyError(f'"{name}" is invalid: tags {_MUST_NOT.format(chr(34) + "/" + chr(34) + ", ")}{_NOR_END}')


def add_change(plan: Plan, wish: Wish) -> Plan:
    """Append a change. It is the last of the plan that is returned.

    Raises:
        SqitchpyError: a name that cannot be, a change that is there, a requirement that is not (Sqitch's words).
    """
    check_change_name(wish.name)
    if wish.name in plan.by_name:
        there = f'Change "{wish.name}" already exists in plan {plan.file}.'
        raise SqitchpyError(f'{there}\nUse "sqitch rework" to copy and rework it')
    requires, conflicts = _dependencies(plan, wish, "add")
    tagged = bool(plan.changes) and bool(plan.changes[-1].tags)
    gap = "\n" if tagged or _header_is_open(plan) else ""
    return _appended(plan, wish, requires, conflicts, gap, "add")


def rework_change(plan: Plan, wish: Wish) -> Plan:
    """Append another instance of a change, which requires the one before it as of the latest tag.

    Raises:
        SqitchpyError: no such change, no tag since it was planned, a requirement that is not there (Sqitch's words).
    """
    before = find_in_plan(plan, f"{wish.name}@HEAD")
    if before is None or wish.name not in plan.by_name:
        absent = f'Change "{wish.name}" does not exist in {plan.file}.'
        raise SqitchpyError(f'{absent}\nUse "sqitch add {wish.name}" to add it to the plan')
    tag = latest_tag(plan)
    if tag is None or plan.by_tag[tag.name].position < before.position:
        untagged = f'Cannot rework "{wish.name}" without an intervening tag.'
        raise SqitchpyError(f'{untagged}\nUse "sqitch tag" to create a tag and try again')
    own = Dependency(False, None, wish.name, tag.name)
    requires, conflicts = _dependencies(plan, wish, "rework")
    return _appended(plan, wish, [own, *(each for each in requires if each != own)], conflicts, "", "rework")


def add_tag(plan: Plan, wish: Wish, change: str | None = None) -> Plan:
    """Tag a change, or the last one. ``wish.name`` may begin with an ``@``.

    Raises:
        SqitchpyError: a name that cannot be, a tag that is there, a change that is not (Sqitch's words).
    """
    name = wish.name.removeprefix("@")
    if name in plan.by_tag:
        raise SqitchpyError(f'Tag "@{name}" already exists')
    found = find_in_plan(plan, change) if change else plan.changes[-1] if plan.changes else None
    if found is None:
        absent = f'Unknown change: "{change}"' if change else f'Cannot apply tag "@{name}" to a plan with no changes'
        raise SqitchpyError(absent)
    base = _rendered(plan)
    lines = split_lines(base.text)
    place = base.changes[found.position].line + len(found.tags)
    lines.insert(place, format_tag_line(name, wish.at, wish.planner, wish.note))
    return _parsed(lines, plan.file)


def latest_tag(plan: Plan) -> Tag | None:
    """The first tag of the last change that has any: what a rework refers to, and what its old files are named by."""
    return next((change.tags[0] for change in reversed(plan.changes) if change.tags), None)


def excerpt(plan: Plan, first: str | None, last: str | None) -> str:
    """The header and the lines of the changes from ``first`` to ``last``, as ``bundle`` writes them.

    Without ``first`` from the beginning, without ``last`` to the end of the file. Of a reworked name the first instance
    is meant, as in Sqitch.

    Raises:
        SqitchpyError: there is no such change.
    """
    base = _rendered(plan)
    lines = split_lines(base.text)
    head = next((number for number, line in enumerate(lines, 1) if _is_empty(line)), len(lines))
    start = head if first is None else _planned(base, first).line - 1
    end = len(lines)
    if last is not None:
        change = _planned(base, last)
        end = change.tags[-1].line if change.tags else change.line
    return "".join(f"{line}\n" for line in (*lines[:head], *lines[start:end]))


def _check_name(name: str) -> None:
    if is_reserved(name):
        raise SqitchpyError(f'"{name}" is a reserved name')
    if is_sha1_like(name):
        raise SqitchpyError(f'"{name}" is invalid because it could be confused with a SHA1 ID')


def _dependencies(plan: Plan, wish: Wish, action: str) -> tuple[list[Dependency], list[Dependency]]:
    """What was typed, read and checked; what comes twice comes once. Conflicts need not be there, as in Sqitch."""
    requires = list(dict.fromkeys(_requirement(text, plan.project) for text in wish.requires))
    conflicts = list(dict.fromkeys(_dependency(f"!{text}", text, plan.project) for text in wish.conflicts))
    for required in requires:
        if required.project is None and not _is_planned(plan, required):
            raise _unknown(wish, action, required)
    return requires, conflicts


def _requirement(text: str, project: str) -> Dependency:
    return _dependency(text, text, project)._replace(conflict=False)  # Sqitch does not mind a ! here


def _dependency(text: str, typed: str, project: str) -> Dependency:
    if text in ("", "!"):
        raise SqitchpyError('Depend object must have either "change", "tag", or "id" defined')
    found = parse_dependency(text, project)
    if found is None:
        raise SqitchpyError(f'"{typed}" is not a valid dependency specification')
    return found


def _is_planned(plan: Plan, required: Dependency) -> bool:
    """Whether a requirement is in the plan. Raises UnknownChangeError for a planned change as of an unknown tag."""
    if required.change is None:
        return required.tag in plan.by_tag
    if required.change in plan.by_name and required.tag not in (None, "HEAD", "ROOT", *plan.by_tag):
        raise UnknownChangeError(f'Unknown tag "@{required.tag}"')
    return required.change in plan.by_name


def _unknown(wish: Wish, action: str, required: Dependency) -> SqitchpyError:
    return SqitchpyError(f'Cannot {action} change "{wish.name}": requires unknown change "{required.key}"')


def _appended(
    plan: Plan,
    wish: Wish,
    requires: Sequence[Dependency],
    conflicts: Sequence[Dependency],
    gap: str,
    action: str,
) -> Plan:
    line = format_change_line(wish.name, wish.at, wish.planner, wish.note, requires, conflicts)
    text = f"{render(plan)}{gap}{line}\n"
    try:
        return parse_plan(text, plan.file)
    except PlanError as error:
        # x@HEAD, or x as of a tag that a later instance of x hides: Sqitch plans it and cannot read the plan any more.
        for required in reversed(requires):
            if f'Unknown change "{required.key}"' in error.message:
                raise _unknown(wish, action, required) from error
        raise


def _header_is_open(plan: Plan) -> bool:
    """Whether the plan has nothing but pragmas, and no blank line after them yet."""
    lines = split_lines(plan.text)
    return read_header(lines, plan.file).length == len(lines) and not _is_empty(lines[-1])


def _rendered(plan: Plan) -> Plan:
    """The plan as it is written anew: its line numbers are those of the new text."""
    return parse_plan(render(plan), plan.file)


def _parsed(lines: Iterable[str], file: str) -> Plan:
    return parse_plan("".join(f"{line}\n" for line in lines), file)


def _planned(plan: Plan, spec: str) -> Change:
    found = next(_candidates(plan, spec), None)
    if found is None:
        raise SqitchpyError(f"Cannot find change {spec}")
    return found


def _candidates(plan: Plan, spec: str) -> Iterator[Change]:
    if spec in plan.by_name:
        yield plan.by_name[spec][0]
    elif found := find_in_plan(plan, spec):
        yield found


def _is_empty(line: str) -> bool:
    comment = patterns_for(line).comment.match(line)
    return bool(comment) and not line.strip(BLANKS + "#")
