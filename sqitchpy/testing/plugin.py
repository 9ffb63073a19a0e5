"""The pytest plugin: ``pg_server`` for the session, ``pg_database`` for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sqitchpy.testing.databases import Database, DatabaseServer, embedded_server, named_server


@pytest.fixture(scope="session")
def pg_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """The server that SQITCHPY_TEST_DSN names, else an embedded one that lives as long as the test session."""
    dsn = os.environ.get("SQITCHPY_TEST_DSN")
    if dsn:
        yield named_server(dsn)
        return
    with embedded_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def pg_database(pg_server: DatabaseServer) -> Iterator[Database]:
    """An empty database for one test."""
    with pg_server.database() as database:
        yield database
