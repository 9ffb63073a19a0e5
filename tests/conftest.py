"""Fixtures for every test: a clean environment, and throw-away databases."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import mariadb
from tests.mariadb import MariaDatabase, MariaServer

pytest_plugins = ["sqitchpy.testing.plugin"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so it is for what a shell started in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "torture", max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # pytest --hypothesis-profile=torture
KEPT = {"SQITCHPY_TEST_DSN", "SQITCHPY_TEST_MYSQL", "SQITCHPY_REQUIRE", "SQITCHPY_POSTGIS_DSN"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the configuration, identity or servers of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("SQITCH", "PG", "MYSQL", "MARIADB")) and name not in KEPT:
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SQITCH_SYSTEM_CONFIG", str(home / "no-system.conf"))
    monkeypatch.setenv("SQITCH_FULLNAME", "Ann Ex")
    monkeypatch.setenv("SQITCH_EMAIL", "ann@example.com")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")


def _required(tool: str) -> bool:
    return tool in os.environ.get("SQITCHPY_REQUIRE", "").split(",")


def need(tool: str, present: bool) -> None:
    """Skip when something is not installed; fail when SQITCHPY_REQUIRE says that it must be."""
    if present:
        return
    if _required(tool):
        pytest.fail(f"{tool} is required (SQITCHPY_REQUIRE) and not there")
    pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="session")
def sqitch() -> str:
    """The real Sqitch's command."""
    found = shutil.which("sqitch")
    need("sqitch", found is not None)
    return found or ""


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MariaServer]:
    """The server that SQITCHPY_TEST_MYSQL names (``db:mysql://…``), else a MariaDB of this test session."""
    uri = os.environ.get("SQITCHPY_TEST_MYSQL")
    if uri:
        yield mariadb.named_server(uri)
        return
    need("mariadb", mariadb.found())
    with mariadb.throwaway_server() as server:
        yield server


@pytest.fixture
def mysql_database(mysql_server: MariaServer) -> Iterator[MariaDatabase]:
    """An empty database for one test; the registry ``sqitch`` goes with it."""
    with mysql_server.database() as database:
        yield database


COUNTED = ("scenarios", "steps", "differences")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each engine, and one for all: how much was compared with Sqitch.

    Here and not beside those tests: where tests run in several processes, the first of these reads no other file.
    """
    totals: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in report.user_properties:
                    if name == "compared":
                        totals.setdefault(value["engine"], Counter()).update({key: value[key] for key in COUNTED})
    if totals:
        totals["all"] = sum(totals.values(), Counter())
    for engine, counter in totals.items():
        text = ", ".join(f"{counter[name]} {name}" for name in COUNTED)
        terminalreporter.write_line(f"compared with Sqitch, {engine}: {text} (known, in docs/compatibility.md)")
