"""The comparison itself: what differs is seen, and what is known is exactly what is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness.comparing import Difference, compare, unexplained
from .harness.observing import Observation, normalized
from .harness.scenario import Differs, read_scenarios

SQITCH = Observation(
    stdout="Deploying changes to db:pg:DB\n  + users .. ok\n",
    stderr="",
    exit="0",
    files="sqitch.plan 1234",
    rows='sqitch.changes {"change": "users"}',
    schema="CREATE TABLE users ();",
)


@pytest.mark.parametrize("field", ["stdout", "exit", "files", "rows", "schema"])
def test_a_field_that_differs_is_found(field: str) -> None:
    (found,) = compare(SQITCH, SQITCH._replace(**{field: "something else"}))
    assert (found.field, found.sqitchpy) == (field, "something else")


def test_equal_observations_do_not_differ() -> None:
    assert list(compare(SQITCH, SQITCH)) == []


def test_a_blank_line_more_is_a_difference() -> None:
    (found,) = compare(SQITCH, SQITCH._replace(stdout=SQITCH.stdout + "\n"))
    assert found.field == "stdout"


@pytest.mark.parametrize(
    ("sqitch", "sqitchpy", "gone", "come"),
    [
        ("", "hint: what now", "", "hint: what now"),
        ("Deploy failed\n", "", "Deploy failed", ""),
        ("Deploy failed\n", "Deploy failed\nhint: mend it\n", "", ""),
        ("Deploy failed\n", "hint: mend it\nDeploy failed\n", "", "hint: mend it"),
        ("ERROR: a\n\nDeploy failed\n", "ERROR: a\nSQLSTATE: 1\nDeploy failed\n", "", ""),
        ("ERROR: a\nDeploy failed\n", "ERROR: a\nFailed\n", "Deploy failed", "Failed"),
        ('ERROR: a\n"psql" unexpectedly returned exit value 3\n', "ERROR: a\n", "", ""),
        ("Use of undef at /usr/share/perl5/App/Sqitch.pm line 9.\nbad\n", "bad\n", "", ""),
        ("bad\nTrace begun at x line 1\nmore\n", "bad\n", "", ""),
        ("bad\nUsage:\n  sqitch\n", "bad\nUsage: sqitchpy\n", "", ""),
    ],
)
def test_stderr_holds_sqitchs_lines_first_and_in_order(sqitch: str, sqitchpy: str, gone: str, come: str) -> None:
    found = list(compare(SQITCH._replace(stderr=sqitch), SQITCH._replace(stderr=sqitchpy)))
    assert found == ([Difference("stderr", gone, come)] if gone or come else [])


def test_a_known_difference_is_no_complaint() -> None:
    found = [Difference("stdout", "old words", "new words")]
    assert unexplained(found, [Differs("a row", "stdout", "old words\n", "new words\n")]) == []


@pytest.mark.parametrize(
    "known",
    [
        [],
        [Differs("a row", "stdout", "old words", "other words")],
        [Differs("a row", "exit", "old words", "new words")],
    ],
)
def test_any_other_difference_is_one(known: list[Differs]) -> None:
    assert unexplained([Difference("stdout", "old words", "new words")], known) != []


def test_a_known_difference_that_is_not_there_is_a_complaint() -> None:
    assert unexplained([], [Differs("a row", "stdout", "old words", "new words")]) != []


def test_names_of_databases_places_and_times_of_today_are_not_compared() -> None:
    text = "db:pg:app_1 in /tmp/x: 2024-01-02 03:04:05 +0000"
    assert normalized(text, {"app_1": "DB", "/tmp/x": "PROJECT"}) == "db:pg:DB in PROJECT: 2024-01-02 03:04:05 +0000"


def test_a_scenario_with_a_key_that_means_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "typo.toml"
    path.write_text('title = "x"\nalternates = true\n[[step]]\nrun = "status"\n')
    with pytest.raises(ValueError, match="alternates"):
        read_scenarios(path)


def test_a_scenario_without_a_command_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text('title = "x"\n[[step]]\nfreeze = true\n')
    with pytest.raises(ValueError, match="runs no command"):
        read_scenarios(path)
