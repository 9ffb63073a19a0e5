"""``sqitchpy deploy``: bring a database up to a change of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import (
    MODES,
    RUNNERS,
    TRANSACTIONS,
    VERIFY_WHEN,
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
)
from sqitchpy.cli.positionals import pick_change
from sqitchpy.cli.runs import conduct, read_arguments, split_overrides, warn_of_top_dir
from sqitchpy.options import DEFAULT_LOCK_TIMEOUT

if TYPE_CHECKING:
    from sqitchpy.report import Report
    from sqitchpy.session import TargetSession

EXAMPLES = (
    "sqitchpy deploy                          everything that is planned, to the default target",
    "sqitchpy deploy production --to @v1.0    up to the tag v1.0, to the target named production",
    "sqitchpy deploy db:pg:flipr --verify     to a database by its URI, verifying each change",
    "sqitchpy deploy embedded:                to a PostgreSQL of the project's own",
    "sqitchpy deploy --only widgets           widgets and what it requires, and nothing else",
    "sqitchpy deploy --dry-run --sql          print what would be done, and the SQL",
)


@click.command(
    "deploy",
    cls=Command,
    synopsis="[TARGET] [CHANGE]",
    examples=EXAMPLES,
    help="Deploy changes to a database, from where it stands to the end of the plan, or up to and including CHANGE. "
    "Each change's script, its verification and its entry in the registry are committed together or not at all. "
    "When a change fails, the changes that this run has deployed are reverted (see --mode).",
)
@target_option
@stacked(
    option(
        "--to-change", "--to", "--change", metavar="CHANGE", shell_complete=complete_change, help="Deploy to CHANGE."
    ),
    option(
        "--mode", metavar="all|tag|change", help="What to revert on failure: all of this run, to its last tag, none."
    ),
    option("--verify/--no-verify", default=None, help="Run each change's verify script before it is committed."),
    set_option,
    option("--log-only", is_flag=True, help="Record the changes as deployed, run no deploy script."),
    ours(
        "--transaction",
        metavar="change|run|script",
        help="What is one transaction: each change, the run, or as the scripts say.",
    ),
    ours("--verify-when", metavar="inside|after", help="Verify before a change is committed, or after."),
    option("--lock-timeout", type=int, metavar="SECONDS", help="How long to wait for another deployment (60)."),
    plan_file_option,
    only_option("Deploy CHANGE and what it requires, and nothing else."),
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
    settings = _settings(invocation, options)
    warn_of_top_dir(invocation, "deploy", overrides)
    arguments = read_arguments(invocation, words, target, overrides)
    refuse_with_only(options, arguments.changes, "to_change")
    changes = list(arguments.changes)
    to = pick_change(options["to_change"], changes)
    if changes:
        invocation.console.warn(f'Too many changes specified; deploying to "{to}"')

    if options["dry_run"]:
        from sqitchpy.cli.dryrun import rehearse

        names = ("only", "verify", "log_only", "variables", "runner", "transaction", "verify_when")
        what = {name: settings[name] for name in names}
        return rehearse(
            invocation,
            arguments.targets[0],
            lambda session: session.preview_deploy(to, sql=options["sql"], **what),
        )

    def work(session: TargetSession) -> Report:
        return session.deploy(to, **settings)

    conduct(invocation, "deploy", arguments.targets[0], work)
    return 0


@evaluated()
def _settings(invocation: Invocation, options: Mapping[str, Any]) -> dict[str, Any]:
    config = invocation.project.config
    timeout = options["lock_timeout"]
    verify = options["verify"]
    return {
        "only": options["only"],
        "mode": choice(options["mode"], config, "deploy.mode", MODES, "all"),
        "verify": config.get_bool("deploy.verify") if verify is None else verify,
        "log_only": options["log_only"],
        "variables": options["variables"],
        "lock_timeout": DEFAULT_LOCK_TIMEOUT if timeout is None else float(timeout),
        "runner": choice(options["runner"], config, "core.runner", RUNNERS, "native"),
        "transaction": choice(options["transaction"], config, "deploy.transaction", TRANSACTIONS, "change"),
        "verify_when": choice(options["verify_when"], config, "deploy.verify_when", VERIFY_WHEN, "inside"),
    }
