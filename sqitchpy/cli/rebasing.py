"""What rebase and checkout have in common: both revert, and then deploy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.options import (
    MODES,
    RUNNERS,
    TRANSACTIONS,
    VERIFY_WHEN,
    choice,
    connection_options,
    evaluated,
    json_option,
    option,
    ours,
    plan_file_option,
    run_variables,
    runner_option,
    stacked,
    yes_really_option,
)
from sqitchpy.cli.prompt import confirmation
from sqitchpy.config import Config
from sqitchpy.errors import Refusal
from sqitchpy.options import DEFAULT_LOCK_TIMEOUT

rebasing_options = stacked(
    option("--mode", metavar="all|tag|change", help="What to revert when a deployment fails."),
    option("--verify/--no-verify", default=None, help="Run each change's verify script before it is committed."),
    run_variables,
    option("--log-only", is_flag=True, help="Record what would be done, run no script."),
    option("--lock-timeout", type=int, metavar="SECONDS", help="How long to wait for another deployment (60)."),
    option("-y", "yes", is_flag=True, help="Do not ask."),
    plan_file_option,
    yes_really_option,
    ours("--transaction", metavar="change|run|script", help="What is one transaction (see deploy)."),
    ours("--verify-when", metavar="inside|after", help="Verify before a change is committed, or after."),
    runner_option,
    json_option,
    connection_options,
)
"""Their options."""


@evaluated()
def rebasing_settings(invocation: Invocation, command: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What ``TargetSession.rebase`` takes. ``command`` is the section whose settings come before deploy's and revert's.

    Raises:
        Refusal: ``strict`` forbids these commands (since Sqitch 1.4).
    """
    config = invocation.project.config
    if config.get_bool(_first(config, "strict", command, "revert")):
        raise Refusal(
            f'"{command}" cannot be used in strict mode.\nUse explicity revert and deploy commands instead.',
            hint=f"{command}.strict and revert.strict ask for it.",
        )
    timeout, verify = options["lock_timeout"], options["verify"]
    return {
        "mode": choice(options["mode"], config, _first(config, "mode", command, "deploy"), MODES, "all"),
        "verify": config.get_bool(_first(config, "verify", command, "deploy")) if verify is None else verify,
        "log_only": options["log_only"],
        "deploy_variables": {**options["variables"], **options["deploy_variables"]},
        "revert_variables": {**options["variables"], **options["revert_variables"]},
        "lock_timeout": DEFAULT_LOCK_TIMEOUT if timeout is None else float(timeout),
        "runner": choice(options["runner"], config, "core.runner", RUNNERS, "native"),
        "transaction": choice(options["transaction"], config, "deploy.transaction", TRANSACTIONS, "change"),
        "verify_when": choice(options["verify_when"], config, "deploy.verify_when", VERIFY_WHEN, "inside"),
        "yes_really": options["yes_really"],
        "confirm": confirmation(invocation, options["yes"], command, "revert"),
    }


def _first(config: Config, name: str, *sections: str) -> str:
    """The first of the sections' keys that is set, else the last."""
    keys = [f"{section}.{name}" for section in sections]
    return next((key for key in keys if config.get(key) is not None), keys[-1])
