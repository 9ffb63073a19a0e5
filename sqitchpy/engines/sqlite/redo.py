"""What makes up for the one thing that SQLite does not promise: to commit two files together in WAL mode, too.

There each file is committed by itself, the database before the registry that is attached to it: "transactions that
involve changes against multiple ATTACHed databases are atomic for each individual database, but are not atomic across
all databases as a set" (https://www.sqlite.org/wal.html). So the statements on the registry are written down in the
database, in the same transaction, with a number; the registry gets the number along with what they do. Whoever finds a
note whose number the registry does not have runs its statements, the number's among them: whoever is killed before the
note is taken away does not make the next one run them again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqitchpy.engines.dbapi.backend import Connection

NOTE = "sqitchpy_unrecorded"
"""The table in the database; it is there only while a run is under way, or was killed."""
NUMBER = "sqitchpy_recorded"
"""The table in the registry."""


class Statement(NamedTuple):
    """A statement on the registry, with the attached registry's name in it, and its parameters."""

    text: str
    parameters: Sequence[object]


def is_needed(work: Connection, schemas: Sequence[str]) -> bool:
    """Whether one of the files is in WAL mode."""
    return any(work.query(f"PRAGMA {schema}.journal_mode") == [("wal",)] for schema in schemas)


def write_down(work: Connection, registry: str, statements: Sequence[Statement]) -> None:
    """Before the COMMIT: note what has been done to the attached registry. An older note has done its duty."""
    number = secrets.token_hex(8)
    numbering = _kept(f"{registry}.{NUMBER}", {"number": number})
    text = json.dumps(
        [[text.replace(f"{registry}.", ""), list(parameters)] for text, parameters in (*statements, *numbering)]
    )
    for statement in (*numbering, *_kept(f"main.{NOTE}", {"number": number, "statements": text})):
        work.query(*statement)


def _kept(table: str, row: Mapping[str, str]) -> list[Statement]:
    """What makes ``row`` the only one of a table."""
    return [
        Statement(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(row)})", []),
        Statement(f"DELETE FROM {table}", []),
        Statement(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row.values())),
    ]


def unrecorded(work: Connection, recorded: Sequence[str]) -> list[Statement]:
    """The statements that the registry, which has these numbers, still lacks."""
    return [
        Statement(text, parameters)
        for number, statements in _notes(work)
        if number not in recorded
        for text, parameters in json.loads(statements)
    ]


def _notes(work: Connection) -> list[tuple[str, str]]:
    found = work.query("SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?", [NOTE])
    return (
        [(number, text) for number, text in work.query(f"SELECT number, statements FROM main.{NOTE}")] if found else []
    )


def forget(work: Connection) -> None:
    """Take the note away."""
    if _notes(work):
        work.query(f"DROP TABLE main.{NOTE}")
