"""Errors and notices of the server as text, in psql's layout.

psql writes ``psql:FILE:LINE: ERROR:  message``, then the line of the statement with a caret, DETAIL, HINT and CONTEXT;
we write the same, so that people and editors that know the one can read the other, and add the SQLSTATE.
"""

from __future__ import annotations

from sqitchpy.errors import Diagnostics

WIDTH = 60
"""libpq shows this many characters of a long line around the error."""


def render(diagnostics: Diagnostics) -> str:
    """The text of an error or notice, without a final newline."""
    first = f"psql:{diagnostics.file}:{diagnostics.line}: {diagnostics.severity}:  {diagnostics.message}"
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
    left, right = "", ""
    if len(line) > WIDTH:
        first = max(0, min(column - WIDTH // 2, len(line) - WIDTH))
        left = "..." if first else ""
        right = "..." if first + WIDTH < len(line) else ""
        line, column = line[first : first + WIDTH], column - first
    label = f"LINE {number}: "
    return [f"{label}{left}{line}{right}", " " * (len(label) + len(left) + column) + "^"]
