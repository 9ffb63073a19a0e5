"""``sqitchpy check``: are the deploy scripts those that were deployed?"""

from __future__ import annotations

from typing import Any

import click

from sqitchpy.cli import documents
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import (
    complete_change,
    connection_options,
    json_option,
    option,
    plan_file_option,
    set_option,
    stacked,
    target_option,
)
from sqitchpy.cli.positionals import pick_change
from sqitchpy.cli.runs import read_arguments, split_overrides, warn_of_top_dir
from sqitchpy.cli.watcher import Watcher
from sqitchpy.errors import Refusal
from sqitchpy.report import CheckReport

EXAMPLES = (
    "sqitchpy check                          everything deployed to the default target",
    "sqitchpy check production --from @v1.0  what was deployed there from the tag v1.0 on",
)


@click.command(
    "check",
    cls=Command,
    synopsis="[TARGET] [FROM [TO]]",
    examples=EXAMPLES,
    help="Check whether deploy scripts were edited after they were deployed: compare the hash that the registry has of "
    "each with the script as it is. The first difference ends it, with exit code 1. Nothing is run or changed.",
)
@target_option
@stacked(
    option("--from-change", "--from", metavar="CHANGE", shell_complete=complete_change, help="First change to check."),
    option("--to-change", "--to", metavar="CHANGE", shell_complete=complete_change, help="Last change to check."),
    set_option,
    plan_file_option,
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a report out."""
    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, "check", overrides)
    arguments = read_arguments(invocation, words, target, overrides)
    changes = list(arguments.changes)
    since = pick_change(options["from_change"], changes)
    to = pick_change(options["to_change"], changes)
    if changes:
        invocation.console.warn(f'Too many changes specified; checking from "{since}" to "{to}"')
    with invocation.project.target(arguments.targets[0], on_event=Watcher(invocation.console)) as session:
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
        return 1
    return 0
