"""What the PostgreSQL engine has to be told about a target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Facts(NamedTuple):
    """How to reach a database, and what to call it. ``repr`` shows no password.

    ``params`` are libpq's connection parameters. ``psql`` is the command that runs scripts with ``--runner psql``,
    ``psql_dbname`` its --dbname argument, ``psql_environ`` its environment. Scripts find files from ``directory``.
    """

    params: Mapping[str, str]
    destination: str
    registry: str
    registry_destination: str
    directory: Path
    psql: str
    psql_dbname: str | None
    psql_environ: Mapping[str, str]
    locks: bool
    """Whether the database has advisory locks that can be relied on (Yugabyte and Cockroach have not)."""

    def __repr__(self) -> str:
        return f"Facts({self.destination!r}, registry={self.registry!r})"
