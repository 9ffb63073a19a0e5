"""Every option that Sqitch has is used by a scenario; those of commands that connect, with every engine."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from functools import cache

import pytest

from sqitchpy.cli.catalog import COMMANDS

from .harness.scenario import ENGINES, Scenario, all_scenarios

CONNECTING = ("deploy", "revert", "verify", "check", "status", "log", "rebase", "checkout", "upgrade")
OURS = ("embedded", "completion", "help")
"""Commands that Sqitch does not have; and one whose text is not Sqitch's."""

_PRINT = """
    for my $command (@ARGV) {
        my $class = App::Sqitch::Command->class_for(App::Sqitch->new, $command);
        print "$command $_\\n" for $class->options;
    }
"""


@cache
def sqitchs_options() -> dict[str, list[str]]:
    """Of each command the specifications of its options, as Getopt::Long reads them: ``to-change|to|change=s``."""
    commands = [name for name in COMMANDS if name not in OURS]
    done = subprocess.run(
        ["perl", "-MApp::Sqitch", "-e", _PRINT, *commands], capture_output=True, text=True, check=True
    )
    options: dict[str, list[str]] = {name: [] for name in commands}
    for line in done.stdout.splitlines():
        command, specification = line.split(" ", 1)
        options[command].append(specification)
    return options


def spellings(specification: str) -> list[str]:
    names = specification.rstrip("!+").partition("=")[0].partition(":")[0].split("|")
    plain = [f"--{name}" if len(name) > 1 else f"-{name}" for name in names]
    return plain + ([f"--no-{name}" for name in names] if specification.endswith("!") else [])


def command_lines(scenarios: list[Scenario]) -> Iterator[tuple[str, list[str]]]:
    """The commands that scenarios run, each with its words."""
    for scenario in scenarios:
        for step in scenario.steps:
            words = shlex.split(step.run or "")
            name = next((word for word in words if word in COMMANDS), None)
            if name:
                yield name, words


def used(specification: str, lines: list[list[str]]) -> bool:
    """Whether one of the lines has the option; a unique beginning of a long one counts, as it does for Sqitch."""
    wanted = spellings(specification)
    for words in lines:
        for word in words:
            given = word.partition("=")[0]
            if given in wanted or (len(given) > 4 and any(name.startswith(given) for name in wanted)):
                return True
            if not word.startswith("--") and word.startswith("-") and word[:2] in wanted:
                return True
    return False


@pytest.mark.parametrize("engine", ENGINES)
def test_every_option_of_a_command_that_connects_is_used_with_every_engine(sqitch: str, engine: str) -> None:
    lines = list(command_lines([scenario for scenario in all_scenarios() if scenario.engine == engine]))
    assert missing(CONNECTING, lines) == []


def test_every_option_is_used(sqitch: str) -> None:
    lines = list(command_lines(all_scenarios()))
    assert missing(tuple(sqitchs_options()), lines) == []


def missing(commands: tuple[str, ...], lines: list[tuple[str, list[str]]]) -> list[str]:
    return [
        f"{command} {specification}"
        for command in commands
        for specification in sqitchs_options()[command]
        if not used(specification, [words for name, words in lines if name == command])
    ]
