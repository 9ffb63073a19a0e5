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
    complete_change,
    connection_options,
    json_option,
    option,
    plan_file_option,
    runner_option,
    set_option,
    stacked,
    target_option,
)
from sqitchpy.cli.positionals import pick_change
from sqitchpy.cli.runs import conduct, read_arguments, split_overrides, warn_of_top_dir
from sqitchpy.errors import VerifyError
from sqitchpy.report import VerifyReport

if TYPE_CHECKING:
    from sqitchpy.session import TargetSession

EXAMPLES = (
    "sqitchpy verify                          everything deployed to the default target",
    "sqitchpy verify production               everything deployed to the target named production",
    "sqitchpy verify --from @v1.0 --to @HEAD  a range; both ends are included",
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
    option("--from-change", "--from", metavar="CHANGE", shell_complete=complete_change, help="First change to verify."),
    option("--to-change", "--to", metavar="CHANGE", shell_complete=complete_change, help="Last change to verify."),
    set_option,
    plan_file_option,
    runner_option,
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a run out."""
    overrides, options = split_overrides(given)
    runner = choice(options["runner"], invocation.project.config, "core.runner", RUNNERS, "native")
    warn_of_top_dir(invocation, "verify", overrides)
    arguments = read_arguments(invocation, words, target, overrides)
    changes = list(arguments.changes)
    since = pick_change(options["from_change"], changes)
    to = pick_change(options["to_change"], changes)
    if changes:
        invocation.console.warn(f'Too many changes specified; verifying from "{since}" to "{to}"')

    def work(session: TargetSession) -> VerifyReport:
        return session.verify(since, to, variables=options["variables"], runner=runner)

    _verify(invocation, arguments.targets[0], work)
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
