"""Statements to the server and results back, over libpq's pipeline mode.

The law of this module: one statement per message (a string of several is an implicit transaction block, in which CREATE
INDEX CONCURRENTLY fails), and every result is known by the statement it belongs to. Statements are queued; a
synchronisation sends what is left and reads the results, so a whole change costs one round trip.

An interruption may come between any call of libpq and our note of it. So the note is made before the call, and what is
still to be read after an interruption is asked of libpq.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import pq
from psycopg.pq import ExecStatus, TransactionStatus

from sqitchpy.engines.pg.failures import Failure, lost, server_failure
from sqitchpy.engines.pg.link import Link, OnNotice, Sent
from sqitchpy.engines.pg.prepared import Prepared
from sqitchpy.errors import ConnectionLostError

CLEANUP = "cleanup"
"""Origin of what comes behind a transaction: when it fails, that is no failure of what was committed."""
MAX_QUEUED_BYTES = 256 * 1024
MAX_QUEUED_STATEMENTS = 256
LONGEST_NAP = 0.005
"""Seconds for which answers are left to gather at most: nobody who looks at the progress sees it."""
_OK = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY, ExecStatus.SINGLE_TUPLE)

_COPIES = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)
_UNSEEN_COPY = "a COPY from or to the client was not recognised as one, and the connection was closed"
"""It cannot be ended inside a pipeline: only a new connection helps (statements.py failed to see it)."""


class Wire(Link):
    """One connection's statements. Not thread-safe; the connection must be in autocommit mode."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        on_notice: OnNotice | None = None,
        on_stall: Callable[[], None] | None = None,
        *,
        prepares: bool = False,
    ) -> None:
        super().__init__(connection, on_notice, on_stall)
        self.prepared = Prepared(allowed=prepares)
        self._queue: deque[Sent] = deque()
        self._queued_bytes = 0
        self._syncs_due = 0
        """How many ends of what was sent are still to be read."""
        self._waited_at: float | None = None
        """When we have last waited for a part, since the pipeline began (monotonic, in seconds)."""
        self._read_since = 0
        """How many parts were read since then."""
        self.round_trips = 0

    # -- queueing -----------------------------------------------------------------------------------------------

    def queue(
        self,
        text: bytes,
        parameters: Sequence[bytes | None] | None = None,
        *,
        origin: Any = None,
        on_rows: Callable[[pq.abc.PGresult], None] | None = None,
    ) -> None:
        """Queue a statement. Sends and reads what is queued when that becomes much, unless parts are on their way.

        Raises as :meth:`sync` does.

        One with ``parameters`` is our own (a script's have none), and is prepared if this session may prepare.
        """
        if not self._queue and not self._in_pipeline:
            self._guard(self._pgconn.enter_pipeline_mode)
        known = self.prepared.name(text) if parameters else None
        if known is None:
            self._note(Sent(text, origin, on_rows))
            self._guard(lambda: self._pgconn.send_query_params(text, parameters))
        else:
            name, is_new = known
            if is_new:
                self._note(Sent(text, origin, None))
                self._guard(lambda: self._pgconn.send_prepare(name, text))
            self._note(Sent(text, origin, on_rows))
            self._guard(lambda: self._pgconn.send_query_prepared(name, parameters))
        much = self._queued_bytes > MAX_QUEUED_BYTES or len(self._queue) >= MAX_QUEUED_STATEMENTS
        if much and not self._syncs_due:  # else it goes out with its part: parts before it are still to be read
            self.sync()

    def _note(self, sent: Sent) -> None:
        self._queue.append(sent)
        self._queued_bytes += len(sent.text)

    @property
    def _in_pipeline(self) -> bool:
        return self._pgconn.pipeline_status != pq.PipelineStatus.OFF

    def sync(self) -> None:
        """Send everything queued and read every result.

        Raises ServerFailure for the first statement that failed (the others of the batch did not run), and
        ConnectionLostError. KeyboardInterrupt cancels what is running on the server, and is raised again.
        """
        if not self._queue:
            return
        self._send_sync()
        self.round_trips += 1
        try:
            failure = self._collect()
        except ConnectionLostError:
            raise
        except BaseException as error:  # Ctrl-C, or whoever is shown the rows: the connection must stay usable
            self._recover(error)
            raise
        finally:
            self._leave_pipeline()
        self._raise(failure)

    # -- parts that do not depend on one another -----------------------------------------------------------------------

    def send_part(self) -> None:
        """Send what is queued as a part of its own: when something in it fails, later parts run all the same."""
        self._send_sync()

    @property
    def under_way(self) -> bool:
        """Whether something was queued or sent that is not read yet, as libpq says it."""
        if self.connection.closed:
            return False
        return self._in_pipeline or self._pgconn.transaction_status == TransactionStatus.ACTIVE

    @property
    def has_room(self) -> bool:
        """Whether another part, of a small script, may be queued before one is read."""
        return self._queued_bytes < MAX_QUEUED_BYTES // 2 and len(self._queue) < MAX_QUEUED_STATEMENTS // 2

    def read_part(self) -> None:
        """Read the results of the earliest part that is not read yet. Raises as :meth:`sync` does."""
        self.round_trips += 1
        try:
            self._let_gather()
            failure = self._collect()
        except ConnectionLostError:
            raise
        except BaseException as error:
            self._recover(error)
            raise
        finally:
            if not self._syncs_due:
                self._leave_pipeline()
        self._raise(failure)

    def _let_gather(self) -> None:
        """When no answer is here, and more than one is to come, let some gather before the first one is read.

        To be woken for each costs both ends more than to read it. We sleep for as long as half of them should take, at
        the pace since we have last waited.
        """
        self.current = self._queue[0] if self._queue else None  # a NOTICE may be found here already
        if self._pgconn.is_busy() and not self._arrives():
            now = time.monotonic()
            if self._waited_at is not None:
                pace = (now - self._waited_at) / self._read_since
                time.sleep(min(LONGEST_NAP, pace * (self._syncs_due - 1) / 2))
            self._waited_at, self._read_since = now, 0
        self._read_since += 1

    def _arrives(self) -> bool:
        """Whether the next result has come by now, or the server still waits for something from us."""
        self._guard(self._pgconn.consume_input)
        return bool(self._guard(self._pgconn.flush)) or not self._pgconn.is_busy()

    def cancel_from_outside(self) -> None:
        """Stop what the server is doing for us; called from another thread than the one that waits for it."""
        with suppress(psycopg.Error):  # it has just ended, or the connection has
            self._pgconn.get_cancel().cancel()

    def give_up_parts(self) -> None:
        """Stop what is under way, and read what is still to be read without a word about it.

        Raises ConnectionLostError when it cannot be stopped; the connection is closed then.
        """
        if self.under_way:
            self._recover(None)

    # -- the end of what was sent ---------------------------------------------------------------------------------

    def _send_sync(self) -> None:
        if not self._in_pipeline:  # queue() has sent all, to the last statement
            self._guard(self._pgconn.enter_pipeline_mode)
        self._syncs_due += 1
        self._guard(self._pgconn.pipeline_sync)

    def _leave_pipeline(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0
        self._syncs_due = self._read_since = 0
        self._waited_at = None
        self.current = None
        if self._pgconn.status == pq.ConnStatus.OK and self._in_pipeline:
            self._pgconn.exit_pipeline_mode()

    def _collect(self) -> Failure | None:
        """Read results until the synchronisation point; returns the first failure."""
        failure: Failure | None = None
        while True:
            self.current = self._queue[0] if self._queue else None
            result = self._next_result()
            if result is None:
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                self._syncs_due -= 1
                return failure
            if result.status in _COPIES:
                self.connection.close()
                raise lost(_UNSEEN_COPY)
            sent = self._queue.popleft()
            self._queued_bytes -= len(sent.text)
            if result.status == ExecStatus.PIPELINE_ABORTED or failure is not None:
                continue
            if result.status not in _OK:
                failure = server_failure(self._pgconn, result, sent.text, sent.origin)
                continue
            self.row_count = result.command_tuples or 0
            if sent.on_rows is not None:
                sent.on_rows(result)

    def _raise(self, failure: Failure | None) -> None:
        if failure is not None:
            self.prepared.forget()  # those behind it were not prepared
            raise failure

    def _recover(self, error: BaseException | None, *, cancels: bool = True) -> None:
        """Make the connection usable again. Where that fails, or is interrupted itself, it is closed.

        What the server makes of the statements that it has, nobody here can know then. Raises ConnectionLostError.
        """
        self.prepared.forget()  # nobody knows which of them it came to
        try:
            self._drain(cancels=cancels)
            self._leave_pipeline()
        except (Exception, KeyboardInterrupt):  # noqa: BLE001 - whatever it is: the connection is in doubt
            self.connection.close()
            raise lost("what was under way could not be stopped, and the connection was closed") from error

    def _drain(self, *, cancels: bool) -> None:
        """Read all that comes, without a word about it; with ``cancels`` stop what the server is doing for us."""
        self.current = None
        if self._in_pipeline:  # something may be queued behind the last synchronisation
            self._send_sync()
        if cancels:
            self._pgconn.get_cancel().cancel()
        ends = 0
        while ends < 2:  # one is the end of a statement's results, and another behind it that of everything
            result = self._next_result()
            ends = ends + 1 if result is None else 0
            self._heard.clear()
            if result is None:
                continue
            if result.status in _COPIES:
                self._end_copy(result.status)
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._syncs_due -= 1  # the next part begins; one too many may be noted, never one too few
                if cancels and self._syncs_due > 0:
                    self._pgconn.get_cancel().cancel()

    def _end_copy(self, status: int) -> None:
        if self._in_pipeline:
            raise lost(_UNSEEN_COPY)
        if status == ExecStatus.COPY_IN:
            self._put(None)
        else:
            self._get(None)

    def queue_each(self, texts: Iterable[bytes], *, origin: Any = None) -> None:
        """Queue statements without results of interest."""
        for text in texts:
            self.queue(text, origin=origin)

    def queue_discard(self, texts: Iterable[bytes]) -> None:
        """Queue what makes the session as good as new; nothing that was prepared is left then."""
        self.queue_each(texts, origin=CLEANUP)
        self.prepared.forget()

    # -- what cannot be in a pipeline ------------------------------------------------------------------------------

    def run(self, text: bytes, *, origin: Any = None) -> None:
        """Queue one statement and wait for it."""
        self.queue(text, origin=origin)
        self.sync()

    def batch(
        self,
        text: bytes,
        *,
        origin: Any = None,
        on_rows: Callable[[pq.abc.PGresult], None] | None = None,
        write: Callable[[bytes], object],
    ) -> None:
        """Send a string of several statements in one message (psql's ``\\;``). Raises as :meth:`sync` does."""
        self._exchange(Sent(text, origin, on_rows), lambda: self._collect_simple(on_rows, write))

    def copy_in(self, text: bytes, data: Iterable[bytes], *, origin: Any = None) -> None:
        """Run ``COPY … FROM STDIN`` with ``data``. Raises as :meth:`sync` does."""
        self._exchange(Sent(text, origin, None), lambda: self._collect_simple(data=data))

    def copy_out(self, text: bytes, write: Callable[[bytes], object], *, origin: Any = None) -> None:
        """Run ``COPY … TO STDOUT`` and hand over what comes. Raises as :meth:`sync` does."""
        self._exchange(Sent(text, origin, None), lambda: self._collect_simple(write=write))

    def _exchange(self, sent: Sent, talk: Callable[[], Failure | None]) -> None:
        """Send one message and have ``talk`` read the answer; whatever it raises, the connection stays usable."""
        self.sync()
        self.current = sent
        try:
            self._guard(lambda: self._pgconn.send_query(sent.text))
            failure = talk()
        except ConnectionLostError:
            raise
        except BaseException as error:  # Ctrl-C, data that cannot be read, or whoever is shown the rows
            self._recover(error)
            raise
        finally:
            self.current = None
        if failure is not None:
            raise failure

    def _collect_simple(
        self,
        on_rows: Callable[[pq.abc.PGresult], None] | None = None,
        write: Callable[[bytes], object] | None = None,
        data: Iterable[bytes] | None = None,
    ) -> Failure | None:
        """Read every result of one message; returns the first failure."""
        failure: Failure | None = None
        sent = self.current or Sent(b"", None, None)
        while (result := self._next_result()) is not None:
            if result.status == ExecStatus.COPY_OUT:
                self._get(write)
            elif result.status == ExecStatus.COPY_IN:
                self._put(data)
                data = None
            elif result.status not in _OK:
                failure = failure or server_failure(self._pgconn, result, sent.text, sent.origin)
            else:
                self.row_count = result.command_tuples or 0
                if on_rows is not None:
                    on_rows(result)
        return failure

    def _put(self, data: Iterable[bytes] | None) -> None:
        """Send the data of a COPY; None says that there is none."""
        if data is None:
            self._put_all(lambda: self._pgconn.put_copy_end(b"no data for COPY here"))
            return
        chunk: list[bytes] = []
        size = 0
        for line in data:
            chunk.append(line)
            size += len(line)
            if size > MAX_QUEUED_BYTES:
                self._put_all(lambda: self._pgconn.put_copy_data(b"".join(chunk)))
                chunk.clear()
                size = 0
        if chunk:
            self._put_all(lambda: self._pgconn.put_copy_data(b"".join(chunk)))
        self._put_all(self._pgconn.put_copy_end)

    def _put_all(self, call: Callable[[], int]) -> None:
        """Hand something to libpq and wait until the socket has taken it, so that memory stays small."""
        self._guard(call)
        while self._guard(self._pgconn.flush):
            self._wait(writing=True)
            self._guard(self._pgconn.consume_input)

    def _get(self, write: Callable[[bytes], object] | None) -> None:
        """Read the data of a COPY; without ``write`` they are read and forgotten."""
        while True:
            size, data = self._guard(lambda: self._pgconn.get_copy_data(1))
            self._hand_notices()
            if size > 0:
                if write is not None:
                    write(bytes(data))
            elif size == 0:
                self._wait(writing=False)
                self._guard(self._pgconn.consume_input)
            else:
                return

    def abandon(self, rollback: bytes | None) -> None:
        """Forget what is queued and roll back: after a failure, whatever state the connection is in.

        None leaves the failed transaction open, for whoever has begun it to end it.
        """
        if self.under_way:  # what is behind a failure is refused, so there is nothing to cancel
            self._recover(None, cancels=False)
        if rollback is not None and self.in_transaction:
            self.run(rollback)
