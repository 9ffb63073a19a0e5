"""Statements to the server and results back, over libpq's pipeline mode.

The law of this module: one statement per message (a string of several is an implicit transaction block, in which CREATE
INDEX CONCURRENTLY fails), and every result is known by the statement it belongs to. Statements are queued; a
synchronisation sends what is left and reads the results, so a whole change costs one round trip. We speak to
``psycopg.pq``, psycopg's documented wrapper of libpq, because a psycopg cursor per statement would cost more than the
statements.
"""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.pq import ExecStatus, TransactionStatus

from sqitchpy.engines.pg.failures import Failure, connection_lost, lost, server_failure
from sqitchpy.errors import ConnectionLostError

MAX_QUEUED_BYTES = 256 * 1024
MAX_QUEUED_STATEMENTS = 256
_OK = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY, ExecStatus.SINGLE_TUPLE)

_COPIES = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)


class Sent(NamedTuple):
    """A statement on its way: what to call it in an error, and what to do with its rows."""

    text: bytes
    origin: Any
    on_rows: Callable[[pq.abc.PGresult], None] | None


class Wire:
    """One connection's statements. Not thread-safe; the connection must be in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._pgconn = connection.pgconn
        self._queue: deque[Sent] = deque()
        self._queued_bytes = 0
        self.current: Sent | None = None
        """The statement whose results are being read: NOTICEs that arrive now are its own."""
        self.round_trips = 0
        self.row_count = 0
        """How many rows the last statement has returned or touched."""

    @property
    def in_transaction(self) -> bool:
        """Whether the server has a transaction open on this connection, failed or not."""
        return self._pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def parameter(self, name: str) -> str | None:
        """A parameter the server has reported (``client_encoding``, ``standard_conforming_strings`` …)."""
        value = self._pgconn.parameter_status(name.encode())
        return value.decode() if value is not None else None

    # -- queueing -----------------------------------------------------------------------------------------------

    def queue(
        self,
        text: bytes,
        parameters: Sequence[bytes | None] | None = None,
        *,
        origin: Any = None,
        on_rows: Callable[[pq.abc.PGresult], None] | None = None,
    ) -> None:
        """Queue a statement. Sends and reads what is queued when that becomes much. Raises as :meth:`sync` does."""
        if not self._queue and self._pgconn.pipeline_status == pq.PipelineStatus.OFF:
            self._guard(self._enter_pipeline)
        self._guard(lambda: self._pgconn.send_query_params(text, parameters))
        self._queue.append(Sent(text, origin, on_rows))
        self._queued_bytes += len(text)
        if self._queued_bytes > MAX_QUEUED_BYTES or len(self._queue) >= MAX_QUEUED_STATEMENTS:
            self.sync()

    def _enter_pipeline(self) -> None:
        self._pgconn.enter_pipeline_mode()
        self._pgconn.nonblocking = 1

    def sync(self) -> None:
        """Send everything queued and read every result.

        Raises ServerFailure for the first statement that failed (the others of the batch did not run), and
        ConnectionLostError. KeyboardInterrupt cancels what is running on the server, and is raised again.
        """
        if not self._queue:
            return
        self._guard(self._pgconn.pipeline_sync)
        self.round_trips += 1
        try:
            failure = self._collect()
        except ConnectionLostError:
            raise
        except BaseException:  # Ctrl-C, or whoever is shown the rows: the connection must stay usable
            self._cancel()
            raise
        finally:
            self._leave_pipeline()
        if failure is not None:
            raise failure

    def _leave_pipeline(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0
        self.current = None
        if self._pgconn.status == pq.ConnStatus.OK and self._pgconn.pipeline_status != pq.PipelineStatus.OFF:
            self._pgconn.exit_pipeline_mode()
            self._pgconn.nonblocking = 0

    def _collect(self) -> Failure | None:
        """Read results until the synchronisation point; returns the first failure."""
        failure: Failure | None = None
        while True:
            self.current = self._queue[0] if self._queue else None
            result = self._next_result()
            if result is None:
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                return failure
            if result.status in _COPIES:
                # It cannot be ended inside a pipeline: only a new connection helps (statements.py failed to see it).
                self.connection.close()
                raise lost("a COPY from or to the client was not recognised as one, and the connection was closed")
            sent = self._queue.popleft()
            if result.status == ExecStatus.PIPELINE_ABORTED or failure is not None:
                continue
            if result.status not in _OK:
                failure = server_failure(self._pgconn, result, sent.text, sent.origin)
                continue
            self.row_count = result.command_tuples or 0
            if sent.on_rows is not None:
                sent.on_rows(result)

    def _next_result(self) -> pq.abc.PGresult | None:
        while True:
            unsent = self._guard(self._pgconn.flush)
            if not self._pgconn.is_busy():
                return self._pgconn.get_result()
            self._wait(writing=bool(unsent))
            self._guard(self._pgconn.consume_input)

    def _wait(self, *, writing: bool) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        with selectors.DefaultSelector() as selector:
            selector.register(self._pgconn.socket, wanted)
            selector.select()

    def _guard(self, call: Callable[[], Any]) -> Any:
        """Call libpq; a failure of the connection itself becomes a ConnectionLostError."""
        try:
            return call()
        except psycopg.OperationalError as error:
            raise connection_lost(self._pgconn, error) from error

    def _cancel(self) -> None:
        """Stop what the server is doing for us and read to the end, so that the connection can be used again."""
        self._pgconn.get_cancel().cancel()
        self._queue = deque(sent._replace(on_rows=None) for sent in self._queue)
        self._collect()

    # -- what cannot be in a pipeline ------------------------------------------------------------------------------

    def run(self, text: bytes, *, origin: Any = None) -> None:
        """Queue one statement and wait for it."""
        self.queue(text, origin=origin)
        self.sync()

    def batch(self, text: bytes, *, origin: Any = None, on_rows: Callable[[pq.abc.PGresult], None] | None) -> None:
        """Send a string of several statements in one message (psql's ``\\;``). Raises as :meth:`sync` does."""
        self.sync()
        self.current = Sent(text, origin, on_rows)
        self._guard(lambda: self._pgconn.send_query(text))
        try:
            failure = self._collect_simple(on_rows)
        except KeyboardInterrupt:
            self._pgconn.get_cancel().cancel()
            self._collect_simple(None)
            raise
        finally:
            self.current = None
        if failure is not None:
            raise failure

    def _collect_simple(self, on_rows: Callable[[pq.abc.PGresult], None] | None) -> Failure | None:
        failure: Failure | None = None
        sent = self.current or Sent(b"", None, None)
        while (result := self._next_result()) is not None:
            if result.status == ExecStatus.COPY_OUT:
                continue
            if result.status == ExecStatus.COPY_IN:
                self._pgconn.put_copy_end(b"no data for COPY here")
            elif result.status not in _OK:
                failure = failure or server_failure(self._pgconn, result, sent.text, sent.origin)
            elif on_rows is not None:
                on_rows(result)
        return failure

    def copy_in(self, text: bytes, data: Iterable[bytes], *, origin: Any = None) -> None:
        """Run ``COPY … FROM STDIN`` with ``data``. Raises as :meth:`sync` does."""
        self.sync()
        self.current = Sent(text, origin, None)
        try:
            self._guard(lambda: self._pgconn.send_query(text))
            result = self._next_result()
            if result is not None and result.status == ExecStatus.COPY_IN:
                self._put(data)
                result = None
            failure = None
            if result is not None and result.status not in _OK:
                failure = server_failure(self._pgconn, result, text, origin)
            failure = failure or self._collect_simple(None)
        except KeyboardInterrupt:
            self._pgconn.get_cancel().cancel()
            self._collect_simple(None)
            raise
        finally:
            self.current = None
        if failure is not None:
            raise failure

    def _put(self, data: Iterable[bytes]) -> None:
        chunk: list[bytes] = []
        size = 0
        for line in data:
            chunk.append(line)
            size += len(line)
            if size > MAX_QUEUED_BYTES:
                self._guard(lambda: self._pgconn.put_copy_data(b"".join(chunk)))
                chunk.clear()
                size = 0
        if chunk:
            self._guard(lambda: self._pgconn.put_copy_data(b"".join(chunk)))
        self._guard(self._pgconn.put_copy_end)

    def copy_out(self, text: bytes, write: Callable[[bytes], object], *, origin: Any = None) -> None:
        """Run ``COPY … TO STDOUT`` and hand over what comes. Raises as :meth:`sync` does."""
        self.sync()
        self.current = Sent(text, origin, None)
        try:
            self._guard(lambda: self._pgconn.send_query(text))
            result = self._next_result()
            if result is not None and result.status == ExecStatus.COPY_OUT:
                while (got := self._guard(lambda: self._pgconn.get_copy_data(0)))[0] > 0:
                    write(bytes(got[1]))
                failure = self._collect_simple(None)
            elif result is not None and result.status not in _OK:
                failure = server_failure(self._pgconn, result, text, origin)
                self._collect_simple(None)
            else:
                failure = self._collect_simple(None)
        finally:
            self.current = None
        if failure is not None:
            raise failure

    def abandon(self, rollback: bytes) -> None:
        """Forget what is queued and roll back: after a failure, whatever state the connection is in."""
        if self._queue:
            self._guard(self._pgconn.pipeline_sync)
            self._collect()
            self._leave_pipeline()
        if self.in_transaction:
            self.run(rollback)
