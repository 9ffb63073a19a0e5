"""What the PostgreSQL engine has to be told about a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Facts:
    """How to reach a database, and what to call it.

    ``params`` are libpq's connection parameters. ``psql`` is the command that runs scripts with ``--runner psql``,
    ``psql_dbname`` its --dbname argument, ``psql_environ`` its environment. Scripts find files from ``directory``.
    """

    params: Mapping[str, str] = field(repr=False)
    destination: str
    registry: str
    registry_destination: str
    directory: Path
    psql: str = "psql"
    psql_dbname: str | None = field(default=None, repr=False)
    psql_environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    locks: bool = True
    """Whether the database has advisory locks that can be relied on (Yugabyte and Cockroach have not)."""
