"""What a plan file says, line by line."""

from __future__ import annotations

import pytest

from sqitchpy.errors import PlanError
from sqitchpy.model import Dependency, Person
from sqitchpy.plan import parse_plan

HEAD = "%syntax-version=1.0.0\n%project=p\n\n"
ANN = " 2024-01-02T03:04:05Z Ann Ex <ann@example.com>"


def test_a_plan_has_a_project_a_uri_pragmas_and_changes() -> None:
    plan = parse_plan(f"%project = shop # ours\n%uri=https://Ex.com/a b\n%strict\n\nusers{ANN}\n", "db/sqitch.plan")
    assert (plan.file, plan.project) == ("db/sqitch.plan", "shop")
    assert plan.uri == "https://Ex.com/a%20b"
    assert plan.pragmas == {"project": "shop", "uri": "https://Ex.com/a b", "strict": "1"}
    assert [change.name for change in plan.changes] == ["users"]
    assert plan.moved == ()


def test_a_change_line_says_what_is_required_by_whom_when_and_why() -> None:
    line = r"- posts [!old users@v1 other:x] 2024-05-06T07:08:09Z Zoë  M <z@é> # two\nlines \\ #2 "
    plan = parse_plan(f"{HEAD}users{ANN}\n@v1{ANN} # first\n{line}\n", "f")
    users, posts = plan.changes
    assert users.label == "users @v1"
    assert users.tags[0][2:] == (Person("Ann Ex", "ann@example.com"), "2024-01-02T03:04:05Z", "first", 5)
    assert posts.operator == "-"
    assert posts.requires == (Dependency(False, None, "users", "v1"), Dependency(False, "other", "x", None))
    assert posts.conflicts == (Dependency(True, None, "old", None),)
    assert posts.planner == Person("Zoë  M", "z@é")
    assert posts.planned_at == "2024-05-06T07:08:09Z"
    assert posts.note == "two\nlines \\ #2"
    assert (posts.parent_id, posts.position, posts.line) == (users.id, 1, 6)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("users", Dependency(False, None, "users", None)),
        ("!users", Dependency(True, None, "users", None)),
        ("@v1", Dependency(False, None, None, "v1")),
        ("p:users@v1", Dependency(False, None, "users", "v1")),
        ("!other:users@v1", Dependency(True, "other", "users", "v1")),
        ("other:@v1", Dependency(False, "other", None, "v1")),
        (
            "other:0123456789abcdef0123456789abcdef01234567",
            Dependency(False, "other", None, None, "0123456789abcdef0123456789abcdef01234567"),
        ),
        ("other/1:x", Dependency(False, "other/1", "x", None)),
    ],
)
def test_a_dependency_may_take_every_form(entry: str, expected: Dependency) -> None:
    change = parse_plan(f"{HEAD}users{ANN}\n@v1{ANN}\nb [{entry}]{ANN}\n", "f").changes[1]
    assert change.requires + change.conflicts == (expected,)


