"""What ``--dry-run`` prints: the steps of a run that does not happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqitchpy.cli import documents
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.render import planned_line
from sqitchpy.cli.watcher import Watcher
from sqitchpy.report import Preview, PreviewedScript
from sqitchpy.target import Target

if TYPE_CHECKING:
    from sqitchpy.session import TargetSession

_RUNS = {
    "transaction": "in one transaction",
    "run": "in the transaction of the run",
    "after": "after the change is committed",
    "statements": "statement by statement, not in a transaction",
    "psql": "in psql",
    "sqlite3": "in sqlite3",
    "mysql": "in mysql",
}


def rehearse(invocation: Invocation, target: Target, look: Callable[[TargetSession], Preview]) -> int:
    """Connect, look at what would be done, and print it."""
    with invocation.project.target(target, on_event=Watcher(invocation.console)) as session:
        preview = look(session)
    for line in preview_lines(preview):
        invocation.console.emit(line)
    invocation.console.document(documents.preview(preview))
    return 0


def preview_lines(preview: Preview) -> Iterator[str]:
    """The lines of a dry run."""
    if preview.message:
        yield preview.message
    if preview.creates_registry:
        yield f"Would add registry tables to {preview.creates_registry}"
    if preview.steps:
        yield f"Would {preview.action} {_changes(len(preview.steps))} {_preposition(preview)} {preview.destination}"
    for step in preview.steps:
        yield planned_line(step.action, step.label)
        for script in step.scripts:
            yield from _script_lines(script)


def _changes(count: int) -> str:
    return f"{count} change" if count == 1 else f"{count} changes"


def _preposition(preview: Preview) -> str:
    return "from" if preview.action == "revert" else "to"


def _script_lines(script: PreviewedScript) -> Iterator[str]:
    if script.sql is None:
        return
    written = "; shown as it is written" if script.as_written else ""
    yield f"-- {script.file}, {_RUNS[script.runs]}{written}"
    yield script.sql.rstrip("\n")
    yield ""
