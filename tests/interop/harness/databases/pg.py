"""PostgreSQL: the variables of libpq lead there, the registry is a schema."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from sqitchpy.engines.pg.names import quoted
from sqitchpy.testing import Database

from .base import LaneDatabase, Registry

_NOT_SCHEMA = re.compile(r"--|\\(?:un)?restrict |$")
_CATALOGUES = (
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_index",
    "pg_type",
    "pg_enum",
    "pg_proc",
    "pg_namespace",
    "pg_trigger",
    "pg_rewrite",
    "pg_policy",
    "pg_sequence",
    "pg_inherits",
    "pg_default_acl",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_extension",
)
"""Where what pg_dump writes is kept: when no row in them is new or gone, its answer is the same."""
_STATE = "SELECT " + ", ".join(
    f"(SELECT (count(*), max(xmin::text::bigint), sum(xmin::text::numeric)) FROM {name})" for name in _CATALOGUES
)


@dataclass
class PgLane(LaneDatabase):
    """``pg_dump`` is a program for the server's version."""

    database: Database
    pg_dump: str
    _seen: tuple[object, str] = field(init=False, default=(None, ""))

    @property
    def placeholders(self) -> Mapping[str, str]:
        parts = {name: self.database.params.get(name, "") for name in ("host", "port", "user")}
        uri = f"db:pg:{self.database.name}"
        conf = "[core]\n\tengine = pg\n"
        return {
            "engine": "pg",
            "db": self.database.name,
            "uri": uri,
            "registry": "sqitch",
            "conf": conf,
            "client": "psql",
            **parts,
        }

    @property
    def environ(self) -> Mapping[str, str]:
        return self.database.environ

    @property
    def masks(self) -> Mapping[str, str]:
        return {f"db:pg:{self.database.name}": "TARGET", self.database.name: "DB"}

    @cached_property
    def _connection(self) -> psycopg.Connection[Any]:
        return self.database.connect(options="-c timezone=UTC")

    def execute(self, statements: str) -> None:
        self._connection.execute(statements.encode())

    def registries(self, names: Sequence[str]) -> Iterator[Registry]:
        cursor = self._connection.cursor()
        for name in names:
            prefix = f"{quoted(name)}."
            if cursor.execute("SELECT to_regclass(%s)", [f"{prefix}changes"]).fetchone() != (None,):
                yield Registry(name, cursor, prefix)

    def schema(self) -> str:
        """As pg_dump writes it, less comments, ``\\restrict`` lines and tables of sqitchpy's own."""
        state = self._connection.execute(_STATE.encode()).fetchone()
        if self._seen[0] != state:
            self._seen = (state, self._dump())
        return self._seen[1]

    def _dump(self) -> str:
        options = ["--schema-only", "--no-comments", "--exclude-table=*.sqitchpy_*"]
        environ = {**os.environ, **self.database.environ}
        done = subprocess.run([self.pg_dump, *options], env=environ, capture_output=True, text=True, check=True)
        owner = f" OWNER TO {self.database.params.get('user', '')};"
        lines = (line for line in done.stdout.splitlines() if not _NOT_SCHEMA.match(line))
        return "\n".join(line.replace(owner, " OWNER TO US;") for line in lines)

    def close(self) -> None:
        self._connection.close()


def find_pg_dump(server_version: int) -> str | None:
    """A pg_dump that is new enough for the server: the one on the PATH, else the embedded PostgreSQL's."""
    from sqitchpy import embedded

    candidates = [shutil.which("pg_dump"), str(embedded.bin_dir() / "pg_dump")]
    return next((name for name in candidates if name and _major(name) >= server_version // 10000), None)


def _major(program: str) -> int:
    if not Path(program).exists():
        return 0
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)[.\d]*", text)
    return int(found[1]) if found else 0
