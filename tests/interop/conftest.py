"""Fixtures of the tests against real Sqitch, and the line that sums them up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sqitchpy.testing import DatabaseServer
from tests.conftest import need

from .harness import observing
from .harness.lanes import Lane
from .harness.scenario import Scenario

MakeLane = Callable[..., Lane]
PROPERTIES = ("scenarios", "steps", "differences")


@pytest.fixture(scope="session")
def pg_dump(pg_server: DatabaseServer) -> str:
    """A pg_dump for the server."""
    found = observing.pg_dump(pg_server.version())
    need("pg_dump", found is not None)
    return found or ""


@pytest.fixture
def make_lane(sqitch: str, pg_server: DatabaseServer, pg_dump: str, tmp_path: Path) -> Iterator[MakeLane]:
    """Makes lanes: ``make_lane(name, scenario, tools)``; their databases go when the test ends."""
    with ExitStack() as stack:

        def make(name: str, scenario: Scenario, tools: tuple[str, ...]) -> Lane:
            database = stack.enter_context(pg_server.database())
            directory = tmp_path / name.replace(" ", "_")
            directory.mkdir()
            return Lane(name, scenario, directory, database, tools, pg_dump)

        yield make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line: how much was compared with Sqitch."""
    totals = dict.fromkeys(PROPERTIES, 0)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in totals and getattr(report, "when", "") == "call":
                    totals[name] += value
    if totals["steps"]:
        text = ", ".join(f"{value} {name}" for name, value in totals.items())
        terminalreporter.write_line(f"compared with Sqitch: {text} (known, in docs/compatibility.md)")