@pytest.mark.parametrize("entry", ["x@", "!", "other:", "a,", "a~1", "-a", "a:b:c", "a@v@w", "!!a", "a\\", ""])
def test_what_is_no_dependency_is_named_in_the_fault(entry: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(f"{HEAD}b [{entry} x]{ANN}\n", "f")
    assert str(caught.value) == f'Syntax error in f at line 4: "{entry}" is not a valid dependency specification'


def test_a_tag_before_the_bracket_needs_no_blank() -> None:
    change = parse_plan(f"{HEAD}a{ANN}\n@v1{ANN}\nb[@v1]{ANN}\n", "f").changes[1]
    assert (change.name, change.requires) == ("b", (Dependency(False, None, None, "v1"),))


def test_a_name_may_hold_brackets_that_are_not_at_its_end() -> None:
    assert parse_plan(f"{HEAD}a[b]c{ANN}\n", "f").changes[0].name == "a[b]c"


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u1680", "\u2003", "\u202f", "\u205f", "\u3000"])
def test_any_horizontal_blank_separates(blank: str) -> None:
    line = f"a{blank}2024-01-02T03:04:05Z{blank}Ann Ex{blank}<ann@example.com>"
    plan = parse_plan(f"{HEAD}{line}\n", "f")
    assert plan.changes[0].planner == Person("Ann Ex", "ann@example.com")


@pytest.mark.parametrize("char", ["\v", "\f", "\x85", "\u2028", "\x1c"])
def test_only_a_line_feed_ends_a_line(char: str) -> None:
    plan = parse_plan(f"{HEAD}a{ANN} # one{char}two\n", "f")
    assert [change.note for change in plan.changes] == [f"one{char}two"]


def test_a_carriage_return_without_line_feed_is_part_of_the_line() -> None:
    with pytest.raises(PlanError, match="at line 4: Invalid name"):
        parse_plan(f"{HEAD}a{ANN}\r", "f")


@pytest.mark.parametrize(
    "moment",
    ["2024-02-29T00:00:00Z", "2000-02-29T23:59:59Z", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00Z"],
)
def test_a_moment_that_was_is_a_timestamp(moment: str) -> None:
    assert parse_plan(f"{HEAD}a {moment} Ann <a>\n", "f").changes[0].planned_at == moment


@pytest.mark.parametrize(
    "moment",
    [
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "2016-12-31T23:58:60Z",
        "2017-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_moment_that_never_was_is_refused_with_its_line(moment: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(f"{HEAD}a {moment} Ann <a>\n", "f")
    assert str(caught.value) == f'Syntax error in f at line 4: Invalid timestamp "{moment}"'


@pytest.mark.parametrize("name", ["ae\u0301", "aⅧ", "aⒶ", "a\u200d", "a٣", "ª", "a‿b", "x~y", "1.0"])
def test_a_name_ends_in_a_letter_mark_digit_or_connector(name: str) -> None:
    assert parse_plan(f"{HEAD}{name}{ANN}\n", "f").changes[0].name == name


@pytest.mark.parametrize("name", ["a²", "a·", "a–", "a😀", "a/1", "a~٣", "0", "é."])
def test_a_name_does_not_end_otherwise(name: str) -> None:
    with pytest.raises(PlanError, match="at line 4: Invalid name"):
        parse_plan(f"{HEAD}{name}{ANN}\n", "f")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("a.b <e>", "Missing timestamp"),
        ("a [b] Ann <e>", "Missing timestamp"),
        ("a [b<c] Ann <e>", "Missing timestamp"),
        ("a 0 <e>", "Missing timestamp and planner name and email"),
        ("a [b]", "Missing timestamp and planner name and email"),
        ("a[b]", "Missing timestamp and planner name and email"),
        ("a [b] 2024-01-02T03:04:05Z", "Missing planner name and email"),
        ("a 2024-01-02T03:04:05Z 0 <e>", "Missing planner name and email"),
        ("a 2024-01-02T03:04:05Z <e>", "Invalid name"),
        ("a2024-01-02T03:04:05Z", "Invalid name"),
        ("a.", "Invalid name"),
        ("a [] Ann", "Invalid name"),
        ("#", "Invalid name"),
        ("@ v1", "Invalid name"),
    ],
)
def test_a_line_that_lacks_something_gets_sqitchs_verdict(line: str, verdict: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(f"{HEAD}{line}\n", "f")
    message = str(caught.value).removeprefix("Syntax error in f at line 4: ")
    assert message == verdict or (verdict == "Invalid name" and message.startswith("Invalid name; names must not"))


def test_a_planner_may_be_a_single_blank() -> None:
    assert parse_plan(f"{HEAD}a 2024-01-02T03:04:05Z  <e>\n", "f").changes[0].planner == Person(" ", "e")


def test_an_email_may_hold_what_begins_one() -> None:
    assert parse_plan(f"{HEAD}a 2024-01-02T03:04:05Z Ann <b <c>\n", "f").changes[0].planner == Person("Ann", "b <c")


def test_a_reworked_name_stands_for_all_its_instances() -> None:
    plan = parse_plan(f"{HEAD}a{ANN}\n@v1{ANN}\na [a@v1]{ANN}\n", "f")
    assert [change.position for change in plan.by_name["a"]] == [0, 1]
    assert plan.by_tag["v1"].position == 0


def test_a_faulty_line_does_not_make_others_faulty() -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(f"{HEAD}a b{ANN}\n@v1{ANN}\nc [a]{ANN}\n@v/2x{ANN}\nc{ANN}\n", "f")
    assert [fault.line for fault in caught.value.faults] == [4, 7]


def test_text_that_cannot_be_utf8_is_refused() -> None:
    with pytest.raises(PlanError, match=r"Can't decode ill-formed UTF-8 code point U\+D800 in f at line 3, byte 3"):
        parse_plan("%project=p\n\n# \ud800\n", "f")
