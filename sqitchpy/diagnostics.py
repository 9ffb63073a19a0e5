"""Errors and notices of the server as text, in psql's layout.

psql writes ``psql:FILE:LINE: ERROR:  message``, then the line of the statement with a caret, DETAIL, HINT and CONTEXT;
we write the same, so that people and editors that know the one can read the other, and add the SQLSTATE.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from itertools import accumulate

from sqitchpy.errors import Diagnostics

WIDTH = 60
"""libpq shows this many columns of a long line around the error …"""
RIGHT_MARGIN = 10
"""… and no more than this many after it, when there is text to the left to be shown."""


def render(diagnostics: Diagnostics) -> str:
    """The text of an error or notice, without a final newline. What fails at the final COMMIT has no line (0)."""
    if diagnostics.shown is not None:
        return diagnostics.shown
    place = f"{diagnostics.file}:{diagnostics.line}" if diagnostics.line else diagnostics.file
    first = f"psql:{place}: {diagnostics.severity}:  {diagnostics.message}"
    lines = [first]
    if diagnostics.statement and diagnostics.position:
        lines += _excerpt(diagnostics.statement, diagnostics.position)
    for label, value in (("DETAIL", diagnostics.detail), ("HINT", diagnostics.hint), ("CONTEXT", diagnostics.context)):
        if value:
            lines.append(f"{label}:  {value}")
    if diagnostics.severity in ("ERROR", "FATAL", "PANIC") and diagnostics.sqlstate:
        lines.append(f"SQLSTATE: {diagnostics.sqlstate}")
    return "\n".join(lines)


def _excerpt(statement: str, position: int) -> list[str]:
    before = statement[: position - 1]
    number = before.count("\n") + 1
    start = before.rfind("\n") + 1
    end = statement.find("\n", start)
    line = statement[start : end if end >= 0 else None].replace("\t", " ").rstrip("\r")
    column = len(before) - start
    beginning = max(0, column - 4 * WIDTH)  # a line may be megabytes long
    piece, column = line[beginning : column + 4 * WIDTH], column - beginning
    first, last = _window(piece, column)
    left = "..." if beginning + first else ""
    right = "..." if beginning + last < len(line) else ""
    label = f"LINE {number}: "
    indentation = len(label) + len(left) + sum(map(_columns, piece[first:column]))
    return [f"{label}{left}{piece[first:last]}{right}", " " * indentation + "^"]


def _window(line: str, column: int) -> tuple[int, int]:
    """The part of a line to show: cut at the right if ``column`` stays in sight, else around it, as libpq cuts."""
    reach = [0, *accumulate(map(_columns, line))]
    first, last = 0, len(line)
    if reach[last] <= WIDTH:
        return first, last
    if reach[column] + RIGHT_MARGIN <= WIDTH:
        return first, bisect_right(reach, WIDTH) - 1
    while reach[column] + RIGHT_MARGIN < reach[last]:
        last -= 1
    while reach[last] - reach[first] > WIDTH:
        first += 1
    return first, last


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
