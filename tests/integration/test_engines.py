"""Every engine passes the one suite (sqitchpy/testing/conformance.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqitchpy.testing import Database
from sqitchpy.testing.conformance import EngineConformance, Subject
from tests.mariadb import MariaDatabase


class TestPostgreSQL(EngineConformance):
    @pytest.fixture
    def subject(self, pg_database: Database) -> Subject:
        return Subject(pg_database.uri, pg_database.rows)


class TestSQLite(EngineConformance):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        file = tmp_path / "app.db"

        def ask(query: str) -> Sequence[Sequence[Any]]:
            with closing(sqlite3.connect(file)) as connection:
                return connection.execute(query).fetchall()

        return Subject(f"db:sqlite:{file}", ask, there=file.exists)


class TestMariaDB(EngineConformance):
    @pytest.fixture
    def subject(self, mysql_database: MariaDatabase) -> Subject:
        return Subject(mysql_database.uri, mysql_database.rows, atomic=False)
