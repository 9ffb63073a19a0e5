"""A plan's text and its header: bytes to lines, lines to pragmas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqitchpy.errors import PlanError, PlanFault
from sqitchpy.plan.faults import INVALID_PRAGMA, INVALID_PROJECT
from sqitchpy.plan.grammar import BLANKS, is_name, patterns_for, read_note

SYNTAX_VERSION = "1.0.0"


class Header(NamedTuple):
    """The pragmas, and how many lines the header has, the blank line that ends it included."""

    pragmas: dict[str, str]
    project: str
    uri: str | None
    length: int
    planner_line: int
    faults: list[PlanFault]


def decode(source: bytes | str, file: str) -> str:
    """Decode a plan file, strictly.

    Raises:
        PlanError: it is not UTF-8; with Sqitch's words, the place, and what to do.
    """
    try:
        if isinstance(source, bytes):
            return source.decode("utf-8")
        source.encode("utf-8")  # ids are hashed from UTF-8: lone surrogates must not get further than this
    except UnicodeDecodeError as error:
        octets = " ".join(f"{octet:02X}" for octet in error.object[error.start : error.end])
        raise _undecodable(f"octet sequence <{octets}>", error.object[: error.start], file)
    except UnicodeEncodeError as error:
        before = error.object[: error.start].encode("utf-8")
        raise _undecodable(f"code point U+{ord(error.object[error.start]):04X}", before, file)
    return source


def _undecodable(what: str, before: bytes, file: str) -> PlanError:
    line = before.count(b"\n") + 1
    column = len(before) - before.rfind(b"\n")
    fault = PlanFault(line, f"Can't decode ill-formed UTF-8 {what} in {file} at line {line}, byte {column}")
    hint = f"Plans are UTF-8. If {file} is Latin-1: iconv -f latin1 -t utf-8 {file} > {file}.utf8"
    return PlanError(fault.message, file=file, faults=(fault,), hint=hint)


def split_lines(text: str) -> list[str]:
    """Cut at line feeds alone, and drop the carriage return before each. A last line may lack its line feed."""
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines[:-1]] + lines[-1:]
    if not lines[-1]:
        lines.pop()
    return lines


def read_header(lines: Sequence[str], file: str) -> Header:
    """Read the pragmas: everything down to the first line that is blank, or that is neither pragma nor comment."""
    pragmas: dict[str, str] = {}
    faults: list[PlanFault] = []
    planner_line = 0
    number = 0
    for number, line in enumerate(lines, 1):
        comment = patterns_for(line).comment.match(line)
        if comment and _ends_header(comment[2]):
            break
        if comment:
            continue
        pragma = patterns_for(line).pragma.match(line)
        if pragma:
            pragmas[pragma[3]] = _value(pragma[3], pragma[6])
            faults += _project_faults(number, pragma[3], pragma[6])
            planner_line = number if pragma[3] == "planner" else planner_line
            continue
        faults.append(PlanFault(number, INVALID_PRAGMA))
        if not line.lstrip(BLANKS).startswith("%"):
            break
    project = pragmas.get("project", "")
    if project in ("", "0"):
        faults.append(PlanFault(0, f"Missing %project pragma in {file}"))
    return Header(pragmas, project, pragmas.get("uri"), number, planner_line, faults)


def _ends_header(note: str | None) -> bool:
    """A comment without words, or with a mere ``0``, ends the header too: a quirk of Sqitch's."""
    return note is None or read_note(note) in ("", "0")


def _value(name: str, value: str | None) -> str:
    """Sqitch ignores what ``%syntax-version`` says, and gives a pragma without value the value 1."""
    if name == "syntax-version":
        return SYNTAX_VERSION
    return "1" if value is None else value


def _project_faults(number: int, name: str, value: str | None) -> list[PlanFault]:
    if name != "project" or is_name(value or ""):
        return []
    return [PlanFault(number, INVALID_PROJECT.format(value or ""))]
