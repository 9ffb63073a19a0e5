"""One connection as libpq sees it: waiting for results, NOTICEs on the way, and a connection that is lost.

We speak to ``psycopg.pq``, psycopg's documented wrapper of libpq: a psycopg cursor per statement would cost more
than the statements.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.pq import TransactionStatus

from sqitchpy.engines.pg.failures import connection_lost

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""For one socket: without the file that epoll would open for every wait."""
FIRST_STALL, LONGEST_STALL = 0.5, 16.0
"""Seconds until a statement is said to take long, and until that is said again (each time later)."""


class Sent(NamedTuple):
    """A statement on its way: what to call it in an error, and what to do with its rows."""

    text: bytes
    origin: Any
    on_rows: Callable[[pq.abc.PGresult], None] | None


class Notice(NamedTuple):
    """A NOTICE or WARNING of the server."""

    severity: str
    message: str
    detail: str | None
    hint: str | None


OnNotice = Callable[[Notice, Any], None]
"""Told of a notice and of the origin of the statement that has caused it."""


class Link:
    """A connection and the statement whose results are being read. Not thread-safe."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        on_notice: OnNotice | None = None,
        on_stall: Callable[[], None] | None = None,
    ) -> None:
        self.connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.nonblocking = 1  # as psycopg has it, too
        self._on_notice = on_notice
        self._on_stall = on_stall
        self._heard: list[Notice] = []
        if on_notice is not None:
            connection.add_notice_handler(self._hear)
        self.current: Sent | None = None
        """The statement whose results are being read."""
        self.row_count = 0
        """How many rows the last statement has returned or touched."""

    def release(self) -> None:
        """Leave the connection to whoever else uses it."""
        self.connection.remove_notice_handler(self._hear)

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        """Keep a NOTICE for later: what is raised in here, Ctrl-C say, would be lost inside libpq."""
        if self.current is not None:
            words = notice.message_primary or ""
            self._heard.append(Notice(notice.severity or "NOTICE", words, notice.message_detail, notice.message_hint))

    def _hand_notices(self) -> None:
        """Hand the NOTICEs that have arrived on: they are those of the statement whose results are being read."""
        while self._heard and self._on_notice and self.current is not None:
            self._on_notice(self._heard.pop(0), self.current.origin)

    @property
    def in_transaction(self) -> bool:
        """Whether the server has a transaction open on this connection, failed or not."""
        return self._pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def parameter(self, name: str) -> str | None:
        """A parameter the server has reported (``client_encoding``, ``standard_conforming_strings`` …)."""
        value = self._pgconn.parameter_status(name.encode())
        return value.decode() if value is not None else None

    def _next_result(self) -> pq.abc.PGresult | None:
        while True:
            unsent = self._guard(self._pgconn.flush)
            busy = self._pgconn.is_busy()
            if self._heard:
                self._hand_notices()
            if not busy:
                return self._pgconn.get_result()
            self._wait(writing=bool(unsent))
            self._guard(self._pgconn.consume_input)

    def _wait(self, *, writing: bool) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        patience = FIRST_STALL if self._on_stall else None
        with _Selector() as selector:
            selector.register(self._pgconn.socket, wanted)
            while not selector.select(patience):
                if self._on_stall and patience:
                    self._on_stall()
                    patience = min(2 * patience, LONGEST_STALL)

    def _guard(self, call: Callable[[], Any]) -> Any:
        """Call libpq; a failure of the connection itself becomes a ConnectionLostError."""
        try:
            return call()
        except psycopg.OperationalError as error:
            raise connection_lost(self._pgconn, error) from error
