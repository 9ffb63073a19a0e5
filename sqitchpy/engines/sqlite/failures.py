"""SQLite's errors as ours, in the words of its shell."""

from __future__ import annotations

import re
import sqlite3

from sqitchpy.engines.dbapi.statements import Statement
from sqitchpy.engines.protocol import NOT_UNIQUE
from sqitchpy.errors import Diagnostics, EngineError, StatementError

_NEAR = re.compile(r'near "(?P<token>.*)": syntax error$', re.S)
_NAMED = re.compile(
    r'(?:no such column: (?:\w+\.)*|unrecognized token: "|(?:table|view) "?)(?P<token>.+?)"?(?: already exists)?$', re.S
)
_WIDTH = 78
"""How much of a statement the shell shows around an error (shell_error_context)."""


def statement_error(connection: sqlite3.Connection, statement: Statement, error: Exception) -> StatementError:
    """A script's statement has failed: what the shell says, where it stands, and the line that it names."""
    text, words = statement.text.decode("utf-8", "replace"), str(error)
    code: int | None = getattr(error, "sqlite_errorcode", None)
    number = "" if code in (None, sqlite3.SQLITE_ERROR) else f" ({code & 0xFF})"
    if code in (None, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA) and _refused_by_parser(connection, text):
        offset = _offset(connection, text, words)
        whole = text if words.startswith("unrecognized token") else f"{text};"
        shown = f"Parse error near line {statement.line}: {words}{number}" + (
            _context(whole, offset) if offset is not None else ""
        )
    else:
        offset, shown = None, f"Runtime error near line {statement.line}: {words}{number}"
    return StatementError(
        Diagnostics(
            file=statement.file,
            line=statement.line,
            severity="ERROR",
            message=words,
            sqlstate=None,
            statement=text,
            position=None if offset is None else offset + 1,
            shown=f"{shown}\nIn {statement.file}:{statement.line}",
        )
    )


def registry_error(error: sqlite3.Error, registry: str) -> EngineError:
    """A statement of our own has failed."""
    if "changes.project, " in str(error) and "script_hash" in str(error):
        return EngineError(
            "The deploy script is not unique",
            hint=NOT_UNIQUE,
        )
    hint = f"This was a statement of sqitchpy's own, on the registry {registry}; it was rolled back."
    return EngineError(f"Error: {error}", hint=hint)


def _refused_by_parser(connection: sqlite3.Connection, text: str) -> bool:
    """Whether a statement does not get so far that it is run."""
    return _complaint(connection, text) is not None


def _complaint(connection: sqlite3.Connection, text: str) -> str | None:
    """What the parser says; EXPLAIN has it parse without running anything."""
    try:
        connection.execute(f"EXPLAIN {text}").close()
    except sqlite3.Error as error:
        return str(error)
    return None


def _offset(connection: sqlite3.Connection, text: str, words: str) -> int | None:
    """Where in the statement the parser has stumbled; Python's sqlite3 does not tell before 3.13.

    A syntax error shows at the first token after which there is no going on: the text up to its end is refused with
    the same words, and no shorter one is.
    """
    found = _NEAR.search(words) or _NAMED.search(words)
    if found is None:
        return None
    places = [match.start() for match in re.finditer(re.escape(found["token"]), text)]
    if words.endswith("already exists"):
        places = [match.start() for match in re.finditer(rf"\b{re.escape(found['token'])}\b", text)]
    if found.re is _NAMED:
        return places[0] if places else None
    return next(
        (place for place in places if _complaint(connection, text[: place + len(found["token"])]) == words), None
    )


def _context(text: str, offset: int) -> str:
    """The two lines below a message of the parser: where the error is."""
    begin = 0
    before = len(text[:offset].encode())
    if before > 50:
        begin, before = _cut(text, offset)
    line = re.sub(r"\s", " ", text[begin : begin + _WIDTH])
    if before < 25:
        return f"\n  {line}\n  {' ' * before}^--- error here"
    return f"\n  {line}\n  {' ' * (before - 14)}error here ---^"


def _cut(text: str, offset: int) -> tuple[int, int]:
    """How much the shell leaves out before the error, and how far the error is from there."""
    begin = offset - 50
    return begin, 50
