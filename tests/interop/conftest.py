"""Fixtures of the tests against real Sqitch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from sqitchpy.testing import DatabaseServer
from tests.conftest import need

from .harness.databases.base import LaneDatabase
from .harness.databases.mysql import MysqlLane
from .harness.databases.pg import PgLane, find_pg_dump
from .harness.databases.sqlite import SqliteLane
from .harness.lanes import Lane
from .harness.scenario import Scenario
from .harness.tools import PROGRAMS, Tool, loaded

MakeLane = Callable[..., Lane]


@pytest.fixture(scope="session")
def pg_dump(pg_server: DatabaseServer) -> str:
    """A pg_dump for the server."""
    found = find_pg_dump(pg_server.version())
    need("pg_dump", found is not None)
    return found or ""


@pytest.fixture(scope="session")
def tools(sqitch: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Tool]]:
    """Both tools, loaded."""
    with ExitStack() as stack:
        streams = tmp_path_factory.mktemp("streams")
        yield {name: stack.enter_context(loaded(name, streams / name)) for name in PROGRAMS}


@pytest.fixture
def make_lane(request: pytest.FixtureRequest, tools: Mapping[str, Tool], tmp_path: Path) -> Iterator[MakeLane]:
    """Makes lanes: ``make_lane(name, scenario, turns)``; their databases go when the test ends."""
    with ExitStack() as stack:

        def make(name: str, scenario: Scenario, turns: tuple[str, ...]) -> Lane:
            directory = tmp_path / name.replace(" ", "_")
            directory.mkdir()
            database = stack.enter_context(DATABASES[scenario.engine](request, directory))
            stack.callback(database.close)
            return Lane(name, scenario, directory, database, turns, tools)

        yield make


@contextmanager
def _pg(request: pytest.FixtureRequest, directory: Path) -> Iterator[LaneDatabase]:
    pg_dump = request.getfixturevalue("pg_dump")
    with request.getfixturevalue("pg_server").database() as database:
        yield PgLane(database, pg_dump)


@contextmanager
def _sqlite(request: pytest.FixtureRequest, directory: Path) -> Iterator[LaneDatabase]:
    need("sqlite3", shutil.which("sqlite3") is not None)
    yield SqliteLane(directory)


@contextmanager
def _mysql(request: pytest.FixtureRequest, directory: Path) -> Iterator[LaneDatabase]:
    registry = f"registry_{os.getpid()}_{next(_numbers)}"
    with request.getfixturevalue("mysql_server").database(registry=registry) as database:
        yield MysqlLane(database, registry)


_numbers = count(1)
DATABASES = {"pg": _pg, "sqlite": _sqlite, "mysql": _mysql}
