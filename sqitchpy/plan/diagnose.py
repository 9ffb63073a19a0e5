"""Why a line is no plan line, in Sqitch's words.

Sqitch matches every line against one expression whose parts are nearly all optional, and judges by the parts that
matched. This finds the same verdict without its backtracking, in one pass over the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from sqitchpy.plan.faults import INVALID_NAME, NO_PLANNER
from sqitchpy.plan.grammar import BLANKS, PUNCTUATION, TIME, B, P, is_word

NO_TIME = "Missing timestamp"
NEITHER = "Missing timestamp and planner name and email"

_START = re.compile(rf"[{B}]*+(?:@|[+-][{B}]*+)?(?![{P}])")
_RUN = re.compile(rf"(?:(?![~/=%^\[\]]\d+(?:\Z|[{B}]))[^{B}:@#\\]|(?!))*+")
_DEPENDENCIES = re.compile(rf"[{B}]*+\[[^\]]++\][{B}]*+")
_TIME = re.compile(TIME)


def diagnose(line: str) -> str:
    """Say what Sqitch says of a line that ``Patterns.line`` does not match."""
    body = line.partition("#")[0].rstrip(BLANKS)
    time = _TIME.search(body)
    if time:
        return NO_PLANNER if time.end() == len(body) and _reaches(body, time.start()) else INVALID_NAME
    if body.endswith(">"):
        planner = _planner(body)
        return INVALID_NAME if planner is None else NEITHER if planner == "0" else NO_TIME
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
    end = len(body[:goal].rstrip(BLANKS))
    longest = next(_name_ends(body), 0)
    if 0 < longest == end and (end < goal or goal == len(body)):
        return True
    if not body.endswith("]", 0, end):
        return False
    opened = body.find("[", longest)  # after the longest name there may be blanks, after others not
    if 0 < longest < opened < end - 2 and not body[longest:opened].strip(BLANKS) and body.find("]", opened) == end - 1:
        return True
    closed = body.rfind("]", 0, end - 1)
    shorter = takewhile(lambda name_end: name_end > closed, _name_ends(body))
    return any(body[name_end] == "[" and name_end < end - 2 for name_end in shorter)


def _planner(body: str) -> str | None:
    """What would be the planner of ``planner <email>`` after a name; it may hold anything but ``<``."""
    longest = next(_name_ends(body), 0)
    if not longest:
        return None
    listed = _DEPENDENCIES.match(body, longest)
    if listed and _email(body, listed.end()) - 1 > listed.end():
        return body[listed.end() : _email(body, listed.end()) - 1]
    last_possible = _email(body, longest) - 1
    first_possible = body.rfind("<", 0, longest)
    if last_possible < 0:
        return None
    possible = takewhile(lambda end: end > first_possible, _name_ends(body))
    end = next((end for end in possible if end < last_possible), None)
    return None if end is None else body[end:last_possible].lstrip(BLANKS)


def _email(body: str, start: int) -> int:
    """Where the email that ends the line begins, or -1."""
    email = body.find("<", start)
    is_email = email > 0 and body[email - 1] in BLANKS and body.find(">", email + 1) == len(body) - 1 > email + 1
    return email if is_email else -1
