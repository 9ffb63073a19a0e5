"""Whatever the bytes: a plan or a PlanError, in time proportional to their number."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import PlanError
from sqitchpy.model import Plan
from sqitchpy.plan import parse_plan, render

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


def test_a_plan_backwards_is_sorted() -> None:
    lines = "".join(f"c{n} [c{n + 1}]{ANN}\n" for n in range(3000)) + f"c3000{ANN}\n"
    plan = parsed(HEAD + lines)
    assert isinstance(plan, Plan)
    assert (plan.changes[0].name, plan.changes[-1].name) == ("c3000", "c0")
