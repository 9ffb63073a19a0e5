"""Changes taken out of a plan, and renamed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import SqitchpyError
from sqitchpy.model import Change, Dependency, Person, Plan
from sqitchpy.plan import parse_plan, render, resolve_requirement
from sqitchpy.plan.editing import Wish, add_change, add_tag, rework_change
from sqitchpy.plan.revising import displaced, remove_change, rename_change, without

ANN = Person("Ann Ex", "ann@example.com")
BY = "2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
HEAD = "%syntax-version=1.0.0\n%project=flipr\n\n"


def plan_of(body: str) -> Plan:
    return parse_plan(HEAD + body, "sqitch.plan")


def body_of(plan: Plan) -> str:
    assert plan.text.startswith(HEAD)
    return plan.text.removeprefix(HEAD)


def refused(call: object, *arguments: object) -> tuple[str, str | None]:
    with pytest.raises(SqitchpyError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.message, caught.value.hint


# -- removing ------------------------------------------------------------------------------------------------------


def test_the_line_of_a_change_goes_and_all_other_lines_stay() -> None:
    plan = plan_of(f"# One.\na {BY}  # A\n  +  b  {BY}\n\n# Three.\n\n\nc [a !x] {BY} # C\n# The end.\n\n")
    assert body_of(remove_change(plan, "b")[0]) == (
        f"# One.\na {BY}  # A\n\n# Three.\n\n\nc [a !x] {BY} # C\n# The end.\n\n"
    )


def test_its_tags_stay_where_they_stand_and_so_come_to_the_change_before() -> None:
    plan, change = remove_change(plan_of(f"a {BY}\n@v1 {BY}\nb {BY}\n@v2 {BY} # Two\nc [a@v2] {BY}\n"), "b")
    assert body_of(plan) == f"a {BY}\n@v1 {BY}\n@v2 {BY} # Two\nc [a@v2] {BY}\n"
    assert change.name == "b"
    assert [str(tag) for tag in plan.by_name["a"][0].tags] == ["@v1", "@v2"]


REWORKED = f"a {BY}\n@v1 {BY}\nb {BY}\na [a@v1] {BY}\n@v2 {BY}\na [a@v2] {BY}\n"


@pytest.mark.parametrize(("spec", "line"), [("a@HEAD", f"a [a@v2] {BY}\n"), ("b", f"b {BY}\n")])
def test_a_change_is_named_as_elsewhere(spec: str, line: str) -> None:
    assert body_of(remove_change(plan_of(REWORKED), spec)[0]) == REWORKED.replace(line, "")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("a@v1", 'Cannot remove "a": sqitch.plan:7: change "a" requires "a@v1"'),
        ("a@v2", 'Cannot remove "a": sqitch.plan:9: change "a" requires "a@v2"'),
        ("nope", 'Unknown change: "nope"'),
        ("b@v9", 'Unknown tag "@v9"'),
        (
            "a",
            'Change "a" is ambiguous. Please specify a tag-qualified change:\n  * a@HEAD\n  * a@v2\n  * a@v1\n'
            "Change lookup failed",
        ),
    ],
)
def test_what_is_required_or_not_there_cannot_be_removed(spec: str, told: str) -> None:
    assert refused(remove_change, plan_of(REWORKED), spec)[0] == told


def test_a_requirement_of_the_tag_alone_counts() -> None:
    plan = plan_of(f"a {BY}\nb {BY}\n@v1 {BY}\nc [@v1] {BY}\n")
    assert refused(remove_change, plan, "b")[0] == 'Cannot remove "b": sqitch.plan:7: change "c" requires "@v1"'


def test_a_conflict_with_a_change_does_not_keep_it() -> None:
    assert body_of(remove_change(plan_of(f"a {BY}\nb [!a] {BY}\n"), "a")[0]) == f"b [!a] {BY}\n"


def test_the_first_change_keeps_its_tag() -> None:
    told, hint = refused(remove_change, plan_of(f"a {BY}\n@v1 {BY}\nb {BY}\n"), "a")
    assert told == 'Cannot remove "a": it is the first change, and sqitch.plan:5 tags it @v1'
    assert hint is not None


def test_changes_at_the_end_go_with_their_tags_and_the_gaps_before_them() -> None:
    plan = plan_of(f"a {BY}\n@v1 {BY}\n\nb {BY}\n@v2 {BY}\n@v2.1 {BY}\n\nc {BY}\n# Why.\n")
    assert body_of(without(plan, plan.changes[1:], tags=True)) == f"a {BY}\n@v1 {BY}\n\n\n# Why.\n"
    plan = plan_of(f"a {BY}\n@v1 {BY}\n\nb {BY}\n@v2 {BY}\n@v2.1 {BY}\n\nc {BY}\n")
    assert body_of(without(plan, plan.changes[1:], tags=True)) == f"a {BY}\n@v1 {BY}\n"
    assert body_of(without(plan, plan.changes, tags=True)) == ""


def test_only_the_ids_from_the_removed_line_on_are_displaced() -> None:
    plan = plan_of(f"a {BY}\nb {BY}\nc {BY}\n")
    assert [change.name for change in displaced(plan, remove_change(plan, "b")[0])] == ["b", "c"]


# -- renaming ------------------------------------------------------------------------------------------------------


def test_a_change_is_renamed_in_all_its_lines_and_in_what_others_require_and_conflict_with() -> None:
    plan = plan_of(
        f"b [!a] {BY}\n+ a  [b other:a]  {BY}  # About a.\n@v1 {BY}\n# a\nc [flipr:a b !a@v1 !other:a] {BY}\n"
        f"a [a@v1] {BY}\nab [@v1] {BY} # a\n"
    )
    assert body_of(rename_change(plan, "a", "people/new")) == (
        f"b [!people/new] {BY}\n+ people/new  [b other:a] {BY}  # About a.\n@v1 {BY}\n# a\n"
        f"c [people/new b !people/new@v1 !other:a] {BY}\npeople/new [people/new@v1] {BY}\nab [@v1] {BY} # a\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("nope", "x", 'Unknown change: "nope"'),
        ("a@v1", "x", 'Unknown change: "a@v1"'),
        ("a", "b", 'Cannot rename "a": sqitch.plan:6 has a change "b" already'),
        ("a", "a", 'Cannot rename "a": sqitch.plan:4 has a change "a" already'),
        ("a", "HEAD", '"HEAD" is a reserved name'),
    ],
)
def test_what_cannot_be_renamed_is_refused(old: str, new: str, told: str) -> None:
    assert refused(rename_change, plan_of(REWORKED), old, new)[0] == told


def test_renaming_displaces_a_change_that_conflicted_with_the_old_name_before() -> None:
    plan = plan_of(f"x {BY}\nb [!a] {BY}\na {BY}\n")
    assert [change.name for change in displaced(plan, rename_change(plan, "a", "c"))] == ["b", "a"]


# -- properties ----------------------------------------------------------------------------------------------------


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans with requirements, tags, comments, odd blanks and reworks, all of them valid."""
    lines: list[str] = []
    planned: list[str] = []
    tags = 0
    reworked: list[str] = []
    fresh: set[str] = set()
    for number in range(draw(st.integers(1, 8))):
        lines += draw(st.lists(st.sampled_from(["", "   ", "# A comment.", "\t# [x]"]), max_size=2))
        rework = (
            draw(st.sampled_from(sorted(set(planned) - fresh)))
            if set(planned) - fresh and draw(st.booleans())
            else None
        )
        name = rework or f"c{number}"
        required = draw(st.lists(st.sampled_from(planned), max_size=2, unique=True)) if planned else []
        wanted = [*(each for each in required if each != name), *draw(st.sampled_from([[], ["!gone"], ["other:c0"]]))]
        listed = f"[{' '.join(wanted)}] " if wanted else ""
        blank = draw(st.sampled_from([" ", "  "]))
        lines.append(
            f"{draw(st.sampled_from(['', '  ', '+']))}{name}{blank}{listed}{BY}{draw(st.sampled_from(['', ' # c0']))}"
        )
        planned.append(name)
        fresh.add(name)
        if rework:
            reworked.append(name)
        if draw(st.booleans()):
            lines.append(f"@t{tags} {BY}")
            tags += 1
            fresh = set()
    return plan_of("".join(f"{line}\n" for line in lines))


