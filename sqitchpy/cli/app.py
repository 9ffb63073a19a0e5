"""The ``sqitchpy`` command: core options, and the command group that imports each command when it is used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from sqitchpy.cli.arguments import normalize
from sqitchpy.cli.catalog import COMMANDS, command_name
from sqitchpy.cli.command import CORE, Command, Option, specs, write_sections
from sqitchpy.cli.failures import UsageError
from sqitchpy.cli.invocation import CoreOptions

PROG = "sqitchpy"

_TAKES_A_VALUE = re.compile(r"-[duhp]|--(?:db-\w+|client|engine|extension|plan-file|registry|top-dir)$")
"""Options of Sqitch before 1.0 that stood before the command; Sqitch still skips their values when it looks for one."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the overview."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        entry = COMMANDS.get(cmd_name.replace("-", "_"))
        if entry is None:
            return None
        command = import_module(entry.module).command
        assert isinstance(command, click.Command)
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Core options, then the commands; none of them is imported for this."""
        write_sections(ctx, formatter, self.get_params(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


class Line(NamedTuple):
    """A command line taken apart: core options, the command's name (None: none was given), its words."""

    core: tuple[str, ...]
    command: str | None
    words: tuple[str, ...]
    strangers: tuple[str, ...] = ()
    """Words that stood where a command could, and are none."""


@click.group(
    PROG,
    cls=LazyGroup,
    add_help_option=False,
    subcommand_metavar="COMMAND [OPTIONS] [ARGUMENTS]",
    options_metavar="[CORE OPTIONS]",
    epilog="'sqitchpy help COMMAND' explains a command and shows examples.",
)
@click.option("--chdir", "--cd", "-C", cls=Option, section=CORE, metavar="DIR", help="Work in DIR.")
@click.option(
    "--etc-path", is_flag=True, cls=Option, section=CORE, help="Print the folder of the system configuration."
)
@click.option("--no-pager", is_flag=True, cls=Option, section=CORE, help="Do not page the output of log and plan.")
@click.option("--quiet", is_flag=True, cls=Option, section=CORE, help="Print results, warnings and errors only.")
@click.option("--verbose", "-V", "-v", count=True, cls=Option, section=CORE, help="Twice: also what is for debugging.")
@click.option("--help", is_flag=True, cls=Option, section=CORE, help="Show help; with a command, that command's.")
@click.option("--man", is_flag=True, cls=Option, section=CORE, help="The same as --help.")
@click.option("--version", is_flag=True, cls=Option, section=CORE, help="Show the version.")
@click.pass_context
def group(ctx: click.Context, /, **options: Any) -> None:
    """Change a database in steps that can be deployed, verified and reverted.

    A plan file lists the changes; sqitchpy deploys them in the order of their dependencies, each in one transaction
    together with its entry in the registry. Plans, configuration and registry are Sqitch's own.
    """
    ctx.obj = CoreOptions(**{name: options[name] for name in CoreOptions._fields})


def take_apart(argv: Sequence[str]) -> Line:
    """Find the core options, which may stand anywhere, and the command. Raises ``UsageError``."""
    core = normalize(argv, specs(group), pass_through=True)
    strangers: list[str] = []
    words = iter(enumerate(core.rest))
    for index, word in words:
        if word == "--":
            break
        if word.startswith("-"):
            if _TAKES_A_VALUE.match(word):
                next(words, None)
        elif name := command_name(word):
            return Line(core.options, name, core.rest[:index] + core.rest[index + 1 :])
        elif word not in ("", "0"):
            strangers.append(word)
    return Line(core.options, None, (), tuple(strangers))


def run(argv: Sequence[str]) -> int:
    """Run a command line; the exit code. Everything that goes wrong is raised."""
    line = take_apart(argv)
    if early := _early(line):
        click.echo(early, nl=False)
        return 0
    if line.command is None:
        raise UsageError(*(f'"{word}" is not a valid command' for word in line.strangers), usage=overview())
    # Not group.main(): that has ideas of its own about broken pipes and Ctrl-C.
    with group.make_context(PROG, [*line.core, *_canonical(line.command, line.words)]) as ctx:
        code = group.invoke(ctx)
    return code if isinstance(code, int) else 0


def _canonical(name: str, words: Sequence[str]) -> list[str]:
    """The command's name and words as click understands them. Raises ``UsageError`` for what nobody understands."""
    command = load(name)
    if not isinstance(command, Command):  # a group of commands of our own: click reads it
        return [name, *words]
    read = normalize(words, specs(command))
    if read.errors:
        raise UsageError(*read.errors, usage=help_page(name))
    return [name, *read.options, "--", *read.rest]


def _early(line: Line) -> str | None:
    """The text that some core options print instead of running anything; help comes first, as in Sqitch."""
    if {"--help", "--man"} & set(line.core):
        return help_page(line.command) if line.command and line.command in COMMANDS else overview()
    if "--version" in line.core:
        from sqitchpy import __version__

        return f"{PROG} {__version__}\n"
    if "--etc-path" in line.core:
        from sqitchpy.project import SYSTEM_DIRECTORY

        return f"{SYSTEM_DIRECTORY}\n"
    return None


def load(name: str) -> click.Command:
    """A command by name; it must be one of ours."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


def overview() -> str:
    """What ``sqitchpy --help`` shows."""
    return group.get_help(click.Context(group, info_name=PROG)) + "\n"


def help_page(name: str) -> str:
    """What ``sqitchpy help NAME`` shows."""
    parent = click.Context(group, info_name=PROG)
    parent.params = {}
    return load(name).get_help(click.Context(load(name), info_name=name, parent=parent)) + "\n"
