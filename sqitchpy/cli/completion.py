"""Shell completion: click's machinery, with names from the project at hand.

The script that ``sqitchpy completion SHELL`` prints calls ``sqitchpy`` again with the words typed so far in the
environment. Then nothing may be printed but completions: whatever goes wrong means that there are none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from sqitchpy.cli.arguments import normalize
from sqitchpy.cli.command import specs
from sqitchpy.errors import SqitchpyError

if TYPE_CHECKING:
    from sqitchpy.project import Project

PROG = "sqitchpy"
VARIABLE = "_SQITCHPY_COMPLETE"


def script(shell: str) -> str:
    """The script that sets completion up in a shell."""
    from sqitchpy.cli.app import group

    kind = get_completion_class(shell)
    assert kind is not None
    return kind(group, {}, PROG, VARIABLE).source()


def complete(environ: Mapping[str, str]) -> str:
    """The completions, in the form that the script of the shell reads."""
    from sqitchpy.cli.app import group

    shell, _, instruction = environ[VARIABLE].partition("_")
    kind = get_completion_class(shell)
    if kind is None or instruction != "complete":
        return ""
    completer = kind(group, {}, PROG, VARIABLE)
    words, incomplete = completer.get_completion_args()
    core = normalize(words, specs(group), pass_through=True)  # core options may stand anywhere: click wants them first
    found = completer.get_completions([*core.options, *core.rest], incomplete)
    return "\n".join(completer.format_completion(item) for item in found)


def targets(ctx: click.Context, incomplete: str) -> list[str]:
    """Names of the configured targets."""
    project = _project(ctx)
    names = project.config.names("target") if project else ()
    return [name for name in names if name.startswith(incomplete)]


def changes(ctx: click.Context, incomplete: str) -> list[str]:
    """Names of the plan's changes and tags."""
    project = _project(ctx)
    try:
        return sorted(name for name in _planned(project) if name.startswith(incomplete)) if project else []
    except SqitchpyError:
        return []  # the plan cannot be read: the command itself will say so


def _planned(project: Project) -> Iterator[str]:
    plan = project.plan()
    yield from plan.by_name
    yield from (f"@{tag}" for tag in plan.by_tag)


def _project(ctx: click.Context) -> Project | None:
    """The project where the command line would work."""
    from sqitchpy.project import Project

    directory = ctx.find_root().params.get("chdir") or "."
    try:
        return Project.open(directory, environ=os.environ)
    except (SqitchpyError, OSError):
        return None
