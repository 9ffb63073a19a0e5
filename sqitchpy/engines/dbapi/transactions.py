"""Transactions on the work connection: a change's own, or a savepoint in that of the whole run.

The registry is joined only when the rows are written, right before the COMMIT: until then scripts see the database as
it is without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqitchpy.engines.dbapi.backend import Backend
from sqitchpy.engines.dbapi.recording import Recording
from sqitchpy.engines.protocol import Stage, TaskFailed
from sqitchpy.errors import ConnectionLostError, EngineError, RegistryError, SqitchpyError

Write = Callable[[Recording], None]
_ENDED = "Put “-- sqitchpy: transaction=off” on its first line: then it runs statement by statement."


class Transactions:
    """What every transaction of a change has in common. ``in_run`` while several changes share one."""

    def __init__(self, backend: Backend, destination: str) -> None:
        self._backend = backend
        self._destination = destination
        self._pending: list[Write] = []
        self._point = 0
        self._standing: tuple[str, str | None] | None = None
        self.in_run = False

    # -- a change ------------------------------------------------------------------------------------------------

    @contextmanager
    def change(self, project: str, latest: str | None) -> Iterator[list[Write]]:
        """A transaction; what is put into the list is written into the registry before the commit.

        ``latest`` is what must be the project's latest deployed change, from before the first statement to the commit.
        Raises TaskFailed, with everything rolled back; in a run with the rows of the changes before it still to come.
        """
        rows: list[Write] = []
        try:
            with stage("record"):
                self._begin(project, latest)
            yield rows
            self._still_open()
            if self.in_run:
                with stage("record"):
                    self.savepoint("RELEASE SAVEPOINT sqitchpy_change")
                self._pending += rows
            else:
                self._commit(project, latest, rows)
        except BaseException:
            self._undo()
            raise

    def _begin(self, project: str, latest: str | None) -> None:
        if self.in_run:
            self._standing = self._standing or (project, latest)
            self.savepoint("SAVEPOINT sqitchpy_change")
            return
        self._backend.begin()
        self.guard(project, latest)

    def _still_open(self) -> None:
        """Raise TaskFailed when the transaction is not there any more: what was done in it is done, or gone."""
        if not self._backend.in_transaction:
            error = EngineError("The script has ended the transaction that it ran in", hint=_ENDED)
            raise TaskFailed("script", error, kept=self._backend.dialect.implicit_commits)

    def _undo(self) -> None:
        if self.in_run and self._backend.in_transaction:
            self.savepoint("ROLLBACK TO SAVEPOINT sqitchpy_change")
        else:
            self._backend.rollback()
            self._backend.renew()  # what the script has set is not for the revert scripts that may follow

    def savepoint(self, statement: str) -> None:
        """A statement about savepoints; nothing happens where there are none: what fails is rolled back as a whole."""
        if self._backend.dialect.savepoints:
            self._backend.work.query(statement)

    def _commit(self, project: str, latest: str | None, rows: list[Write]) -> None:
        with stage("record"):
            self._backend.join()
            recording = self._recording()
            if self._backend.dialect.hold:
                recording.hold(project)
                self.guard(project, latest)
            else:
                self._guard(recording, project, latest)
            for write in rows:
                write(recording)
        with stage("script"):  # a deferred constraint may still say no
            self._backend.commit()

    def _recording(self) -> Recording:
        return Recording(self._backend.work, self._backend.dialect, self._backend.work_prefix)

    def record(self, write: Write, project: str, latest: str | None, *, kept: bool) -> None:
        """Write rows for something that is done already, in a session that no script meets. Raises TaskFailed."""
        try:
            with self.change(project, latest) as rows:
                rows.append(write)
        except TaskFailed as failed:
            raise TaskFailed("record", failed.error, kept=kept) from failed
        self._backend.renew()

    # -- the guard -----------------------------------------------------------------------------------------------

    def guard(self, project: str, latest: str | None) -> None:
        """Raise RegistryError unless we still have the lock and the registry stands where we planned from."""
        backend = self._backend
        self._guard(Recording(backend.control, backend.dialect, backend.control_prefix), project, latest)

    def _guard(self, recording: Recording, project: str, latest: str | None) -> None:
        lost = None if self._backend.holds_lock() else "the session that held the deployment lock is gone"
        if lost is None and recording.latest(project) != latest:
            lost = "another deployer was at work"
        if lost:
            raise RegistryError(
                f"The registry of {self._destination} has changed under this run: {lost}",
                hint="Nothing of this change was kept. Run “sqitchpy status”, then run the command again.",
            )

    # -- a run of several changes ----------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Open one transaction for several changes."""
        with stage("record"):
            self._backend.begin()
        self._pending, self._standing, self.in_run = [], None, True

    def keep_point(self) -> None:
        """Remember this point of the run's transaction."""
        self._backend.work.query("SAVEPOINT sqitchpy_point")
        self._point = len(self._pending)

    def end_run(self, *, to_point: bool, rollback: bool) -> None:
        """Commit the run's transaction with the rows of its changes; all of it, up to the kept point, or nothing."""
        pending, standing = self._pending, self._standing
        self._pending, self._standing, self.in_run = [], None, False
        try:
            if rollback or standing is None:
                self._backend.rollback()
                return
            self._still_open()
            with stage("record"):
                if to_point:
                    self._backend.work.query("ROLLBACK TO SAVEPOINT sqitchpy_point")
                    pending = pending[: self._point]
                self.guard(*standing)
            self._commit(*standing, pending)
        except BaseException:
            self._backend.rollback()
            raise
        finally:
            self._backend.renew()

    def abandon_run(self) -> None:
        """Roll the run's transaction back if it is still open."""
        if self.in_run:
            self.end_run(to_point=False, rollback=True)


@contextmanager
def stage(name: Stage, *, kept: bool = False) -> Iterator[None]:
    """What fails in here has failed at that stage: raises TaskFailed. A lost connection ends the run."""
    try:
        yield
    except ConnectionLostError:
        raise
    except SqitchpyError as error:
        raise TaskFailed(name, error, kept=kept) from error
