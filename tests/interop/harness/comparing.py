"""Two observations of one step, compared; and what is known to differ. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from .observing import Observation
from .scenario import Differs, Field


@dataclass(frozen=True)
class Difference:
    """Lines that only one of the two has."""

    field: Field
    sqitch: str
    sqitchpy: str

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.field}:",
                *(f"  sqitch   | {line}" for line in self.sqitch.splitlines()),
                *(f"  sqitchpy | {line}" for line in self.sqitchpy.splitlines()),
            ]
        )


def compare(sqitch: Observation, other: Observation) -> Iterator[Difference]:
    """Every field that differs."""
    for field in get_args(Field):
        one, two = getattr(sqitch, field), getattr(other, field)
        if field == "files":
            one = _EMPTY_DATABASE.sub("", one)
        found = _compare_stderr(one, two) if field == "stderr" else _compare_lines(field, one, two)
        if found.sqitch or found.sqitchpy:
            yield found


def _compare_lines(field: Field, sqitch: str, other: str) -> Difference:
    if sqitch == other:
        return Difference(field, "", "")
    one, two = sqitch.split("\n"), other.split("\n")
    changes = [
        code for code in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes() if code[0] != "equal"
    ]
    gone = [line for _, start, end, _, _ in changes for line in one[start:end]]
    come = [line for _, _, _, start, end in changes for line in two[start:end]]
    if not any(gone) and not any(come):
        gone = ["(a blank line)"]
    return Difference(field, "\n".join(gone), "\n".join(come))


def _compare_stderr(sqitch: str, other: str) -> Difference:
    """Sqitch's lines have to be there, in order, and the first of them first; what sqitchpy adds comes after it.

    Where Sqitch says nothing, sqitchpy says nothing.
    """
    one, two = _lines(sqitch), _lines(other)
    gone: list[str] = []
    come: list[str] = []
    for code, start, end, begin, stop in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if code in ("delete", "replace") or (code == "insert" and start == 0):
            gone += one[start:end]
            come += two[begin:stop]
    return Difference("stderr", "\n".join(gone), "\n".join(come))


STANDING = {
    "Perl's warnings": re.compile(r".* at /\S+\.pm line \d+\.$"),
    "Exit status of the client": re.compile(r'"(psql|sqlite3|mysql)" unexpectedly returned exit value \d+$'),
}
"""Lines that Sqitch writes to stderr and sqitchpy never does, by their row in docs/compatibility.md."""

STANDING_END = {
    "Usage": re.compile(r"Usage:|Name$"),
    "Stack traces": re.compile(r"Trace begun at"),
}
"""Lines with which something begins, to the end of stderr, that is not compared; likewise."""


EMPTY_DATABASE = "An SQLite database that is only looked for"
"""The row of what Sqitch leaves behind: a file of no bytes, as this line shows it."""
_EMPTY_DATABASE = re.compile(r"\S+\.db da39a3ee5e6b4b0d3255bfef95601890afd80709\n?")


def _lines(text: str) -> list[str]:
    """The lines that say something, without what always differs."""
    lines = []
    for line in text.split("\n"):
        if any(pattern.match(line) for pattern in STANDING_END.values()):
            break
        if line.strip() and not any(pattern.match(line) for pattern in STANDING.values()):
            lines.append(line)
    return lines


def unexplained(found: Sequence[Difference], known: Sequence[Differs]) -> list[str]:
    """Complaints: differences that are not known, and known ones that are not there."""
    complaints = []
    for field in get_args(Field):
        expected = [item for item in known if item.field == field]
        seen = [str(item) for item in found if item.field == field]
        wanted = Difference(
            field, _joined(item.sqitch for item in expected), _joined(item.sqitchpy for item in expected)
        )
        if expected and seen != [str(wanted)]:
            complaints.append(f"the known difference is\n{wanted}\nand seen was\n{''.join(seen) or '  nothing'}")
        elif not expected:
            complaints += seen
    return complaints


def _joined(texts: Iterator[str]) -> str:
    return "\n".join(text.strip("\n") for text in texts if text)
