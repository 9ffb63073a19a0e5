"""References to changes, in a plan and among deployed changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sqitchpy.errors import UnknownChangeError
from sqitchpy.model import Dependency, DeployedChange, DeployedTag, Person
from sqitchpy.plan import find_deployed, find_in_plan, parse_plan, resolve_requirement, rework_suffixes

ANN = " 2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
# Index:     0     1            2      3            4             5
LINES = ["a", "b", "@v1", "@v1b", "c", "a [a@v1]", "@v2", "a [a@v2]", "d"]
PLAN = parse_plan("%project=p\n\n" + "".join(f"{line}{ANN}\n" for line in LINES), "f")


@pytest.mark.parametrize(
    ("spec", "index"),
    [
        ("b", 1),
        ("@v1", 1),
        ("@v1b", 1),
        ("HEAD", 5),
        ("@HEAD", 5),
        ("ROOT", 0),
        ("@ROOT", 0),
        ("a@v1", 0),
        ("a@v2", 3),
        ("a@HEAD", 4),
        ("a@ROOT", 0),
        ("d@v1", None),
        ("c@v2", 2),
        ("HEAD^", 4),
        ("HEAD^^", 3),
        ("HEAD^3", 2),
        ("@HEAD^5", 0),
        ("@HEAD^6", None),
        ("HEAD^99999999999999999999", None),
        ("b~", 2),
        ("b~~", 3),
        ("b~4", 5),
        ("b~5", None),
        ("b^0", 1),
        ("a@v2^", 2),
        ("b^^^", None),
        ("@", None),
        ("", None),
        ("^", None),
        ("nope", None),
        ("@nope", None),
        ("nope@nope", None),
        ("head", None),
    ],
)
def test_a_reference_is_looked_up_in_the_plan(spec: str, index: int | None) -> None:
    found = find_in_plan(PLAN, spec)
    assert (found.position if found else None) == index


def test_an_id_names_its_change_and_a_tags_id_the_tagged_change() -> None:
    assert find_in_plan(PLAN, PLAN.changes[2].id) is PLAN.changes[2]
    assert find_in_plan(PLAN, PLAN.changes[1].tags[1].id + "~") is PLAN.changes[2]
    assert find_in_plan(PLAN, "0" * 40) is None


def test_a_bare_name_that_was_reworked_is_ambiguous() -> None:
    with pytest.raises(UnknownChangeError) as caught:
        find_in_plan(PLAN, "a^")
    assert str(caught.value) == (
        'Change "a" is ambiguous. Please specify a tag-qualified change:\n'
        "  * a@HEAD\n  * a@v2\n  * a@v1\nChange lookup failed"
    )


def test_an_unknown_tag_of_a_known_change_is_an_error() -> None:
    with pytest.raises(UnknownChangeError, match='Unknown tag "@nope"'):
        find_in_plan(PLAN, "b@nope")


def test_nothing_is_found_in_an_empty_plan() -> None:
    empty = parse_plan("%project=p\n", "f")
    assert [find_in_plan(empty, spec) for spec in ("HEAD", "@ROOT", "a", "@v1")] == [None] * 4


@pytest.mark.parametrize(
    ("dependency", "index"),
    [
        (Dependency(False, None, "a", None), 0),
        (Dependency(False, None, "a", "v2"), 3),
        (Dependency(False, None, None, "v1b"), 1),
        (Dependency(False, None, None, None, PLAN.changes[5].id), 5),
        (Dependency(False, "other", "a", None), None),
        (Dependency(False, None, "nope", None), None),
        (Dependency(False, None, "a", "nope"), None),
        (Dependency(False, None, "d", "v1"), None),
    ],
)
def test_a_requirement_means_the_first_instance_or_that_of_the_tag(dependency: Dependency, index: int | None) -> None:
    found = resolve_requirement(PLAN, dependency)
    assert (found.position if found else None) == index


def test_the_files_of_a_reworked_change_may_carry_any_tag_up_to_the_next_instance() -> None:
    assert [rework_suffixes(PLAN, change) for change in PLAN.changes] == [("@v1", "@v1b"), (), (), ("@v2",), (), ()]


def test_the_suffixes_go_from_the_next_instance_back_to_the_change_itself() -> None:
    lines = ["a", "@v1", "@v1b", "b", "@v2", "c", "@v3", "@v3b", "a [a@v3]"]
    plan = parse_plan("%project=p\n\n" + "".join(f"{line}{ANN}\n" for line in lines), "f")
    assert rework_suffixes(plan, plan.changes[0]) == ("@v3", "@v3b", "@v2", "@v1", "@v1b")


def at(second: int) -> datetime:
    return datetime(2024, 1, 1, 0, 0, second, tzinfo=UTC)


def row(number: int, name: str, *tags: tuple[str, int]) -> DeployedChange:
    ann = Person("Ann", "a")
    written = tuple(DeployedTag(tag, "t" * 40, at(second), ann, at(0), ann) for tag, second in tags)
    return DeployedChange(name, f"{number:040}", "p", None, "", at(number), ann, at(0), ann, written)


ROWS = [row(1, "a"), row(2, "b", ("v1", 2)), row(3, "a"), row(4, "c", ("v2", 9)), row(5, "a"), row(6, "d")]


@pytest.mark.parametrize(
    ("spec", "second"),
    [
        ("b", 2),
        ("@v1", 2),
        ("a@v1", 1),
        # The tag was written at second 9, when all instances of a were there: the registry knows no better.
        ("a@v2", 5),
        ("a@HEAD", 5),
        ("a@ROOT", None),
        ("HEAD", 6),
        ("@ROOT", 1),
        ("HEAD^2", 4),
        ("b^", 1),
        ("b^^", None),
        ("@v1~", 3),
        ("0" * 39 + "4", 4),
        ("0" * 39 + "4~", 5),
        ("nope", None),
        ("a@nope", None),
        ("@nope", None),
    ],
)
def test_a_reference_is_looked_up_among_deployed_changes(spec: str, second: int | None) -> None:
    found = find_deployed(ROWS, spec)
    assert (found.committed_at.second if found else None) == second


def test_several_deployed_instances_are_ambiguous() -> None:
    with pytest.raises(UnknownChangeError) as caught:
        find_deployed(ROWS, "a")
    assert str(caught.value) == (
        'Change "a" is ambiguous. Please specify a tag-qualified change:\n'
        "  * a@HEAD\n  * a@v2\n  * a@v1\nChange Lookup Failed"
    )


def test_the_plan_knows_better_names_for_deployed_instances() -> None:
    rows = [ROWS[0]._replace(id=PLAN.changes[3].id), ROWS[4]]
    with pytest.raises(UnknownChangeError, match=r"  \* a@HEAD\n  \* a@v2\n"):
        find_deployed(rows, "a", PLAN)


def test_nothing_is_found_when_nothing_is_deployed() -> None:
    assert [find_deployed([], spec) for spec in ("HEAD", "@ROOT", "a", "@v1")] == [None] * 4
