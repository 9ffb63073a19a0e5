"""PostgreSQL: how one change becomes one transaction (docs/architecture.md, One change, one transaction)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from sqitchpy.engines.pg.blocking import Blocking
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.failures import failed_outside_block
from sqitchpy.engines.pg.link import Notice
from sqitchpy.engines.pg.recording import (
    RECORD,
    queue_deploy,
    queue_event,
    queue_forget_progress,
    queue_revert,
)
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.sessions import BorrowedSession, NestedSession, OwnSession
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.engines.protocol import DeployTask, Look, RevertTask, Script, Task, TaskFailed, VerifyTask
from sqitchpy.errors import EngineError, LockHolder, RegistryError, SqitchpyError, reworded
from sqitchpy.events import Blocked, OnEvent, Warned
from sqitchpy.model import Person
from sqitchpy.options import Mode

if TYPE_CHECKING:
    from sqitchpy.engines.pg.ahead import Ahead
    from sqitchpy.engines.pg.aswritten import AsWritten
    from sqitchpy.engines.pg.progress import Journal
    from sqitchpy.engines.pg.runner import ScriptRunner
    from sqitchpy.engines.pg.transactions import Transactions
    from sqitchpy.engines.pg.verifying import Verifying

RUN_WINDOW = 16
"""How many changes are on their way at most in a run that is one transaction: nothing lasts there before its COMMIT."""
COMMITTING_WINDOW = 4
"""How many of those that commit by themselves: enough to keep the server busy, few where they go on unseen."""
REVERTING_WINDOW = 2
"""How many of those that are reverted: what they drop does not come back."""


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
        self._only_reads = False
        self._ahead: Ahead | None = None
        """The changes that are deployed or reverted in order, while they are."""

    @cached_property
    def _scripts(self) -> ScriptRunner:
        from sqitchpy.engines.pg.runner import ScriptRunner

        return ScriptRunner(self._session, self._facts, self._registry.queries, self._on_event)

    @cached_property
    def _transactions(self) -> Transactions:
        from sqitchpy.engines.pg.transactions import Transactions

        return Transactions(self._session, self._scripts, self._registry, self._facts, self._blocking)

    @cached_property
    def _as_written(self) -> AsWritten:
        from sqitchpy.engines.pg.aswritten import AsWritten

        return AsWritten(self._session, self._scripts, self._registry, self._transactions)

    def _send_ahead(self, tasks: Sequence[Task], may_follow: Callable[[Task | None, Task], bool], window: int) -> Ahead:
        from sqitchpy.engines.pg.ahead import Ahead

        def queue(task: Task, committer: Person, previous: Task | None) -> None:
            if isinstance(task, DeployTask):
                self._queue_change(task, committer, task.verify)
            else:
                self._queue_revert(task, committer, task.script, gone=previous.change.id if previous else None)

        return Ahead(tasks, self._session, self._scripts, self._transactions, queue, may_follow, window)

    @cached_property
    def _verifying(self) -> Verifying:
        from sqitchpy.engines.pg.verifying import Verifying

        return Verifying(self._session, self._scripts, self._transactions)

    def _open_session(
        self, connection: psycopg.Connection[Any] | None, transaction: Literal["own", "caller"]
    ) -> OwnSession:
        def on_notice(notice: Notice, origin: Any) -> None:
            self._scripts.on_notice(notice, origin)

        def on_warning(text: str) -> None:
            self._on_event(Warned(text))

        if connection is None:
            return OwnSession(self._facts, on_notice, on_warning)
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
        self._only_reads = True
        try:
            with self._session.control().transaction(force_rollback=True):
                self._session.control().execute(b"SET TRANSACTION READ ONLY", prepare=False)
                yield
        finally:
            self._only_reads = False

    def check(self, script: Script) -> Look:
        """Look a script over, which is going to be run. Raises ScriptError when it cannot be."""
        if not self._only_reads:
            self._session.work_soon()
        return self._scripts.look(script)

    def statements(self, script: Script) -> Sequence[str] | None:
        """What a script would send; None when that is not known before it runs, or very long."""
        return self._scripts.statements(script)

    def close(self) -> None:
        """Disconnect."""
        self._session.close()

    # -- deploying ----------------------------------------------------------------------------------------------

    @contextmanager
    def in_order(self, tasks: Sequence[Task]) -> Iterator[None]:
        """Send changes before it is known what became of those before them, where that is safe."""

        def may_follow(previous: Task | None, task: Task) -> bool:
            if isinstance(task, RevertTask):
                return True
            chained = previous is None or (task.before is None and task.planned_from == previous.change.id)
            return chained and self.obstacle(task, "all") is None

        if len(tasks) > 1 and self._session.commits and not self._session.lent:  # its lender may use it in between
            window = REVERTING_WINDOW if isinstance(tasks[0], RevertTask) else COMMITTING_WINDOW
            self._ahead = self._send_ahead(tasks, may_follow, window)
        try:
            yield
        finally:
            ahead, self._ahead = self._ahead, None
            if ahead is not None:
                ahead.close()

    def deploy(self, task: DeployTask, committer: Person) -> None:
        """Deploy and record one change: in one transaction where the script allows it."""
        self._scripts.doing = "deploy"
        try:
            if self._ahead is not None and self._ahead.do(task, committer):
                return
        except TaskFailed as failed:
            self._try_otherwise(task, committer, failed)
            return
        try:
            folds = task.script is None or self._scripts.folds(task.script, "script")
            inside = self.verifies_inside(task)
        except SqitchpyError as error:
            raise TaskFailed("script", error, kept=False) from error
        if not folds or (self._session.commits and self._registry.begun(task.change.id, task.script)):
            self._deploy_as_written(task, committer)
            return
        try:
            self._deploy_folded(task, committer, verify_inside=inside)
        except TaskFailed as failed:
            self._try_otherwise(task, committer, failed)

    def verifies_inside(self, task: DeployTask) -> bool:
        """Whether a change is verified before it is committed."""
        if task.verify is None:
            return True
        folds = self._scripts.folds(task.verify, "verify")
        directive = self._scripts.shape(task.verify).directives.get("verify")
        return folds and (directive == "inside" or not (directive == "after" or task.verify_after))

    def obstacle(self, task: DeployTask, mode: Mode) -> str | None:  # savepoints serve every mode
        """Why a change cannot share a transaction with others; None when it can."""
        found = self._scripts.obstacle(task.script) or self._scripts.obstacle(task.verify)
        if found is None and task.verify is not None and not self.verifies_inside(task):
            found = f"{task.verify.source.name} runs after the change is committed"
        begun = found is None and self._session.commits and self._registry.begun(task.change.id, task.script)
        return "an earlier run has begun it statement by statement" if begun else found

    def begin_run(self, tasks: Sequence[DeployTask], *, as_a_whole: bool) -> None:
        """Open one transaction for several changes. Raises EngineError when the server has too few locks for them."""
        wanted = sum(self._scripts.looked_over(task.script).locks for task in tasks if task.script)
        ((capacity, event_triggers),) = self._registry.run_conditions()
        if wanted > capacity:
            raise EngineError(
                f"These {len(tasks)} changes need about {wanted} locks at once; the server has room for {capacity}",
                hint="None of them was deployed. Deploy with --transaction change, in steps with --to, or raise "
                "max_locks_per_transaction on the server (it takes a restart).",
            )
        session, prepares = self._session, not event_triggers  # these may do anything, DEALLOCATE ALL for instance
        self._transactions.attempt("record", lambda: session.begin_run(savepoints=not as_a_whole, prepares=prepares))

        def may_follow(previous: Task | None, task: Task) -> bool:
            return previous is None or not previous.change.tags  # a savepoint, for mode="tag", may come behind a tag

        self._ahead = self._send_ahead(tasks, may_follow, RUN_WINDOW)

    def keep_point(self) -> None:
        """Remember this point of the run's transaction."""
        self._transactions.attempt("record", self._session.keep_point)

    def end_run(self, *, to_point: bool = False, rollback: bool = False) -> None:
        """End the run's transaction. Raises TaskFailed when it cannot be committed; nothing of it is kept then."""
        self._ahead = None
        guard = self._transactions.queue_lock_guard
        self._transactions.attempt("script", lambda: self._session.end_run(guard, to_point=to_point, rollback=rollback))

    def abandon_run(self) -> None:
        """Roll the run's transaction back if it is still open."""
        self._ahead = None
        self._session.abandon_run()

    def _try_otherwise(self, task: DeployTask, committer: Person, failed: TaskFailed) -> None:
        """Run again, outside a transaction, what turned out not to work inside one; else raise the failure."""
        error = failed.error
        if failed.kept or not isinstance(error, EngineError) or not failed_outside_block(error):
            raise failed
        if not self._session.commits:
            raise failed
        why = f"{task.change.name}: {error.message.splitlines()[0]}; it was rolled back"
        if failed.stage == "verify":
            self._on_event(Warned(f"{why}, and the verification runs after the change is committed"))
            self._deploy_folded(task, committer, verify_inside=False)
            return
        shape = self._scripts.shape(task.script) if task.script else None
        if failed.stage != "script" or shape is None or (shape.own_transaction and not shape.outside):
            raise failed
        self._on_event(Warned(f"{why}, and the script runs again statement by statement"))
        self._deploy_as_written(task, committer)

    def _deploy_folded(self, task: DeployTask, committer: Person, *, verify_inside: bool) -> None:
        def transaction() -> None:
            self._queue_change(task, committer, task.verify if verify_inside else None)
            self._session.work().sync()

        self._transactions.attempt("script", transaction)
        self._scripts.renew(
            *map(self._scripts.shape, filter(None, (task.script, task.verify if verify_inside else None)))
        )
        if task.verify and not verify_inside:
            self._verify_after_commit(task, task.verify, committer)

    def _queue_change(self, task: DeployTask, committer: Person, verify: Script | None) -> None:
        """Queue everything that deploying a change in one transaction consists of."""
        shape = self._scripts.shape(task.script) if task.script else None
        wire = self._transactions.begin(task.project, task.planned_from, task.before)
        if task.script:
            self._scripts.queue_folded(wire, task.script, "script")
            self._scripts.queue_reset(wire, shape)
        if verify:
            self._scripts.queue_verification(wire, verify, task.change.label)
        self._transactions.queue_encoding(wire)
        queue_deploy(wire, self._registry.queries, task, committer)
        self._transactions.queue_commit(wire, task.script, shape, self._scripts.shape(verify) if verify else None)

    def _verify_after_commit(self, task: DeployTask, script: Script, committer: Person) -> None:
        """Verify a change that is committed and recorded already; a failure takes the record back."""
        try:
            self._verifying.run_one(script)
        except TaskFailed as failed:
            try:
                self._transactions.record(
                    lambda wire: queue_revert(wire, self._registry.queries, task.change.id, committer),
                    task.project,
                    task.latest or task.change.id,
                )
            except TaskFailed as unrecorded:  # it is recorded still: its revert script must not run
                words = f"{task.change.name} is still recorded as deployed, because that could not be taken back: "
                error = reworded(failed.error, failed.error.message, hint=words + unrecorded.error.message)
                raise TaskFailed("verify", error, kept=True, undo=False) from failed
            raise TaskFailed("verify", failed.error, kept=task.script is not None) from failed

    def _deploy_as_written(self, task: DeployTask, committer: Person) -> None:
        """Sqitch's way: the script by itself, its verification, and then the record."""
        journal = self._as_written.run(task.script, "deploy", task.change.id, task.project, task.planned_from)
        try:
            if task.verify is not None:
                self._verifying.run_one(task.verify)
            self._transactions.record(
                lambda wire: self._queue_deployed(wire, task, committer, journal),
                task.project,
                task.planned_from,
                task.before,
            )
        except TaskFailed as failed:
            others_at_work = isinstance(failed.error, RegistryError)
            if journal is not None and not others_at_work:
                journal.forget()  # the revert script is going to run
            raise TaskFailed(failed.stage, failed.error, kept=True, undo=not others_at_work) from failed

    def _queue_deployed(self, wire: Wire, task: DeployTask, committer: Person, journal: Journal | None) -> None:
        queue_deploy(wire, self._registry.queries, task, committer)
        if journal is not None:
            journal.queue_forget(wire)

    def record_failure(self, task: DeployTask, committer: Person) -> None:
        """Record a ``fail`` event, in a transaction of its own."""

        def transaction() -> None:
            wire = self._session.work()
            wire.queue_each(self._session.begin, origin=RECORD)
            self._transactions.queue_encoding(wire)
            queue_event(wire, self._registry.queries, "fail", task, committer)
            self._transactions.commit(wire, None)

        self._transactions.attempt("record", transaction)

    # -- reverting and verifying --------------------------------------------------------------------------------

    def revert(self, task: RevertTask, committer: Person) -> None:
        """Revert and record one change, in one transaction where the script allows it."""
        self._scripts.doing = "revert"
        if self._ahead is not None and self._ahead.do(task, committer):
            return
        script = task.script
        try:
            folds = script is None or self._scripts.folds(script, "script")
        except SqitchpyError as error:
            raise TaskFailed("script", error, kept=False) from error
        shape = self._scripts.shape(script) if script and folds else None
        if not folds:
            self._as_written.run(script, "revert", task.change.id, task.change.project, task.planned_from)

        def transaction() -> None:
            self._queue_revert(task, committer, script if folds else None)
            self._session.work().sync()

        self._transactions.attempt("script" if folds else "record", transaction, kept=not folds)
        self._scripts.renew(shape)

    def _queue_revert(
        self, task: RevertTask, committer: Person, script: Script | None, *, gone: str | None = None
    ) -> None:
        """Queue everything that reverting a change in one transaction consists of.

        ``gone`` is the change that was reverted before it, if nobody knows yet whether it was.
        """
        has_progress = self._registry.has_progress()  # asked now: the connection may be the one that is queued on
        shape = self._scripts.shape(script) if script else None
        wire = self._transactions.begin(task.change.project, task.planned_from, task.change.id, gone=gone)
        if script:
            self._scripts.queue_folded(wire, script, "script")
            self._scripts.queue_reset(wire, shape)
        self._transactions.queue_encoding(wire)
        queue_revert(wire, self._registry.queries, task.change.id, committer)
        if has_progress:
            queue_forget_progress(wire, self._registry.queries, task.change.id)
        self._transactions.queue_commit(wire, script, shape)

    def undo(self, task: DeployTask, script: Script) -> None:
        """Run a revert script by itself and keep what it does, for a change that is not recorded."""
        self._scripts.doing = "revert"
        self._scripts.forget(script)

        def transaction() -> None:
            wire = self._transactions.begin(task.project, task.planned_from)
            self._scripts.queue_folded(wire, script, "script")
            self._transactions.commit(wire, script, self._scripts.shape(script))

        try:
            folds = self._scripts.folds(script, "script")
        except SqitchpyError as error:
            raise TaskFailed("script", error, kept=True) from error
        if folds:
            self._transactions.attempt("script", transaction, kept=True)
        else:
            self._as_written.run_unnoted(script, task.project, task.planned_from)

    def verify(self, tasks: Sequence[VerifyTask], jobs: int = 1) -> Generator[TaskFailed | None, None, None]:
        """Run verifications in transactions that are rolled back, in several sessions if there are to be several."""
        if self._ahead is not None:  # whoever is told of a change; the next ones may be on their way
            raise EngineError(
                "Changes are under way in this session",
                hint="Verify in a session of its own; deploy(verify=True) verifies each change with its deployment.",
            )
        if jobs == 1 or len(tasks) < 2:
            yield from self._verifying.run(tasks)
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
