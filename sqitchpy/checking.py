"""Check: were the deploy scripts edited since they were deployed?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqitchpy.files import digests, script_hash
from sqitchpy.model import Change
from sqitchpy.report import CheckReport
from sqitchpy.script.source import Source
from sqitchpy.verification import Range


def check(
    destination: str, wanted: Range, planned: Sequence[Change], source: Callable[[Change], Source]
) -> CheckReport:
    """Compare each deployed change's script hash with the script of the planned change at the same place.

    As in Sqitch the first difference ends it, and a script that does not exist equals a hash that is not recorded.
    """
    for offset, row in enumerate(wanted.rows):
        position = wanted.first + offset
        change = planned[position] if position < len(planned) else None
        found = script_hash(source(change)) if change is not None else None
        if (row.script_hash or "") != (found or ""):
            ends = digests(source(change)).line_ends(row.script_hash) if change is not None else None
            return CheckReport(destination, offset + 1, row.label, row.script_hash, found, line_ends=ends)
    return CheckReport(destination, len(wanted.rows))
