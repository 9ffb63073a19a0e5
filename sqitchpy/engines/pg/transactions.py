"""Transactions on the work connection: how one of ours begins and ends, and what it means when it fails."""

from __future__ import annotations

from collections.abc import Callable

from sqitchpy.engines.pg import lock
from sqitchpy.engines.pg.blocking import Blocking
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.failures import ServerFailure, statement_error
from sqitchpy.engines.pg.recording import RECORD, queue_guard, queue_lock_guard
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.scripts import Origin
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.wire import CLEANUP, Wire
from sqitchpy.engines.protocol import Script, Stage, TaskFailed
from sqitchpy.errors import ConnectionLostError, RegistryError, SqitchpyError
from sqitchpy.script.shape import Shape


class Transactions:
    """What every transaction of a change has in common."""

    def __init__(
        self, session: OwnSession, scripts: ScriptRunner, registry: PgRegistry, facts: Facts, blocking: Blocking
    ) -> None:
        self._session = session
        self._scripts = scripts
        self._registry = registry
        self._facts = facts
        self._blocking = blocking

    # -- failures -----------------------------------------------------------------------------------------------

    def attempt(self, stage: Stage, work: Callable[[], None], *, kept: bool = False, again: bool = True) -> None:
        """Do something on the work connection; when it fails, roll back and raise TaskFailed.

        ``again`` says whether it can be done once more, if that is all it takes.
        """
        again = again and self._session.commits  # asked before: the COMMIT of a run must not be tried again by itself
        try:
            work()
        except ServerFailure as failure:
            if self.is_done_all_the_same(failure):
                return
            self._session.abandon()
            if again and self.may_go_unprepared(failure):
                self.attempt(stage, work, kept=kept)
                return
            raise self.failed(failure, stage, kept=kept) from failure
        except ConnectionLostError:
            self._session.drop_work()
            raise
        except SqitchpyError as error:
            self._session.abandon()
            raise TaskFailed(stage, error, kept=kept) from error
        except BaseException:
            self._session.cancel()
            if not self._session.in_run:  # that is rolled back as a whole; its savepoints may be gone already
                self._session.abandon()
            raise

    def is_done_all_the_same(self, failure: ServerFailure) -> bool:
        """Whether only the session could not be cleaned up behind what was done; it is replaced, if it is ours."""
        done = failure.origin == CLEANUP and not self._session.lent
        self._session.unclean = self._session.unclean or done
        return done

    def may_go_unprepared(self, failure: BaseException | None) -> bool:
        """Whether something failed for what is prepared in the session, and nothing is to be prepared any more.

        Done again it will not fail for that; not so in the middle of a larger transaction, which has failed with it.
        """
        if not (self._session.commits and isinstance(failure, ServerFailure) and _prepared_in_vain(failure)):
            return False
        given_up = self._session.work().prepared.give_up()
        if given_up:
            self._scripts.warn(
                "Functions or a connection pooler prepare or deallocate statements in this session, so what was under "
                "way is rolled back and runs again; what it has printed comes twice"
            )
        return given_up

    def failed(self, failure: ServerFailure, stage: Stage, *, kept: bool = False) -> TaskFailed:
        """What to raise when a statement has failed."""
        return TaskFailed(_stage(failure, stage), self._explain(failure), kept=kept)

    def _explain(self, failure: ServerFailure) -> SqitchpyError:
        if isinstance(failure.origin, Origin):
            blockers = self._blocking.after_timeout(failure.text) if failure.sqlstate == LOCK_NOT_AVAILABLE else ()
            return statement_error(failure, failure.origin.file, failure.origin.line, blockers)
        message = failure.fields["message"] or ""
        for sign, words in _MOVED.items():
            if sign in message:
                return RegistryError(
                    f"The registry of {self._facts.destination} has changed under this run: {words}",
                    hint="Nothing of this change was kept. Run “sqitchpy status”, then run the command again.",
                )
        return failure.in_registry(self._facts.registry)

    # -- pieces of a transaction --------------------------------------------------------------------------------

    def begin(self, project: str, after: str | None, neighbour: str | None = None, *, gone: str | None = None) -> Wire:
        """Open one; it fails unless ``after``, which it is planned from, is deployed (None: nothing of ``project`` is).

        ``neighbour`` must be deployed as well, and ``gone`` must not be.
        """
        wire = self._session.work()
        wire.queue_each(self._session.begin, origin=RECORD)
        if self._session.takes_guard():
            self.queue_guard(wire, project, after, lock_table=True, neighbour=neighbour, gone=gone)
        return wire

    def queue_guard(
        self,
        wire: Wire,
        project: str,
        after: str | None,
        *,
        lock_table: bool,
        neighbour: str | None = None,
        gone: str | None = None,
    ) -> None:
        """Fail, here and now, unless we still have the lock and stand where we planned from."""
        queue_guard(
            wire,
            self._registry.queries,
            lock_holder=self._session.guarded_holder,
            key=lock.KEY,
            project=project,
            after=after,
            lock_table=lock_table,
            neighbour=neighbour,
            gone=gone,
        )

    def queue_lock_guard(self, wire: Wire) -> None:
        """Fail, here and now, unless we still have the lock."""
        queue_lock_guard(wire, self._registry.queries, lock_holder=self._session.lock_holder, key=lock.KEY)

    def queue_encoding(self, wire: Wire) -> None:
        """Our rows are UTF-8; scripts are sent in whatever encoding the server takes, as psql sends them."""
        if self._session.foreign_encoding:
            wire.queue(b"SET LOCAL client_encoding TO 'UTF8'", origin=RECORD)

    def commit(self, wire: Wire, script: Script | None, *shapes: Shape | None) -> None:
        """COMMIT, and whatever cleans the session behind it in the same round trip."""
        self.queue_commit(wire, script, *shapes)
        wire.sync()

    def queue_commit(self, wire: Wire, script: Script | None, *shapes: Shape | None) -> None:
        """The same, without sending it."""
        origin = Origin("script", script.source.name, 0) if script else RECORD
        if self._session.foreign_encoding and not self._session.commits:  # SET LOCAL outlives a savepoint
            wire.queue(f"SET LOCAL client_encoding TO '{self._session.encoding}'".encode(), origin=RECORD)
        stays = self._scripts.keeps(wire, *shapes)
        if stays:
            wire.queue(b"SET CONSTRAINTS ALL IMMEDIATE", origin=origin)  # triggers that wait for the COMMIT count, too
            self._scripts.queue_check(wire)
        wire.queue_each(self._session.commit, origin=origin)
        if stays:
            self._scripts.queue_tidy(wire)
        else:
            self._scripts.queue_forget(wire, *shapes)

    def record(
        self, queue: Callable[[Wire], None], project: str, after: str | None, neighbour: str | None = None
    ) -> None:
        """Write rows for something that is done already, in a transaction of their own."""

        def transaction() -> None:
            wire = self.begin(project, after, neighbour)
            self.queue_encoding(wire)
            queue(wire)
            self.commit(wire, None)

        self.attempt("record", transaction, kept=True)


LOCK_NOT_AVAILABLE = "55P03"
_PREPARED = "something else is prepared"
_MOVED = {
    "the deployment lock is lost": "the session that held the deployment lock is gone",
    "the registry has moved": "another deployer was at work",
}


def _prepared_in_vain(failure: ServerFailure) -> bool:
    """Whether a statement of ours failed because it is not prepared, or others are.

    A function may have deallocated it, or prepared some; a pooler hands out sessions that others have used.
    """
    return failure.origin == RECORD and (
        failure.sqlstate in ("26000", "42P05") or _PREPARED in (failure.fields["message"] or "")
    )


def _stage(failure: ServerFailure, stage: Stage) -> Stage:
    """Whose statement it was that failed."""
    if isinstance(failure.origin, Origin):
        return failure.origin.kind
    return "record" if failure.origin == RECORD else stage
