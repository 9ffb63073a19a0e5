"""How a change is deployed: in one transaction where its script allows it, else as the script is written."""

from __future__ import annotations

from functools import partial

from sqitchpy.engines.afterwards import verify_committed
from sqitchpy.engines.pg.ahead import Ahead
from sqitchpy.engines.pg.aswritten import AsWritten
from sqitchpy.engines.pg.changes import Changes
from sqitchpy.engines.pg.failures import failed_outside_block
from sqitchpy.engines.pg.progress import Journal
from sqitchpy.engines.pg.recording import RECORD, queue_deploy, queue_event, queue_revert
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.pg.verifying import Verifying
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.engines.protocol import DeployTask, TaskFailed
from sqitchpy.errors import EngineError, RegistryError, SqitchpyError
from sqitchpy.model import Person


class Deploying:
    """Deploys one change after the other, and records each."""

    def __init__(
        self,
        session: OwnSession,
        scripts: ScriptRunner,
        registry: PgRegistry,
        transactions: Transactions,
        changes: Changes,
        as_written: AsWritten,
        verifying: Verifying,
    ) -> None:
        self._session = session
        self._scripts = scripts
        self._registry = registry
        self._transactions = transactions
        self._changes = changes
        self._as_written = as_written
        self._verifying = verifying

    def deploy(self, task: DeployTask, committer: Person, ahead: Ahead | None) -> None:
        """Deploy and record one change; it may have been sent ``ahead`` already. Raises TaskFailed."""
        try:
            if ahead is not None and ahead.do(task, committer):
                return
        except TaskFailed as failed:
            self._try_otherwise(task, committer, failed)
            return
        try:
            folds = task.script is None or self._scripts.looks.folds(task.script, "script")
            inside = self._changes.verifies_inside(task)
        except SqitchpyError as error:
            raise TaskFailed("script", error, kept=False) from error
        if not folds or self._changes.begun(task):
            self._deploy_as_written(task, committer)
            return
        try:
            self._deploy_folded(task, committer, verify_inside=inside)
        except TaskFailed as failed:
            self._try_otherwise(task, committer, failed)

    def _try_otherwise(self, task: DeployTask, committer: Person, failed: TaskFailed) -> None:
        """Run again, outside a transaction, what turned out not to work inside one; else raise the failure."""
        error = failed.error
        if failed.kept or not isinstance(error, EngineError) or not failed_outside_block(error):
            raise failed
        if not self._session.commits:
            raise failed
        why = f"{task.change.name}: {error.message.splitlines()[0]}; it was rolled back"
        if failed.stage == "verify":
            self._scripts.warn(f"{why}, and the verification runs after the change is committed")
            self._deploy_folded(task, committer, verify_inside=False)
            return
        shape = self._scripts.looks.shape(task.script) if task.script else None
        if failed.stage != "script" or shape is None or (shape.own_transaction and not shape.outside):
            raise failed
        self._scripts.warn(f"{why}, and the script runs again statement by statement")
        self._deploy_as_written(task, committer)

    def _deploy_folded(self, task: DeployTask, committer: Person, *, verify_inside: bool) -> None:
        def transaction() -> None:
            self._changes.queue_deployment(task, committer, task.verify if verify_inside else None)
            self._session.work().sync()

        self._transactions.attempt("script", transaction)
        self._scripts.renew(
            *map(self._scripts.looks.shape, filter(None, (task.script, task.verify if verify_inside else None)))
        )
        if task.verify and not verify_inside:
            verify_committed(
                task, partial(self._verifying.run_one, task.verify), partial(self._take_back, task, committer)
            )

    def _take_back(self, task: DeployTask, committer: Person) -> None:
        """Record that a change is reverted, which its revert script is going to do."""
        self._transactions.record(
            lambda wire: queue_revert(wire, self._registry.queries, task.change.id, committer),
            task.project,
            task.latest or task.change.id,
        )

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
