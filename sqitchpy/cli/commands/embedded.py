"""``sqitchpy embedded``: the project's own PostgreSQL server."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import click

from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.errors import EmbeddedError

if TYPE_CHECKING:
    from sqitchpy.embedded import Server


@click.group(
    "embedded",
    add_help_option=False,
    subcommand_metavar="stop|url|psql",
    options_metavar="",
    epilog="Example: sqitchpy deploy embedded: && sqitchpy embedded psql -- -c '\\dt'",
)
def command() -> None:
    """Work with the PostgreSQL server that the target 'embedded:' runs in the project's folder .sqitchpy/.

    It is started by the first command that needs it and stays up until it is stopped.
    """


@command.command("stop", add_help_option=False)
@conducted
def stop(invocation: Invocation) -> int:
    """Stop the server; the data stays."""
    from sqitchpy.embedded import stop

    stopped = stop(invocation.project.directory)
    invocation.console.info("Stopped the embedded server" if stopped else "The embedded server is not running")
    return 0


@command.command("url", add_help_option=False)
@click.argument("database", required=False)
@conducted
def url(invocation: Invocation, database: str | None) -> int:
    """Print the server's URI for other programs, starting it if need be."""
    from sqitchpy.embedded.server import DATABASE

    server = _server(invocation, name := database or DATABASE)
    invocation.console.emit(server.uri(name))
    return 0


@command.command("psql", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@conducted
def psql(invocation: Invocation, arguments: tuple[str, ...]) -> int:
    """Open psql on the server; what follows -- goes to psql."""
    from sqitchpy.embedded.server import DATABASE

    words = _server(invocation, DATABASE).psql(DATABASE, *arguments)
    try:
        if os.name != "nt":
            os.execv(words[0], words)
        return subprocess.call(words)
    except OSError as error:
        raise EmbeddedError(f"Cannot run {words[0]}: {error.strerror}") from error


def _server(invocation: Invocation, database: str) -> Server:
    """The running server, with that database in it."""
    from sqitchpy.embedded import ensure_database, ensure_running

    server = ensure_running(invocation.project.directory)
    ensure_database(server, database)
    return server
