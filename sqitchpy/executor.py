"""The loop: for each task, run it, record it, tell. And what follows when one fails.

What is to be done was decided before (schedule.py); how one change is done is the engine's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from sqitchpy import events
from sqitchpy.aftermath import How, after_failed_deploy, after_failed_revert, after_interruption
from sqitchpy.engines.protocol import DeployTask, Engine, RevertTask, Script, Task, TaskFailed
from sqitchpy.errors import (
    ConnectionLostError,
    DeployError,
    EngineError,
    InterruptedRunError,
    RevertError,
    RunError,
    SqitchpyError,
    StatementError,
    reworded,
)
from sqitchpy.model import Change, DeployedChange, Person
from sqitchpy.options import Mode
from sqitchpy.report import Report, StepReport
from sqitchpy.schedule import latest_meanwhile, rollback_after_failure

AnyTask = TypeVar("AnyTask", DeployTask, RevertTask)


@dataclass(slots=True)
class Run:
    """One run on one engine: what it is called, who is told, and what was done so far."""

    engine: Engine
    committer: Person
    destination: str
    action: events.Action
    on_event: events.OnEvent
    steps: list[StepReport] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def report(self, message: str | None = None) -> Report:
        """What was done so far."""
        return Report(self.action, self.destination, tuple(self.steps), time.monotonic() - self.started, message)

    def step(
        self, action: events.Action, change: Change | DeployedChange, place: tuple[int, int], work: Callable[[], None]
    ) -> None:
        """Do one step and tell about it; what it raises is told and raised again."""
        label, begun = change.label, time.monotonic()
        self.on_event(events.StepStarted(action, label, change.id, *place))
        try:
            work()
        except BaseException as error:
            shown = (
                error.error if isinstance(error, TaskFailed) else error if isinstance(error, SqitchpyError) else None
            )
            seconds = time.monotonic() - begun
            self.steps.append(StepReport(action, change.name, change.id, label, "failed", seconds, _why(error)))
            if shown is not None:
                self.on_event(events.FailureReported(shown.message))
            self.on_event(events.StepFailed(action, label, change.id, seconds, shown))
            raise
        seconds = time.monotonic() - begun
        self.steps.append(StepReport(action, change.name, change.id, label, "done", seconds))
        self.on_event(events.StepFinished(action, label, change.id, seconds))


def deploy(run: Run, tasks: Sequence[DeployTask], mode: Mode, undo: Undo) -> Report:
    """Deploy one change after the other. Raises DeployError when one fails, after ``mode`` has been followed."""
    done: list[DeployTask] = []
    try:
        try:
            _in_order(run, "deploy", tasks, lambda task: deploy_one(run, task, undo), done)
        except TaskFailed as failed:
            give_up(run, tasks[len(done)], failed, done, mode, undo)
    except (ConnectionLostError, KeyboardInterrupt) as error:
        if len(done) == len(tasks):
            raise
        raise stopped(run, error, "deploy", *tasks[len(done) :]) from error
    return run.report()


def _in_order(
    run: Run, action: events.Action, tasks: Sequence[AnyTask], work: Callable[[AnyTask], None], done: list[AnyTask]
) -> None:
    """Do one after the other; ``done`` gets those that are done. Raises TaskFailed at the first that fails."""
    with run.engine.in_order(tasks):
        for number, task in enumerate(tasks, 1):
            run.step(action, task.change, (number, len(tasks)), partial(work, task))
            done.append(task)


class Undo(NamedTuple):
    """How to take back what this run has deployed."""

    script: Callable[[Change | DeployedChange], Script | None]
    """The revert script of a change; None: the run ran no scripts."""
    deployed: Callable[[], Sequence[DeployedChange]]
    """What is deployed, at least from the first change of this run on, in its order."""
    start: Change | None
    """The latest change that was deployed before the run."""
    only: str | None = None
    """What ``--only`` named: the run's changes are then not the latest ones."""

    @property
    def again(self) -> str:
        """The command to run once more."""
        return f"sqitchpy deploy --only {self.only}" if self.only else "sqitchpy deploy"


def deploy_one(run: Run, task: DeployTask, undo: Undo, *, record_failure: bool = True) -> None:
    """Deploy one change; when it fails and has left something behind, its revert script runs (Sqitch's way)."""
    if task.missing_verify is not None:
        run.on_event(events.FailureReported(f"Verify script {task.missing_verify} does not exist"))
    try:
        run.engine.deploy(task, run.committer)
    except TaskFailed as failed:
        error = failed.error
        if failed.stage == "verify" and task.verify is not None:
            error = reworded(error, f'{error.message}\nVerify script "{task.verify.source.name}" failed.')
        elif failed.stage == "record" and isinstance(error, EngineError):
            error = reworded(error, f'Cannot log change "{task.change.name}": {error.message}')
        script = undo.script(task.change) if failed.undo else None
        undone = script is not None and _clean_up(run, task, script)
        if record_failure:
            record_failure_of(run, task)
        raise TaskFailed(failed.stage, error, kept=failed.kept, undo=failed.undo, undone=undone) from None


def record_failure_of(run: Run, task: DeployTask) -> None:
    """Record the failure. When that fails as well, it is told; the first error is the one that counts."""
    try:
        run.engine.record_failure(task, run.committer)
    except (TaskFailed, ConnectionLostError) as failed:
        why = failed.error.message if isinstance(failed, TaskFailed) else failed.message
        run.on_event(events.Warned(f"The failure of {task.change.name} could not be recorded: {why}"))


