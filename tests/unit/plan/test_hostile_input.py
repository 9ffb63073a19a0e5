"""Whatever the bytes: a plan or a PlanError, in time proportional to their number."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import PlanError, UnknownChangeError
from sqitchpy.model import Plan
from sqitchpy.plan import find_in_plan, parse_plan, render, resolve_requirement, rework_suffixes
from tests.growth import grows_with_its_size

HEAD = "%project=p\n\n"
ANN = " 2024-01-02T03:04:05Z Ann Ex <a@x>"
pieces = st.one_of(
    st.sampled_from('ab@+-[]!:#\\<>%=/0" \t\n\0é\u3000'),
    st.sampled_from(["v1", "~1", "\n\n", "\r\n", "2024-01-02T03:04:05Z", "Ann <a@x>", ANN, "HEAD", "%project=p"]),
)


def parsed(source: bytes | str) -> Plan | PlanError:
    try:
        return parse_plan(source, "f")
    except PlanError as error:
        return error


def check(source: bytes | str) -> None:
    plan = parsed(source)
    if isinstance(plan, PlanError):
        assert plan.faults
        assert str(plan)
        return
    again = parse_plan(render(plan), "f")
    assert [change.id for change in again.changes] == [change.id for change in plan.changes]
    assert render(again) == again.text


@given(st.binary())
def test_any_bytes_are_a_plan_or_an_error(source: bytes) -> None:
    check(source)


@given(st.lists(pieces).map("".join))
def test_any_pieces_of_plans_are_a_plan_or_an_error(body: str) -> None:
    check(body)
    check(HEAD + body)


@given(st.text())
def test_any_text_is_a_plan_or_an_error(text: str) -> None:
    check(text)
    check(f"{HEAD}a{ANN} # {text}\n")


def line_of(unit: str, before: str = "", after: str = "") -> object:
    return pytest.param(before, unit, after, id=f"{before} {unit!r} {after}")


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        line_of("a"),
        line_of(" ", "", "x"),
        line_of(" ", "a", "x"),
        line_of(" ", "a 2024-01-02T03:04:05Z", "x"),
        line_of("x <", "a 2024-01-02T03:04:05Z "),
        line_of("x> ", "a ", "<x>"),
        line_of("/1", "a"),
        line_of(".a", "a", " <e>"),
        line_of(".", "a", " <e>"),
        line_of("[x", "a", "] y"),
        line_of("[!", "a", "]"),
        line_of("[x", "a", "]"),
        line_of("d ", "a [", "]" + ANN),
        line_of('\\"', 'a 2024-01-02T03:04:05Z "'),
        line_of("\\n", f"a{ANN} # "),
        line_of("#\n"),
        line_of("\n"),
        line_of("a b\n"),
    ],
)
def test_time_grows_with_length_and_no_faster(before: str, unit: str, after: str) -> None:
    def seconds(length: int) -> float:
        source = HEAD + before + unit * (length // len(unit)) + after
        start = process_time()
        parsed(source)
        return process_time() - start

    small = min(seconds(50_000) for _ in range(3))
    # Ten times the length takes ten times the time; were it quadratic, a hundred times.
    assert min(seconds(500_000) for _ in range(2)) < 35 * small + 0.05


def test_a_cycle_of_thousands_is_told() -> None:
    lines = "".join(f"c{n} [c{(n + 1) % 3000}]{ANN}\n" for n in range(3000))
    error = parsed(HEAD + lines)
    assert isinstance(error, PlanError)
    assert error.faults[-1].message.startswith("Dependency cycle: c0 → c1 → ")


def reworked(times: int) -> str:
    """A plan in which one change is reworked so many times, each time as of the tag before."""
    lines = [f"a{ANN}\n@v0{ANN}\n"]
    lines += [f"a [a@v{n - 1}]{ANN}\n@v{n}{ANN}\n" for n in range(1, times)]
    return HEAD + "".join(lines)


def test_a_change_that_is_reworked_thousands_of_times_is_found_in_no_time() -> None:
    def look(times: int) -> None:
        plan = parse_plan(reworked(times), "f")
        instances = plan.by_name["a"]
        assert len(instances) == times
        for change in instances:
            found = resolve_requirement(plan, change.requires[0]) if change.requires else None
            assert found is (plan.changes[change.position - 1] if change.position else None)
            assert find_in_plan(plan, f"a@v{change.position}") is change
            last = change.position == times - 1
            assert rework_suffixes(plan, change) == (() if last else (f"@v{change.position}",))
        with pytest.raises(UnknownChangeError) as ambiguous:
            find_in_plan(plan, "a")
        assert ambiguous.value.message.splitlines()[1] == f"  * a@v{times - 1}"

    assert grows_with_its_size(look, 1_000)


def test_a_plan_backwards_is_sorted() -> None:
    lines = "".join(f"c{n} [c{n + 1}]{ANN}\n" for n in range(3000)) + f"c3000{ANN}\n"
    plan = parsed(HEAD + lines)
    assert isinstance(plan, Plan)
    assert (plan.changes[0].name, plan.changes[-1].name) == ("c3000", "c0")
