"""Why a line is no plan line, in Sqitch's words.

Sqitch matches every line against one expression whose parts are nearly all optional, and judges by the parts that
matched. This finds the same verdict without its backtracking, in one pass over the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqitchpy.plan.faults import INVALID_NAME
from sqitchpy.plan.grammar import BLANKS, PUNCTUATION, TIME, B, P, is_word

NO_PLANNER = "Missing planner name and email"
NO_TIME = "Missing timestamp"
NEITHER = "Missing timestamp and planner name and email"

_START = re.compile(rf"[{B}]*+(?:@|[+-][{B}]*+)?(?![{P}])")
_RUN = re.compile(rf"(?:(?![~/=%^\[\]]\d+(?:\Z|[{B}]))[^{B}:@#\\])*+")
_DEPENDENCIES = re.compile(rf"[{B}]*+\[[^\]]++\][{B}]*+")
_BLANKS = re.compile(rf"[{B}]*+")
_TIME = re.compile(TIME)


def diagnose(line: str) -> str:
    """Say what Sqitch says of a line that ``LINE`` does not match."""
    body = line.partition("#")[0].rstrip(BLANKS)
    time = _TIME.search(body)
    if time:
        return NO_PLANNER if time.end() == len(body) and _reaches(body, time.start()) else INVALID_NAME
    if body.endswith(">"):
        return NO_TIME if _has_planner(body) else INVALID_NAME
    return NEITHER if _reaches(body, len(body)) else INVALID_NAME


def _name_ends(body: str) -> Iterator[int]:
    """Where the name may end, the longest first: after a word character that is followed by none."""
    start = _START.match(body)
    if not start:
        return
    run = _RUN.match(body, start.end())
    for end in range(run.end() if run else 0, start.end(), -1):
        last, after = body[end - 1], body[end : end + 1]
        if (
            last not in PUNCTUATION
            and is_word(last) != bool(after and is_word(after))
            and body[start.end() : end] != "0"
        ):
            yield end


def _reaches(body: str, goal: int) -> bool:
    """Whether a name, and perhaps dependencies, take up everything before ``goal``."""
    for end in _name_ends(body):
        dependencies = _DEPENDENCIES.match(body, end) if body[end : end + 1] in ("[", *BLANKS) else None
        if dependencies and dependencies.end() == goal:
            return True
        blanks = _BLANKS.match(body, end)
        if blanks and blanks.end() == goal and (goal == len(body) or blanks.end() > end):
            return True
    return False


def _has_planner(body: str) -> bool:
    """Whether ``planner <email>`` can be had after a name; the planner may hold anything but ``<``."""
    ends = list(_name_ends(body))
    if not ends:
        return False
    listed = _DEPENDENCIES.match(body, ends[0])
    if listed and _email(body, listed.end()) - 1 > listed.end():
        return True
    last_possible = _email(body, ends[0]) - 1
    first_possible = body.rfind("<", 0, ends[0])
    return any(first_possible < end < last_possible for end in ends)


def _email(body: str, start: int) -> int:
    """Where the email that ends the line begins, or -1."""
    email = body.find("<", start)
    is_email = email > 0 and body[email - 1] in BLANKS and body.find(">", email + 1) == len(body) - 1 > email + 1
    return email if is_email else -1
