"""Plans out of dependency order: sorted where the sorted lines mean the same, refused where they do not."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import PlanError
from sqitchpy.model import Plan
from sqitchpy.plan import dependency_graph, parse_plan, render

HEAD = "%syntax-version=1.0.0\n%project=p\n\n"
ANN = " 2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
PLANS = Path(__file__).parent.parent.parent / "plans"


def plan_of(*lines: str) -> Plan:
    return parse_plan(HEAD + "".join(f"{line}{ANN}\n" for line in lines), "f")


def names(plan: Plan) -> list[str]:
    return [change.name for change in plan.changes]


def test_a_change_waits_for_what_it_requires() -> None:
    plan = plan_of("a [c]", "b", "c", "d")
    assert names(plan) == ["b", "c", "a", "d"]
    assert plan.moved == ("a",)
    assert [change.line for change in plan.changes] == [5, 6, 4, 7]
    assert [change.position for change in plan.changes] == [0, 1, 2, 3]


def test_those_that_wait_for_it_wait_too() -> None:
    plan = plan_of("a [d]", "b [a]", "c", "d")
    assert names(plan) == ["c", "d", "a", "b"]
    assert plan.moved == ("a", "b")


def test_ids_are_those_of_the_sorted_form() -> None:
    assert [c.id for c in plan_of("a [b]", "b").changes] == [c.id for c in plan_of("b", "a [b]").changes]


def test_a_section_that_a_tag_closes_is_sorted_when_its_last_change_stays_last() -> None:
    plan = plan_of("a [b]", "b", "c", "@v1", "d [e]", "e")
    assert names(plan) == ["b", "a", "c", "e", "d"]
    assert plan.changes[2].label == "c @v1"
    assert plan.moved == ("a", "d")


def test_what_is_required_of_an_earlier_section_orders_nothing() -> None:
    # The bare name means the first instance of a, so x does not wait for the rework.
    assert names(plan_of("a", "@v1", "x [a z]", "z", "a [a@v1]")) == ["a", "z", "x", "a"]


@pytest.mark.parametrize(
    "lines",
    [
        ("a [b]", "b", "@v1"),
        ("a [c]", "@v1", "b", "c"),
        ("r", "@v1", "x [y]", "r [r@v1]", "y"),
        ("r", "@v1", "r [r@v1 y]", "y"),
        ("a [b x]", "b"),
        ("a [b a]", "b"),
        ("a [b]", "b [a]"),
    ],
)
def test_what_would_cross_a_tag_or_a_rework_or_lacks_something_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(PlanError, match=r"\ADependency errors? detected:\n  "):
        plan_of(*lines)


def test_a_long_cycle_is_told_in_short() -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(*(f"c{n} [c{(n + 1) % 500}]" for n in range(500)))
    assert caught.value.faults[-1].message == (
        "Dependency cycle: c0 → c1 → c2 → c3 → c4 → c5 → c6 → c7 → c8 → c9 → (490 more) → c0"
    )


def test_the_rewritten_plan_has_changes_in_order_with_their_comments() -> None:
    plan = parse_plan((PLANS / "accepted-out-of-order.plan").read_bytes(), "f")
    assert plan.moved == ("view",)
    assert render(plan) == (
        f"%syntax-version=1.0.0\n%project=flaws\n\n# The table.\ntable{ANN}\n\n"
        f"# The view needs the table.\nview [table]{ANN}\nindex [table]{ANN}\n@v1{ANN}\n\nview [view@v1]{ANN}\n"
    )
    again = parse_plan(render(plan), "f")
    assert (again.changes[1].id, again.moved) == (plan.changes[1].id, ())


def test_networkx_is_imported_only_for_a_plan_that_is_out_of_order() -> None:
    script = (
        "import sys; from sqitchpy.plan import parse_plan\n"
        f"parse_plan({HEAD + f'a{ANN}'!r}, 'f'); before = 'networkx' in sys.modules\n"
        f"parse_plan({HEAD + f'a [b]{ANN}{chr(10)}b{ANN}'!r}, 'f'); print(before, 'networkx' in sys.modules)\n"
    )
    told = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "False True\n"


@st.composite
def shuffled(draw: st.DrawFn) -> list[str]:
    """Lines of an acyclic plan in any order."""
    count = draw(st.integers(1, 12))
    requires = [draw(st.sets(st.integers(0, max(0, n - 1)), max_size=3)) if n else set() for n in range(count)]
    lines = [f"c{n} [{' '.join(f'c{r}' for r in sorted(found))}]" if found else f"c{n}"
             for n, found in enumerate(requires)]  # fmt: skip
    return draw(st.permutations(lines))


@given(shuffled())
def test_any_acyclic_section_is_accepted_in_topological_order(lines: list[str]) -> None:
    plan = plan_of(*lines)
    place = {change.name: change.position for change in plan.changes}
    assert sorted(place) == sorted(line.split()[0] for line in lines)
    for change in plan.changes:
        assert all(place[required.key] < change.position for required in change.requires)


@given(shuffled())
def test_the_graph_sorts_to_the_plans_own_order(lines: list[str]) -> None:
    plan = plan_of(*lines)
    order = nx.lexicographical_topological_sort(dependency_graph(plan), key=lambda node: plan.by_id[node].position)
    assert list(order) == [change.id for change in plan.changes]
