"""The entry point: looked at for every ``db:duckdb:…``, so nothing slow is imported here."""

from __future__ import annotations

from sqitchpy.engines.protocol import Driver, Engine, Opening
from sqitchpy.errors import TargetError


def open_engine(opening: Opening) -> Engine:
    """The engine of one database file. Raises TargetError when the URI names none, or duckdb is not installed."""
    if not opening.uri.dbname or opening.uri.dbname.startswith(":"):
        raise TargetError(
            f"No database file in {opening.uri}",
            hint="Write db:duckdb:app.duckdb, or db:duckdb:/srv/app.duckdb. A database in memory would be gone with "
            "the command that has made it.",
        )
    try:
        from sqitchpy_duckdb.backend import DuckDBBackend
    except ImportError as error:
        raise TargetError(
            f"The Python package duckdb is needed for {opening.uri}: {error}", hint="Run: pip install duckdb"
        ) from error
    from sqitchpy.engines.dbapi.engine import DbapiEngine

    return DbapiEngine(DuckDBBackend, opening)


DRIVER = Driver(key="duckdb", open=open_engine, client="duckdb")
