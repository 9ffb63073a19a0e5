"""The deployment lock: Sqitch's own advisory lock, so that the two tools exclude each other.

It is asked for again and again and never waited for inside the server: a session that waits in pg_advisory_lock holds
a snapshot, and CREATE INDEX CONCURRENTLY in the session that has the lock would wait for that snapshot: a deadlock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from sqitchpy.engines.pg.names import Queries
from sqitchpy.errors import LockTimeoutError
from sqitchpy.events import LockHolder

KEY = 75474063
"""The number Sqitch uses (App::Sqitch::Engine::pg, since 1.2)."""

TRY = b"SELECT pg_catalog.pg_try_advisory_lock(75474063), pg_catalog.pg_backend_pid()"
TRY_IN_TRANSACTION = b"SELECT pg_catalog.pg_try_advisory_xact_lock(75474063), pg_catalog.pg_backend_pid()"

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0


def acquire(
    connection: psycopg.Connection[Any],
    queries: Queries,
    destination: str,
    timeout: float,
    on_wait: Callable[[LockHolder | None], None],
    *,
    for_transaction: bool = False,
) -> int:
    """Take the lock for this session (or its open transaction), waiting up to ``timeout`` seconds (0: without limit).

    ``on_wait`` is told once who holds it. Returns the id of the server process that holds it now, which behind a
    pooler is not the one the connection was told. Raises LockTimeoutError.
    """
    call = TRY_IN_TRANSACTION if for_transaction else TRY
    if pid := _try(connection, call):
        return pid
    holder = _holder(connection, queries)
    on_wait(holder)
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE
    while timeout == 0 or time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        if pid := _try(connection, call):
            return pid
    raise LockTimeoutError(
        f"Timed out waiting {timeout:g} seconds for another instance of Sqitch to finish work on {destination}",
        hint=f"{_who(_holder(connection, queries))}Nothing was changed. Wait for it to end, or raise --lock-timeout.",
    )


def release(connection: psycopg.Connection[Any]) -> None:
    """Give the lock back."""
    connection.execute(b"SELECT pg_catalog.pg_advisory_unlock(75474063)", prepare=False)


def _try(connection: psycopg.Connection[Any], call: bytes) -> int | None:
    cursor = psycopg.Cursor(connection, row_factory=psycopg.rows.tuple_row)
    row = cursor.execute(call, prepare=False).fetchone()
    return row[1] if row and row[0] else None


def _holder(connection: psycopg.Connection[Any], queries: Queries) -> LockHolder | None:
    cursor = psycopg.Cursor(connection, row_factory=psycopg.rows.tuple_row)
    row = cursor.execute(queries.cursor("lock_holder").encode(), {"key": KEY}, prepare=False).fetchone()
    return LockHolder(*row) if row and row[0] is not None else None


def _who(holder: LockHolder | None) -> str:
    if holder is None:
        return ""
    return (
        f"The lock is held by process {holder.pid} of the server: user {holder.user}, "
        f"application {holder.application or '(unnamed)'}, connected since {holder.since}. "
    )
