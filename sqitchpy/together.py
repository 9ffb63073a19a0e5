"""``--transaction run``: the changes of a run in one transaction, a savepoint for each.

It is split around changes that cannot be in one. When a change fails, what ``mode`` lets stand is committed, and then
the failure is recorded in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqitchpy import events
from sqitchpy.engines.protocol import DeployTask, TaskFailed
from sqitchpy.errors import ConnectionLostError, SqitchpyError
from sqitchpy.executor import Run, Undo, deploy_one, give_up, record_failure_of, stopped
from sqitchpy.options import Mode
from sqitchpy.report import Report, StepReport
from sqitchpy.schedule import rollback_after_failure

Segment = tuple[bool, list[DeployTask]]
"""Tasks that follow one another, and whether they share a transaction."""


def segments(run: Run, tasks: Sequence[DeployTask], mode: Mode) -> list[Segment]:
    """The run's transactions. What cannot be in one stands by itself, and the user is told beforehand."""
    found: list[Segment] = []
    for task in tasks:
        obstacle = run.engine.obstacle(task, mode)
        if obstacle is not None:
            run.on_event(events.Warned(f"{task.change.name} is deployed by itself: {obstacle}"))
            found.append((False, [task]))
        elif found and found[-1][0]:
            found[-1][1].append(task)
        else:
            found.append((True, [task]))
    return found


def deploy_together(run: Run, tasks: Sequence[DeployTask], mode: Mode, undo: Undo) -> Report:
    """Deploy a run. Raises DeployError when a change fails, after ``mode`` has been followed."""
    done: list[DeployTask] = []
    for together, part in segments(run, tasks, mode):
        current, shared = part[0], None
        try:
            shared = _Shared(run, part, list(done), mode) if together else None
            for current in part:
                place = (len(done) + 1, len(tasks))
                try:
                    _deploy(run, current, place, undo, together=together)
                except TaskFailed as failed:
                    kept = shared.fail(current) if shared else done
                    give_up(run, current, failed, kept, mode, undo)
                done.append(current)
                if shared:
                    shared.add(current)
            if shared:
                try:
                    shared.commit()
                except TaskFailed as failed:
                    give_up(run, current, failed, shared.before, mode, undo)
        except (ConnectionLostError, KeyboardInterrupt) as error:
            if shared:
                shared.break_off()
            raise stopped(run, error, "deploy", current) from error
        finally:
            run.engine.abandon_run()
    return run.report()


def _deploy(run: Run, task: DeployTask, place: tuple[int, int], undo: Undo, *, together: bool) -> None:
    run.step("deploy", task.change, place, lambda: deploy_one(run, task, undo, record_failure=not together))


class _Shared:
    """A transaction that several changes share. ``before`` were deployed, and committed, earlier in the run."""

    def __init__(self, run: Run, part: Sequence[DeployTask], before: list[DeployTask], mode: Mode) -> None:
        self._run = run
        self._mode = mode
        self._part = part
        self._inside: list[DeployTask] = []
        self.before = before
        run.engine.begin_run(part, as_a_whole=mode == "all")

    def add(self, task: DeployTask) -> None:
        """A change is deployed, not yet committed."""
        self._inside.append(task)
        if task.change.tags and self._mode == "tag":
            self._run.engine.keep_point()

    def commit(self) -> None:
        """Commit. A deferred constraint may still say no: raises TaskFailed, and nothing of it is left."""
        try:
            self._run.engine.end_run()
        except TaskFailed as failed:
            self._run.on_event(events.FailureReported(failed.error.message))
            self._forget(self._inside)
            record_failure_of(self._run, self._inside[-1])
            raise

    def fail(self, task: DeployTask) -> list[DeployTask]:
        """A change has failed: keep what the mode lets stand, and record the failure. Returns what is committed."""
        inside = self._inside
        back = rollback_after_failure(self._mode, [each.change for each in (*self.before, *inside)], None).changes
        kept = max(0, len(inside) - back)
        try:
            self._run.engine.end_run(to_point=0 < kept < len(inside), rollback=kept == 0)
        except TaskFailed as failed:  # a deferred constraint of what was to be kept
            self._run.on_event(events.FailureReported(failed.error.message))
            kept = 0
        record_failure_of(self._run, task)
        self._forget(inside[kept:])
        return [*self.before, *inside[:kept]]

    def break_off(self) -> None:
        """The run cannot go on: its transaction is gone, unless that was during the commit."""
        done = {step.change_id for step in self._run.steps if step.outcome == "done"}
        inside = [task for task in self._part if task.change.id in done]
        try:
            committed = self._run.engine.registry.deployed_among(done)
        except SqitchpyError:  # then nobody knows; the hint of the failure says how to find out
            return
        self._forget([task for task in inside if task.change.id not in committed])

    def _forget(self, lost: Sequence[DeployTask]) -> None:
        """Say that changes are gone with the transaction they were in; no revert script had to run."""
        if not lost:
            return
        names = ", ".join(task.change.label for task in reversed(lost))
        self._run.on_event(events.Warned(f"rolled back with the transaction of the run: {names}"))
        for task in reversed(lost):
            change = task.change
            step = StepReport("revert", change.name, change.id, change.label, "done", why="rolled back")
            self._run.steps.append(step)
