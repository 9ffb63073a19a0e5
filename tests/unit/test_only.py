"""Which changes belong to one, where their rows go, and which one is the latest meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import RegistryError, UnknownChangeError
from sqitchpy.model import Change, DeployedChange, Person, Plan
from sqitchpy.only import Place, at_the_end, gaps, needed, one_to_deploy, one_to_revert, places, told_gaps
from sqitchpy.plan import parse_plan
from sqitchpy.schedule import NothingToDo, latest_meanwhile

BEGIN = datetime(2024, 1, 2, tzinfo=UTC)
PLANNER = "Pat Planner <pat@example.com>"


def planned(*lines: str) -> Plan:
    """A plan of lines like ``b [a]`` and ``@v1``."""
    times = (BEGIN + timedelta(minutes=number) for number in range(len(lines)))
    body = [f"{line} {moment:%Y-%m-%dT%H:%M:%SZ} {PLANNER}" for line, moment in zip(lines, times, strict=True)]
    return parse_plan("\n".join(["%project=app", "", *body, ""]).encode(), "sqitch.plan")


def rows(changes: Sequence[Change]) -> list[DeployedChange]:
    """The registry's rows of changes that were deployed in that order."""
    nobody = Person("", "")
    return [
        DeployedChange(
            change.name, change.id, "app", None, "", BEGIN + timedelta(seconds=number), nobody, BEGIN, nobody, ()
        )
        for number, change in enumerate(changes)
    ]


def names(changes: Sequence[Change | DeployedChange]) -> list[str]:
    return [change.name for change in changes]


@st.composite
def graphs(draw: st.DrawFn) -> list[set[int]]:
    """What each change requires: some of those before it."""
    count = draw(st.integers(1, 10))
    return [draw(st.sets(st.integers(0, number - 1))) if number else set() for number in range(count)]


def plan_of(graph: Sequence[set[int]]) -> Plan:
    wanted = (f" [{' '.join(f'c{each}' for each in sorted(requires))}]" if requires else "" for requires in graph)
    return planned(*(f"c{number}{text}" for number, text in enumerate(wanted)))


def reached(graph: Sequence[set[int]], start: int) -> set[int]:
    """What can be reached, by walking every path there is."""
    return {start}.union(*(reached(graph, each) for each in graph[start]))


def closed(graph: Sequence[set[int]], seeds: set[int]) -> set[int]:
    """A set of changes that can be deployed: with everything they require."""
    return set().union(*(reached(graph, each) for each in seeds))


@given(graphs(), st.data())
def test_exactly_what_is_required_and_missing_is_deployed_in_the_plans_order(
    graph: list[set[int]], data: st.DataObject
) -> None:
    plan = plan_of(graph)
    goal = data.draw(st.integers(0, len(graph) - 1))
    present = closed(graph, data.draw(st.sets(st.integers(0, len(graph) - 1))))
    found = needed(plan, plan.changes[goal], {plan.changes[each].id for each in present})
    assert [change.position for change in found] == sorted(reached(graph, goal) - present)


@given(graphs(), st.data())
def test_rows_that_go_to_their_places_stand_in_the_plans_order(graph: list[set[int]], data: st.DataObject) -> None:
    plan = plan_of(graph)
    numbers = st.sets(st.integers(0, len(graph) - 1))
    present = data.draw(numbers)
    coming = data.draw(numbers) - present
    deployed = [plan.changes[each] for each in sorted(present)]
    table = [change.id for change in deployed]
    changes = [plan.changes[each] for each in sorted(coming)]
    for change, place in zip(changes, places(plan, changes, rows(deployed)), strict=True):
        at = 0 if place.after is None else table.index(place.after) + 1
        assert place.before == (table[at] if at < len(table) else None)
        assert place.latest == (table[-1] if place.before else None)
        table.insert(at, change.id)
    assert table == [plan.changes[each].id for each in sorted(present | coming)]


@given(graphs(), st.data())
def test_exactly_what_requires_a_change_is_reverted_newest_first(graph: list[set[int]], data: st.DataObject) -> None:
    plan = plan_of(graph)
    present = sorted(closed(graph, data.draw(st.sets(st.integers(0, len(graph) - 1), min_size=1))))
    goal = data.draw(st.sampled_from(present))
    deployed = rows([plan.changes[each] for each in present])
    edges = [(plan.changes[each].id, plan.changes[other].id) for each in present for other in graph[each]]
    found = one_to_revert(deployed, f"c{goal}", plan, edges)
    going = [each for each in reversed(present) if goal in reached(graph, each)]
    assert names(found.changes) == [f"c{each}" for each in going]
    left, latest = list(present), []
    for each in going:
        latest.append(plan.changes[left[-1]].id)
        left.remove(each)
    assert list(found.latest) == latest


@given(st.integers(1, 8), st.data())
def test_the_latest_is_itself_where_the_newest_goes_first(count: int, data: st.DataObject) -> None:
    plan = planned(*(f"c{number}" for number in range(count)))
    deployed = rows(plan.changes)
    going = deployed[: data.draw(st.integers(0, count - 1)) : -1]
    assert list(latest_meanwhile(deployed, going)) == [row.id for row in going]


