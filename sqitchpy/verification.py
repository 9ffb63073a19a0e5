"""Verify: go through what is deployed and run each change's verification, as Sqitch does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqitchpy import events
from sqitchpy.engines.protocol import Engine, Script, TaskFailed, VerifyTask
from sqitchpy.errors import SqitchpyError, UnknownChangeError
from sqitchpy.model import Change, DeployedChange, Plan
from sqitchpy.plan import find_deployed, find_in_plan
from sqitchpy.report import VerifyReport


@dataclass(frozen=True, slots=True)
class Range:
    """What to verify: the deployed rows, and the plan positions that belong to the range."""

    rows: tuple[DeployedChange, ...]
    first: int
    last: int


def choose(plan: Plan, deployed: Sequence[DeployedChange], since: str | None, to: str | None) -> Range:
    """The range that ``since`` and ``to`` name, both included. Raises UnknownChangeError in Sqitch's words."""
    first_row = _named(plan, deployed, since) if since else deployed[0]
    last_row = _named(plan, deployed, to) if to else deployed[-1]
    ids = [row.id for row in deployed]
    start, end = ids.index(first_row.id), ids.index(last_row.id)
    if start > end:  # Sqitch ends in an error of Perl's here
        raise SqitchpyError(
            f'"{since or first_row.name}" was deployed after "{to or last_row.name}"',
            hint="The range to verify begins with the change that was deployed first.",
        )
    first = plan.by_id[first_row.id].position if since else 0
    latest = plan.by_id.get(last_row.id)
    last = latest.position if latest else len(plan.changes) - 1
    return Range(tuple(deployed[start : end + 1]), first, last)


def _named(plan: Plan, deployed: Sequence[DeployedChange], spec: str) -> DeployedChange:
    row = find_deployed(deployed, spec, plan)
    if row is None:
        if find_in_plan(plan, spec) is not None:
            raise UnknownChangeError(f'Change "{spec}" has not been deployed')
        raise UnknownChangeError(f'Cannot find "{spec}" in the database or the plan')
    if row.id not in plan.by_id:
        raise UnknownChangeError(f'Change "{spec}" is deployed, but not planned')
    return row


@dataclass(slots=True)
class Verification:
    """One verification run."""

    engine: Engine
    plan: Plan
    destination: str
    on_event: events.OnEvent
    script: Callable[[Change | DeployedChange], Script]
    """The verify script of a change."""
    problems: list[tuple[str, str]] = field(default_factory=list)

    def run(self, wanted: Range, *, to_the_end: bool) -> VerifyReport:
        """Verify the range. Problems are told and counted, never raised."""
        undeployed = self._undeployed(wanted)
        labels = [row.label for row in wanted.rows] + [change.label for change in undeployed]
        self.on_event(events.RunStarted("verify", self.destination, tuple(labels)))
        for offset, row in enumerate(wanted.rows):
            self._verify(row, offset, wanted)
        for change in undeployed:
            self.problems.append((change.label, "Not deployed"))
            self.on_event(events.UndeployedChange(change.label))
        pending = tuple(change.label for change in self.plan.changes[wanted.last + 1 :]) if to_the_end else ()
        if pending:
            self.on_event(events.UndeployedChanges(pending))
        count = max(wanted.last - wanted.first + 1, len(wanted.rows))
        return VerifyReport(self.destination, count, len(self.problems), tuple(self.problems), pending)

    def _undeployed(self, wanted: Range) -> list[Change]:
        """Planned changes within the range that are not deployed."""
        deployed = {row.id for row in wanted.rows}
        return [change for change in self.plan.changes[wanted.first : wanted.last + 1] if change.id not in deployed]

    def _verify(self, row: DeployedChange, offset: int, wanted: Range) -> None:
        begun = time.monotonic()
        self.on_event(events.StepStarted("verify", row.label, row.id, offset + 1, len(wanted.rows)))
        before = len(self.problems)
        change = self.plan.by_id.get(row.id)
        if change is None:
            self._problem(row, "Not present in the plan")
        elif change.position != wanted.first + offset:
            self._problem(row, "Out of order")
        error = self._run_script(row, change)
        seconds = time.monotonic() - begun
        if len(self.problems) > before:
            self.on_event(events.StepFailed("verify", row.label, row.id, seconds, error))
        else:
            self.on_event(events.StepFinished("verify", row.label, row.id, seconds))

    def _run_script(self, row: DeployedChange, change: Change | None) -> SqitchpyError | None:
        """Verify one change; scripts of changes that were reworked later are not run, since they may not hold."""
        if change is not None and self.plan.by_name[change.name][-1] is not change:
            return None
        script = self.script(change or row)
        if not script.source.exists():
            self.on_event(events.FailureReported(f"Verify script {script.source.name} does not exist"))
            return None
        try:
            self.engine.verify(VerifyTask(row.label, script))
        except TaskFailed as failed:
            self.on_event(events.FailureReported(failed.error.message))
            self._problem(row, f'Verify script "{script.source.name}" failed.')
            return failed.error
        return None

    def _problem(self, row: DeployedChange, text: str) -> None:
        self.problems.append((row.label, text))
        self.on_event(events.VerifyProblem(text))
