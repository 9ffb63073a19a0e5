"""``sqitchpy plan --remove``, ``--rename`` and ``--reset``: what is going to be done, the question, and the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqitchpy.cli import documents
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.prompt import ask
from sqitchpy.errors import Refusal
from sqitchpy.target import Target

if TYPE_CHECKING:
    from sqitchpy.asking import Answer
    from sqitchpy.revising import Reviser, Revision

Wanted = tuple[Literal["remove", "rename", "reset"], tuple[str, ...]]
"""What is to be done, and the names that it is to be done with."""


class Manner(NamedTuple):
    """How: not really, without asking the user, without asking every target."""

    dry_run: bool
    yes: bool
    unasked_ok: bool


def revise(invocation: Invocation, target: Target, wanted: Wanted, manner: Manner) -> int:
    """Prepare, show, ask, write. Raises SqitchpyError; Refusal when the user does not agree."""
    project, console = invocation.project, invocation.console
    revision = _prepare(project.reviser(target, unasked_ok=manner.unasked_ok), wanted)
    for line in _lines(revision):
        console.emit(line)
    if manner.dry_run:
        console.document(_document(revision, manner, written=False))
        return 0
    if not manner.yes and not ask(console, f"Change {revision.before.file}?", default=False):
        refusal = Refusal("Nothing changed")
        console.document(_document(revision, manner, written=False, failure=refusal))
        raise refusal
    revision.write(project.directory)
    console.info(_outcome(revision))
    console.document(_document(revision, manner, written=True))
    return 0


def _prepare(reviser: Reviser, wanted: Wanted) -> Revision:
    action, names = wanted
    if action == "reset":
        return reviser.reset()
    return reviser.remove(*names) if action == "remove" else reviser.rename(*names)


def _lines(revision: Revision) -> Iterator[str]:
    """What is going to be done."""
    file = revision.before.file
    yield f"{'To be renamed' if revision.action == 'rename' else 'To be removed'} in {file}"
    for change in revision.changes:
        becomes = f" → {revision.renamed_to}" if revision.renamed_to else ""
        yield f"  * {change.label if revision.action == 'reset' else change.name}{becomes} (line {change.line})"
    for tag, bearer in revision.moved_tags:
        yield f"  * {tag} stays, and is a tag of {bearer} then"
    if revision.moves:
        yield "Scripts"
    files = {move.file for move in revision.moves}
    taken = {move.to for move in revision.moves}
    for move in revision.moves:
        if move.to is not None:
            yield f"  * {move.file} → {move.to}{', in place of what is there' if move.to in files else ''}"
        elif move.file not in taken:
            yield f"  * {move.file} is deleted"
    yield "Targets"
    yield from (f"  * {_asked(answer)}" for answer in revision.asked)


def _asked(answer: Answer) -> str:
    if answer.silence:
        return f"{answer.label} {answer.silence}"
    count = len(answer.deployed)
    has = {0: "nothing", 1: "1 change"}.get(count, f"{count} changes")
    return f"{answer.label} has {has}, none of these"


def _outcome(revision: Revision) -> str:
    file, first = revision.before.file, revision.changes[0]
    if revision.action == "rename":
        return f'Renamed "{first.name}" to "{revision.renamed_to}" in {file}'
    if revision.action == "remove":
        return f'Removed "{first.name}" from {file}'
    count = len(revision.changes)
    return f"Removed {count} change{'' if count == 1 else 's'} from {file}"


def _document(
    revision: Revision, manner: Manner, *, written: bool, failure: Refusal | None = None
) -> documents.Document:
    """The document of ``--json``."""
    return {
        "action": revision.action,
        "dry_run": manner.dry_run,
        "written": written,
        "project": revision.plan.project,
        "file": revision.plan.file,
        "changes": [documents.planned_change(change) for change in revision.changes],
        "renamed_to": revision.renamed_to,
        "moved_tags": [{"tag": tag, "change": bearer} for tag, bearer in revision.moved_tags],
        "scripts": [move._asdict() for move in revision.moves],
        "targets": [
            {
                "target": answer.target,
                "destination": answer.destination,
                "deployed": None if answer.why_not is not None else len(answer.deployed),
                "why_not_asked": answer.why_not,
            }
            for answer in revision.asked
        ],
        "error": documents.error_fields(failure) if failure else None,
    }