@given(graphs(), st.data())
def test_gaps_are_what_is_missing_before_the_latest(graph: list[set[int]], data: st.DataObject) -> None:
    plan = plan_of(graph)
    present = data.draw(st.sets(st.integers(0, len(graph) - 1)))
    position = max(present, default=-1)
    found = gaps(plan, position, {plan.changes[each].id for each in present})
    assert {change.position for change in found} == set(range(position + 1)) - present


# -- deploying --------------------------------------------------------------------------------------------------

REWORKED = ("a", "b", "@v1", "a [a@v1]", "c [a]", "@v2", "a [a@v2]")


def test_a_change_that_comes_last_is_the_latest() -> None:
    plan = planned("a", "b [a]", "c")
    a, b, _ = plan.changes
    chosen = one_to_deploy(plan, "b", [])
    assert chosen == ((a, b), (Place(None), Place(a.id)))


def test_a_change_that_is_deployed_has_nothing_to_do() -> None:
    plan = planned("a", "b")
    assert one_to_deploy(plan, "a", rows(plan.changes)) == NothingToDo('Nothing to deploy ("a" is deployed)')


def test_a_change_that_is_not_planned_is_unknown() -> None:
    with pytest.raises(UnknownChangeError, match='Unknown change: "nope"'):
        one_to_deploy(planned("a"), "nope", [])


def test_a_name_that_was_reworked_is_ambiguous() -> None:
    with pytest.raises(UnknownChangeError, match="Please specify a tag-qualified change"):
        one_to_deploy(planned(*REWORKED), "a", [])


def test_a_rework_brings_the_instances_before_it_along() -> None:
    plan = planned(*REWORKED)
    chosen = one_to_deploy(plan, "a@HEAD", [])
    assert not isinstance(chosen, NothingToDo)
    assert [change.position for change in chosen.changes] == [0, 2, 4]


def test_a_rework_stands_on_the_instance_before_it_though_its_line_does_not_say_so() -> None:
    plan = planned("a", "@v1", "a", "b")
    assert [change.position for change in needed(plan, plan.changes[1], ())] == [0, 1]


def test_an_instance_is_refused_when_a_later_one_is_deployed() -> None:
    plan = planned("a", "@v1", "a", "b")
    with pytest.raises(RegistryError, match='Cannot deploy "a @v1": "a" reworks it, and is deployed already'):
        one_to_deploy(plan, "a@v1", rows(plan.changes[1:]))


def test_what_a_deployed_change_conflicts_with_is_refused_although_it_is_planned_earlier() -> None:
    plan = planned("a", "b", "c [!a]")
    with pytest.raises(RegistryError, match="Conflicts with previously deployed change: c"):
        one_to_deploy(plan, "a", rows(plan.changes[2:]))


def test_a_registry_in_another_order_than_the_plan_has_no_places() -> None:
    plan = planned("a", "b", "c")
    a, b, c = plan.changes
    with pytest.raises(RegistryError, match='"a" was deployed after "c", and is planned before it'):
        places(plan, [b], rows([c, a]))


def test_at_the_end_each_follows_the_one_before() -> None:
    a, b = planned("a", "b").changes
    assert at_the_end([a, b], "latest").places == (Place("latest"), Place(a.id))
    assert at_the_end([a, b], None).places == (Place(None), Place(a.id))


def test_gaps_are_told_with_the_command_that_fills_them() -> None:
    plan = planned("a", "@v1", "a [a@v1]", *"bcdefg")
    assert told_gaps(plan, plan.changes[2:3], "g") == (
        "planned before g, this change is not deployed: b. “sqitchpy deploy --only b” deploys it"
    )
    assert told_gaps(plan, plan.changes[:7], "g") == (
        "planned before g, these changes are not deployed: a @v1, a, b, c, d and 2 more. "
        "“sqitchpy deploy --only a@v1” deploys the first of them, and what it requires"
    )


# -- reverting --------------------------------------------------------------------------------------------------


def test_a_later_instance_of_a_name_goes_with_the_earlier_one() -> None:
    plan = planned("a", "@v1", "b", "a")
    found = one_to_revert(rows(plan.changes), plan.changes[0].id, plan, [])
    assert [change.id for change in found.changes] == [plan.changes[2].id, plan.changes[0].id]


def test_what_requires_it_in_another_project_is_not_in_the_set() -> None:
    plan = planned("a", "b")
    found = one_to_revert(rows(plan.changes), "a", plan, [("elsewhere", plan.changes[0].id)])
    assert names(found.changes) == ["a"]


def test_what_is_planned_and_not_deployed_cannot_be_reverted() -> None:
    plan = planned("a", "b")
    with pytest.raises(UnknownChangeError, match='Change not deployed: "b"'):
        one_to_revert(rows(plan.changes[:1]), "b", plan, [])
    with pytest.raises(UnknownChangeError, match='Unknown change: "c"'):
        one_to_revert(rows(plan.changes[:1]), "c", plan, [])
