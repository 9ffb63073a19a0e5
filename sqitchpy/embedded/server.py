"""A running server, and how to find out whether there is one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote

from sqitchpy.embedded import sockets
from sqitchpy.embedded.area import Area
from sqitchpy.embedded.binaries import psql_path
from sqitchpy.errors import EmbeddedError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

SUPERUSER = "postgres"
MAINTENANCE = "postgres"
CONNECT_SECONDS = 5
DATABASE = "app"
"""The database of the target ``embedded:``."""


class ConnectionFacts(TypedDict):
    """What psycopg.connect() needs."""

    host: str
    hostaddr: str
    port: int
    user: str
    dbname: str


class Silence(Enum):
    """Why no server of ours answers."""

    ABSENT = auto()
    """Nothing listens."""
    BUSY = auto()
    """Something listens; it is starting, stopping, or stuck."""
    FOREIGN = auto()
    """A server answers, of another data folder."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of ours: where its socket is, and its files."""

    project: Path
    data_directory: Path
    socket_directory: Path
    log: Path
    port: int = sockets.PORT
    user: str = SUPERUSER

    def params(self, dbname: str = MAINTENANCE) -> ConnectionFacts:
        """Return keyword arguments for ``psycopg.connect``.

        The empty ``hostaddr`` keeps ``PGHOSTADDR`` of the environment from leading elsewhere.
        """
        return {
            "host": str(self.socket_directory),
            "hostaddr": "",
            "port": self.port,
            "user": self.user,
            "dbname": dbname,
        }

    def uri(self, dbname: str = MAINTENANCE) -> str:
        """Return a connection URI: ``postgresql:///name?host=…&port=…&user=…``, every part percent-encoded."""
        host = quote(os.fsencode(self.socket_directory), safe="")
        return f"postgresql:///{quote(dbname, safe='')}?host={host}&port={self.port}&user={quote(self.user, safe='')}"

    def psql(self, dbname: str = MAINTENANCE, *arguments: str) -> list[str]:
        """Return the command that runs psql on a database, with more arguments, for subprocess or ``os.execv``.

        Raises EmbeddedError when the wheel is not installed.
        """
        from psycopg.conninfo import make_conninfo

        return [str(psql_path()), f"--dbname={make_conninfo(**self.params(dbname))}", *arguments]


def probe(area: Area) -> Server | Silence:
    """Return the area's server when one answers that says its data folder is ours, else why not.

    Raises EmbeddedError when the server answers and refuses us.
    """
    folder = sockets.recorded(area)
    if folder is None or not sockets.listens(folder):
        return Silence.ABSENT
    server = Server(area.project, area.data, folder, area.log)
    answer = _data_directory(server)
    if isinstance(answer, Silence):
        return answer
    return server if os.path.realpath(answer) == os.path.realpath(area.data) else Silence.FOREIGN


def ensure_database(server: Server, name: str) -> bool:
    """Create a database when it is absent; tell whether it was. Raises psycopg.Error when the server refuses."""
    from psycopg import errors, sql

    with connect(server) as connection:
        if connection.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,)).fetchone() is not None:
            return False
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):  # somebody else was faster
            return False
    return True


def connect(server: Server, dbname: str = MAINTENANCE) -> Connection[TupleRow]:
    """Connect to a database of the server, in autocommit mode. Raises psycopg.Error."""
    import psycopg  # slow to import

    return psycopg.connect(**server.params(dbname), autocommit=True, connect_timeout=CONNECT_SECONDS)


def _data_directory(server: Server) -> str | Silence:
    import psycopg

    try:
        with connect(server) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.OperationalError as error:
        # Without a code it is about connecting: starting and stopping pass, too many sessions may not.
        if error.sqlstate is None and "FATAL:" in str(error) and "the database system is " not in str(error):
            raise EmbeddedError(f"The embedded server refuses a connection: {error}") from error
        return Silence.BUSY
    return str(row[0]) if row else Silence.BUSY
