"""What SQLite's statements mean for the transaction they are in. Pure."""

from __future__ import annotations

import re

from sqitchpy.engines.dbapi.statements import Kind

_COMMENTS = rb"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*"
_WORD = re.compile(_COMMENTS + rb"([A-Za-z]+)", re.S)
_PRAGMA = re.compile(_COMMENTS + rb"PRAGMA\s+(?:\w+\s*\.\s*)?(\w+)", re.S | re.I)
_TO_SAVEPOINT = re.compile(_COMMENTS + rb"ROLLBACK\s+(?:TRANSACTION\s+)?TO\b", re.S | re.I)
_KINDS = {
    b"BEGIN": Kind.BEGIN,
    b"COMMIT": Kind.COMMIT,
    b"END": Kind.COMMIT,
    b"ROLLBACK": Kind.ROLLBACK,
    b"VACUUM": Kind.ALONE,
    b"DETACH": Kind.ALONE,
    b"ATTACH": Kind.SETTING,
}
_PRAGMAS = {
    b"foreign_keys": Kind.SETTING,
    b"synchronous": Kind.SETTING,
    b"temp_store": Kind.SETTING,
    b"journal_mode": Kind.ALONE,
    b"auto_vacuum": Kind.ALONE,
    b"wal_checkpoint": Kind.ALONE,
    b"incremental_vacuum": Kind.ALONE,
}
"""https://www.sqlite.org/pragma.html: foreign_keys "is a no-op within a transaction", and so on."""


def kind_of(text: bytes) -> Kind:
    """The kind of a statement."""
    word = _WORD.match(text)
    first = word[1].upper() if word else b""
    if first == b"PRAGMA" and (pragma := _PRAGMA.match(text)):
        return _PRAGMAS.get(pragma[1].lower(), Kind.PLAIN)
    if first == b"ROLLBACK" and _TO_SAVEPOINT.match(text):
        return Kind.PLAIN
    return _KINDS.get(first, Kind.PLAIN)
