"""What a command is given: the project, the console, and how it was called. And how a command function is called."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sqitchpy.cli.console import Console
from sqitchpy.cli.failures import tell
from sqitchpy.errors import ConfigError, SqitchpyError

if TYPE_CHECKING:
    from sqitchpy.project import Project


class CoreOptions(NamedTuple):
    """The core options that still matter when a command runs."""

    chdir: str | None = None
    no_pager: bool = False
    quiet: bool = False
    verbose: int = 0


class Invocation(NamedTuple):
    """One call of one command."""

    project: Project
    console: Console
    no_pager: bool

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment that the project was opened with."""
        return self.project.environ


Body = Callable[..., int | None]


def conducted(body: Body) -> Callable[..., int]:
    """Turn a function of an ``Invocation`` and options into a click callback that returns an exit code.

    It opens the project, and says what goes wrong on the console that the options describe.
    """

    @functools.wraps(body)
    def callback(**options: Any) -> int:
        core: CoreOptions = click.get_current_context().obj or CoreOptions()
        console = Console(
            sys.stdout,
            sys.stderr,
            verbosity=0 if core.quiet else core.verbose or 1,
            as_json=options.pop("as_json", False),
        )
        try:
            return body(_open(core, console), **options) or 0
        except SqitchpyError as error:
            return tell(error, console)

    return callback


def enter(directory: str) -> None:
    """Change to the directory of ``-C``. Raises ``ConfigError`` (exit code 255, as Sqitch)."""
    try:
        os.chdir(directory)
    except OSError as error:
        words = f"Cannot change to directory {directory}: {error.strerror}"
        raise ConfigError(words, exit_code=255) from error


def _open(core: CoreOptions, console: Console) -> Invocation:
    from sqitchpy.project import Project

    if core.chdir:
        enter(core.chdir)
    project = Project.open(Path(), environ=os.environ)
    if not core.quiet and not core.verbose:
        configured = project.config.get_int("core.verbosity")
        console.verbosity = 1 if configured is None else configured
    return Invocation(project, console, core.no_pager)
