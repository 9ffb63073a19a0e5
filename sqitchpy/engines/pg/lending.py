"""The settings of a session that is lent to us: read at the beginning, put back after every script and at the end.

Scripts therefore see what their lender has set: its role, its search_path. Settings that nobody has defined (``my.x``)
are not listed by the server, so they are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

Setting = tuple[str, str]

_WHO = ("session_authorization", "role")
_OF_THE_TRANSACTION = ("transaction_isolation", "transaction_read_only", "transaction_deferrable")


def read_settings(connection: psycopg.Connection[Any]) -> list[Setting]:
    """What was set in the session itself, and who it has become, in the order in which to set it again."""
    with undisturbed(connection) as cursor:
        rows = cursor.execute(
            b"SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings WHERE source = 'session'"
            b" UNION ALL SELECT 'session_authorization', session_user"
            b" UNION ALL SELECT 'role', pg_catalog.current_setting('role')",
            prepare=False,
        ).fetchall()
    login = connection.info.user
    found = [(str(name), str(value)) for name, value in rows if name not in _OF_THE_TRANSACTION]
    return [setting for setting in found if setting != ("session_authorization", login)]


def statements(settings: Iterable[Setting]) -> tuple[bytes, ...]:
    """What makes a session have these settings and no others."""
    settings = list(settings)
    known = [name for name, _ in settings] + list(_OF_THE_TRANSACTION)
    others = "SELECT pg_catalog.set_config(name, reset_val, false) FROM pg_catalog.pg_settings WHERE source = 'session'"
    names = ", ".join(map(_literal, known))
    return (
        b"RESET SESSION AUTHORIZATION",
        b"RESET ROLE",
        f"{others} AND name NOT IN ({names})".encode(),
        _set(settings),
    )


def become(connection: psycopg.Connection[Any], settings: Iterable[Setting]) -> None:
    """Take the same roles on another connection."""
    connection.execute(_set([setting for setting in settings if setting[0] in _WHO]), prepare=False)


def _set(settings: Iterable[Setting]) -> bytes:
    calls = (f"pg_catalog.set_config({_literal(name)}, {_literal(value)}, false)" for name, value in settings)
    return f"SELECT {', '.join(calls)}".encode()


def _literal(text: str) -> str:
    """A literal in ASCII: while client_encoding is being changed, nothing else would be understood for sure."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "E'" + "".join(c if c.isascii() else f"\\U{ord(c):08x}" for c in escaped) + "'"


@contextmanager
def undisturbed(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A cursor with plain rows, that leaves an idle connection idle."""
    idle = connection.info.transaction_status == TransactionStatus.IDLE
    try:
        yield psycopg.Cursor(connection, row_factory=psycopg.rows.tuple_row)
    finally:
        if idle and connection.info.transaction_status == TransactionStatus.INTRANS:
            connection.commit()
        elif idle and connection.info.transaction_status == TransactionStatus.INERROR:
            connection.rollback()
