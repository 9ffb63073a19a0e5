"""Sessions on a connection that the caller lends us.

``BorrowedSession`` runs scripts on it and gives it back with the settings it had. ``NestedSession`` stays inside the
transaction that the caller has open there: savepoints take the place of transactions, and nothing is committed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from sqitchpy.engines.pg import lending
from sqitchpy.engines.pg.connect import connect
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.link import OnNotice
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.errors import EngineError, LockHolder

Connection = psycopg.Connection[Any]


class BorrowedSession(OwnSession):
    """Scripts run on the caller's connection; the lock is on one of our own, to the same server, in the same role."""

    lent = True

    def __init__(
        self, facts: Facts, on_notice: OnNotice, on_warning: Callable[[str], None], connection: Connection
    ) -> None:
        super().__init__(facts, on_notice, on_warning)
        self._borrowed = connection
        if connection.info.transaction_status != TransactionStatus.IDLE:
            raise EngineError(
                "The connection is in the middle of something: it must be idle, with no transaction open",
                hint='Commit or roll back first, or pass transaction="caller" to stay inside the transaction.',
            )
        self._autocommit = connection.autocommit
        self._taken = False
        """Whether the connection has our settings; an interruption may come before there is a wire on it."""
        self._settings = lending.read_settings(connection)
        self.reset = self.as_new = lending.statements(self._settings)

    def control(self) -> Connection:
        """A connection of our own to the caller's server."""
        if self._control is None or self._control.closed:
            info = self._borrowed.info
            params = {**info.get_parameters(), **({"password": info.password} if info.password else {})}
            self._control = connect(params, self._facts.destination, purpose="control", encoding="UTF8")
            lending.become(self._control, self._settings)
        return self._control

    def _open_work(self) -> Connection:
        self._taken = True
        self._borrowed.autocommit = True
        return self._borrowed

    def drop_work(self) -> None:
        """Give the connection back with the settings it had."""
        if not self._taken:
            return
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.release()
        if not self._borrowed.closed:
            if self._borrowed.info.transaction_status != TransactionStatus.IDLE:
                self._borrowed.rollback()
            self._borrowed.autocommit = True  # it is not yet where the interruption has come before that
            self._borrowed.execute(b"SELECT pg_catalog.pg_advisory_unlock_shared(75474063, 1)", prepare=False)
            for text in self.reset:
                self._borrowed.execute(text, prepare=False)
            self._borrowed.autocommit = self._autocommit
        self._taken = False


class NestedSession(OwnSession):
    """Everything inside the caller's open transaction, on the caller's connection alone."""

    nested = lent = True

    def __init__(
        self, facts: Facts, on_notice: OnNotice, on_warning: Callable[[str], None], connection: Connection
    ) -> None:
        super().__init__(facts, on_notice, on_warning)
        self._control = connection
        status = connection.info.transaction_status
        if status == TransactionStatus.IDLE and not connection.autocommit:
            connection.execute("SELECT 1")  # psycopg opens its transaction with the first statement
        elif status != TransactionStatus.INTRANS:
            raise EngineError(
                "There is no transaction open on the connection, or it has failed",
                hint="Open one with connection.transaction(), or leave transaction= out.",
            )
        self.reset = self.as_new = lending.statements(lending.read_settings(connection))

    def _open_work(self) -> Connection:
        return self.control()

    def lock(self, queries: Queries, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the lock for as long as the caller's transaction lasts."""
        self.lock_holder = self._acquire(queries, timeout, on_wait, nested=True)

    def unlock(self) -> None:
        """The lock goes with the caller's transaction."""

    def drop_work(self) -> None:
        """Give the connection back with the settings it had."""
        if self._wire is None or self._control is None:
            return
        self._wire.release()
        self._wire = None
        if self._control.info.transaction_status == TransactionStatus.INTRANS:
            for text in self.reset:
                self._control.execute(text, prepare=False)

    def close(self) -> None:
        """Give the connection back; it stays open, and so does its transaction."""
        self.drop_work()
