"""``sqitchpy log``: what was ever done to a database."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

import click

from sqitchpy.cli import documents
from sqitchpy.cli.command import Command
from sqitchpy.cli.formatting import item_from_event
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.listing import flag, listing_options, number, read_style, write_items
from sqitchpy.cli.options import connection_options, json_option, option, stacked, target_option
from sqitchpy.cli.runs import read_arguments, split_overrides
from sqitchpy.errors import Refusal
from sqitchpy.options import LogFilter

EXAMPLES = (
    "sqitchpy log                              everything, the newest first",
    "sqitchpy log --event fail -n 5            the last five failures",
    "sqitchpy log --oneline --change ^users    what happened to changes whose name begins with users",
    "sqitchpy log --format 'format:%e %n %{date}c'",
)


@click.command(
    "log",
    cls=Command,
    synopsis="[TARGET]",
    examples=EXAMPLES,
    help="Show what was deployed to a database, reverted from it, and what failed: by whom and when. It holds the "
    "events of all projects in that database. Patterns are PostgreSQL's regular expressions.",
)
@target_option
@stacked(
    option("--event", multiple=True, metavar="EVENT", help="Only deploy, revert or fail; can be repeated."),
    option("--change-pattern", "--change", metavar="REGEX", help="Only changes whose name matches."),
    option("--project-pattern", "--project", metavar="REGEX", help="Only projects whose name matches."),
    option("--committer-pattern", "--committer", metavar="REGEX", help="Only committers whose name matches."),
    listing_options,
    json_option,
    connection_options,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a listing out."""
    overrides, options = split_overrides(given)
    console = invocation.console
    style = read_style(invocation, "log", options)
    wanted = _filter(invocation, options)
    headers = flag(invocation, options["headers"], "log.headers", True)
    named = target or invocation.project.config.get("log.target")
    found = read_arguments(invocation, words, named, overrides, takes_changes=False).targets[0]
    with invocation.project.target(found) as session:
        rows = iter(session.log(wanted))
        first = list(islice(rows, 1))  # whatever is wrong shows with the first row, before the header
        if not first and not list(islice(session.log(LogFilter(limit=1)), 1)):
            raise Refusal(f"No events logged for {found.destination}")
        every = chain(first, rows)
        if console.as_json:
            console.document(documents.log(found.destination, every))
        else:
            header = [f"On database {found.destination}"] if headers else []
            write_items(invocation, header, map(item_from_event, every), style)
    return 0


def _filter(invocation: Invocation, options: Mapping[str, Any]) -> LogFilter:
    config = invocation.project.config
    configured = tuple(value for value in config.get_all("log.event") if value)
    return LogFilter(
        events=options["event"] or configured,
        change=options["change_pattern"] or config.get("log.change_pattern"),
        project=options["project_pattern"] or config.get("log.project_pattern"),
        committer=options["committer_pattern"] or config.get("log.committer_pattern"),
        limit=number(invocation, options["max_count"], "log.max_count") or None,  # 0 is no limit
        offset=number(invocation, options["skip"], "log.skip") or None,
        reverse=flag(invocation, options["reverse"], "log.reverse", False),
    )
