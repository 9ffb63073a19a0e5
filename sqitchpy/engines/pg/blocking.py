"""Who holds the lock that a statement of ours is waiting for.

PostgreSQL tells only while a statement waits (``pg_blocking_pids``): the control connection asks when one takes long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.errors import LockHolder, SqitchpyError
from sqitchpy.readable import one_line


class Blocking:
    """Looks at who blocks the work session. ``holders`` are those of the last look."""

    def __init__(
        self, session: OwnSession, registry: PgRegistry, tell: Callable[[tuple[LockHolder, ...]], None]
    ) -> None:
        self._session = session
        self._registry = registry
        self._tell = tell
        self.holders: tuple[LockHolder, ...] = ()
        self._waiting = ""
        """The beginning of the statement that waited then."""

    def look(self) -> None:
        """Ask, and tell when somebody new is in the way."""
        wire = self._session.opened
        if wire is None or self._session.nested:  # a caller's only connection is the one that waits
            return
        try:
            rows = self._registry.blockers(wire.connection.info.backend_pid)
        except (SqitchpyError, psycopg.Error):
            return  # the statement itself goes on; whether the control session is lost is asked before its commit
        before = {holder.pid for holder in self.holders}
        self.holders = _holders([row[:-1] for row in rows])
        self._waiting = rows[0][-1] if rows else ""
        if self.holders and {holder.pid for holder in self.holders} - before:
            self._tell(self.holders)

    def after_timeout(self, statement: bytes) -> tuple[LockHolder, ...]:
        """Who it was when a statement could not have its lock; unseen, whoever has the oldest transactions open."""
        if self.holders and statement.decode("utf-8", "replace").startswith(self._waiting):
            return self.holders
        if not self._session.commits:
            return ()
        ours = [connection.info.backend_pid for connection in self._session.connections()]
        return _holders(self._registry.open_transactions(ours))


def _holders(rows: Sequence[tuple[Any, ...]]) -> tuple[LockHolder, ...]:
    found = (LockHolder(*row) for row in rows)
    return tuple(holder._replace(query=one_line(holder.query or "")) for holder in found)
