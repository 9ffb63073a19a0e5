"""The server's errors as ours, in the words of the mysql client."""

from __future__ import annotations

import re

import pymysql

from sqitchpy.engines.dbapi.statements import Statement
from sqitchpy.engines.protocol import NOT_UNIQUE
from sqitchpy.errors import ConnectionLostError, Diagnostics, EngineError, StatementError

ACCESS_DENIED = frozenset((1044, 1045, 1142, 1143, 1227, 1370, 1698))
_LOST = frozenset((0, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 2055, 4031))
"""Server shutting down, connection killed, aborted or timed out, server has gone away, lost connection."""
DUPLICATE = 1062
_SAME_SCRIPT = re.compile(r"-[0-9a-f]{40}' for key '(?:changes\.)?project'")
_SHOWN = 4000
"""A longer statement is not shown whole."""
_STATE = (
    "Whatever transaction was open has been rolled back by the server, unless its COMMIT was on the way; a statement "
    "that commits by itself may have been completed. Run “sqitchpy status” to see where the database stands, then run "
    "the command again: it goes on where this one ended."
)


def number_of(error: Exception) -> int:
    """The server's number for an error; 0 when it has none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def words_of(error: Exception) -> str:
    """What the server says."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def state_of(error: Exception) -> str | None:
    """The SQLSTATE of an error."""
    state: str | None = getattr(error, "sqlstate", None)
    return state


def is_lost(error: Exception) -> bool:
    """Whether an error is the end of its connection."""
    return isinstance(error, (pymysql.err.OperationalError, pymysql.err.InterfaceError)) and number_of(error) in _LOST


def lost(error: Exception) -> ConnectionLostError:
    """The connection is gone."""
    return ConnectionLostError(_headline(error), sqlstate="08S01", hint=_STATE)


def _headline(error: Exception, place: str = "") -> str:
    state = state_of(error)
    return f"ERROR {number_of(error)}{f' ({state})' if state else ''}{place}: {words_of(error)}"


def statement_error(statement: Statement, error: Exception) -> StatementError:
    """A script's statement has failed: what the client prints of it, and where it stands."""
    text = statement.text.decode("utf-8", "replace")
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
    headline = _headline(error, f" at line {statement.line} in file: '{statement.file}'")
    rule = "-" * 14
    return StatementError(
        Diagnostics(
            file=statement.file,
            line=statement.line,
            severity="ERROR",
            message=words_of(error),
            sqlstate=state_of(error),
            statement=text,
            shown=f"{rule}\n{shown}\n{rule}\n\n{headline}\nIn {statement.file}:{statement.line}",
        )
    )


def registry_error(error: Exception, registry: str) -> EngineError:
    """A statement of our own has failed."""
    if is_lost(error):
        return lost(error)
    if number_of(error) == DUPLICATE and _SAME_SCRIPT.search(words_of(error)):
        return EngineError("The deploy script is not unique", sqlstate=state_of(error), hint=NOT_UNIQUE)
    hint = f"This was a statement of sqitchpy's own, on the registry {registry}; it was rolled back."
    if number_of(error) in ACCESS_DENIED:
        hint += (
            f" The user needs all privileges on the database that the registry is: GRANT ALL ON `{registry}`.* TO …;"
            " and CREATE for it to be made."
        )
    return EngineError(_headline(error), sqlstate=state_of(error), hint=hint)
