"""How a change is deployed where a DB-API driver leads to the database: ``sqitchpy.engines.protocol.Engine``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

from sqitchpy.engines.afterwards import verify_committed
from sqitchpy.engines.dbapi.backend import Backend
from sqitchpy.engines.dbapi.recording import Recording
from sqitchpy.engines.dbapi.registry import DbapiRegistry
from sqitchpy.engines.dbapi.scripts import Scripts
from sqitchpy.engines.dbapi.stepwise import Doing, Journal, Stepwise
from sqitchpy.engines.dbapi.transactions import Transactions, stage
from sqitchpy.engines.parallel import Parallel
from sqitchpy.engines.protocol import DeployTask, Look, Opening, RevertTask, Script, Task, TaskFailed, VerifyTask
from sqitchpy.errors import LockHolder, RegistryError, TargetError
from sqitchpy.events import Warned
from sqitchpy.model import Person
from sqitchpy.options import Mode, Runner


class DbapiEngine:
    """A database with its registry. ``connect`` makes its backend, of what the target is said to be; ``client`` is the
    runner that stands for its client program, if there is one."""

    def __init__(self, connect: Callable[[Opening], Backend], opening: Opening, client: Runner | None = None) -> None:
        if opening.connection is not None or opening.transaction == "caller":
            raise TargetError(
                f"A connection of the caller's cannot be used with {opening.destination}",
                hint="That is possible with PostgreSQL alone: leave connection= and transaction= out.",
            )
        backend = connect(opening)
        self._another = lambda on_event: DbapiEngine(connect, replace(opening, on_event=on_event), client)
        self._backend = backend
        self._on_event = opening.on_event
        self._scripts = Scripts(backend, client, opening.on_event)
        self._transactions = Transactions(backend, opening.destination)
        self._registry = DbapiRegistry(backend)

    @property
    def registry(self) -> DbapiRegistry:
        """The registry in, or beside, this database."""
        return self._registry

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock."""
        self._backend.lock(timeout, on_wait)

    def unlock(self) -> None:
        """Release the deployment lock."""
        self._backend.unlock()

    def read_only(self) -> AbstractContextManager[None]:
        """A context in which the database itself refuses every change, for a dry run."""
        return self._backend.read_only()

    def expect_scripts(self) -> None:
        """Scripts are going to be run: there is nothing here that takes time."""

    def check(self, script: Script) -> Look:
        """Look a script over. Raises ScriptError when it cannot be run."""
        return self._scripts.look(script)

    def statements(self, script: Script) -> Sequence[str] | None:
        """What a script would send; None when that is not known before it runs, or very long."""
        return self._scripts.statements(script)

    def close(self) -> None:
        """Disconnect."""
        self._backend.close()

    # -- deploying ----------------------------------------------------------------------------------------------

    def in_order(self, tasks: Sequence[Task]) -> AbstractContextManager[None]:
        """Changes that are deployed or reverted in this order: each begins when it is called for."""
        return nullcontext()

    def deploy(self, task: DeployTask, committer: Person) -> None:
        """Deploy and record one change: in one transaction where the script allows it."""
        self._scripts.doing = "deploy"
        with stage("script"):
            folds = task.script is None or self._scripts.folds(task.script, "script")
            inside = self.verifies_inside(task)
        if folds and (self._transactions.in_run or not self._registry.begun(task.change.id, task.script)):
            self._deploy_folded(task, committer, verify_inside=inside)
        else:
            self._deploy_as_written(task, committer)

    def verifies_inside(self, task: DeployTask) -> bool:
        """Whether a change is verified before it is committed."""
        if task.verify is None:
            return True
        wanted = self._scripts.shape(task.verify).directives.get("verify")
        later = wanted == "after" or (task.verify_after and wanted != "inside")
        leaves_nothing = self._backend.dialect.savepoints or self._scripts.shape(task.verify).reads
        return not later and leaves_nothing and self._scripts.folds(task.verify, "verify")

    def _deploy_folded(self, task: DeployTask, committer: Person, *, verify_inside: bool) -> None:
        if not self._transactions.in_run:
            with stage("script"):
                self._scripts.prepare(task.script)
        with self._transactions.change(task.project, task.planned_from) as rows:
            if task.script is not None:
                with stage("script"):
                    self._scripts.run_folded(task.script, "script")
                    self._backend.forget_session()
            if task.verify is not None and verify_inside:
                with stage("verify"):
                    self._verify_inside(task.verify)
            rows.append(lambda recording: recording.deploy(task, committer))
        self._renew()
        if task.verify is not None and not verify_inside:
            verify_committed(task, partial(self._verify, task.verify), partial(self._take_back, task, committer))

    def _renew(self) -> None:
        if not self._transactions.in_run:
            self._backend.renew()

    def _verify_inside(self, script: Script) -> None:
        self._transactions.savepoint("SAVEPOINT sqitchpy_verify")
        self._scripts.doing = "verify"
        try:
            self._scripts.run_folded(script, "verify")
        finally:
            self._scripts.doing = "deploy"
        self._transactions.savepoint("ROLLBACK TO SAVEPOINT sqitchpy_verify")
        self._backend.forget_session()

    def _take_back(self, task: DeployTask, committer: Person) -> None:
        """Record that a change is reverted, which its revert script is going to do."""
        latest = task.latest or task.change.id
        self._transactions.record(lambda rows: rows.revert(task.change.id, committer), task.project, latest, kept=True)

    def _deploy_as_written(self, task: DeployTask, committer: Person) -> None:
        """Sqitch's way: the script by itself, its verification, and then the record."""
        journal = self._run_as_written(task.script, "deploy", task.change.id, task.project, task.planned_from)

        def write(rows: Recording) -> None:
            rows.deploy(task, committer)
            if journal is not None:
                rows.run("forget_progress", id=task.change.id)

        try:
            if task.verify is not None:
                self._verify(task.verify)
            self._transactions.record(write, task.project, task.planned_from, kept=True)
        except TaskFailed as failed:
            others_at_work = isinstance(failed.error, RegistryError)
            if journal is not None and not others_at_work:
                journal.forget()  # the revert script is going to run
            raise TaskFailed(failed.stage, failed.error, kept=True, undo=not others_at_work) from failed

    def _run_as_written(
        self, script: Script | None, doing: Doing, change_id: str, project: str, latest: str | None
    ) -> Journal | None:
        """Run a script from where an earlier run has left it. Returns its journal, if its progress can be noted."""
        if script is None:
            return None
        with stage("script"):
            assert self._backend.work is not None, "whoever cannot connect has changed nothing"
        with stage("script", kept=True):
            shape = self._scripts.shape(script)
            noted = None if self._scripts.in_client(script) else f"{script.source.digest()} {shape.digest}"
            try:
                return self._run_noted(script, (change_id, doing, noted), project, latest)
            finally:
                self._backend.rollback()
                self._backend.renew()

    def _run_noted(
        self, script: Script, key: tuple[str, Doing, str | None], project: str, latest: str | None
    ) -> Journal | None:
        change_id, doing, digest = key
        if digest is None:
            self._transactions.guard(project, latest)
            self._scripts.run_alone(script)
            return None
        self._registry.expect_progress()
        journal = Journal(self._backend, change_id, doing, digest)

        def guard() -> None:
            self._transactions.guard(project, latest)

        def tell(text: str) -> None:
            self._on_event(Warned(text))

        Stepwise(self._backend, self._scripts, journal, guard=guard, tell=tell).run(script)
        return journal

    def record_failure(self, task: DeployTask, committer: Person) -> None:
        """Record a ``fail`` event, in a transaction of its own."""
        with stage("record"), self._backend.transaction():
            backend = self._backend
            Recording(backend.control, backend.dialect, backend.control_prefix).event("fail", task, committer)

    # -- several changes in one transaction -----------------------------------------------------------------------

    def obstacle(self, task: DeployTask, mode: Mode) -> str | None:
        """Why a change cannot share a transaction with others; None when it can. Raises ScriptError."""
        if mode != "all" and not self._backend.dialect.savepoints:
            return f"the database has no savepoints, so a part of a transaction cannot be kept as mode “{mode}” wants"
        for script in filter(None, (task.script, task.verify)):
            shape = self._scripts.shape(script)
            if shape.reason or shape.settings:
                return shape.reason or f"{script.source.name} sets something that takes effect outside a transaction"
        if task.script is not None and not self._scripts.folds(task.script, "script"):
            return f"{task.script.source.name} rolls back, which takes a savepoint, and the database has none"
        if task.verify is not None and not self.verifies_inside(task):
            return f"{task.verify.source.name} runs after the change is committed"
        begun = self._registry.begun(task.change.id, task.script)
        return "an earlier run has begun it statement by statement" if begun else None

    def begin_run(self, tasks: Sequence[DeployTask], *, as_a_whole: bool) -> None:
        """Open one transaction for several changes: until ``end_run`` each is a savepoint in it."""
        self._transactions.begin_run()

    def keep_point(self) -> None:
        """Remember this point of the run's transaction."""
        self._transactions.keep_point()

    def end_run(self, *, to_point: bool = False, rollback: bool = False) -> None:
        """End the run's transaction. Raises TaskFailed when it cannot be committed; nothing of it is kept then."""
        self._transactions.end_run(to_point=to_point, rollback=rollback)

    def abandon_run(self) -> None:
        """Roll the run's transaction back if it is still open, for whatever reason."""
        self._transactions.abandon_run()

    # -- reverting and verifying --------------------------------------------------------------------------------

    def revert(self, task: RevertTask, committer: Person) -> None:
        """Revert and record one change, in one transaction where the script allows it."""
        self._scripts.doing = "revert"
        change, script = task.change, task.script
        with stage("script"):
            folds = script is None or self._scripts.folds(script, "script")
            has_progress = self._registry.has_progress()
        if not folds:
            self._run_as_written(script, "revert", change.id, change.project, task.planned_from)

        def write(rows: Recording) -> None:
            rows.revert(change.id, committer)
            if has_progress or not folds:
                rows.run("forget_deploy_progress", id=change.id)

        if not folds:
            self._registry.expect_progress()
            self._transactions.record(write, change.project, task.planned_from, kept=True)
            return
        with stage("script"):
            self._scripts.prepare(script)
        with self._transactions.change(change.project, task.planned_from) as rows:
            if script is not None:
                with stage("script"):
                    self._scripts.run_folded(script, "script")
                    self._backend.forget_session()
            rows.append(write)
        self._backend.renew()

    def undo(self, task: DeployTask, script: Script) -> None:
        """Run a revert script by itself and keep what it does, for a change that is not recorded."""
        self._scripts.doing = "revert"
        self._scripts.forget(script)
        with stage("script", kept=True):
            try:
                self._run_unrecorded(script, task.project, task.planned_from)
            finally:
                self._backend.rollback()
                self._backend.renew()

    def _run_unrecorded(self, script: Script, project: str, latest: str | None) -> None:
        if not self._scripts.folds(script, "script"):
            self._transactions.guard(project, latest)
            self._scripts.run_alone(script)
            return
        self._scripts.prepare(script)
        self._backend.begin()
        self._transactions.guard(project, latest)
        self._scripts.run_folded(script, "script")
        self._backend.commit()

    def verify(self, tasks: Sequence[VerifyTask], jobs: int = 1) -> Generator[TaskFailed | None, None, None]:
        """Run verifications in transactions that are rolled back, in several sessions if there are to be several."""
        if jobs > 1 and len(tasks) > 1:
            yield from Parallel(self._another, self._on_event).run(tasks, jobs)
            return
        self._backend.rollback()  # one that was interrupted while it was cleaned up behind it
        self._backend.renew()
        for task in tasks:
            self._scripts.forget(task.script)
            try:
                self._verify(task.script)
            except TaskFailed as failed:
                yield failed
            else:
                yield None

    def cancel(self) -> None:
        """Stop what the database is doing for this engine's scripts. May be called from another thread."""
        self._backend.cancel()

    def _verify(self, script: Script) -> None:
        self._scripts.doing = "verify"
        try:
            with stage("verify"):
                if self._scripts.folds(script, "verify"):
                    self._scripts.prepare(script)
                    self._backend.begin()
                    self._scripts.run_folded(script, "verify")
                else:
                    self._scripts.run_alone(script)
        finally:
            self._backend.rollback()
            self._backend.renew()
