"""Whole items in the named formats, as Sqitch 1.3.1 prints them for the same plan and the same events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from sqitchpy.cli.formatting import (
    ONELINE_ABBREV,
    Item,
    compile_format,
    item_from_change,
    item_from_event,
    parse_date_format,
    render,
)
from sqitchpy.errors import ConfigError
from sqitchpy.model import Change, Dependency, EventRow, Person, Tag

ANN = Person("Ann Ex", "ann@example.com")
BEA = Person("Bé Ünï", "be@example.com")
NOTE = "Adds users.\nSecond line.\n\n  Fourth line."
USERS = "f5a52b97c6fb6bf9777bd46a2c78f24238c57d45"
WIDGETS = "67728927b6becbcf7a08c97c8991ba01e1254c75"
BARE = "76868ecc8c89846fe74c6fdf3726f17ebab9260c"
OLD = "0791ece5eca2e7b3c403a42075b493a2999d4d04"


def users_change() -> Change:
    tags = tuple(Tag(name, "0" * 40, ANN, "2024-01-02T03:10:00Z", "", 7) for name in ("v1.0", "v1.0b"))
    return Change("users", USERS, None, "+", (), (), ANN, "2024-01-02T03:04:05Z", NOTE, tags, 1, 6)


def widgets_change() -> Change:
    requires = (Dependency(False, None, "users", None), Dependency(False, None, "users", "v1.0"))
    conflicts = (Dependency(True, "other", "dull", None), Dependency(True, "other", "grey", None))
    planned_at = "2024-07-09T22:04:05Z"
    return Change("widgets", WIDGETS, USERS, "+", requires, conflicts, BEA, planned_at, "Adds widgets.", (), 2, 9)


def old_change() -> Change:
    note = "Drops widgets; 100%!"
    return Change("old", OLD, BARE, "-", (), (), ANN, "2025-01-01T00:00:00Z", note, (), 4, 11)


def plan_items() -> dict[str, Item]:
    changes = (users_change(), widgets_change(), old_change())
    return {change.name: item_from_change(change, "flipr", f"deploy/{change.name}.sql") for change in changes}


def log_items() -> dict[str, Item]:
    users = EventRow(
        "deploy", USERS, "users", "flipr", NOTE, (), (), ("@v1.0", "@v1.0b"),
        datetime(2024, 3, 31, 0, 59, 59, 987654, UTC), ANN, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), ANN,
    )  # fmt: skip
    widgets = EventRow(
        "revert", WIDGETS, "widgets", "flipr", "Adds widgets.",
        ("users", "users@v1.0"), ("other:dull", "other:grey"), (),
        datetime(2024, 3, 31, 1, 0, 2, 987654, UTC), ANN, datetime(2024, 7, 9, 22, 4, 5, tzinfo=UTC), BEA,
    )  # fmt: skip
    bare = EventRow(
        "fail", BARE, "bare", "flipr", "", ("users", "widgets"), (), (),
        datetime(2024, 3, 31, 1, 0, 1, 987654, UTC), ANN, datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC), ANN,
    )  # fmt: skip
    return {row.change: item_from_event(row) for row in (users, widgets, bare)}


def shown(
    kind: Literal["log", "plan"], spec: str, change: str, *, zone: str, abbrev: int = 0, color: bool = False
) -> str:
    item = (log_items() if kind == "log" else plan_items())[change]
    iso = parse_date_format("iso")
    return render(compile_format(spec, kind), item, abbrev=abbrev, date_format=iso, color=color, tz=ZoneInfo(zone))


PLAN = {
    ("raw", "users"): """\
deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45 (@v1.0, @v1.0b)
name      users
project   flipr
planner   Ann Ex <ann@example.com>
planned   2024-01-02T03:04:05Z

    Adds users.
    Second line.
    \n\
      Fourth line.

""",
    ("raw", "widgets"): """\
deploy 67728927b6becbcf7a08c97c8991ba01e1254c75
name      widgets
project   flipr
requires  users, users@v1.0
conflicts other:dull, other:grey
planner   Bé Ünï <be@example.com>
planned   2024-07-09T22:04:05Z

    Adds widgets.

""",
    ("full", "users"): """\
Deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45 (@v1.0, @v1.0b)
Name:      users
Project:   flipr
Planner:   Ann Ex <ann@example.com>
Planned:   2024-01-02 08:34:05 +0530

    Adds users.
    Second line.
    \n\
      Fourth line.

""",
    ("full", "widgets"): """\
Deploy 67728927b6becbcf7a08c97c8991ba01e1254c75
Name:      widgets
Project:   flipr
Requires:  users, users@v1.0
Conflicts: other:dull, other:grey
Planner:   Bé Ünï <be@example.com>
Planned:   2024-07-10 03:34:05 +0530

    Adds widgets.

""",
    ("long", "users"): """\
Deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45 (@v1.0, @v1.0b)
Name:      users
Project:   flipr
Planner:   Ann Ex <ann@example.com>

    Adds users.
    Second line.
    \n\
      Fourth line.

""",
    ("medium", "old"): """\
Revert 0791ece5eca2e7b3c403a42075b493a2999d4d04
Name:      old
Planner:   Ann Ex <ann@example.com>
Date:      2025-01-01 05:30:00 +0530

    Drops widgets; 100%!

""",
    ("short", "users"): """\
Deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45
Name:      users
Planner:   Ann Ex <ann@example.com>

    Adds users.

