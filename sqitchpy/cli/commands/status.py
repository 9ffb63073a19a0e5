"""``sqitchpy status``: where a database stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from sqitchpy.cli import documents
from sqitchpy.cli.command import Command
from sqitchpy.cli.console import Console
from sqitchpy.cli.formatting import format_date, parse_date_format
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import (
    connection_options,
    evaluated,
    json_option,
    option,
    ours,
    plan_file_option,
    stacked,
    target_option,
)
from sqitchpy.cli.render import listed
from sqitchpy.cli.runs import read_arguments, split_overrides, warn_of_top_dir
from sqitchpy.cli.watcher import Watcher
from sqitchpy.errors import Refusal, SqitchpyError
from sqitchpy.model import DeployedChange, Person
from sqitchpy.report import Status
from sqitchpy.schedule import EDITED

EXAMPLES = (
    "sqitchpy status                             the default target",
    "sqitchpy status production --show-changes   with all deployed changes",
    "sqitchpy status --exit-code || deploy.sh    for a program: is there anything to deploy?",
)
Write = Callable[[datetime], str]


@click.command(
    "status",
    cls=Command,
    synopsis="[TARGET]",
    examples=EXAMPLES,
    help="Show the latest change that is deployed to a database, and the planned changes that are not yet. "
    "The exit code is 1 when nothing is deployed at all.",
)
@target_option
@stacked(
    option("--project", metavar="NAME", help="The project to ask about, when there is no plan here."),
    option("--show-tags", is_flag=True, help="List the deployed tags."),
    option("--show-changes", is_flag=True, help="List the deployed changes."),
    option(
        "--date-format", "--date", metavar="FORMAT", help="iso, rfc, raw, full, long, medium, short, cldr:…, strftime:…"
    ),
    plan_file_option,
    ours("--exit-code", is_flag=True, help="End with 1 unless everything that is planned is deployed."),
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a status out."""
    overrides, options = split_overrides(given)
    config, console = invocation.project.config, invocation.console
    with evaluated():
        date_format = parse_date_format(options["date_format"] or config.get("status.date_format") or "iso")
        show_changes = options["show_changes"] or config.get_bool("status.show_changes")
        show_tags = options["show_tags"] or config.get_bool("status.show_tags")
    target = target or config.get("status.target")
    project = options["project"] or config.get("status.project")
    warn_of_top_dir(invocation, "status", overrides)
    found = read_arguments(invocation, words, target, overrides, takes_changes=False).targets[0]
    console.comment(f"On database {found.destination}")
    with invocation.project.target(found, on_event=Watcher(invocation.console)) as session:
        status = session.status(project=project, with_changes=show_changes or show_tags or console.as_json)
    console.document(documents.status(status))
    if status.state is None:
        raise Refusal("No changes deployed")
    lines = status_lines(
        status, lambda moment: format_date(moment, date_format), show_changes=show_changes, show_tags=show_tags
    )
    for line in lines:
        console.comment(line)
    _tell_outlook(console, status, found.plan_file)
    return 1 if options["exit_code"] and (status.pending != () or status.gaps) else 0


def status_lines(status: Status, date: Write, *, show_changes: bool, show_tags: bool) -> Iterator[str]:
    """The lines of the commented block after the first, without their ``#``."""
    if status.state is None:
        return
    yield from _state_lines(status.state, date)
    if show_changes:
        rows = [(change.name, change.committed_at, change.committer) for change in reversed(status.deployed)]
        yield from _table("Change", rows, date)
    if show_tags:
        tags = [tag for change in status.deployed for tag in change.tags]
        newest_first = sorted(tags, key=lambda tag: tag.committed_at, reverse=True)
        yield from _table("Tag", [(f"@{tag.name}", tag.committed_at, tag.committer) for tag in newest_first], date)
    yield ""


def _state_lines(state: DeployedChange, date: Write) -> Iterator[str]:
    yield f"Project:  {state.project}"
    yield f"Change:   {state.id}"
    yield f"Name:     {state.name}"
    tags = [f"@{tag.name}" for tag in state.tags]
    if tags:
        yield f"{'Tag: ' if len(tags) == 1 else 'Tags:'}     {', '.join(tags)}"
    yield f"Deployed: {date(state.committed_at)}"
    yield f"By:       {state.committer}"


def _table(title: str, rows: Sequence[tuple[str, datetime, Person]], date: Write) -> Iterator[str]:
    yield ""
    if not rows:
        yield f"{title}s: None."
        return
    yield f"{title}:" if len(rows) == 1 else f"{title}s:"
    width = max(len(name) for name, _, _ in rows)
    for name, moment, person in rows:
        yield f"  {name:<{width}} - {date(moment)} - {person}"


def _tell_outlook(console: Console, status: Status, plan_file: str) -> None:
    """What remains to be done. Raises when the database has a change that the plan does not have."""
    if status.unknown_to_plan:
        console.vent(f"Cannot find this change in {status.plan_file or plan_file}")
        raise SqitchpyError("Make sure you are connected to the proper database for this project.", hint=EDITED)
    if status.pending is None:
        console.emit(f'Status unknown. Use --plan-file to assess "{status.project}" status')
    elif status.pending:
        console.emit(listed(tuple(change.label for change in status.pending)))
    else:
        console.emit("Nothing to deploy (up-to-date)")
