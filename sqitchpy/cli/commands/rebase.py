"""``sqitchpy rebase``: take changes back and deploy them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import complete_change, option, stacked, target_option
from sqitchpy.cli.positionals import pick_change
from sqitchpy.cli.rebasing import rebasing_options, rebasing_settings
from sqitchpy.cli.runs import conduct, read_arguments, split_overrides, warn_of_top_dir

if TYPE_CHECKING:
    from sqitchpy.report import Report
    from sqitchpy.session import TargetSession

EXAMPLES = (
    "sqitchpy rebase --onto @HEAD^    the last change once more, after asking",
    "sqitchpy rebase -y --modified    everything from the first edited change on, without asking",
    "sqitchpy rebase -y dev @v1.0     back to the tag v1.0 on the target dev, then everything again",
)


@click.command(
    "rebase",
    cls=Command,
    synopsis="[TARGET] [ONTO [UPTO]]",
    examples=EXAMPLES,
    help="Revert changes and deploy again, under one lock: revert what was deployed after ONTO (or everything), then "
    "deploy up to UPTO (or everything). Meant for development, where a change is edited until it is right.",
)
@target_option
@stacked(
    option("--onto-change", "--onto", metavar="CHANGE", shell_complete=complete_change, help="Keep CHANGE."),
    option("--upto-change", "--upto", metavar="CHANGE", shell_complete=complete_change, help="Deploy to CHANGE."),
    option("--modified", "-m", is_flag=True, help="Revert to before the first change whose script was edited."),
    rebasing_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a run out."""
    overrides, options = split_overrides(given)
    settings = rebasing_settings(invocation, "rebase", options)
    warn_of_top_dir(invocation, "rebase", overrides)
    arguments = read_arguments(invocation, words, target, overrides)
    changes = list(arguments.changes)
    onto = None if options["modified"] else pick_change(options["onto_change"], changes)
    upto = pick_change(options["upto_change"], changes)
    if changes:
        invocation.console.warn(f'Too many changes specified; rebasing onto "{onto}" up to "{upto}"')

    def work(session: TargetSession) -> Report:
        return session.rebase(onto, upto, modified=options["modified"], **settings)

    conduct(invocation, "deploy", arguments.targets[0], work)
    return 0
