"""Rounds, figures, worlds. SQITCHPY_TORTURE_ROUNDS makes them many (``make torture``); without it they are few."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from sqitchpy.plan import parse_plan
from sqitchpy.testing import Database, DatabaseServer
from tests.projects import Scripts, make_project
from tests.torture.oracle import Known
from tests.torture.plans import CHANGES, KNOWN, PREPARED
from tests.torture.servers import OwnServer, own_server
from tests.torture.world import World

ROUNDS = int(os.environ.get("SQITCHPY_TORTURE_ROUNDS", "0"))

Rounds = Callable[..., range]
Count = Callable[..., None]
Make = Callable[..., World]


@pytest.fixture
def rounds() -> Rounds:
    """``rounds(few, share)``: a few of them, or in ``make torture`` this share of all."""
    return lambda few, share=1.0: range(max(few, round(ROUNDS * share)))


@pytest.fixture
def count(request: pytest.FixtureRequest, pg_server: DatabaseServer) -> Iterator[Count]:
    """``count(what)`` what happened; the sums are shown at the end of the test session."""
    seen: Counter[str] = Counter()

    def add(what: str, number: int = 1) -> None:
        seen[what] += number

    yield add
    name = f"PostgreSQL {pg_server.version() // 10000}, {request.node.originalname.removeprefix('test_')}"
    request.node.user_properties.append(("torture", (name, dict(seen))))


@pytest.fixture(scope="session")
def throw_away(pg_server: DatabaseServer) -> Iterator[OwnServer]:
    """A server that may be restarted, of the same version as the one that is tested on."""
    with own_server(pg_server) as server:
        yield server


@pytest.fixture
def make_world(tmp_path: Path, pg_database: Database) -> Make:
    """Make a project on a database of this test's own, in which nothing is deployed yet."""

    def make(
        changes: Mapping[str, Scripts] = CHANGES,
        plan: Sequence[Known] = KNOWN,
        *,
        database: Database | None = None,
        uri: str = "",
    ) -> World:
        known = [change for change in plan if change.name in changes]
        path = make_project(tmp_path / "app", changes)
        planned = parse_plan((path / "sqitch.plan").read_bytes(), "sqitch.plan").changes
        ids = {change.id: change.name for change in planned}
        world = World(path, database or pg_database, known, uri, ids)
        world.database.rows(PREPARED)
        return world

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each test: what happened, and how often."""
    totals: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "torture" and getattr(report, "when", "") == "teardown":
                    totals.setdefault(value[0], Counter()).update(value[1])
    for name, seen in sorted(totals.items()):
        text = ", ".join(f"{number} {what}" for what, number in sorted(seen.items()))
        terminalreporter.write_line(f"torture: {name.replace('_', ' ')}: {text}")
