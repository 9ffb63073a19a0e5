"""Which deployed change is which of an edited plan. (tests/integration/test_repairing.py has the shapes one by one.)"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import RegistryError
from sqitchpy.files import Digests
from sqitchpy.model import Change, DeployedChange, Person, Plan
from sqitchpy.plan import parse_plan
from sqitchpy.relinking import Diagnosis, diagnose

ANN = Person("Ann Ex", "ann@example.com")
AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = ("a", "b", "c", "a", "d", "b")


def plan_of(notes: list[str], names: tuple[str, ...] = NAMES) -> Plan:
    """A change a line, each followed by a tag."""
    lines = [
        f"{name} 2024-01-02T03:04:05Z {ANN} # {note}\n@t{number} 2024-01-02T03:04:05Z {ANN}\n"
        for number, (name, note) in enumerate(zip(names, notes, strict=True))
    ]
    return parse_plan("%project=app\n\n" + "".join(lines), "sqitch.plan")


def row_of(change: Change, script_hash: str | None) -> DeployedChange:
    at = AT + timedelta(seconds=change.position)
    return DeployedChange(change.name, change.id, "app", script_hash, change.note, at, ANN, AT, ANN, ())


def diagnosed(plan: Plan, rows: list[DeployedChange], hashes: list[str]) -> Diagnosis:
    scripts = {
        change.id: Digests(each, each, f"{each} with CRLF") for change, each in zip(plan.changes, hashes, strict=True)
    }
    return diagnose(plan, rows, scripts, {})


notes = st.lists(st.sampled_from(["one", "two"]), min_size=len(NAMES), max_size=len(NAMES))
edited = st.lists(st.booleans(), min_size=len(NAMES), max_size=len(NAMES))


@given(notes, notes, edited, st.integers(0, len(NAMES)))
def test_whatever_notes_and_scripts_were_edited_every_change_is_found_at_its_place(
    before: list[str], after: list[str], scripts: list[bool], deployed: int
) -> None:
    old, new = plan_of(before), plan_of(after)
    rows = [row_of(change, f"hash {change.position}") for change in old.changes[:deployed]]
    hashes = [f"{'new ' * changed}hash {number}" for number, changed in enumerate(scripts)]
    found = diagnosed(new, rows, hashes)
    assert found.left == ()
    expected = [
        (row.id, change.id, hashes[change.position])
        for row, change in zip(rows, new.changes, strict=False)
        if row.id != change.id or scripts[change.position]
    ]
    assert [(link.row.id, link.change.id, link.script_hash) for link in found.links] == expected


@given(notes, st.permutations(range(len(NAMES))))
def test_changes_that_were_deployed_in_another_order_are_never_relinked(before: list[str], order: list[int]) -> None:
    """Their scripts tell them, wherever they are."""
    names = ("a", "b", "c", "d", "e", "f")
    old = plan_of(before, names)
    new = plan_of([f"{before[index]}, edited" for index in order], tuple(names[index] for index in order))
    rows = [row_of(change, f"hash {change.position}") for change in old.changes]
    hashes = [f"hash {index}" for index in order]
    if order == sorted(order):
        assert len(diagnosed(new, rows, hashes).links) == len(names)
        return
    with pytest.raises(RegistryError, match="Cannot repair: "):
        diagnosed(new, rows, hashes)


def test_a_script_with_other_line_ends_is_recognised_too() -> None:
    old, new = plan_of(["one"], ("a",)), plan_of(["one"], ("b",))
    (link,) = diagnosed(new, [row_of(old.changes[0], "hash with CRLF")], ["hash"]).links
    assert (link.change.name, link.script_hash) == ("b", "hash")


def test_more_instances_than_are_planned_are_left_alone() -> None:
    old, new = plan_of(["one", "two"], ("a", "a")), plan_of(["three"], ("a",))
    rows = [row_of(change, None) for change in old.changes]
    found = diagnosed(new, rows, ["hash"])
    assert found.links == ()
    assert [each.why for each in found.left] == [
        "neither its name nor its script tells which change of the plan it is"
    ] * 2
