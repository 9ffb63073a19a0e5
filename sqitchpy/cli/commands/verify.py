"""``sqitchpy verify``: is what the plan says deployed really there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.console import Console
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import (
    RUNNERS,
    choice,
    connection_options,
    json_option,
    ours,
    plan_file_option,
    range_options,
    runner_option,
    set_option,
    stacked,
    target_option,
)
from sqitchpy.cli.runs import conduct, read_range
from sqitchpy.errors import VerifyError
from sqitchpy.report import VerifyReport

if TYPE_CHECKING:
    from sqitchpy.session import TargetSession

EXAMPLES = (
    "sqitchpy verify                          everything deployed to the default target",
    "sqitchpy verify production               everything deployed to the target named production",
    "sqitchpy verify --from @v1.0 --to @HEAD  a range; both ends are included",
    "sqitchpy verify --jobs 4                 four scripts at once, when they take long",
)
_SUMMARY = "Verify Summary Report"


@click.command(
    "verify",
    cls=Command,
    synopsis="[TARGET] [FROM [TO]]",
    examples=EXAMPLES,
    help="Verify what is deployed: run the verify script of each deployed change, and compare the registry with the "
    "plan. A change that fails its verification, is not in the plan, stands at another place there, or was skipped, is "
    "an error. Nothing is changed in the database.",
)
@target_option
@stacked(
    range_options,
    set_option,
    plan_file_option,
    runner_option,
    ours("--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="Run N verify scripts at once (1)."),
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a run out."""
    runner = choice(given["runner"], invocation.project.config, "core.runner", RUNNERS, "native")
    chosen, since, to = read_range(invocation, words, target, given, "verify")

    def work(session: TargetSession) -> VerifyReport:
        return session.verify(since, to, variables=given["variables"], runner=runner, jobs=given["jobs"])

    _verify(invocation, chosen, work)
    return 0


def _verify(invocation: Invocation, target: Any, work: Any) -> None:
    try:
        report = conduct(invocation, "verify", target, work)
    except VerifyError as error:
        if isinstance(error.report, VerifyReport):
            print_summary(invocation.console, error.report)
        raise
    if not report.message:
        invocation.console.emit("Verify successful")


def print_summary(console: Console, report: VerifyReport) -> None:
    """What a verification that found errors ends with."""
    console.emit(f"\n{_SUMMARY}")
    console.emit("-" * len(_SUMMARY))
    console.emit(f"Changes: {report.changes}")
    console.emit(f"Errors:  {report.errors}")
