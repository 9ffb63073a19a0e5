"""``sqitchpy engine``: what holds for all databases of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sqitchpy.cli.command import Command, completes
from sqitchpy.cli.describing import (
    description,
    perform,
    report,
    words_of,
    write_description,
    write_list,
)
from sqitchpy.cli.founding import (
    Founder,
    Properties,
    described,
    drop_section,
    engine_of,
    places,
    property_options,
    read_properties,
    require_engine,
    shown_uri,
    stored_uri,
    write_settings,
)
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import complete_target, json_option, option, stacked
from sqitchpy.engines.catalog import engine_keys
from sqitchpy.errors import SqitchpyError

EXAMPLES = (
    "sqitchpy engine add pg                          the section that deploys to db:pg: by default",
    "sqitchpy engine alter pg --target production    another default target",
    "sqitchpy engine show pg                         all that is configured for it",
)
ACTIONS = ("list", "add", "alter", "show", "remove", "rm")


@click.command(
    "engine",
    cls=Command,
    synopsis="[list | add ENGINE [TARGET] | alter ENGINE | show ENGINE… | remove ENGINE]",
    examples=EXAMPLES,
    help="Keep in sqitch.conf what holds for all databases of an engine: the default target, the registry, the plan, "
    "directories, variables. Without arguments: list the engines.",
)
@click.argument("words", nargs=-1, metavar="", shell_complete=completes(*ACTIONS))
@stacked(
    option("--target", metavar="TARGET", shell_complete=complete_target, help="The default target: a name or a URI."),
    property_options,
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **options: Any) -> int:
    """Options in, a section of sqitch.conf out."""
    work = _Work(invocation, read_properties(options), target)
    actions = {name: getattr(work, name) for name in ACTIONS if name != "rm"}
    perform("engine", {**actions, "rm": work.remove}, words)
    return 0


class _Work:
    """The actions; each takes the words after its name."""

    def __init__(self, invocation: Invocation, given: Properties, target: str | None) -> None:
        self.invocation = invocation
        self.config = invocation.project.config
        self.given = given
        self.target = target
        self.file = places(invocation).local
        self.founder = Founder(invocation)

    def list(self, words: Sequence[str]) -> None:
        targets = {engine: self.config.get(f"engine.{engine}.target") for engine in sorted(engine_keys())}
        write_list(self.invocation, "engine", "target", {name: target for name, target in targets.items() if target})

    def show(self, words: Sequence[str]) -> None:
        if not words:
            self.list(words)
            return
        shown = []
        for engine in words:
            reference = self.config.get(f"engine.{engine}.target")
            target = self.invocation.project.resolve(reference or f"db:{engine}")
            name = shown_uri(target.uri) if ":" in (reference or "") else target.name
            write_description(self.invocation, engine, "Target", name, target)
            shown.append({"engine": engine, "target": name, **description(target)})
        self.invocation.console.document({"engines": shown, "error": None})

    def add(self, words: Sequence[str]) -> None:
        (engine,) = words_of("engine", words, 1)
        require_engine(engine)
        if self.config.get(f"engine.{engine}.target"):
            hint = f'"sqitchpy engine alter {engine}" changes it'
            raise SqitchpyError(f'Engine "{engine}" already exists', hint=hint)
        named = self.target or (words[1] if len(words) > 1 else None)
        target = self._usable(engine, named) if named else f"db:{engine}:"
        target = self.target or target  # as it was typed, as Sqitch has it
        write_settings(self.file, [(f"engine.{engine}.target", target), *self.given.pairs(f"engine.{engine}")])
        reference = described(self.config, target)
        self.founder.plan(reference, self.given)
        self.founder.script_directories(reference, self.given)
        report(self.founder)

    def alter(self, words: Sequence[str]) -> None:
        (engine,) = words_of("engine", words, 1)
        require_engine(engine)
        before = self.config.get(f"engine.{engine}.target")
        if not before:
            command = f"add {engine} {self.target or f'db:{engine}:'}"
            raise SqitchpyError(f'Missing Engine "{engine}"; use "{command}" to add it')
        target = self._usable(engine, self.target) if self.target else None
        changed = [(f"engine.{engine}.target", target)] if target else []
        write_settings(self.file, [*changed, *self.given.pairs(f"engine.{engine}")])
        self.founder.script_directories(described(self.config, target or before), self.given)
        report(self.founder)

    def remove(self, words: Sequence[str]) -> None:
        (engine,) = words_of("engine", words, 1)
        if not drop_section(self.file, f"engine.{engine}", None):
            names = ", ".join(name for name in engine_keys() if self.config.get(f"engine.{name}.target"))
            hint = f"The configured engines are {names}" if names else "No engine is configured"
            raise SqitchpyError(f'Unknown engine "{engine}"', hint=hint)
        report(self.founder)

    def _usable(self, engine: str, target: str) -> str:
        """The target as it is written. Raises SqitchpyError for one of another engine, or one that is not there."""
        if ":" in target:
            new = engine_of(target)
            if new != engine:
                raise SqitchpyError(f'Cannot assign URI using engine "{new}" to engine "{engine}"')
            return stored_uri(target)
        if not self.config.get(f"target.{target}.uri"):
            hint = f'"sqitchpy target add {target} db:{engine}:NAME" adds it'
            raise SqitchpyError(f'Unknown target "{target}"', hint=hint)
        return target
