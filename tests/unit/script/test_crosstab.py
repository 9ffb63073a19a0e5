r"""``\crosstabview``, with what psql 15 and 18 print and say (tests/integration/test_scripts.py asks them)."""

from __future__ import annotations

import pytest

from sqitchpy.script.actions import Rows
from sqitchpy.script.crosstab import crosstab

SALES = Rows(
    (b"who", b"when", b"much", b"Rank"),
    (
        (b"bob", b"feb", b"1", b"2"),
        (b"ann", b"jan", b"2", b"1"),
        (b"ann", b"feb", None, b"2"),
        (None, b"mar", b"4", None),
        (b"cid", None, b"5", b"-3"),
    ),
)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([b"who", b"when", b"much"], "bob|1|||\nann||2||\n|||4|\ncid||||5\n"),
        ([b"1", b"2", b"3", b"4"], "bob||||1\nann|||2|\n||4||\ncid|5|||\n"),
        ([b"WHEN", b'"who"', b"much"], "feb|1|||\njan||2||\nmar|||4|\n||||5\n"),
        ([b"who", b"when", b'"Rank"'], "bob|2|||\nann|2|1||\n||||\ncid||||-3\n"),
    ],
)
def test_one_column_goes_down_and_one_across(arguments: list[bytes], text: str) -> None:
    assert crosstab(SALES, arguments).decode() == text


def test_three_columns_need_no_names_and_no_rows_make_no_lines() -> None:
    rows = Rows((b"a", b"b", b"c"), ((b"x", b"1", b"p"), (b"y", b"2", b"q")))
    assert crosstab(rows, []) == b"x|p|\ny||q\n"
    assert crosstab(rows, [b"b", b"a"]) == b"1|p|\n2||q\n"
    assert crosstab(rows, [b"c", b"a"]) == b"p|1|\nq||2\n"
    assert crosstab(rows._replace(values=()), []) == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "data column must be specified when query returns more than three columns"),
        ([b"who", b"1"], "vertical and horizontal headers must be different columns"),
        ([b"0"], "column number 0 is out of range 1..4"),
        ([b"1", b"9"], "column number 9 is out of range 1..4"),
        ([b"rank"], 'column name not found: "rank"'),
        ([b"who", b"when", b'"a""b"C'], 'column name not found: "a"bc"'),
        ([b"4", b"2", b"3"], 'query result contains multiple data values for row "2", column "feb"'),
    ],
)
def test_what_psql_refuses_is_refused_in_its_words(arguments: list[bytes], words: str) -> None:
    with pytest.raises(ValueError) as refused:
        crosstab(SALES, arguments)
    assert str(refused.value) == words


def test_two_values_for_one_cell_too_few_columns_and_names_that_mean_two_are_refused() -> None:
    twice = Rows((b"a", b"b", b"c"), ((b"x", None, b"1"), (b"x", None, b"2")))
    with pytest.raises(
        ValueError, match=r'^query result contains multiple data values for row "x", column "\(null\)"$'
    ):
        crosstab(twice, [])
    with pytest.raises(ValueError, match=r"^query must return at least three columns$"):
        crosstab(Rows((b"a", b"b"), ()), [])
    with pytest.raises(ValueError, match=r'^ambiguous column name: "a"$'):
        crosstab(Rows((b"a", b"a", b"c"), ()), [b"a"])
    many = Rows((b"a", b"b", b"c"), tuple((b"x", b"%d" % number, None) for number in range(1601)))
    with pytest.raises(ValueError, match=r"^maximum number of columns \(1600\) exceeded$"):
        crosstab(many, [])
