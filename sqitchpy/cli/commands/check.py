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
    plan_file_option,
    range_options,
    set_option,
    stacked,
    target_option,
)
from sqitchpy.cli.runs import read_range
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
    range_options,
    set_option,
    plan_file_option,
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a report out."""
    chosen, since, to = read_range(invocation, words, target, given, "check")
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
        return 1
    return 0
