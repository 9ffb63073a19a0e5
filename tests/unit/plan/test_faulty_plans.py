"""Plans in tests/plans, each named after its flaw, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.errors import PlanError
from sqitchpy.plan import parse_plan

PLANS = Path(__file__).parent.parent.parent / "plans"
INVALID_NAME = (
    'Invalid name; names must not begin with punctuation, contain "@", ":", "#", "\\", "[", "]", or blanks, '
    "or end in punctuation or digits following punctuation"
)
SYNTAX = "Syntax error in f.plan at line"

MESSAGES = {
    "bare-sha1-dependency": f'{SYNTAX} 5: "0123456789abcdef0123456789abcdef01234567" is not a valid dependency '
    "specification",
    "blank-after-bracket": f'{SYNTAX} 5: "" is not a valid dependency specification',
    "cycles": "Dependency errors detected:\n"
    '  Change "a" planned 1 change before required change "b"\n    HINT: move "a" down 1 line in f.plan\n'
    '  Change "b" planned 1 change before required change "c"\n    HINT: move "b" down 1 line in f.plan\n'
    '  Change "d" planned 1 change before required change "e"\n    HINT: move "d" down 1 line in f.plan\n'
    "  Dependency cycle: a → b → c → a\n"
    "  Dependency cycle: d → e → d",
    "dependency-fault-before-syntax-fault": "Dependency error detected:\n"
    '  Unknown change "x" required by change "a"\n'
    f"{SYNTAX} 6: {INVALID_NAME}",
    "dialect-unclosed-quote": f"{SYNTAX} 4: {INVALID_NAME}",
    "dialect-unreadable-planner": f'{SYNTAX} 2: The %planner pragma is no "Name <email>": "Ann"',
    "empty": "Missing %project pragma in f.plan",
    "faults-in-two-sections": "Dependency error detected:\n"
    '  Unknown change "x" required by change "a"\n'
    "Dependency errors detected:\n"
    '  Unknown change "y" required by change "b"\n'
    '  Unknown change "z" required by change "b"\n'
    "Dependency error detected:\n"
    '  Change "c" cannot require itself',
    "impossible-date": f'{SYNTAX} 4: Invalid timestamp "2023-02-29T03:04:05Z"',
    "latin-1": "Can't decode ill-formed UTF-8 octet sequence <E9> in f.plan at line 4, byte 6",
    "leap-second-that-never-was": f'{SYNTAX} 4: Invalid timestamp "2024-06-30T23:59:60Z"',
    "nul": f"{SYNTAX} 4: NUL character",
    "out-of-order-across-a-rework": "Dependency error detected:\n"
    '  Change "view" planned 2 changes before required change "table"\n'
    '    HINT: move "view" down 2 lines in f.plan',
    "out-of-order-across-a-tag": "Dependency error detected:\n"
    '  Change "view" planned 1 change before required change "table"\n'
    '    HINT: move "view" down 1 line in f.plan',
    "pragma-without-blank-line": f"{SYNTAX} 2: Invalid pragma; a blank line must come between pragmas and changes\n"
    f'{SYNTAX} 3: Tag "v1" declared without a preceding change',
    "required-at-a-tag-before-its-rework": 'Dependency error detected:\n  Unknown change "a@v1" required by change "b"',
    "several-syntax-faults": f'{SYNTAX} 5: Change "users" duplicates earlier declaration on line 4\n'
    f'{SYNTAX} 6: "HEAD" is a reserved name\n'
    f'{SYNTAX} 7: "users," is not a valid dependency specification\n'
    f"{SYNTAX} 8: Missing planner name and email\n"
    f'{SYNTAX} 9: Tag "v/1x" contains illegal character /',
}


def error_of(name: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        parse_plan((PLANS / f"{name}.plan").read_bytes(), "f.plan")
    return caught.value


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_says_all_that_is_wrong_and_begins_with_sqitchs_words(name: str) -> None:
    assert str(error_of(name)) == MESSAGES[name]


def test_every_plan_with_a_flaw_is_tested() -> None:
    flaws = {path.stem for path in PLANS.glob("*.plan") if not path.stem.startswith("accepted-")}
    assert flaws == {*MESSAGES, "many-faults"}


def test_a_long_list_of_faults_is_cut_in_the_message_and_whole_in_the_error() -> None:
    error = error_of("many-faults")
    lines = str(error).split("\n")
    assert len(lines) == 21
    assert lines[19] == f"{SYNTAX} 23: {INVALID_NAME}"
    assert lines[20] == "… and 5 more"
    assert [fault.line for fault in error.faults] == list(range(4, 29))


def test_faults_carry_their_lines() -> None:
    faults = [(fault.line, fault.message) for fault in error_of("dependency-fault-before-syntax-fault").faults]
    assert faults == [(4, 'Unknown change "x" required by change "a"'), (6, INVALID_NAME)]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("latin-1", "Plans are UTF-8. If f.plan is Latin-1: iconv -f latin1 -t utf-8 f.plan > f.plan.utf8"),
        ("dialect-unclosed-quote", 'a line with a quoted note reads: name timestamp "note" [dependencies]'),
        (
            "out-of-order-across-a-tag",
            "Changes that are out of order are sorted, but none is moved across a tag or a rework, nor in a cycle.",
        ),
        ("faults-in-two-sections", None),
        ("impossible-date", None),
    ],
)
def test_the_hint_says_what_to_do_where_there_is_something_to_do(name: str, hint: str | None) -> None:
    assert error_of(name).hint == hint
