"""``sqitchpy completion``: make the shell complete commands, options, targets, changes and tags."""

from __future__ import annotations

import sys

import click

from sqitchpy.cli.command import Command, completes
from sqitchpy.cli.completion import script
from sqitchpy.cli.console import Console
from sqitchpy.cli.failures import UsageError, tell

SHELLS = ("bash", "zsh", "fish")
EXAMPLES = (
    'eval "$(sqitchpy completion bash)"                          in ~/.bashrc',
    'eval "$(sqitchpy completion zsh)"                           in ~/.zshrc',
    "sqitchpy completion fish > ~/.config/fish/completions/sqitchpy.fish",
)


@click.command("completion", cls=Command, synopsis="bash|zsh|fish", examples=EXAMPLES)
@click.argument("words", nargs=-1, metavar="", shell_complete=completes(*SHELLS))
def command(words: tuple[str, ...]) -> int:
    """Print a script that makes your shell complete commands, options, and names from the project at hand."""
    from sqitchpy.cli.app import help_page

    console = Console(sys.stdout, sys.stderr)
    if len(words) != 1 or words[0] not in SHELLS:
        return tell(UsageError("Say which shell: bash, zsh or fish", usage=help_page("completion")), console)
    console.emit(script(words[0]).rstrip("\n"))
    return 0
