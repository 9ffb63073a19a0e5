"""Lines with a quoted note: name timestamp "note" [dependencies]."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.errors import PlanError
from sqitchpy.model import Change, Person, Plan
from sqitchpy.plan import parse_plan, render

PLANS = Path(__file__).parent.parent.parent / "plans"
WHEN = "2024-01-15T10:00:00Z"


def plan_of(*lines: str, pragmas: str = "") -> Plan:
    return parse_plan(f"%project=p\n{pragmas}\n" + "".join(f"{line}\n" for line in lines), "f")


def only(plan: Plan) -> Change:
    (change,) = plan.changes
    return change


def test_the_guides_plan_reads_and_renders_with_the_same_ids() -> None:
    plan = parse_plan((PLANS / "accepted-dialect.plan").read_bytes(), "sqitch.plan")
    nobody = "unknown <unknown@localhost>"
    assert render(plan) == (
        "%syntax-version=1.0.0\n%project=myapp\n%uri=https://github.com/myorg/myapp\n\n"
        f"users 2024-01-15T10:00:00Z {nobody} # Create users table\n"
        f"user_profiles [users] 2024-01-15T10:30:00Z {nobody} # Add user profiles\n"
        f"geospatial [user_profiles] 2024-01-15T11:00:00Z {nobody} # Add geospatial support\n"
        f"telemetry [users geospatial] 2024-01-15T11:30:00Z {nobody} # Add telemetry table\n"
    )
    ids = [change.id for change in plan.changes]
    assert ids == [change.id for change in parse_plan(render(plan), "sqitch.plan").changes]
    # What `sqitch plan --format 'format:%H'` prints for the rendered plan.
    assert ids == [
        "35e463efd6cc05ebc92a9c9da33aa31362734a71",
        "b3e530dc1db8884bf267585c8b1ca8bacb764e05",
        "5ab44157bd3afaa4b71686acf52f46e10cbca46f",
        "243b832b12fe4ad57995709c415c647c96340812",
    ]


def test_the_planner_is_the_pragmas() -> None:
    change = only(plan_of(f'a {WHEN} "n"', pragmas="%planner=Ann Ex <ann@example.com>\n"))
    assert change.planner == Person("Ann Ex", "ann@example.com")


def test_a_planner_pragma_means_nothing_to_sqitchs_own_lines() -> None:
    assert only(plan_of(f"a {WHEN} Zoë <z>", pragmas="%planner=what?\n")).planner == Person("Zoë", "z")


@pytest.mark.parametrize(
    ("quoted", "note"),
    [
        ("plain", "plain"),
        ("  trimmed  ", "trimmed"),
        (r"say \"hi\"", 'say "hi"'),
        (r"two\nlines", "two\nlines"),
        (r"back\\slash \\\"", 'back\\slash \\"'),
        (r"a \tab stays", r"a \tab stays"),
        ("issue #7 [x]", "issue #7 [x]"),
        ("", ""),
    ],
)
def test_a_quoted_note_is_read_and_keeps_its_id_when_rendered(quoted: str, note: str) -> None:
    plan = plan_of(f'a {WHEN} "{quoted}"')
    assert only(plan).note == note
    assert only(parse_plan(render(plan), "f")).id == only(plan).id


def test_tags_have_quoted_notes_too() -> None:
    plan = plan_of(f'+ a {WHEN} "n"', f'@v1 {WHEN} "first"')
    assert (only(plan).label, only(plan).tags[0].note, only(plan).operator) == ("a @v1", "first", "+")
    assert render(plan).endswith(f"@v1 {WHEN} unknown <unknown@localhost> # first\n")


def test_main_is_the_trunk_only_in_dialect_lines() -> None:
    assert only(plan_of(f'a {WHEN} "n" [main]')).requires == ()
    with pytest.raises(PlanError, match='Unknown change "main" required by change "a"'):
        plan_of(f"a [main] {WHEN} Ann <a>")


def test_main_is_a_change_when_there_is_one() -> None:
    plan = plan_of(f'main {WHEN} "n"', f'a {WHEN} "n" [main]')
    assert [required.key for required in plan.changes[1].requires] == ["main"]


def test_a_conflict_with_main_is_a_conflict() -> None:
    assert [conflict.key for conflict in only(plan_of(f'a {WHEN} "n" [!main main]')).conflicts] == ["main"]


def test_both_kinds_of_line_may_stand_in_one_plan() -> None:
    plan = plan_of(f"a {WHEN} Ann <a> # one", f'b {WHEN} "two" [a]')
    assert [(change.name, change.note) for change in plan.changes] == [("a", "one"), ("b", "two")]


def test_a_planner_in_quotes_is_sqitchs_syntax() -> None:
    assert only(plan_of(f'a {WHEN} "Ann" <a> # n')).planner == Person('"Ann"', "a")


@pytest.mark.parametrize("line", [f'a {WHEN} "n" # more', f'a {WHEN} "n" [b] x', f'a "n" {WHEN}', f'a {WHEN} "n\\"'])
def test_what_is_neither_is_refused_in_sqitchs_words(line: str) -> None:
    with pytest.raises(PlanError, match=r"Syntax error in f at line 3: Invalid name; names must not") as caught:
        plan_of(line)
    assert caught.value.hint == 'a line with a quoted note reads: name timestamp "note" [dependencies]'


def test_a_dialect_line_is_checked_like_any_other() -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(f'HEAD {WHEN} "n"', 'a 2024-02-30T00:00:00Z "n"', f'@v1 {WHEN} "n" [x]')
    assert [fault.message for fault in caught.value.faults] == [
        '"HEAD" is a reserved name',
        'Invalid timestamp "2024-02-30T00:00:00Z"',
        "Tags may not specify dependencies",
    ]
