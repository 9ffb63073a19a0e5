"""``sqitchpy check --repair``: the registry made to say what the plan and the scripts say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqitchpy.cli import documents
from sqitchpy.cli.console import Console
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.prompt import ask
from sqitchpy.cli.watcher import Watcher
from sqitchpy.errors import Refusal
from sqitchpy.options import DEFAULT_LOCK_TIMEOUT
from sqitchpy.report import Mended, RepairReport
from sqitchpy.target import Target

_SHOWN = 10
"""How much of an id or a hash is shown; ``--json`` has all of it."""


class Manner(NamedTuple):
    """How to repair: not really, without asking, and how long to wait for other deployments."""

    dry_run: bool
    yes: bool
    lock_timeout: int | None


def repair(invocation: Invocation, target: Target, manner: Manner) -> int:
    """Show what is to be changed, ask, and change it. The exit code is 1 when something was left alone."""
    console = invocation.console
    shown: list[RepairReport] = []

    def agree(report: RepairReport) -> bool:
        shown.append(report)
        _show(console, report)
        return manner.yes or ask(console, f"Repair the registry of {report.destination}?", default=False)

    timeout = DEFAULT_LOCK_TIMEOUT if manner.lock_timeout is None else float(manner.lock_timeout)
    with invocation.project.target(target, on_event=Watcher(console)) as session:
        try:
            report = session.preview_repair() if manner.dry_run else session.repair(lock_timeout=timeout, confirm=agree)
        except Refusal as refusal:
            if shown:
                console.document(documents.repair(shown[0], dry_run=False, failure=refusal))
            raise
    if not shown:
        _show(console, report)
    return _tell(console, report, manner)


def line_ends_hint(deployed: str) -> str:
    """What to do about a script whose line ends alone are not those that were deployed."""
    return (
        f"The script differs from what was deployed in its line ends alone: it was deployed with {deployed}. Turn them "
        "back (Git: .gitattributes, core.autocrlf), or record the script as it is with “sqitchpy check --repair”."
    )


def _show(console: Console, report: RepairReport) -> None:
    if report.mended:
        console.emit(f"To be re-linked in the registry of {report.destination}")
    for mended in report.mended:
        console.emit(f"  * {mended.label}: {'; '.join(_reasons(mended))}")
    if report.left:
        console.emit("Left alone")
    for left in report.left:
        console.emit(f"  ! {left.label} ({left.change_id[:_SHOWN]}): {left.why}")


def _reasons(mended: Mended) -> Iterator[str]:
    if mended.deployed_as != mended.change:
        yield f"deployed as {mended.deployed_as}"
    if mended.change_id != mended.deployed_id:
        yield f"id {mended.deployed_id[:_SHOWN]} → {mended.change_id[:_SHOWN]}"
    if mended.script_hash != mended.deployed_hash:
        hashes = f"hash {(mended.deployed_hash or 'none')[:_SHOWN]} → {(mended.script_hash or 'none')[:_SHOWN]}"
        what = f"differs in its line ends alone, deployed with {mended.line_ends}" if mended.line_ends else "was edited"
        yield f"{mended.script} {what}, {hashes}"
    if mended.tags:
        yield f"{'tag' if len(mended.tags) == 1 else 'tags'} {' '.join(mended.tags)}"


def _tell(console: Console, report: RepairReport, manner: Manner) -> int:
    count = len(report.mended)
    changes = f"{count} change" if count == 1 else f"{count} changes"
    failure = None
    if report.left:
        things = "1 thing" if len(report.left) == 1 else f"{len(report.left)} things"
        failure = Refusal(f"{things} left alone, because repairing would mean guessing")
    console.document(documents.repair(report, dry_run=manner.dry_run, failure=failure))
    if not count:
        console.info("Nothing to repair" if not report.left else "Nothing repaired")
    else:
        console.info(f"{'Would repair' if manner.dry_run else 'Repaired'} {changes}")
    if failure:
        console.info(failure.message)
    return 1 if failure else 0
