r"""The quoted dialect: ``name timestamp "note" [dependencies]``.

Many hand-written plans look so. A line is read as dialect when it is no plan line of Sqitch's and has a quoted note
right after its timestamp:

- In the quotes ``\"`` is a quote; ``\n``, ``\r`` and ``\\`` are as in Sqitch's notes; a ``#`` is an ordinary character.
- There is no planner. It is what the ``%planner=Name <email>`` pragma says, else the constant ``unknown
  <unknown@localhost>``: never the user's, for the planner is part of the id and everybody must get the same.
- ``[main]`` on a line is the trunk, no dependency, unless some change of the plan is called ``main``.
- Tags are ``@tag timestamp "note"``.

``render`` turns such lines into Sqitch's own syntax; the ids stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqitchpy.model import Dependency, Person
from sqitchpy.plan.drafts import ChangeDraft, Section
from sqitchpy.plan.grammar import NAME, TIME, B, read_note

NOBODY = Person("unknown", "unknown@localhost")
TRUNK = Dependency(False, None, "main", None)

_DIALECT_LINE = rf"""(?x)
    [{B}]*+ (?: (@) | ([+-]) [{B}]*+ )?      # 1 tag, 2 operator
    ({NAME}) [{B}]++            # 3 name
    ({TIME}) [{B}]++                          # 4 timestamp
    " ( (?: [^"\\]++ | \\. |(?!))*+ ) "             # 5 note
    (?: [{B}]*+ \[ ([^\]\#]*+) \] )?          # 6 dependencies
    [{B}]*+ \Z
"""
"""Compiled when the first line that is not Sqitch's is met: most plans hold none."""
_PLANNER = rf"([^<{B}][^<]*+)(?<=[{B}])<([^>]++)>"


class DialectLine(NamedTuple):
    """The parts of a line in the dialect, as written; the note is read."""

    tag: bool
    operator: str
    name: str
    planned_at: str
    note: str
    dependencies: str | None


def match_dialect(line: str) -> DialectLine | None:
    """Take a line apart; ``None`` when it is not in the dialect."""
    found = re.match(_DIALECT_LINE, line)
    if not found:
        return None
    tag, operator, name, planned_at, note, dependencies = found.groups()
    return DialectLine(bool(tag), operator or "", name, planned_at, _unquote(note), dependencies or None)


def _unquote(note: str) -> str:
    r"""``\"`` is the dialect's own escape; a backslash before it may itself be escaped."""
    return read_note(re.sub(r"\\(.)", lambda found: '"' if found[1] == '"' else found[0], note))


def dialect_planner(pragmas: Mapping[str, str]) -> Person | None:
    """Who planned the lines that do not say it; ``None`` when the ``%planner`` pragma is no ``Name <email>``."""
    if "planner" not in pragmas:
        return NOBODY
    found = re.fullmatch(_PLANNER, pragmas["planner"])
    return Person(found[1].rstrip(), found[2]) if found else None


def without_trunk(sections: Sequence[Section]) -> list[Section]:
    """Drop ``[main]`` from the dialect's lines, unless a change bears that name."""
    if any(change.name == TRUNK.change for section in sections for change in section.changes):
        return list(sections)
    return [Section([_off_trunk(change) for change in section.changes], section.tags) for section in sections]


def _off_trunk(change: ChangeDraft) -> ChangeDraft:
    if not change.dialect or TRUNK not in change.requires:
        return change
    return change._replace(requires=tuple(required for required in change.requires if required != TRUNK))
