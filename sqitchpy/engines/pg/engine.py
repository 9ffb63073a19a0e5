"""PostgreSQL: the engine, which hands every task to the part that does it (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from sqitchpy.engines.pg.blocking import Blocking
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.link import Notice
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.protocol import DeployTask, Look, RevertTask, Script, Task, TaskFailed, VerifyTask
from sqitchpy.errors import EngineError, LockHolder
from sqitchpy.events import Blocked, OnEvent, Warned
from sqitchpy.model import Person
from sqitchpy.options import Mode

if TYPE_CHECKING:
    from sqitchpy.engines.pg.ahead import Ahead
    from sqitchpy.engines.pg.parts import Parts


class PgEngine:
    """A PostgreSQL database with its registry. See :class:`sqitchpy.engines.protocol.Engine`.

    What runs scripts is imported when the first one is looked at: ``status`` does without.
    """

    def __init__(
        self,
        facts: Facts,
        on_event: OnEvent,
        *,
        connection: psycopg.Connection[Any] | None = None,
        transaction: Literal["own", "caller"] = "own",
    ) -> None:
        self._facts = facts
        self._on_event = on_event
        self._session = self._open_session(connection, transaction)
        self._registry = PgRegistry(self._session, facts)
        self._blocking = Blocking(self._session, self._registry, lambda holders: on_event(Blocked(holders)))
        self._session.on_stall = self._blocking.look
        self._ahead: Ahead | None = None
        """The changes that are deployed or reverted in order, while they are."""

    @cached_property
    def _parts(self) -> Parts:
        from sqitchpy.engines.pg.parts import Parts

        return Parts(self._session, self._facts, self._registry, self._blocking, self._on_event)

    def _open_session(
        self, connection: psycopg.Connection[Any] | None, transaction: Literal["own", "caller"]
    ) -> OwnSession:
        def on_notice(notice: Notice, origin: Any) -> None:
            self._parts.scripts.on_notice(notice, origin)

        def on_warning(text: str) -> None:
            self._on_event(Warned(text))

        if connection is None:
            return OwnSession(self._facts, on_notice, on_warning)
        from sqitchpy.engines.pg.lent import BorrowedSession, NestedSession

        kind = NestedSession if transaction == "caller" else BorrowedSession
        return kind(self._facts, on_notice, on_warning, connection)

    @property
    def registry(self) -> PgRegistry:
        """The registry in this database."""
        return self._registry

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock."""
        self._session.lock(self._registry.queries, timeout, on_wait)

    def unlock(self) -> None:
        """Release the deployment lock."""
        self._session.unlock()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """A transaction that PostgreSQL itself holds read-only; a dry run opens no other session."""
        with self._session.control().transaction(force_rollback=True):
            self._session.control().execute(b"SET TRANSACTION READ ONLY", prepare=False)
            yield

    def expect_scripts(self) -> None:
        """Begin to open the connection that they run on."""
        self._session.work_soon()

    def check(self, script: Script) -> Look:
        """Look a script over. Raises ScriptError when it cannot be run."""
        return self._parts.scripts.looks.look(script)

    def statements(self, script: Script) -> Sequence[str] | None:
        """What a script would send; None when that is not known before it runs, or very long."""
        return self._parts.scripts.looks.statements(script)

    def close(self) -> None:
        """Disconnect."""
        self._session.close()

    # -- deploying ----------------------------------------------------------------------------------------------

    @contextmanager
    def in_order(self, tasks: Sequence[Task]) -> Iterator[None]:
        """Send changes before it is known what became of those before them, where that is safe."""
        if len(tasks) > 1 and self._session.commits and not self._session.lent:  # its lender may use it in between
            self._ahead = self._parts.ahead(tasks)
        try:
            yield
        finally:
            ahead, self._ahead = self._ahead, None
            if ahead is not None:
                ahead.close()

    def deploy(self, task: DeployTask, committer: Person) -> None:
        """Deploy and record one change: in one transaction where the script allows it."""
        self._parts.scripts.doing = "deploy"
        self._parts.deploying.deploy(task, committer, self._ahead)

    def verifies_inside(self, task: DeployTask) -> bool:
        """Whether a change is verified before it is committed."""
        return self._parts.changes.verifies_inside(task)

    def obstacle(self, task: DeployTask, mode: Mode) -> str | None:  # savepoints serve every mode
        """Why a change cannot share a transaction with others; None when it can."""
        return self._parts.changes.obstacle(task)

    def record_failure(self, task: DeployTask, committer: Person) -> None:
        """Record a ``fail`` event, in a transaction of its own."""
        self._parts.deploying.record_failure(task, committer)

    # -- a run that is one transaction --------------------------------------------------------------------------

    def begin_run(self, tasks: Sequence[DeployTask], *, as_a_whole: bool) -> None:
        """Open one transaction for several changes. Raises EngineError when the server has too few locks for them."""
        wanted = sum(self._parts.scripts.looks.looked_over(task.script).locks for task in tasks if task.script)
        ((capacity, event_triggers),) = self._registry.run_conditions()
        if wanted > capacity:
            raise EngineError(
                f"These {len(tasks)} changes need about {wanted} locks at once; the server has room for {capacity}",
                hint="None of them was deployed. Deploy with --transaction change, in steps with --to, or raise "
                "max_locks_per_transaction on the server (it takes a restart).",
            )
        session, prepares = self._session, not event_triggers  # these may do anything, DEALLOCATE ALL for instance
        self._parts.transactions.attempt(
            "record", lambda: session.begin_run(savepoints=not as_a_whole, prepares=prepares)
        )
        self._ahead = self._parts.ahead(tasks)

    def keep_point(self) -> None:
        """Remember this point of the run's transaction."""
        self._parts.transactions.attempt("record", self._session.keep_point)

    def end_run(self, *, to_point: bool = False, rollback: bool = False) -> None:
        """End the run's transaction. Raises TaskFailed when it cannot be committed; nothing of it is kept then."""
        self._ahead = None
        guard = self._parts.transactions.queue_lock_guard
        self._parts.transactions.attempt(
            "script", lambda: self._session.end_run(guard, to_point=to_point, rollback=rollback)
        )

    def abandon_run(self) -> None:
        """Roll the run's transaction back if it is still open."""
        self._ahead = None
        self._session.abandon_run()

    # -- reverting and verifying --------------------------------------------------------------------------------

    def revert(self, task: RevertTask, committer: Person) -> None:
        """Revert and record one change, in one transaction where the script allows it."""
        self._parts.scripts.doing = "revert"
        self._parts.reverting.revert(task, committer, self._ahead)

    def undo(self, task: DeployTask, script: Script) -> None:
        """Run a revert script by itself and keep what it does, for a change that is not recorded."""
        self._parts.scripts.doing = "revert"
        self._parts.reverting.undo(task, script)

    def verify(self, tasks: Sequence[VerifyTask], jobs: int = 1) -> Generator[TaskFailed | None, None, None]:
        """Run verifications in transactions that are rolled back, in several sessions if there are to be several."""
        if self._ahead is not None:  # whoever is told of a change; the next ones may be on their way
            raise EngineError(
                "Changes are under way in this session",
                hint="Verify in a session of its own; deploy(verify=True) verifies each change with its deployment.",
            )
        if jobs == 1 or len(tasks) < 2:
            yield from self._parts.verifying.run(tasks)
            return
        from sqitchpy.engines.parallel import Parallel

        if self._session.lent:
            raise EngineError(
                "Several verifications at once need connections of their own, and this one is the caller's",
                hint="Leave jobs out, or connect by the target's URI.",
            )
        parallel = Parallel(lambda on_event: PgEngine(self._facts, on_event), self._on_event)
        yield from parallel.run(tasks, jobs)

    def cancel(self) -> None:
        """Stop what the server is doing for this engine's scripts. May be called from another thread."""
        opened = self._session.opened  # asked once: the other thread may close it meanwhile
        if opened is not None:
            opened.cancel_from_outside()
