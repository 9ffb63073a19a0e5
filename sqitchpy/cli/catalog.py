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
    "deploy": Entry(f"{_COMMANDS}.deploy", "Deploy changes to a database"),
    "revert": Entry(f"{_COMMANDS}.revert", "Revert changes from a database"),
    "verify": Entry(f"{_COMMANDS}.verify", "Verify changes to a database"),
    "check": Entry(f"{_COMMANDS}.check", "Check whether deployed scripts were edited"),
    "rebase": Entry(f"{_COMMANDS}.rebase", "Revert changes and deploy them again"),
    "checkout": Entry(f"{_COMMANDS}.checkout", "Revert, check out another branch, and deploy again"),
    "status": Entry(f"{_COMMANDS}.status", "Show the current deployment status of a database"),
    "log": Entry(f"{_COMMANDS}.log", "Show change logs for a database"),
    "plan": Entry(f"{_COMMANDS}.plan", "Show the contents of a plan, or draw it"),
    "upgrade": Entry(f"{_COMMANDS}.upgrade", "Upgrade the registry to the current version"),
    "embedded": Entry(f"{_COMMANDS}.embedded", "Work with the project's embedded PostgreSQL server"),
    "completion": Entry(f"{_COMMANDS}.completion", "Print a completion script for your shell"),
    "help": Entry(f"{_COMMANDS}.help", "Display help about sqitchpy and its commands"),
}

NOT_YET = frozenset({"add", "bundle", "config", "engine", "init", "rework", "show", "tag", "target"})
"""Sqitch's commands that this version does not have."""


def command_name(word: str) -> str | None:
    """The command that a word names, or None. A dash or an underscore is the same, as in Sqitch."""
    name = word.replace("-", "_")
    return name if name in COMMANDS or name in NOT_YET else None
