"""``sqitchpy revert``: take changes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import (
    RUNNERS,
    choice,
    complete_change,
    connection_options,
    evaluated,
    json_option,
    only_option,
    option,
    ours,
    plan_file_option,
    refuse_with_only,
    runner_option,
    set_option,
    stacked,
    target_option,
    yes_really_option,
)
from sqitchpy.cli.positionals import Arguments, pick_change
from sqitchpy.cli.prompt import confirmation
from sqitchpy.cli.runs import conduct, read_arguments, split_overrides, warn_of_top_dir
from sqitchpy.errors import Refusal, SqitchpyError
from sqitchpy.options import DEFAULT_LOCK_TIMEOUT

if TYPE_CHECKING:
    from sqitchpy.report import Report
    from sqitchpy.session import TargetSession

EXAMPLES = (
    "sqitchpy revert --to @HEAD^      the last change, after asking",
    "sqitchpy revert -y --to @v1.0    back to the tag v1.0, without asking",
    "sqitchpy revert staging          everything, from the target named staging",
    "sqitchpy revert --only widgets   widgets and what requires it, whatever was deployed later",
    "sqitchpy revert --dry-run        print what would be reverted",
)


@click.command(
    "revert",
    cls=Command,
    synopsis="[TARGET] [CHANGE]",
    examples=EXAMPLES,
    help="Revert changes from a database, the newest first: all of them, or those after CHANGE, which is kept. "
    "You are asked first unless you say -y. With nobody to answer (no terminal, nothing on the standard input) the "
    "default answer counts, which is yes. A target that is configured as protected is reverted only when its name is "
    "given as well: --yes-really NAME.",
)
@target_option
@stacked(
    option("--to-change", "--to", "--change", metavar="CHANGE", shell_complete=complete_change, help="Keep CHANGE."),
    option("--modified", "-m", is_flag=True, help="Revert to before the first change whose script was edited."),
    option("-y", "yes", is_flag=True, help="Do not ask."),
    set_option,
    option("--log-only", is_flag=True, help="Record the changes as reverted, run no revert script."),
    option("--lock-timeout", type=int, metavar="SECONDS", help="How long to wait for another deployment (60)."),
    plan_file_option,
    only_option("Revert CHANGE and the deployed changes that require it, and nothing else."),
    yes_really_option,
    ours("--dry-run", is_flag=True, help="Print what would be done, in order, and do nothing."),
    ours("--sql", is_flag=True, help="With --dry-run: also print the SQL."),
    runner_option,
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a run out."""
    overrides, options = split_overrides(given)
    confirm = confirmation(invocation, options["yes"], "revert")
    settings = _settings(invocation, options)
    warn_of_top_dir(invocation, "revert", overrides)
    arguments = read_arguments(invocation, words, target, overrides)
    refuse_with_only(options, arguments.changes, "to_change", "modified")
    to = None if options["only"] is not None else _goal(invocation, arguments, options)
    if options["dry_run"]:
        from sqitchpy.cli.dryrun import rehearse

        what = {name: settings[name] for name in ("modified", "variables", "runner", "only")}
        return rehearse(
            invocation,
            arguments.targets[0],
            lambda session: session.preview_revert(to, sql=options["sql"], **what),
        )

    def work(session: TargetSession) -> Report:
        return session.revert(to, confirm=confirm, yes_really=options["yes_really"], **settings)

    conduct(invocation, "revert", arguments.targets[0], work)
    return 0


def _goal(invocation: Invocation, arguments: Arguments, options: Mapping[str, Any]) -> str | None:
    """The change to keep. Raises what ``revert.strict`` (since Sqitch 1.4) asks for."""
    changes = list(arguments.changes)
    to = None if options["modified"] else pick_change(options["to_change"], changes)
    if invocation.project.config.get_bool("revert.strict"):
        if to is None and not options["modified"]:
            raise Refusal("Must specify a target revision in strict mode")
        if changes:
            raise SqitchpyError("Too many changes specified")
    if changes:
        shown = "the last unmodified change" if to is None else f'"{to}"'
        invocation.console.warn(f"Too many changes specified; reverting to {shown}")
    return to


@evaluated()
def _settings(invocation: Invocation, options: Mapping[str, Any]) -> dict[str, Any]:
    timeout = options["lock_timeout"]
    config = invocation.project.config
    return {
        "modified": options["modified"],
        "only": options["only"],
        "log_only": options["log_only"],
        "variables": options["variables"],
        "lock_timeout": DEFAULT_LOCK_TIMEOUT if timeout is None else float(timeout),
        "runner": choice(options["runner"], config, "core.runner", RUNNERS, "native"),
    }
