"""Verify: go through what is deployed and run each change's verification, as Sqitch does."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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


class Missing(NamedTuple):
    """A script that is not there: said, as Sqitch does, and no error."""

    name: str


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

    def run(self, wanted: Range, *, to_the_end: bool, jobs: int = 1) -> VerifyReport:
        """Verify the range, with up to ``jobs`` scripts at once. Problems are told and counted, never raised."""
        undeployed = self._undeployed(wanted)
        labels = [row.label for row in wanted.rows] + [change.label for change in undeployed]
        self.on_event(events.RunStarted("verify", self.destination, tuple(labels)))
        self._verify_rows(wanted, jobs)
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

    def _verify_rows(self, wanted: Range, jobs: int) -> None:
        planned = [self.plan.by_id.get(row.id) for row in wanted.rows]
        scripts = [self._script_of(row, change) for row, change in zip(wanted.rows, planned, strict=True)]
        pairs = zip(wanted.rows, scripts, strict=True)
        tasks = [VerifyTask(row.label, script) for row, script in pairs if isinstance(script, Script)]
        outcomes = self.engine.verify(tasks, jobs)
        try:
            for offset, (row, change, script) in enumerate(zip(wanted.rows, planned, scripts, strict=True)):
                out_of_order = change is not None and change.position != wanted.first + offset
                fault = "Not present in the plan" if change is None else "Out of order" if out_of_order else None
                self._verify(row, (offset + 1, len(wanted.rows)), fault, script, outcomes)
        finally:
            outcomes.close()

    def _verify(
        self,
        row: DeployedChange,
        place: tuple[int, int],
        fault: str | None,
        script: Script | Missing | None,
        outcomes: Generator[TaskFailed | None, None, None],
    ) -> None:
        """Tell about one change. What its script does comes next from ``outcomes``."""
        begun, error = time.monotonic(), None
        self.on_event(events.StepStarted("verify", row.label, row.id, *place))
        before = len(self.problems)
        if fault:
            self._problem(row, fault)
        if isinstance(script, Missing):
            self.on_event(events.FailureReported(f"Verify script {script.name} does not exist"))
        elif script is not None and (failed := next(outcomes)) is not None:
            error = failed.error
            self.on_event(events.FailureReported(error.message))
            self._problem(row, f'Verify script "{script.source.name}" failed.')
        seconds = time.monotonic() - begun
        if len(self.problems) > before:
            self.on_event(events.StepFailed("verify", row.label, row.id, seconds, error))
        else:
            self.on_event(events.StepFinished("verify", row.label, row.id, seconds))

    def _script_of(self, row: DeployedChange, change: Change | None) -> Script | Missing | None:
        """What verifies a change; nothing does one that was reworked later, since its script may not hold any more."""
        if change is not None and self.plan.by_name[change.name][-1] is not change:
            return None
        script = self.script(change or row)
        return script if script.source.exists() else Missing(script.source.name)

    def _problem(self, row: DeployedChange, text: str) -> None:
        self.problems.append((row.label, text))
        self.on_event(events.VerifyProblem(text))
