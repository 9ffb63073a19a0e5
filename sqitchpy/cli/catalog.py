"""The commands there are, and where each lives. A command's module is imported when the command is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """A command: the module that defines ``command``, and one line of help."""

    module: str
    summary: str


_COMMANDS = "sqitchpy.cli.commands"

COMMANDS: Mapping[str, Entry] = {
    "init": Entry(f"{_COMMANDS}.init", "Begin a project"),
    "config": Entry(f"{_COMMANDS}.config", "Get and set configuration"),
    "engine": Entry(f"{_COMMANDS}.engine", "Configure the engines of a project"),
    "target": Entry(f"{_COMMANDS}.target", "Configure the databases of a project"),
    "add": Entry(f"{_COMMANDS}.add", "Add a new change to the plan"),
    "rework": Entry(f"{_COMMANDS}.rework", "Duplicate a change in the plan and revise its scripts"),
    "tag": Entry(f"{_COMMANDS}.tag", "Add or list tags in the plan"),
    "show": Entry(f"{_COMMANDS}.show", "Show a change, a tag or a script"),
    "deploy": Entry(f"{_COMMANDS}.deploy", "Deploy changes to a database"),
    "revert": Entry(f"{_COMMANDS}.revert", "Revert changes from a database"),
    "verify": Entry(f"{_COMMANDS}.verify", "Verify changes to a database"),
    "check": Entry(f"{_COMMANDS}.check", "Check whether deployed scripts were edited"),
    "rebase": Entry(f"{_COMMANDS}.rebase", "Revert changes and deploy them again"),
    "checkout": Entry(f"{_COMMANDS}.checkout", "Revert, check out another branch, and deploy again"),
    "status": Entry(f"{_COMMANDS}.status", "Show the current deployment status of a database"),
    "log": Entry(f"{_COMMANDS}.log", "Show change logs for a database"),
    "plan": Entry(f"{_COMMANDS}.plan", "Show the contents of a plan, or draw it"),
    "bundle": Entry(f"{_COMMANDS}.bundle", "Bundle a project for distribution"),
    "upgrade": Entry(f"{_COMMANDS}.upgrade", "Upgrade the registry to the current version"),
    "embedded": Entry(f"{_COMMANDS}.embedded", "Work with the project's embedded PostgreSQL server"),
    "completion": Entry(f"{_COMMANDS}.completion", "Print a completion script for your shell"),
    "help": Entry(f"{_COMMANDS}.help", "Display help about sqitchpy and its commands"),
}


def command_name(word: str) -> str | None:
    """The command that a word names, or None. A dash or an underscore is the same, as in Sqitch."""
    name = word.replace("-", "_")
    return name if name in COMMANDS else None
