"""New lines in a plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import SqitchpyError
from sqitchpy.model import Person
from sqitchpy.plan import parse_plan
from sqitchpy.plan.editing import Wish, add_change, add_tag, excerpt, note_of, rework_change

ANN = Person("Ann Ex", "ann@example.com")
AT = "2024-05-06T07:08:09Z"
BY = "2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
NEW = f"{AT} {ANN}"
PLAN = f"""%syntax-version=1.0.0
%project=flipr

users {BY} # People.
@v1 {BY} # One.

# About items.
items [users] {BY}
"""


def wish(name: str, note: str = "A note.", requires: tuple[str, ...] = (), conflicts: tuple[str, ...] = ()) -> Wish:
    return Wish(name, ANN, AT, note, requires, conflicts)


def test_a_change_is_appended() -> None:
    plan = add_change(
        parse_plan(PLAN, "sqitch.plan"), wish("orders", requires=("users@v1", "!items"), conflicts=("x:a",))
    )
    assert plan.text == f"{PLAN}orders [users@v1 items !x:a] {NEW} # A note.\n"
    assert plan.changes[-1].name == "orders"


def test_after_a_tag_an_empty_line_comes_first() -> None:
    tagged = add_tag(parse_plan(PLAN, "sqitch.plan"), wish("v2"))
    assert add_change(tagged, wish("orders", note="")).text == f"{PLAN}@v2 {NEW} # A note.\n\norders {NEW}\n"


def test_a_header_without_an_end_is_ended() -> None:
    plan = parse_plan("%syntax-version=1.0.0\n%project=flipr", "sqitch.plan")
    assert add_change(plan, wish("a")).text == f"%syntax-version=1.0.0\n%project=flipr\n\na {NEW} # A note.\n"


def test_a_requirement_that_is_named_twice_comes_once() -> None:
    plan = add_change(parse_plan(PLAN, "sqitch.plan"), wish("a", requires=("users", "flipr:users", "users")))
    assert f"\na [users] {NEW}" in plan.text


@pytest.mark.parametrize(
    ("name", "requires", "told"),
    [
        ("users", (), 'Change "users" already exists in plan sqitch.plan.\nUse "sqitch rework" to copy and rework it'),
        ("HEAD", (), '"HEAD" is a reserved name'),
        ("0" * 40, (), f'"{"0" * 40}" is invalid because it could be confused with a SHA1 ID'),
        ("a", ("b",), 'Cannot add change "a": requires unknown change "b"'),
        ("a", ("a",), 'Cannot add change "a": requires unknown change "a"'),
        ("a", ("users@v2",), 'Unknown tag "@v2"'),
        ("a", ("@v2",), 'Cannot add change "a": requires unknown change "@v2"'),
        ("a", ("users@HEAD",), 'Cannot add change "a": requires unknown change "users@HEAD"'),
        ("a", ("items@v1",), 'Cannot add change "a": requires unknown change "items@v1"'),
        ("a", ("HEAD",), 'Cannot add change "a": requires unknown change "HEAD"'),
        ("a", ("b c",), '"b c" is not a valid dependency specification'),
    ],
)
def test_what_cannot_be_planned_is_refused_in_sqitchs_words(name: str, requires: tuple[str, ...], told: str) -> None:
    with pytest.raises(SqitchpyError) as caught:
        add_change(parse_plan(PLAN, "sqitch.plan"), wish(name, requires=requires))
    assert caught.value.message == told


@pytest.mark.parametrize("name", ["0", "a b", "a@b", "-a", "a~1", "", "a\n", "a#b"])
def test_a_name_that_no_plan_can_hold_is_refused(name: str) -> None:
    with pytest.raises(SqitchpyError, match=" is invalid: changes must not begin with punctuation, contain"):
        add_change(parse_plan(PLAN, "sqitch.plan"), wish(name))


def test_a_rework_requires_the_instance_before_it_as_of_the_latest_tag() -> None:
    plan = rework_change(parse_plan(PLAN, "sqitch.plan"), wish("users", requires=("users@v1", "items")))
    assert plan.text == f"{PLAN}users [users@v1 items] {NEW} # A note.\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nope", 'Change "nope" does not exist in sqitch.plan.\nUse "sqitch add nope" to add it to the plan'),
        ("items", 'Cannot rework "items" without an intervening tag.\nUse "sqitch tag" to create a tag and try again'),
    ],
)
def test_what_cannot_be_reworked_is_refused_in_sqitchs_words(name: str, told: str) -> None:
    with pytest.raises(SqitchpyError) as caught:
        rework_change(parse_plan(PLAN, "sqitch.plan"), wish(name))
    assert caught.value.message == told


def test_a_tag_of_an_earlier_change_stands_after_that_changes_tags() -> None:
    plan = parse_plan(PLAN, "sqitch.plan")
    tagged = add_tag(plan, wish("@v1.1", note=""), "users")
    assert f"@v1 {BY} # One.\n@v1.1 {NEW}\n\n# About items." in tagged.text
    assert [change.id for change in tagged.changes] == [change.id for change in plan.changes]


def test_an_excerpt_has_the_header_and_the_lines_between() -> None:
    plan = parse_plan(PLAN, "sqitch.plan")
    header = "%syntax-version=1.0.0\n%project=flipr\n\n"
    assert excerpt(plan, "users", "users") == f"{header}users {BY} # People.\n@v1 {BY} # One.\n"
    assert excerpt(plan, "items", None) == f"{header}items [users] {BY}\n"
    assert excerpt(plan, None, "@v1") == f"{header}users {BY} # People.\n@v1 {BY} # One.\n"
    with pytest.raises(SqitchpyError, match="Cannot find change nope"):
        excerpt(plan, "nope", None)


def test_several_notes_are_paragraphs() -> None:
    assert note_of([" One", "two\\nthree "]) == "One\n\ntwo\nthree"
    assert note_of([]) == ""


@given(st.text())
def test_any_note_is_read_back_as_it_is_but_for_blanks_around_it(text: str) -> None:
    note = note_of([text.encode("utf-8", "ignore").decode().replace("\0", "")])
    plan = add_change(parse_plan(PLAN, "sqitch.plan"), wish("a", note=note))
    assert plan.changes[-1].note == note or note != note.strip()
    assert plan.text.startswith(PLAN)
