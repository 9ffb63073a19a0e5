"""What can be seen after a step: what the command said, the project's files, the registry's rows, the schema."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from psycopg import sql

from sqitchpy.testing import Database

ROWS = {
    "releases": ("installed_at", "version"),
    "projects": ("created_at", "project"),
    "changes": ("committed_at", "change_id"),
    "tags": ("committed_at", "tag_id"),
    "dependencies": ("change_id", "dependency"),
    "events": ("committed_at", "change_id"),
}
"""The registry's tables, and what tells the order of their rows. Times are left out of the rows; the order is not."""

_TIMES = ["committed_at", "installed_at", "created_at"]
_RECENT = re.compile(r"\b(\d{4})-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?: [+-]\d{4}|Z)")
_TEMPORARY = re.compile(r"/tmp/(?!\.s\.)[\w./-]+")


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    stdout: str
    stderr: str
    exit: int


class Observation(NamedTuple):
    """Everything that is compared after a step, as text."""

    stdout: str
    stderr: str
    exit: str
    files: str
    rows: str
    schema: str


def normalized(text: str, *, database: str, directory: Path) -> str:
    """The text without what cannot be equal: the database's name, the project's place, temporary files, times."""
    text = text.replace(database, "DB").replace(str(directory), "PROJECT")
    return _RECENT.sub(_masked, _TEMPORARY.sub("TEMPORARY", text))


def settled(plan: str) -> str:
    """A plan with fixed times instead of today's, a minute apart: its ids are the same in every lane then."""
    minutes = count()

    def fixed(found: re.Match[str]) -> str:
        return f"2024-06-01T11:{next(minutes):02}:00Z" if _masked(found) == "NOW" else found[0]

    return _RECENT.sub(fixed, plan)


def _masked(found: re.Match[str]) -> str:
    return "NOW" if abs(int(found[1]) - datetime.now().year) <= 1 else found[0]


def files(directory: Path, *, database: str) -> str:
    """The project's files, each with the hash of its bytes (without the database's name); and its empty folders."""
    hidden = {".git", ".sqitchpy"}
    every = sorted(path for path in directory.rglob("*") if not hidden.intersection(path.parts))
    lines = []
    for path in every:
        name = path.relative_to(directory)
        if path.is_file():
            lines.append(f"{name} {_hash(path, database)}")
        elif path.is_dir() and not any(path.iterdir()):
            lines.append(f"{name}/")
    return "\n".join(lines)


def _hash(path: Path, database: str) -> str:
    text = path.read_bytes().decode("utf-8", "surrogateescape").replace(database, "DB")
    return hashlib.sha1(_RECENT.sub(_masked, text).encode("utf-8", "surrogateescape")).hexdigest()


def rows(database: Database, registries: Sequence[str]) -> str:
    """The rows of the registries, a line for each, in the order that their times give them."""
    lines: list[str] = []
    with database.connect() as connection:
        for registry in registries:
            found = connection.execute("SELECT to_regclass(quote_ident(%s) || '.changes')", [registry]).fetchone()
            if found == (None,):
                continue
            for table, order in ROWS.items():
                query = sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text FROM {} t ORDER BY {}").format(
                    sql.Identifier(registry, table), sql.SQL(", ").join(map(sql.Identifier, order))
                )
                lines += [f"{registry}.{table} {text}" for (text,) in connection.execute(query, [_TIMES])]
    return "\n".join(lines)


_NOT_SCHEMA = re.compile(r"--|\\(?:un)?restrict |$")


def schema(database: Database, program: str) -> str:
    """The schema as pg_dump writes it, less comments, ``\\restrict`` lines and tables of sqitchpy's own."""
    options = ["--schema-only", "--no-comments", "--exclude-table=*.sqitchpy_*"]
    done = subprocess.run(
        [program, *options], env=environ(database.environ), capture_output=True, text=True, check=True
    )
    owner = f" OWNER TO {database.params.get('user', '')};"
    lines = (line for line in done.stdout.splitlines() if not _NOT_SCHEMA.match(line))
    return "\n".join(line.replace(owner, " OWNER TO US;") for line in lines)


def pg_dump(server_version: int) -> str | None:
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


def environ(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of the test, which is a clean one, with something added.

    Debian's psql is a program in Perl that looks for the real one; Sqitch is given that at once, which saves it time.
    """
    real = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))
    path = os.pathsep.join([*(str(psql.parent) for psql in real[-1:]), os.environ["PATH"]])
    return {**os.environ, "PATH": path, **extra}
