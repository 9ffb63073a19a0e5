"""``sqitchpy check``: are the deploy scripts those that were deployed?"""

from __future__ import annotations

from typing import Any

import click

from sqitchpy.cli import documents
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import (
    connection_options,
    json_option,
    ours,
    plan_file_option,
    range_options,
    set_option,
    stacked,
    target_option,
)
from sqitchpy.cli.repair import Manner, line_ends_hint, repair
from sqitchpy.cli.runs import read_range
from sqitchpy.cli.watcher import Watcher
from sqitchpy.errors import Refusal, SqitchpyError
from sqitchpy.report import CheckReport

EXAMPLES = (
    "sqitchpy check                          everything deployed to the default target",
    "sqitchpy check production --from @v1.0  what was deployed there from the tag v1.0 on",
    "sqitchpy check --repair                 re-link the registry to the edited plan and scripts, after asking",
    "sqitchpy check --repair --dry-run       show what that would change",
)


@click.command(
    "check",
    cls=Command,
    synopsis="[TARGET] [FROM [TO]]",
    examples=EXAMPLES,
    help="Check whether deploy scripts were edited after they were deployed: compare the hash that the registry has of "
    "each with the script as it is. The first difference ends it, with exit code 1. Nothing is run or changed. With "
    "--repair the registry is made to say what the plan and the scripts say: hashes of edited scripts, ids that an "
    "edited line of the plan has moved. It shows what it will do and asks; no script is run.",
)
@target_option
@stacked(
    range_options,
    set_option,
    plan_file_option,
    ours("--repair", is_flag=True, help="Re-link the registry to the plan and the scripts as they are now."),
    ours("--dry-run", is_flag=True, help="With --repair: show what would be changed, and change nothing."),
    ours("-y", "yes", is_flag=True, help="With --repair: do not ask."),
    ours("--lock-timeout", type=int, metavar="SECONDS", help="With --repair: how long to wait for others (60)."),
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a report out."""
    chosen, since, to = read_range(invocation, words, target, given, "check")
    if given["repair"]:
        if since or to:
            raise SqitchpyError(
                "--repair is for everything that is deployed, and takes no range",
                hint="The id of a change depends on all changes before it. Leave --from, --to and CHANGE out.",
            )
        return repair(invocation, chosen, Manner(given["dry_run"], given["yes"], given["lock_timeout"]))
    if given["dry_run"] or given["yes"] or given["lock_timeout"] is not None:
        raise SqitchpyError("--dry-run, -y and --lock-timeout belong to --repair", hint="check by itself asks nothing.")
    with invocation.project.target(chosen, on_event=Watcher(invocation.console)) as session:
        report = session.check(since, to)
    return _tell(invocation, report)


def _tell(invocation: Invocation, report: CheckReport) -> int:
    console = invocation.console
    failure = Refusal("Failed one check") if report.diverged is not None else None
    console.document(documents.check(report, failure))
    if report.message:
        console.info(report.message)
    elif report.diverged is None:
        console.emit("Check successful")
    else:
        console.emit(f"Script signatures diverge at change {report.diverged}")
        console.info("Failed one check")
        if report.line_ends:
            console.vent(f"hint: {line_ends_hint(report.line_ends)}")
        return 1
    return 0