def facts(plan: Plan) -> list[tuple[str, Sequence[Dependency], Sequence[Dependency], str, str]]:
    return [(each.name, each.requires, each.conflicts, each.note, each.operator) for each in plan.changes]


def comments(plan: Plan) -> list[str]:
    return [line for line in plan.text.splitlines() if line.lstrip().startswith("#")]


def is_needed(plan: Plan, change: Change) -> bool:
    """Whether something in the plan keeps a change from being removed."""
    required = any(resolve_requirement(plan, wanted) == change for other in plan.changes for wanted in other.requires)
    return required or (change.position == 0 and bool(change.tags))


@given(plans(), st.data())
def test_a_plan_without_a_change_is_the_plan_without_it(plan: Plan, data: st.DataObject) -> None:
    change = data.draw(st.sampled_from(plan.changes))
    if is_needed(plan, change):
        assert refused(remove_change, plan, change.id)[0].startswith(f'Cannot remove "{change.name}": ')
        return
    after, removed = remove_change(plan, change.id)
    assert removed == change
    assert facts(after) == [fact for index, fact in enumerate(facts(plan)) if index != change.position]
    assert list(after.by_tag) == list(plan.by_tag)
    assert comments(after) == comments(plan)
    assert [each.id for each in after.changes[: change.position]] == [
        each.id for each in plan.changes[: change.position]
    ]


@given(plans(), st.data())
def test_a_renamed_change_keeps_everything_else_and_back_again_it_is_as_it_was(plan: Plan, data: st.DataObject) -> None:
    old = data.draw(st.sampled_from(sorted(plan.by_name)))
    after = rename_change(plan, old, "brand/new")
    assert [each.name for each in after.changes] == [
        "brand/new" if each.name == old else each.name for each in plan.changes
    ]
    assert old not in after.by_name
    assert [(each.note, each.planner, each.line, each.tags and str(each.tags[0])) for each in after.changes] == [
        (each.note, each.planner, each.line, each.tags and str(each.tags[0])) for each in plan.changes
    ]
    assert rename_change(after, "brand/new", old).text == render(plan)


@given(plans())
def test_what_add_has_appended_remove_takes_away_again(plan: Plan) -> None:
    added = add_change(plan, Wish("new", ANN, "2024-05-06T07:08:09Z", "A note."))
    assert remove_change(added, "new")[0].text == render(plan)


def test_what_rework_has_appended_remove_takes_away_again() -> None:
    plan = add_tag(plan_of(REWORKED), Wish("v3", ANN, "2024-05-06T07:08:09Z"))
    reworked = rework_change(plan, Wish("b", ANN, "2024-05-06T07:08:09Z", "Again."))
    assert remove_change(reworked, "b@HEAD")[0].text == plan.text
