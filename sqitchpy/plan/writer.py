"""From a ``Plan`` back to text: Sqitch's own way to rewrite a plan file, and the one place where a line is written.

Sqitch keeps the blanks of indentation, around an operator, after a name and before a ``#``; it normalises those between
dependencies, timestamp and planner, writes requirements before conflicts, and ends every line with a line feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from sqitchpy.model import Change, Dependency, Person, Plan, Tag
from sqitchpy.plan.grammar import BLANKS, patterns_for, read_note, write_note
from sqitchpy.plan.header import SYNTAX_VERSION, read_header, split_lines


def render(plan: Plan) -> str:
    """Rewrite a plan in canonical syntax: the identity for one that Sqitch wrote.

    Changes that were out of order come in deployment order, each with the comment lines directly above it; dialect
    lines become Sqitch's. The ids stay.
    """
    lines = split_lines(plan.text)
    header = read_header(lines, plan.file)
    written = [_header_line(line) for line in lines[: header.length]]
    if "syntax-version" not in header.pragmas:
        written.insert(0, f"%syntax-version={SYNTAX_VERSION}")
    body = _body_lines(plan, lines, header.length)
    written += _sorted_lines(plan, body, header.length) if plan.moved else body
    return "".join(f"{line}\n" for line in written)


def format_change_line(
    name: str,
    planned_at: str,
    planner: Person,
    note: str = "",
    requires: Iterable[Dependency] = (),
    conflicts: Iterable[Dependency] = (),
    *,
    lead: str = "",
    space: str = " ",
    gap: str | None = None,
) -> str:
    """Write a change line, without its line end.

    ``lead`` is what comes before the name (indentation, operator), ``space`` the blanks after it, ``gap`` those before
    the note's ``#``; the defaults are what Sqitch writes for a new line.
    """
    listed = " ".join(dependency.plan_text for dependency in (*requires, *conflicts))
    dependencies = f"[{listed}] " if listed else ""
    return f"{lead}{name}{space}{dependencies}{planned_at} {planner}{_format_note(note, gap)}"


def format_tag_line(
    name: str, planned_at: str, planner: Person, note: str = "", *, lead: str = "", gap: str | None = None
) -> str:
    """Write a tag line, without its line end. ``name`` has no ``@``."""
    return f"{lead}@{name} {planned_at} {planner}{_format_note(note, gap)}"


def _format_note(note: str, gap: str | None) -> str:
    if gap is None:
        gap = " " if note else ""
    return f"{gap}# {write_note(note)}" if note else gap


def _header_line(line: str) -> str:
    pragma = patterns_for(line).pragma.match(line)
    if not pragma:
        return _comment_line(line)
    indentation, space, name, before, after, value, gap, note = pragma.groups()
    if name == "syntax-version":
        before, after, value = before or "", after or "", SYNTAX_VERSION
    assignment = "" if value is None else f"{before}={after}{value}"
    return f"{indentation}%{space}{name}{assignment}{_format_note(read_note(note or ''), gap)}"


def _comment_line(line: str) -> str:
    comment = patterns_for(line).comment.match(line)
    if not comment:
        return line
    note = read_note(comment[2] or "")
    return f"{comment[1]}# {write_note(note)}" if note else comment[1]


def _body_lines(plan: Plan, lines: Sequence[str], start: int) -> list[str]:
    changes = {change.line: change for change in plan.changes}
    tags = {tag.line: tag for change in plan.changes for tag in change.tags}
    body = []
    for number, line in enumerate(lines[start:], start + 1):
        if number in changes:
            body.append(rewritten_line(changes[number], line))
        elif number in tags:
            body.append(_tag_line(tags[number], line))
        else:
            body.append(_comment_line(line))
    return body


def rewritten_line(change: Change, line: str) -> str:
    """Write a change in the place of a line, with its blanks before the name, after it and before the ``#``."""
    parts = (change.name, change.planned_at, change.planner, change.note, change.requires, change.conflicts)
    found = patterns_for(line).line.match(line)
    if not found:
        return format_change_line(*parts, lead=change.operator)
    lead = found[1] + (found[3] or "") + (found[4] or "")
    return format_change_line(*parts, lead=lead, space=found[6] or " ", gap=found[12])


def _tag_line(tag: Tag, line: str) -> str:
    parts = (tag.name, tag.planned_at, tag.planner, tag.note)
    found = patterns_for(line).line.match(line)
    return format_tag_line(*parts, lead=found[1], gap=found[12]) if found else format_tag_line(*parts)


def _sorted_lines(plan: Plan, body: Sequence[str], start: int) -> Iterator[str]:
    """Put the changes into the places of change lines, in deployment order; all other lines stay where they are."""
    places = sorted(change.line - start - 1 for change in plan.changes)
    blocks = {place: _block_start(body, place) for place in places}
    filled = {blocks[place]: place for place in places}
    order = (change.line - start - 1 for change in plan.changes)
    position = 0
    while position < len(body):
        if position in filled:
            moved = next(order)
            yield from body[blocks[moved] : moved + 1]
            position = filled[position] + 1
        else:
            yield body[position]
            position += 1


def _block_start(body: Sequence[str], place: int) -> int:
    """Where the comment lines directly above a line begin."""
    above = (index for index in count(place - 1, -1) if index < 0 or not body[index].lstrip(BLANKS).startswith("#"))
    return next(above) + 1