def _clean_up(run: Run, task: DeployTask, script: Script) -> bool:
    try:
        run.engine.undo(task, script)
    except TaskFailed as failed:
        run.on_event(events.FailureReported(failed.error.message))
        return False
    return True


def give_up(
    run: Run,
    task: DeployTask,
    failed: TaskFailed,
    done: Sequence[DeployTask],
    mode: Mode,
    undo: Undo,
) -> None:
    """Take back what the mode says, and raise DeployError."""
    back = rollback_after_failure(mode, [each.change for each in done], _since(undo.start))
    if back.changes:
        going = [each.change for each in reversed(done[len(done) - back.changes :])]
        only = tuple(change.label for change in going) if undo.only else ()
        run.on_event(events.RevertingAfterFailure(None if only else back.to, only))
        _take_back(run, {change.id for change in going}, undo)
    raise DeployError(
        "Deploy failed",
        report=run.report(),
        change=task.change.name,
        kept=failed.kept and not failed.undone,
        failure=failed.error,
        hint=after_failed_deploy(task.change.name, failed, len(done) - back.changes, undo.again, back.changes),
    ) from failed


def _since(start: Change | None) -> str | None:
    """How Sqitch writes what was deployed before: the name with its last tag, without a blank."""
    if start is None:
        return None
    return start.name + (f"@{start.tags[-1].name}" if start.tags else "")


def _take_back(run: Run, ids: Collection[str], undo: Undo) -> None:
    deployed = undo.deployed()
    rows = [row for row in reversed(deployed) if row.id in ids]
    turns = zip(rows, latest_meanwhile(deployed, rows), strict=True)
    tasks = [RevertTask(change, undo.script(change), latest) for change, latest in turns]
    try:
        _revert_all(run, tasks, [])
    except TaskFailed as failed:
        raise DeployError(
            "The schema will need to be manually repaired\nDeploy failed",
            report=run.report(),
            change=run.steps[-1].change,
            kept=True,
            failure=failed.error,
            hint=after_failed_revert(run.steps[-1].change, failed),
        ) from failed


def revert(run: Run, tasks: Sequence[RevertTask]) -> Report:
    """Revert one change after the other, newest first. Raises RevertError at the first that fails."""
    done: list[RevertTask] = []
    try:
        _revert_all(run, tasks, done)
    except TaskFailed as failed:
        change = tasks[len(done)].change.name
        raise RevertError(
            "Revert failed",
            report=run.report(),
            change=change,
            kept=failed.kept,
            failure=failed.error,
            hint=after_failed_revert(change, failed, len(tasks) - len(done) - 1),
        ) from failed
    return run.report()


def _revert_all(run: Run, tasks: Sequence[RevertTask], done: list[RevertTask]) -> None:
    try:
        _in_order(run, "revert", tasks, lambda task: run.engine.revert(task, run.committer), done)
    except (ConnectionLostError, KeyboardInterrupt) as error:
        if len(done) == len(tasks):
            raise
        raise stopped(run, error, "revert", *tasks[len(done) :]) from error


def stopped(run: Run, error: BaseException, action: events.Action, *tasks: Task) -> RunError:
    """The run cannot go on: the connection is lost, or the user has interrupted it.

    The first of ``tasks`` was under way; others may have been, behind it.
    """
    change = tasks[0].change.name
    in_doubt = not isinstance(error, KeyboardInterrupt) and _was_interrupted(error)  # and could not be stopped
    if isinstance(error, KeyboardInterrupt) or in_doubt:
        hint = _after_interruption(run, action, tasks, in_doubt=in_doubt)
        return InterruptedRunError(
            "Interrupted", report=run.report(), change=change, kept=None, failure=None, hint=hint
        )
    kind = DeployError if run.action == "deploy" else RevertError
    return kind(
        f"{run.action.capitalize()} failed: the connection was lost while change {change} was under way",
        report=run.report(),
        change=change,
        kept=None,
        failure=error if isinstance(error, SqitchpyError) else None,
        hint=getattr(error, "hint", None),
    )


def _after_interruption(run: Run, action: events.Action, tasks: Sequence[Task], *, in_doubt: bool) -> str:
    """The interruption may have come when transactions were committed already: the registry is asked."""
    first, recorded = tasks[0], None
    how: How = "transaction"
    if not in_doubt:
        try:
            recorded = run.engine.registry.deployed_among([task.change.id for task in tasks])
            how = run.engine.check(first.script).how if first.script else how
        except SqitchpyError:  # then nobody knows, and it is said so
            recorded = None
    known = None if recorded is None else first.change.id in recorded
    completed: list[Task] = []
    if recorded is not None:
        completed = [task for task in tasks if (task.change.id in recorded) == (action == "deploy")]
    for task in completed:
        _note_done(run, action, task)
    names = [task.change.name for task in completed or [first]]
    latest = {step.change_id: step.action for step in run.steps if step.outcome == "done"}  # some may be rolled back
    return after_interruption(action, names, how, known, sum(what == action for what in latest.values()))


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an interruption led to an error."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _note_done(run: Run, action: events.Action, task: Task) -> None:
    """Report what was completed all the same: its step was seen to begin, or it came behind that one."""
    change = task.change
    if run.steps and run.steps[-1].change_id == change.id:
        run.steps[-1] = run.steps[-1]._replace(outcome="done")
    else:
        run.steps.append(StepReport(action, change.name, change.id, change.label, "done"))


def _why(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    failed = error.error if isinstance(error, TaskFailed) else error
    if isinstance(failed, StatementError) and failed.diagnostics.shown:  # its first lines may be the statement
        found = failed.diagnostics
        first, _, _ = found.message.partition("\n")
        return f"{found.file}:{found.line}: {found.severity}: {first}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
