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
from sqitchpy.errors import LockHolder, LockTimeoutError

KEY = 75474063
"""The number Sqitch uses (App::Sqitch::Engine::pg, since 1.2)."""

TRY = (
    b"SELECT pg_catalog.pg_try_advisory_lock(75474063), pg_catalog.pg_backend_pid(),"
    b" CASE WHEN pg_catalog.current_setting('idle_session_timeout', true) <> '0'"
    b" THEN pg_catalog.set_config('idle_session_timeout', '0', false) END"
)
"""The session that holds the lock is idle while scripts run, however long they take: no timeout may end it."""
TRY_IN_TRANSACTION = b"SELECT pg_catalog.pg_try_advisory_xact_lock(75474063), pg_catalog.pg_backend_pid()"
TRY_ALONE = (
    b"SELECT CASE WHEN pg_catalog.pg_try_advisory_lock(75474063, 1) THEN pg_catalog.pg_advisory_unlock(75474063, 1)"
    b" ELSE false END, pg_catalog.pg_backend_pid()"
)
"""Is nobody at work? A second lock, ours alone, is held (shared) by every transaction that changes something: when a
deployer is killed, its control session is gone at once, but the server may still be busy with what it was sent last."""

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
    """Take the lock for this session (or its open transaction).

    Waits up to ``timeout`` seconds (0: without limit) for each session that has it.

    ``on_wait`` is told once who holds it. Returns the id of the server process that holds it now, which behind a
    pooler is not the one the connection was told. Raises LockTimeoutError.
    """
    wait = _Wait(connection, queries, destination, timeout, on_wait)
    if for_transaction:
        return wait.until(lambda: _try(connection, TRY_IN_TRANSACTION), "lock_holder")
    pid = wait.until(lambda: _try(connection, TRY), "lock_holder")
    try:
        wait.until(lambda: _try(connection, TRY_ALONE), "worker")
    except BaseException:
        release(connection)
        raise
    return pid


class _Wait:
    """Asking again and again, for ``timeout`` seconds."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        queries: Queries,
        destination: str,
        timeout: float,
        on_wait: Callable[[LockHolder | None], None],
    ) -> None:
        self._connection = connection
        self._queries = queries
        self._destination = destination
        self._timeout = timeout
        self._on_wait = on_wait
        self._deadline: float | None = None

    def until(self, attempt: Callable[[], int | None], who: str) -> int:
        """Ask until the answer is yes. ``who`` names the query that tells who is in the way.

        The time is for each of those who are in the way: Sqitches that wait stand in a queue in the server, and would
        all come before us, who ask.
        """
        pause = FIRST_PAUSE
        holder = None
        while (pid := attempt()) is None:
            if self._deadline is None:
                holder = self._holder(who)
                self._deadline = time.monotonic() + self._timeout
                self._on_wait(holder)
            elif self._timeout and time.monotonic() > self._deadline:
                before, holder = holder, self._holder(who)
                if holder is None or before is None or before.pid == holder.pid:
                    raise self._timed_out(holder)
                self._deadline = time.monotonic() + self._timeout
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
        return pid

    def _timed_out(self, holder: LockHolder | None) -> LockTimeoutError:
        return LockTimeoutError(
            f"Timed out waiting {self._timeout:g} seconds for another instance of Sqitch to finish work on "
            f"{self._destination}",
            holder=holder,
            hint=(f"The lock is held by {holder}. " if holder else "")
            + "Nothing was changed. Wait for it to end, or raise --lock-timeout.",
        )

    def _holder(self, who: str) -> LockHolder | None:
        cursor = psycopg.Cursor(self._connection, row_factory=psycopg.rows.tuple_row)
        row = cursor.execute(self._queries.cursor(who).encode(), {"key": KEY}, prepare=False).fetchone()
        return LockHolder(*row) if row and row[0] is not None else None


def release(connection: psycopg.Connection[Any]) -> None:
    """Give the lock back."""
    connection.execute(b"SELECT pg_catalog.pg_advisory_unlock(75474063)", prepare=False)


def _try(connection: psycopg.Connection[Any], call: bytes) -> int | None:
    cursor = psycopg.Cursor(connection, row_factory=psycopg.rows.tuple_row)
    row = cursor.execute(call, prepare=False).fetchone()
    return row[1] if row and row[0] else None
