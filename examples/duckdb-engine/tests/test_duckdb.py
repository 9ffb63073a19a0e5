"""DuckDB passes the suite of every engine; and what is special about it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sqitchpy.testing.conformance import EngineConformance, Subject


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "app.duckdb"


class TestDuckDB(EngineConformance):
    @pytest.fixture
    def subject(self, file: Path) -> Subject:
        def ask(query: str) -> Sequence[Sequence[Any]]:
            with closing(duckdb.connect(file)) as connection:
                return connection.execute(query).fetchall()

        def tables() -> set[str]:
            return {name for (name,) in ask("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")}

        return Subject(f"db:duckdb:{file}", ask, tables=tables)
