"""``sqitchpy bundle``: a copy of the project's configuration, plans and scripts, for handing on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli import authoring
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import complete_change, complete_words, json_option, option, plan_file_option, stacked
from sqitchpy.cli.runs import split_overrides, warn_of_top_dir
from sqitchpy.errors import SqitchpyError

if TYPE_CHECKING:
    from sqitchpy.bundling import Bundle
    from sqitchpy.target import Target

EXAMPLES = (
    "sqitchpy bundle                           everything, into the folder bundle",
    "sqitchpy bundle --dest-dir dist/db --all  the plans and scripts of all targets, into dist/db",
    "sqitchpy bundle pg @v1.0 @v2.0            of the target pg, the changes from one tag to another",
)
_MANY = (
    "Use of --to or --from to bundle multiple targets is not recommended.\n"
    "Pass them as arguments after each target argument, instead."
)

Span = tuple[str | None, str | None]


@click.command(
    "bundle",
    cls=Command,
    synopsis="[TARGET [FROM [TO]]]...",
    examples=EXAMPLES,
    help="Copy the configuration, the plan and the scripts that a deployment needs into a folder, to be packed and "
    "handed on. With FROM and TO, or --from and --to, the plan and the scripts hold only the changes between them, "
    "whose ids are then others than those of the whole plan.",
)
@click.argument("words", nargs=-1, metavar="", shell_complete=complete_words)
@stacked(
    option("--dest-dir", "--dir", metavar="DIR", help="The folder to bundle into (bundle)."),
    authoring.all_option,
    option("--from", "first", metavar="CHANGE", shell_complete=complete_change, help="Begin with that change."),
    option("--to", "last", metavar="CHANGE", shell_complete=complete_change, help="End with that change."),
    plan_file_option,
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], **given: Any) -> int:
    """Options in, a folder out."""
    from sqitchpy.bundling import Bundle

    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, "bundle", overrides)
    project = invocation.project
    into = options["dest_dir"] or project.config.get("bundle.dest_dir") or "bundle"
    everything = options["everything"]
    named = authoring.read_names(invocation, "bundle", words, [], overrides, everything, takes_changes=True)
    both: Span = (options["first"], options["last"])
    if len(named.targets) > 1 and any(both):
        invocation.console.warn(_MANY)
    if named.changes and any(both):
        raise SqitchpyError("Cannot specify both --from or --to and change arguments")
    into = str(Path(into))
    invocation.console.info(f"Bundling into {into}")
    bundle = Bundle(project.directory, into)
    invocation.console.info("Writing config")
    bundle.add_config(_config_file(invocation))
    bundled = [
        {"target": target.name, "changes": list(_add_target(invocation, bundle, target, span))}
        for target, span in zip(named.targets, _spans(both, named.changes), strict=False)
    ]
    invocation.console.document({"action": "bundle", "directory": into, "targets": bundled, "error": None})
    return 0


def _spans(both: Span, changes: Iterable[str]) -> Iterator[Span]:
    """The first and the last change of each target: those of the options, or two arguments for each."""
    left = iter(changes)
    while True:
        yield both if any(both) else (next(left, None), next(left, None))


def _add_target(invocation: Invocation, bundle: Bundle, target: Target, span: Span) -> Iterator[str]:
    first, last = span
    console, project = invocation.console, invocation.project
    whole = first is None and last is None
    console.info("Writing plan" if whole else f"Writing plan from {first or '@ROOT'} to {last or '@HEAD'}")
    bundle.add_plan(target, None if whole else project.plan(target), first, last)
    plan = project.plan(target)
    started = False
    for change in bundle.add_scripts(target, plan, first, last):
        if not started:
            console.info("Writing scripts")
            started = True
        console.info(f"  + {change.label}")
        yield change.name
    if not started:
        console.info("Writing scripts")


def _config_file(invocation: Invocation) -> str:
    """The project's own configuration file in this directory: Sqitch's, or pyproject.toml when there is only that."""
    file = invocation.environ.get("SQITCH_CONFIG") or "sqitch.conf"
    names = {source.name for source in invocation.project.config.sources}
    root = invocation.project.directory
    alone = "pyproject.toml" in names and not (root / file).exists() and (root / "pyproject.toml").exists()
    return "pyproject.toml" if alone else file
