"""A server to make databases on, and the databases."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from sqitchpy.engines.pg.names import quoted

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A database that exists for one test. ``params`` are libpq's connection parameters."""

    name: str
    params: Mapping[str, str] = field(repr=False)

    @property
    def uri(self) -> str:
        """The target to give to sqitchpy, or to Sqitch: ``db:pg://…``."""
        user = quote(self.params.get("user", ""), safe="")
        secret = self.params.get("password")
        login = f"{user}:{quote(secret, safe='')}@" if secret else f"{user}@" if user else ""
        port = f":{self.params['port']}" if "port" in self.params else ""
        return f"db:pg://{login}{quote(self.params.get('host', ''), safe='')}{port}/{quote(self.name, safe='')}"

    def connect(self, **settings: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection, in autocommit mode unless asked otherwise."""
        return psycopg.connect(**{"autocommit": True, **self.params, **settings})

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one query, over a connection of its own."""
        with self.connect() as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def environ(self) -> dict[str, str]:
        """PG* variables that lead libpq's programs (psql, pg_dump) here."""
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
        return {variable: str(self.params[name]) for name, variable in names.items() if name in self.params}


@dataclass(frozen=True)
class DatabaseServer:
    """A server on which databases can be made."""

    params: Mapping[str, str] = field(repr=False)
    embedded: bool

    def execute(self, statement: str) -> None:
        """Run a statement on the server's maintenance database."""
        with psycopg.connect(**dict(self.params), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(statement.encode())

    def version(self) -> int:
        """The server's version as a number, 150004 for 15.4."""
        with psycopg.connect(**dict(self.params), autocommit=True) as connection:  # type: ignore[arg-type]
            return connection.info.server_version

    @contextmanager
    def database(self, name: str | None = None, *, options: str = "") -> Iterator[Database]:
        """A new database, dropped at the end whoever is still connected. ``options`` follow CREATE DATABASE."""
        name = name or f"sqitchpy_{os.getpid()}_{next(_numbers)}_{uuid.uuid4().hex[:6]}"
        self.execute(f"CREATE DATABASE {quoted(name)} {options}")
        try:
            yield Database(name, {**self.params, "dbname": name})
        finally:
            self.execute(
                f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)"
                if self.version() >= 130000
                else f"DROP DATABASE IF EXISTS {quoted(name)}"
            )


def named_server(dsn: str) -> DatabaseServer:
    """The server of a connection string (``host=… user=…`` or ``postgresql://…``)."""
    return DatabaseServer({name: str(value) for name, value in conninfo_to_dict(dsn).items() if value}, embedded=False)


@contextmanager
def embedded_server(directory: Path) -> Iterator[DatabaseServer]:
    """An embedded server of its own in ``directory``, tuned for tests (it may lose data when the machine crashes)."""
    from sqitchpy import embedded

    server = embedded.ensure_running(directory, settings={"fsync": "off", "max_connections": "200"})
    try:
        yield DatabaseServer({name: str(value) for name, value in server.params().items() if value}, embedded=True)
    finally:
        embedded.remove(directory)
