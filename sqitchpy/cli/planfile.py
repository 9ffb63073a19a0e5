"""``sqitchpy plan --rewrite``: the plan file in its canonical form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from sqitchpy.cli.console import Console
from sqitchpy.model import Plan
from sqitchpy.writing import write_files


def rewrite(console: Console, plan: Plan) -> int:
    """Write the plan in canonical form, the changes in the order in which they are deployed; say what has changed."""
    from sqitchpy.plan import parse_plan, render

    text = render(plan)
    if text == plan.text:
        console.info(f"{plan.file} is in canonical form; nothing to rewrite")
        console.document({"file": plan.file, "rewritten": False, "lines": 0, "moved": [], "error": None})
        return 0
    write_files(Path(), {plan.file: text.encode()})
    lines = changed_lines(plan.text, text)
    moves = list(_moves(plan, parse_plan(text, plan.file)))
    console.info(f"Rewrote {plan.file} ({lines} line{'' if lines == 1 else 's'} changed)")
    for name, old, new in moves:
        console.info(f"  * {name} moved from line {old} to line {new}")
    moved = [{"change": name, "from_line": old, "to_line": new} for name, old, new in moves]
    console.document({"file": plan.file, "rewritten": True, "lines": lines, "moved": moved, "error": None})
    return 0


def changed_lines(before: str, after: str) -> int:
    """How many lines of ``after`` are not in ``before``, at their place."""
    matcher = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    pairs = [(old, new) for kind, *span in matcher.get_opcodes() if kind != "equal" for old, new in [_lengths(span)]]
    return sum(max(old, new) for old, new in pairs)


def _lengths(span: list[int]) -> tuple[int, int]:
    return span[1] - span[0], span[3] - span[2]


def _moves(before: Plan, after: Plan) -> Iterator[tuple[str, int, int]]:
    """The changes that stood out of order: name, old line, new line."""
    for old, new in zip(before.changes, after.changes, strict=True):
        if old.name in before.moved:
            yield old.name, old.line, new.line
