"""From the text of a plan file to a ``Plan``."""

from __future__ import annotations

from collections.abc import Sequence

from sqitchpy.errors import PlanFault
from sqitchpy.model import Plan
from sqitchpy.plan.body import read_body
from sqitchpy.plan.check import arrange
from sqitchpy.plan.faults import plan_error
from sqitchpy.plan.header import decode, read_header, split_lines
from sqitchpy.plan.ids import identify
from sqitchpy.plan.uri import legal_uri

_NOT_SORTED = "Changes that are out of order are sorted, but none is moved across a tag or a rework, nor in a cycle."


def parse_plan(source: bytes | str, file: str) -> Plan:
    """Parse a plan, check its dependencies and compute its ids, as Sqitch does.

    ``file`` is the name that messages show. Beyond what Sqitch reads, this accepts changes before what they require,
    as their sorted form (``Plan.moved`` names those that had to wait), and lines with a quoted note (see
    ``sqitchpy.plan.dialect``).

    Raises:
        PlanError: the plan cannot be read. ``faults`` holds everything that is wrong with it, not just the first.
    """
    text = decode(source, file)
    lines = split_lines(text)
    header = read_header(lines, file)
    body = read_body(lines, header)
    arranged = arrange(body.sections, file)
    syntax = header.faults + body.faults or (_nul_faults(lines) if "\0" in text else [])
    if syntax:
        raise plan_error(file, syntax, arranged.faults, body.hint)
    if arranged.faults:
        hint = _NOT_SORTED if any(fault.sortable for fault in arranged.faults) else None
        raise plan_error(file, (), arranged.faults, hint)
    uri = legal_uri(header.uri) if header.uri not in (None, "0") else None
    changes = identify(header.project, uri, arranged.sections)
    return Plan(file, header.project, uri, header.pragmas, changes, text, arranged.moved)


def _nul_faults(lines: Sequence[str]) -> list[PlanFault]:
    """Sqitch reads NUL characters; no database and no file system can keep them."""
    return [PlanFault(number, "NUL character") for number, line in enumerate(lines, 1) if "\0" in line]
