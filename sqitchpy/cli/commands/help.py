"""``sqitchpy help``: the overview, or one command's page."""

from __future__ import annotations

import sys

import click

from sqitchpy.cli.catalog import COMMANDS
from sqitchpy.cli.command import Command, completes
from sqitchpy.cli.console import Console
from sqitchpy.cli.failures import tell
from sqitchpy.errors import Refusal

EXAMPLES = ("sqitchpy help", "sqitchpy help deploy")


@click.command("help", cls=Command, synopsis="[COMMAND]", examples=EXAMPLES)
@click.argument("words", nargs=-1, metavar="", shell_complete=completes(*COMMANDS))
def command(words: tuple[str, ...]) -> int:
    """Show what sqitchpy can do, or explain a command."""
    from sqitchpy.cli.app import help_page, overview

    console = Console(sys.stdout, sys.stderr)
    if not words:
        console.emit(overview().rstrip("\n"))
    elif words[0] in COMMANDS:
        console.emit(help_page(words[0]).rstrip("\n"))
    else:
        return tell(Refusal(f"No manual entry for sqitchpy-{words[0]}"), console)
    return 0
