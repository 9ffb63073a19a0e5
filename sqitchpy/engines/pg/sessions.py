"""A session: the connections we work on, and how a transaction begins, ends and leaves no trace there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

import psycopg

from sqitchpy.engines.pg import lock
from sqitchpy.engines.pg.connect import connect
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.failures import ServerFailure, ends_connection, lost
from sqitchpy.engines.pg.link import OnNotice
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.opening import Opening
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.errors import ConnectionLostError, EngineError, LockHolder
from sqitchpy.script.settings import Settings
from sqitchpy.script.trace import Trace

Connection = psycopg.Connection[Any]


class OwnSession:
    """Connections of our own, each opened when it is first needed."""

    unset: ClassVar[tuple[bytes, ...]] = (b"RESET SESSION AUTHORIZATION", b"RESET ROLE", b"RESET ALL")
    """What undoes a script's settings inside a transaction."""
    reset: tuple[bytes, ...] = (*unset, b"DEALLOCATE ALL")
    """The same, and undoes what it has prepared."""
    as_new: tuple[bytes, ...] = (b"DISCARD ALL",)
    """What makes the session as good as new, outside a transaction. The lock is not this session's, so it stays."""
    tidy: ClassVar[tuple[bytes, ...]] = (
        b"CLOSE ALL",
        b"RESET SESSION AUTHORIZATION",
        b"RESET ALL",
        b"UNLISTEN *",
        b"SELECT pg_catalog.pg_advisory_unlock_all()",
        b"DISCARD TEMP",
        b"DISCARD SEQUENCES",
    )
    """The same without DEALLOCATE ALL and DISCARD PLANS: what PostgreSQL's documentation lists for DISCARD ALL."""
    nested: ClassVar[bool] = False
    """Whether there is a transaction of somebody else's around everything we do."""

    lent: ClassVar[bool] = False
    """Whether the connection is somebody else's."""

    def __init__(self, facts: Facts, on_notice: OnNotice, on_warning: Callable[[str], None]) -> None:
        self._facts = facts
        self._on_warning = on_warning
        self._on_notice = on_notice
        self._control: Connection | None = None
        self._wire: Wire | None = None
        self._opening: Opening | None = None
        self.lock_holder: int | None = None
        """The server process that holds the deployment lock for us."""
        self.in_run = False
        """Whether a run that is one transaction is under way."""
        self.unclean = False
        """Whether a script has left what could not be cleaned up: the session is replaced once nothing is under way."""
        self.run_leaves = False
        """Whether the run that is under way may leave something in the session, behind its COMMIT."""
        self._guarded = False
        self._has_savepoints = True
        self._settings_of_work: Settings | None = None
        self._settings_of_control: Settings | None = None
        self.on_stall: Callable[[], None] = lambda: None
        """Called now and then while a statement takes long."""

    # -- transactions -------------------------------------------------------------------------------------------

    @property
    def commits(self) -> bool:
        """Whether a change is committed by itself; else it is a savepoint in a larger transaction."""
        return not (self.nested or self.in_run)

    @property
    def begin(self) -> tuple[bytes, ...]:
        """What begins a change's transaction: nothing, where it is part of one that stands or falls as a whole."""
        if self.commits:
            return (b"BEGIN",)
        return (b"SAVEPOINT sqitchpy_change",) if self._has_savepoints else ()

    @property
    def commit(self) -> tuple[bytes, ...]:
        """What ends it."""
        if self.commits:
            return (b"COMMIT",)
        return (b"RELEASE SAVEPOINT sqitchpy_change",) if self._has_savepoints else ()

    @property
    def rollback(self) -> bytes | None:
        """What undoes it."""
        if self.commits:
            return b"ROLLBACK"
        return b"ROLLBACK TO SAVEPOINT sqitchpy_change" if self._has_savepoints else None

    def begin_run(self, *, savepoints: bool, prepares: bool) -> None:
        """Open a transaction for several changes; without ``savepoints`` none of them can be taken back alone.

        ``prepares`` says whether our statements may be prepared in it.
        """
        wire = self.work()
        wire.run(b"BEGIN")
        wire.prepared.forget()  # a pooler may have given this transaction another session
        wire.prepared.bears = Trace.NONE  # one that is gone would be the end of the run
        if not prepares:
            wire.prepared.distrust()
        self.in_run, self._has_savepoints, self._guarded = True, savepoints, False
        self.run_leaves = not prepares  # what makes them unsafe may leave something, too; else the scripts tell

    def takes_guard(self) -> bool:
        """Whether the registry is to be locked and looked at before what comes next: in a run once, when it begins."""
        guarded, self._guarded = self.in_run and self._guarded, True
        return not guarded

    def keep_point(self) -> None:
        """Remember this point of the run's transaction."""
        self.work().run(b"SAVEPOINT sqitchpy_point")

    @property
    def guarded_holder(self) -> int | None:
        """The process that must still hold the deployment lock when a change begins; None when it is not asked for.

        Inside a larger transaction it would be asked for again and again, among locks that every change adds to: then
        it is asked at the end of the run. In a caller's transaction the lock is the transaction's own.
        """
        return self.lock_holder if self.commits else None

    def end_run(self, guard: Callable[[Wire], None], *, to_point: bool, rollback: bool) -> None:
        """End the run's transaction; ``guard`` queues what must hold before it is committed."""
        self.in_run, self._has_savepoints = False, True
        wire = self._wire
        if wire is None:
            return
        wire.prepared.bears = Trace.OF_FUNCTIONS
        if rollback:
            self.abandon()
            return
        if to_point:
            wire.run(b"ROLLBACK TO SAVEPOINT sqitchpy_point")
        guard(wire)
        wire.queue(b"COMMIT", origin="run")
        if self.run_leaves:
            wire.queue_discard(self.as_new)
        else:
            wire.prepared.forget()  # a pooler may give what comes next another session
        wire.sync()

    def abandon_run(self) -> None:
        """Roll the run's transaction back if it is still open; with a lost connection it is gone already."""
        if not self.in_run:
            return
        self.in_run, self._has_savepoints = False, True
        if self._wire is not None:
            self._wire.prepared.bears = Trace.OF_FUNCTIONS
        with suppress(ConnectionLostError):
            self.cancel()
            self.abandon()

    # -- connections --------------------------------------------------------------------------------------------

    def control(self) -> Connection:
        """The control connection: it holds the lock and reads the registry, and never runs a script."""
        if self._control is None or self._control.closed:
            self._control = connect(self._facts.params, self._facts.destination, purpose="control", encoding="UTF8")
        return self._control

    @property
    def settings(self) -> Settings:
        """How scripts are read; before the work connection is open, as the control connection says."""
        if self._settings_of_work is not None:
            return self._settings_of_work
        if self._settings_of_control is None:
            strings = self.control().info.parameter_status("standard_conforming_strings") != "off"
            self._settings_of_control = Settings(strings)
        return self._settings_of_control

    @property
    def opened(self) -> Wire | None:
        """The work connection, if it is open."""
        return self._wire

    def work(self) -> Wire:
        """The work connection: it runs scripts and writes the registry."""
        if self.unclean and (self._wire is None or not self._wire.under_way):
            self.drop_work()
            self.unclean = False
        if self._wire is None:
            wire = Wire(self._open_work(), self._on_notice, lambda: self.on_stall(), prepares=not self.lent)
            self._read_settings(wire)
            self._wire = wire  # the last thing: nobody must find it with half of its settings
        return self._wire

    def _read_settings(self, wire: Wire) -> None:
        self.encoding = wire.parameter("client_encoding") or "UTF8"
        strings = wire.parameter("standard_conforming_strings") != "off"
        self._settings_of_work = Settings(strings, self.encoding)
        self.foreign_encoding = self.encoding != "UTF8"

    def work_soon(self) -> None:
        """Say that :meth:`work` is going to be called: a connection that is not open yet is opened meanwhile."""
        if self._wire is None and self._opening is None and not self.lent:
            self._opening = Opening(self._connect_work)
            self._opening.start()

    def _open_work(self) -> Connection:
        opening, self._opening = self._opening, None
        opened = opening.result() if opening else None
        return opened or self._connect_work()

    def _connect_work(self) -> Connection:
        return connect(self._facts.params, self._facts.destination, purpose="work")

    def drop_work(self) -> None:
        """Give the work connection up: it is broken, or the next script has to see what only new sessions see."""
        if self._wire is not None:
            self._wire.connection.close()
            self._wire = None

    def connections(self) -> list[Connection]:
        """The connections that are open."""
        opened = [self._control, self._wire.connection if self._wire else None]
        return [connection for connection in opened if connection is not None]

    def abandon(self) -> None:
        """Forget what is under way on the work connection, and roll back what is open there."""
        wire = self._wire
        if wire is None or wire.connection.closed:
            self.drop_work()
            return
        try:
            wire.abandon(self.rollback)
            if self.commits:  # what a script has prepared or locked outlives its transaction
                self._make_as_new(wire)
        except ConnectionLostError:
            self.drop_work()
            raise

    def _make_as_new(self, wire: Wire) -> None:
        wire.queue_discard(self.as_new)
        try:
            wire.sync()
        except ServerFailure:  # a new session is as good as new
            if self.lent:
                raise
            self.drop_work()

    def cancel(self) -> None:
        """Stop what is under way on the work connection, if anything is.

        Raises ConnectionLostError when it cannot be stopped; the session's next call begins with another connection.
        """
        try:
            if self._wire is not None:
                self._wire.give_up_parts()
        except ConnectionLostError:
            self.drop_work()
            raise

    def stop(self) -> None:
        """The same, and roll it back; but a run is rolled back as a whole, by whoever ends it."""
        if self._wire is not None and self._wire.under_way:
            self.cancel()
            if not self.in_run:  # its savepoints may be gone already
                self.abandon()

    def lock(self, queries: Queries, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock on the control connection."""
        if self.lock_holder is not None or not self._facts.locks:
            return
        self.lock_holder = self._acquire(queries, timeout, on_wait)
        if self.lock_holder != self.control().info.backend_pid:
            self._on_warning(
                "There is a connection pooler between here and the server. Locks need its pool mode to be “session”; "
                "in another mode two deployments at once would not exclude each other"
            )

    def _acquire(
        self, queries: Queries, timeout: float, on_wait: Callable[[LockHolder | None], None], *, nested: bool = False
    ) -> int:
        try:
            return lock.acquire(
                self.control(), queries, self._facts.destination, timeout, on_wait, for_transaction=nested
            )
        except psycopg.Error as error:
            if ends_connection(error):
                raise lost(str(error)) from error
            words = f"The deployment lock could not be taken: {error.diag.message_primary or error}"
            raise EngineError(words, sqlstate=error.sqlstate, hint="Nothing was changed.") from error

    def unlock(self) -> None:
        """Release the deployment lock; one that went with a lost connection is released already."""
        if self.lock_holder is not None and self._control is not None and not self._control.closed:
            try:
                lock.release(self._control)
            except psycopg.Error:  # it is lost, or in the middle of something: with the session goes the lock
                self._control.close()
                self._control = None
        self.lock_holder = None

    def close(self) -> None:
        """Disconnect; the server releases the lock with the session."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.give_up()
        self.drop_work()
        if self._control is not None:
            self._control.close()
            self._control = None
        self.lock_holder = None
