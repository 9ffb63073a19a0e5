"""How a change is reverted: in one transaction where its script allows it, else as the script is written."""

from __future__ import annotations

from sqitchpy.engines.pg.ahead import Ahead
from sqitchpy.engines.pg.aswritten import AsWritten
from sqitchpy.engines.pg.changes import Changes
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.protocol import DeployTask, RevertTask, Script, TaskFailed
from sqitchpy.errors import SqitchpyError
from sqitchpy.model import Person


class Reverting:
    """Reverts one change after the other, and records each."""

    def __init__(
        self,
        session: OwnSession,
        scripts: ScriptRunner,
        transactions: Transactions,
        changes: Changes,
        as_written: AsWritten,
    ) -> None:
        self._session = session
        self._scripts = scripts
        self._transactions = transactions
        self._changes = changes
        self._as_written = as_written

    def revert(self, task: RevertTask, committer: Person, ahead: Ahead | None) -> None:
        """Revert and record one change; it may have been sent ``ahead`` already. Raises TaskFailed."""
        if ahead is not None and ahead.do(task, committer):
            return
        script = task.script
        try:
            folds = script is None or self._scripts.looks.folds(script, "script")
        except SqitchpyError as error:
            raise TaskFailed("script", error, kept=False) from error
        shape = self._scripts.looks.shape(script) if script and folds else None
        if not folds:
            self._as_written.run(script, "revert", task.change.id, task.change.project, task.planned_from)

        def transaction() -> None:
            self._changes.queue_revert(task, committer, script if folds else None)
            self._session.work().sync()

        self._transactions.attempt("script" if folds else "record", transaction, kept=not folds)
        self._scripts.renew(shape)

    def undo(self, task: DeployTask, script: Script) -> None:
        """Run a revert script by itself and keep what it does, for a change that is not recorded."""
        self._scripts.looks.forget(script)

        def transaction() -> None:
            wire = self._transactions.begin(task.project, task.planned_from)
            self._scripts.queue_folded(wire, script, "script")
            self._transactions.commit(wire, script, self._scripts.looks.shape(script))

        try:
            folds = self._scripts.looks.folds(script, "script")
        except SqitchpyError as error:
            raise TaskFailed("script", error, kept=True) from error
        if folds:
            self._transactions.attempt("script", transaction, kept=True)
        else:
            self._as_written.run_unnoted(script, task.project, task.planned_from)
