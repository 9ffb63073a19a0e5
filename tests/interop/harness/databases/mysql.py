"""MariaDB: a database of the lane on the session's server, and another for its registry."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from tests.mariadb import MariaDatabase

from .base import LaneDatabase, Registry

_NOT_SCHEMA = re.compile(
    r"/\*[!M]\d*.*\*/;$|(?:/\*!50003 )?SET (?:character_set_(?:client|results)|collation_connection)\b"
)
"""Settings of the dump itself; and the character set in which a routine was made, which is known to differ."""


@dataclass
class MysqlLane(LaneDatabase):
    """Scenarios name the registry in the configuration, since registries of all lanes are on one server."""

    database: MariaDatabase
    registry: str

    @property
    def placeholders(self) -> Mapping[str, str]:
        uri = self.database.uri
        conf = f'[core]\n\tengine = mysql\n[engine "mysql"]\n\ttarget = {uri}\n\tregistry = {self.registry}\n'
        params = self.database.params
        parts = {"host": params.get("host", "localhost"), "port": str(params.get("port", 3306)), "user": params["user"]}
        names = {"db": self.database.name, "uri": uri, "registry": self.registry, "conf": conf, "client": "mysql"}
        return {"engine": "mysql", **names, **parts}

    @property
    def masks(self) -> Mapping[str, str]:
        return {
            self.database.uri: "TARGET",
            self.database.uri_of(self.registry): "REGISTRY",
            str(self.database.params.get("unix_socket", "no socket")): "SOCKET",
            self.registry: "sqitch",
            self.database.name: "DB",
        }

    @cached_property
    def _connection(self) -> pymysql.Connection[Any]:
        return self.database.connect(client_flag=CLIENT.MULTI_STATEMENTS, init_command="SET time_zone = '+00:00'")

    def execute(self, statements: str) -> None:
        cursor = self._connection.cursor()
        cursor.execute(statements)
        while cursor.nextset():
            pass

    def registries(self, names: Sequence[str]) -> Iterator[Registry]:
        cursor = self._connection.cursor()
        for name in names:
            actual = self.registry if name == "sqitch" else name
            query = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'changes'"
            if cursor.execute(query, [actual]):
                yield Registry(name, cursor, f"`{actual}`.")

    def schema(self) -> str:
        """As mariadb-dump writes it, less comments and settings."""
        wanted = (self.database.name, self.registry)
        cursor = self._connection.cursor()
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name IN %s", [wanted])
        present = [name for name in wanted if (name,) in cursor.fetchall()]
        cursor.execute(
            "SELECT concat('--ignore-table=', table_schema, '.', table_name) FROM information_schema.tables"
            r" WHERE table_schema IN %s AND table_name LIKE 'sqitchpy\_%%'",
            [wanted],
        )
        options = ["--no-data", "--routines", "--triggers", "--events", "--skip-comments", "--skip-set-charset"]
        command = ["mariadb-dump", "--no-defaults", *self.database.client_options, *options]
        ours = [option for (option,) in cursor.fetchall()]
        text = subprocess.run(
            [*command, *ours, "--databases", *present], capture_output=True, text=True, check=True
        ).stdout
        return "\n".join(line for line in text.splitlines() if line and not _NOT_SCHEMA.match(line))

    def close(self) -> None:
        self._connection.close()
