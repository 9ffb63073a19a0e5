"""SQLite as an engine: where its registry is, and how it is opened."""

from __future__ import annotations

from pathlib import PurePath

from sqitchpy.engines.protocol import Driver, Engine, Opening
from sqitchpy.uri import DatabaseURI


def _open(opening: Opening) -> Engine:
    from sqitchpy.engines.dbapi.engine import (
        DbapiEngine,
    )  # not at the top: this module is imported to name the registry
    from sqitchpy.engines.sqlite.backend import SqliteBackend

    return DbapiEngine(SqliteBackend, opening, "sqlite3")


def _registry_uri(uri: DatabaseURI, registry: str) -> DatabaseURI:
    """``flipr.db`` has ``sqitch.db`` beside it, ``a.b.db`` has ``sqitch.b.db`` and ``foo`` has ``sqitch``.

    A registry's name with a dot is the whole file name, and an absolute one the whole path.
    """
    if not uri.dbname:
        return uri
    if PurePath(registry).is_absolute():
        return uri.override(dbname=registry)
    directory, slash, base = uri.dbname.rpartition("/")
    _, dot, rest = base.partition(".")
    return uri.override(dbname=f"{directory}{slash}{registry}" + ("" if "." in registry else f"{dot}{rest}"))


DRIVER = Driver(key="sqlite", open=_open, client="sqlite3", registry_uri=_registry_uri, own_registry=True)
