"""What a script consists of once its language is read: statements to send and texts to print, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any, Literal, NamedTuple

from sqitchpy.engines.protocol import Script


class Kind(Enum):
    """What a statement means for the transaction it is in."""

    BEGIN = auto()
    COMMIT = auto()
    ROLLBACK = auto()
    PLAIN = auto()
    """It may be part of a transaction."""
    READ = auto()
    """The same, and it surely changes nothing. Only a dialect without savepoints has use for the difference."""
    ALONE = auto()
    """It refuses a transaction, or commits the one it is in (SQLite's VACUUM, DDL in MySQL)."""
    SETTING = auto()
    """It sets something of the session, and has an effect only outside a transaction (PRAGMA foreign_keys)."""
    SESSION = auto()
    """It sets something of the session alone and may be part of a transaction; a run that goes on needs it again."""
    LOCAL = auto()
    """It makes something in the session that ends with it and cannot be made again, a temporary table for example."""


class Statement(NamedTuple):
    """One statement, as it is sent: ``text`` has no terminator. ``line`` is where it begins, counted from 1.

    ``style`` says how the client would print its rows; the backend that the language belongs to knows what it means.
    """

    text: bytes
    kind: Kind
    file: str
    line: int
    style: Any = None


class Print(NamedTuple):
    """Something to print when it is reached."""

    text: str
    stream: Literal["stdout", "stderr"] = "stdout"


Language = Callable[[Script], Iterator[Statement | Print]]
"""Reads a script in the language of the database's own client. Raises ScriptError, with file and line, for what cannot
be run; reading has no effect on anything, and may be done twice."""
