"""``sqitchpy upgrade``: bring the registry to the present version."""

from __future__ import annotations

from typing import Any

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import connection_options, json_option, stacked, target_option
from sqitchpy.cli.runs import read_arguments, split_overrides
from sqitchpy.cli.watcher import Watcher
from sqitchpy.engines.protocol import REGISTRY_VERSION

EXAMPLES = (
    "sqitchpy upgrade             the registry of the default target",
    "sqitchpy upgrade production  that of the target named production",
)


@click.command(
    "upgrade",
    cls=Command,
    synopsis="[TARGET]",
    examples=EXAMPLES,
    help="Upgrade the registry of a database to the version that this release works with. Older releases of Sqitch "
    "have left it at an older one; deploy upgrades it as well.",
)
@target_option
@stacked(json_option, connection_options)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, an upgrade out."""
    overrides, _ = split_overrides(given)
    arguments = read_arguments(invocation, words, target, overrides, takes_changes=False)
    chosen = arguments.targets[0]
    with invocation.project.target(chosen, on_event=Watcher(invocation.console)) as session:
        upgraded = session.upgrade()
    destination = chosen.registry_destination
    if not upgraded:
        invocation.console.info(f"Registry {destination} is up-to-date at version {REGISTRY_VERSION:g}")
    document = {"registry": destination, "version": REGISTRY_VERSION, "upgraded": upgraded, "error": None}
    invocation.console.document(document)
    return 0