""",
    ("oneline", "users"): "f5a52b97c6fb6bf9777bd46a2c78f24238c57d45 deploy users @v1.0, @v1.0b\n",
    ("oneline", "old"): "0791ece5eca2e7b3c403a42075b493a2999d4d04 revert old\n",
}

LOG = {
    ("raw", "users"): """\
deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45 (@v1.0, @v1.0b)
name      users
project   flipr
planner   Ann Ex <ann@example.com>
planned   2024-01-02T03:04:05Z
committer Ann Ex <ann@example.com>
committed 2024-03-31T00:59:59Z

    Adds users.
    Second line.
    \n\
      Fourth line.

""",
    ("raw", "widgets"): """\
revert 67728927b6becbcf7a08c97c8991ba01e1254c75
name      widgets
project   flipr
requires  users, users@v1.0
conflicts other:dull, other:grey
planner   Bé Ünï <be@example.com>
planned   2024-07-09T22:04:05Z
committer Ann Ex <ann@example.com>
committed 2024-03-31T01:00:02Z

    Adds widgets.

""",
    ("full", "users"): """\
Deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45 (@v1.0, @v1.0b)
Name:      users
Project:   flipr
Planner:   Ann Ex <ann@example.com>
Planned:   2024-01-02 04:04:05 +0100
Committer: Ann Ex <ann@example.com>
Committed: 2024-03-31 01:59:59 +0100

    Adds users.
    Second line.
    \n\
      Fourth line.

""",
    ("full", "widgets"): """\
Revert 67728927b6becbcf7a08c97c8991ba01e1254c75
Name:      widgets
Project:   flipr
Requires:  users, users@v1.0
Conflicts: other:dull, other:grey
Planner:   Bé Ünï <be@example.com>
Planned:   2024-07-10 00:04:05 +0200
Committer: Ann Ex <ann@example.com>
Committed: 2024-03-31 03:00:02 +0200

    Adds widgets.

""",
    ("long", "widgets"): """\
Revert 67728927b6becbcf7a08c97c8991ba01e1254c75
Name:      widgets
Project:   flipr
Planner:   Bé Ünï <be@example.com>
Committer: Ann Ex <ann@example.com>

    Adds widgets.

""",
    ("medium", "bare"): """\
Fail 76868ecc8c89846fe74c6fdf3726f17ebab9260c
Name:      bare
Committer: Ann Ex <ann@example.com>
Date:      2024-03-31 03:00:01 +0200

    \n\

""",
    ("short", "users"): """\
Deploy f5a52b97c6fb6bf9777bd46a2c78f24238c57d45
Name:      users
Committer: Ann Ex <ann@example.com>

    Adds users.

""",
    ("oneline", "widgets"): "67728927b6becbcf7a08c97c8991ba01e1254c75 revert flipr:widgets Adds widgets.\n",
    ("oneline", "bare"): "76868ecc8c89846fe74c6fdf3726f17ebab9260c fail flipr:bare \n",
}


@pytest.mark.parametrize(("spec", "change"), PLAN)
def test_a_planned_change_is_shown_as_sqitch_plan_shows_it(spec: str, change: str) -> None:
    assert shown("plan", spec, change, zone="Asia/Kolkata") == PLAN[spec, change]


@pytest.mark.parametrize(("spec", "change"), LOG)
def test_an_event_is_shown_as_sqitch_log_shows_it(spec: str, change: str) -> None:
    assert shown("log", spec, change, zone="Europe/Berlin") == LOG[spec, change]


def test_oneline_shortens_ids_to_six_digits() -> None:
    assert shown("log", "oneline", "widgets", zone="UTC", abbrev=ONELINE_ABBREV) == (
        "677289 revert flipr:widgets Adds widgets.\n"
    )
    assert shown("plan", "oneline", "users", zone="UTC", abbrev=ONELINE_ABBREV) == (
        "f5a52b deploy users @v1.0, @v1.0b\n"
    )


def test_colours_are_around_the_event_and_the_id() -> None:
    assert shown("log", "oneline", "bare", zone="UTC", abbrev=7, color=True) == (
        "\033[31m76868ec fail\033[0m flipr:bare \n"
    )
    assert shown("plan", "oneline", "old", zone="UTC", abbrev=7, color=True) == (
        "\033[34m0791ece revert\033[0m old\033[36m\033[0m\n"
    )
    assert shown("plan", "medium", "users", zone="UTC", abbrev=7, color=True).startswith(
        "\033[32mDeploy f5a52b9\033[0m\nName:"
    )


@pytest.mark.parametrize("kind", ["log", "plan"])
@pytest.mark.parametrize("spec", ["nope", "Medium", "x\ny", "format"])
def test_an_unknown_format_name_is_refused(kind: Literal["log", "plan"], spec: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_format(spec, kind)
    assert caught.value.message == f'Unknown {kind} format "{spec}"'
    assert caught.value.code == 255


def test_an_empty_format_gives_an_empty_line() -> None:
    assert shown("log", "", "users", zone="UTC") == "\n"
    assert shown("log", "format:", "users", zone="UTC") == "\n"


def test_ten_thousand_items_take_well_under_a_second() -> None:
    import time

    item = log_items()["widgets"]
    full, iso, zone = compile_format("full", "log"), parse_date_format("iso"), ZoneInfo("Europe/Berlin")
    start = time.process_time()
    for _ in range(10_000):
        render(full, item, abbrev=0, date_format=iso, color=True, tz=zone)
    assert time.process_time() - start < 1.5  # a bound for loaded machines; a quarter of a second is usual
