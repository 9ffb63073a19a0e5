"""What a change's transaction consists of, and whether it can be one."""

from __future__ import annotations

from sqitchpy.engines.pg.recording import queue_deploy, queue_forget_progress, queue_revert
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.protocol import DeployTask, RevertTask, Script
from sqitchpy.model import Person


class Changes:
    """Queues changes on the work connection; nothing is waited for."""

    def __init__(
        self, session: OwnSession, scripts: ScriptRunner, registry: PgRegistry, transactions: Transactions
    ) -> None:
        self._session = session
        self._scripts = scripts
        self._registry = registry
        self._transactions = transactions

    def verifies_inside(self, task: DeployTask) -> bool:
        """Whether a change is verified before it is committed."""
        if task.verify is None:
            return True
        folds = self._scripts.looks.folds(task.verify, "verify")
        directive = self._scripts.looks.shape(task.verify).directives.get("verify")
        return folds and (directive == "inside" or not (directive == "after" or task.verify_after))

    def obstacle(self, task: DeployTask) -> str | None:
        """Why a change cannot share a transaction with others; None when it can. Raises ScriptError."""
        found = self._scripts.looks.obstacle(task.script) or self._scripts.looks.obstacle(task.verify)
        if found is None and task.verify is not None and not self.verifies_inside(task):
            found = f"{task.verify.source.name} runs after the change is committed"
        return "an earlier run has begun it statement by statement" if found is None and self.begun(task) else found

    def begun(self, task: DeployTask) -> bool:
        """Whether an earlier run has begun a change statement by statement, which this one would then go on with."""
        return self._session.commits and self._registry.begun(task.change.id, task.script)

    def queue_deployment(self, task: DeployTask, committer: Person, verify: Script | None) -> None:
        """Queue everything that deploying a change in one transaction consists of."""
        shape = self._scripts.looks.shape(task.script) if task.script else None
        wire = self._transactions.begin(task.project, task.planned_from, task.before)
        if task.script:
            self._scripts.queue_folded(wire, task.script, "script")
            self._scripts.queue_reset(wire, shape)
        if verify:
            self._scripts.queue_verification(wire, verify, task.change.label)
        self._transactions.queue_encoding(wire)
        queue_deploy(wire, self._registry.queries, task, committer)
        self._transactions.queue_commit(wire, task.script, shape, self._scripts.looks.shape(verify) if verify else None)

    def queue_revert(
        self, task: RevertTask, committer: Person, script: Script | None, *, gone: str | None = None
    ) -> None:
        """Queue everything that reverting a change in one transaction consists of.

        ``gone`` is the change that was reverted before it, if nobody knows yet whether it was.
        """
        has_progress = self._registry.has_progress()  # asked now: the connection may be the one that is queued on
        shape = self._scripts.looks.shape(script) if script else None
        wire = self._transactions.begin(task.change.project, task.planned_from, task.change.id, gone=gone)
        if script:
            self._scripts.queue_folded(wire, script, "script")
            self._scripts.queue_reset(wire, shape)
        self._transactions.queue_encoding(wire)
        queue_revert(wire, self._registry.queries, task.change.id, committer)
        if has_progress:
            queue_forget_progress(wire, self._registry.queries, task.change.id)
        self._transactions.queue_commit(wire, script, shape)
