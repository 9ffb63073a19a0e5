"""What ``--json`` prints, as plain values; docs/json.md describes it for users. Keys are only ever added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqitchpy.errors import (
    EngineError,
    LockHolder,
    LockTimeoutError,
    PlanError,
    RunError,
    ScriptError,
    SqitchpyError,
    StatementError,
    root_of,
)
from sqitchpy.model import Change, DeployedChange, DeployedTag, EventRow, Person, Plan
from sqitchpy.report import CheckReport, Preview, PreviewedScript, RepairReport, Report, Status, VerifyReport

Document = dict[str, Any]


def failure(error: SqitchpyError) -> Document:
    """A command that ended with an error and has nothing else to tell."""
    return {"error": error_fields(error)}


def error_fields(error: SqitchpyError, step: SqitchpyError | None = None) -> Document:
    """An error; ``step`` is the error of the step that failed, which knows the statement."""
    cause = root_of(step or error)
    return {
        "message": error.message,
        "cause": None if cause is error else cause.message,
        "exit_code": error.code,
        "help": error.hint or cause.hint,
        "change": error.change if isinstance(error, RunError) else None,
        "kept": error.kept if isinstance(error, RunError) else None,
        "blockers": [holder._asdict() for holder in _blockers(cause)],
        "sqlstate": cause.sqlstate if isinstance(cause, EngineError) else None,
        **_place(cause),
        **_diagnostics(cause),
    }


def run(
    action: str,
    destination: str | None,
    report: Report | VerifyReport | None,
    output: Sequence[str],
    error: Document | None = None,
) -> Document:
    """A deploy, revert or verify. ``report`` is None when it ended before its first step."""
    return {
        "action": action,
        "destination": report.destination if report else destination,
        "message": report.message if report else None,
        **(_verify_fields(report) if isinstance(report, VerifyReport) else _step_fields(report)),
        "output": "".join(output),
        "error": error,
    }


def report_of(error: SqitchpyError) -> Report | VerifyReport | None:
    """The report that an error of a run carries."""
    return error.report if isinstance(error, RunError) else None


def preview(plan: Preview) -> Document:
    """A dry run; with the SQL if that was asked for."""
    return {
        "action": plan.action,
        "dry_run": True,
        "destination": plan.destination,
        "message": plan.message,
        "creates_registry": plan.creates_registry is not None,
        "steps": [
            {
                "action": step.action,
                "change": step.change,
                "change_id": step.change_id,
                "label": step.label,
                "scripts": [_script(script) for script in step.scripts],
            }
            for step in plan.steps
        ],
        "error": None,
    }


def check(report: CheckReport, failure: SqitchpyError | None) -> Document:
    """A check. ``diverged`` is null when every script is the one that was deployed."""
    return {
        "destination": report.destination,
        "message": report.message,
        "changes": report.changes,
        "diverged": report.diverged,
        "deployed_hash": report.deployed_hash,
        "script_hash": report.script_hash,
        "line_ends": report.line_ends,
        "error": error_fields(failure) if failure else None,
    }


def repair(report: RepairReport, *, dry_run: bool, failure: SqitchpyError | None = None) -> Document:
    """A repair of the registry, done or not."""
    return {
        "action": "repair",
        "dry_run": dry_run,
        "destination": report.destination,
        "repaired": report.done,
        "changes": [{**each._asdict(), "tags": list(each.tags)} for each in report.mended],
        "left": [each._asdict() for each in report.left],
        "error": error_fields(failure) if failure else None,
    }


def status(value: Status) -> Document:
    """Where a database stands. ``pending`` is null when the plan says nothing about the deployed project."""
    return {
        "destination": value.destination,
        "project": value.project,
        "plan_file": value.plan_file,
        "state": deployed_change(value.state) if value.state else None,
        "in_plan": _in_plan(value),
        "pending": None if value.pending is None else [_pending(change) for change in value.pending],
        "gaps": [_pending(change) for change in value.gaps],
        "deployed": [deployed_change(change) for change in value.deployed],
        "error": None,
    }


def log(destination: str, rows: Iterable[EventRow]) -> Document:
    """Events, in the order asked for."""
    return {"destination": destination, "events": [_event(row) for row in rows], "error": None}


def plan(value: Plan, changes: Iterable[Change], deployed: frozenset[str] | None = None) -> Document:
    """A plan. ``deployed`` holds the ids that a target has, when one was asked about."""
    return {
        "project": value.project,
        "uri": value.uri,
        "file": value.file,
        "changes": [planned_change(change, deployed) for change in changes],
        "error": None,
    }


def planned_change(change: Change, deployed: frozenset[str] | None = None) -> Document:
    """A change of a plan."""
    return {
        "change": change.name,
        "change_id": change.id,
        "operator": change.operator or "+",
        "line": change.line,
        "requires": [dependency.text for dependency in change.requires],
        "conflicts": [dependency.text for dependency in change.conflicts],
        "tags": [f"@{tag.name}" for tag in change.tags],
        "note": change.note,
        "planner": _person(change.planner),
        "planned_at": change.planned_at,
        "deployed": None if deployed is None else change.id in deployed,
    }


def deployed_change(change: DeployedChange) -> Document:
    """A deployed change, as the registry has it."""
    return {
        "change": change.name,
        "change_id": change.id,
        "project": change.project,
        "script_hash": change.script_hash,
        "note": change.note,
        "tags": [_tag(tag) for tag in change.tags],
        "committer": _person(change.committer),
        "committed_at": _moment(change.committed_at),
        "planner": _person(change.planner),
        "planned_at": _moment(change.planned_at),
    }


def _step_fields(report: Report | None) -> Document:
    steps = report.steps if report else ()
    return {
        "seconds": report.seconds if report else 0.0,
        "steps": [
            {
                "action": step.action,
                "change": step.change,
                "change_id": step.change_id,
                "label": step.label,
                "outcome": step.outcome,
                "seconds": step.seconds,
                "why": step.why,
            }
            for step in steps
        ],
    }


def _verify_fields(report: VerifyReport) -> Document:
    return {
        "changes": report.changes,
        "errors": report.errors,
        "problems": [{"label": label, "problem": problem} for label, problem in report.problems],
        "undeployed": list(report.undeployed),
    }


def _place(error: SqitchpyError) -> Document:
    if isinstance(error, StatementError):
        return {"file": error.diagnostics.file, "line": error.diagnostics.line}
    if isinstance(error, ScriptError):
        return {"file": error.file, "line": error.line}
    if isinstance(error, PlanError):
        faults = [{"line": fault.line, "message": fault.message} for fault in error.faults]
        return {"file": error.file, "line": faults[0]["line"] if faults else None, "faults": faults}
    return {"file": None, "line": None}


def _blockers(error: SqitchpyError) -> Sequence[LockHolder]:
    if isinstance(error, LockTimeoutError):
        return (error.holder,) if error.holder else ()
    return error.blockers if isinstance(error, StatementError) else ()


def _diagnostics(error: SqitchpyError) -> Document:
    said = error.diagnostics if isinstance(error, StatementError) else None
    return {
        "statement": said.statement if said else None,
        "position": said.position if said else None,
        "server_message": said.message if said else None,
        "detail": said.detail if said else None,
        "hint": said.hint if said else None,
        "context": said.context if said else None,
    }


def _script(script: PreviewedScript) -> Document:
    return {
        "kind": script.kind,
        "file": script.file,
        "exists": script.runs != "missing",
        "runs": script.runs,
        "sql": script.sql,
        "as_written": script.as_written,
    }


def _in_plan(value: Status) -> bool | None:
    if value.unknown_to_plan:
        return False
    return None if value.state is None or value.pending is None else True


def _pending(change: Change) -> Document:
    return {"change": change.name, "change_id": change.id, "tags": [f"@{tag.name}" for tag in change.tags]}


def _event(row: EventRow) -> Document:
    return {
        "event": row.event,
        "change": row.change,
        "change_id": row.change_id,
        "project": row.project,
        "note": row.note,
        "requires": list(row.requires),
        "conflicts": list(row.conflicts),
        "tags": list(row.tags),
        "committer": _person(row.committer),
        "committed_at": _moment(row.committed_at),
        "planner": _person(row.planner),
        "planned_at": _moment(row.planned_at),
    }


def _tag(tag: DeployedTag) -> Document:
    return {
        "tag": f"@{tag.name}",
        "tag_id": tag.id,
        "committer": _person(tag.committer),
        "committed_at": _moment(tag.committed_at),
        "planner": _person(tag.planner),
        "planned_at": _moment(tag.planned_at),
    }


def _person(person: Person) -> Mapping[str, str]:
    return {"name": person.name, "email": person.email}


def _moment(moment: datetime) -> str:
    """UTC with as many digits as the database has, so that rows can be told apart."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
