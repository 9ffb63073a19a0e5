"""``sqitchpy target``: the named databases of a project."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from sqitchpy.cli.command import Command, completes
from sqitchpy.cli.describing import description, perform, report, words_of, write_description, write_list
from sqitchpy.cli.founding import (
    Founder,
    Properties,
    Reference,
    drop_section,
    engine_of,
    places,
    property_options,
    read_properties,
    shown_uri,
    stored_uri,
    write_settings,
)
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import json_option, option, ours, stacked
from sqitchpy.engines.catalog import KNOWN, is_known
from sqitchpy.errors import ConfigError, SqitchpyError

EXAMPLES = (
    "sqitchpy target add dev db:pg:flipr_dev      a name for a database",
    "sqitchpy target -v                           all of them, with their URIs",
    "sqitchpy target show dev                     all that is configured for it",
    "sqitchpy target alter dev --registry meta    another registry",
    "sqitchpy target alter prod --protected       never revert it without --yes-really prod",
    "sqitchpy target rename dev test              another name",
)
ACTIONS = ("list", "add", "alter", "show", "rename", "remove", "rm")
_REFERRING = re.compile(r"core\.target|engine\.[^.]+\.target")


@click.command(
    "target",
    cls=Command,
    synopsis="[list | add NAME URI | alter NAME | show NAME… | rename OLD NEW | remove NAME]",
    examples=EXAMPLES,
    help="Keep names for databases in sqitch.conf, each with what differs there: registry, plan, directories, "
    "variables. Without arguments: list them.",
)
@click.argument("words", nargs=-1, metavar="", shell_complete=completes(*ACTIONS))
@stacked(
    option("--uri", metavar="URI", help="Another database (alter)."),
    property_options,
    ours("--protected/--no-protected", default=None, help="Whether it is reverted only with --yes-really NAME."),
    json_option,
)
@conducted
def command(
    invocation: Invocation, words: tuple[str, ...], uri: str | None, protected: bool | None, **options: Any
) -> int:
    """Options in, a section of sqitch.conf out."""
    given = read_properties(options)
    if protected is not None:
        given = replace(given, settings={**given.settings, "protected": str(protected).lower()})
    work = _Work(invocation, given, _checked(uri) if uri else None)
    actions = {name: getattr(work, name) for name in ACTIONS if name != "rm"}
    perform("target", {**actions, "rm": work.remove}, words)
    return 0


class _Work:
    """The actions; each takes the words after its name."""

    def __init__(self, invocation: Invocation, given: Properties, uri: str | None) -> None:
        self.invocation = invocation
        self.config = invocation.project.config
        self.given = given
        self.uri = uri
        self.file = places(invocation).local
        self.founder = Founder(invocation)

    def list(self, words: Sequence[str]) -> None:
        uris = {name: self.config.get(f"target.{name}.uri") for name in self.config.names("target")}
        named = sorted(((name, uri) for name, uri in uris.items() if uri), key=lambda item: f"{item[0]}.uri")
        write_list(self.invocation, "target", "uri", dict(named))

    def show(self, words: Sequence[str]) -> None:
        if not words:
            self.list(words)
            return
        shown = []
        for name in words:
            target = self.invocation.project.resolve(name)
            write_description(self.invocation, name, "URI", shown_uri(target.uri), target)
            shown.append({"target": name, **description(target)})
        self.invocation.console.document({"targets": shown, "error": None})

    def add(self, words: Sequence[str]) -> None:
        name, uri = words_of("target", words, 2)
        if self.config.get(f"target.{name}.uri"):
            hint = f'"sqitchpy target alter {name}" changes it'
            raise SqitchpyError(f'Target "{name}" already exists', hint=hint)
        uri = stored_uri(uri)
        pairs = dict([(f"target.{name}.uri", uri), *self.given.pairs(f"target.{name}")])
        if self.uri:
            pairs[f"target.{name}.uri"] = uri = self.uri
        write_settings(self.file, pairs.items())
        reference = Reference(name, engine_of(uri))
        self.founder.plan(reference, self.given)
        self.founder.script_directories(reference, self.given)
        report(self.founder)

    def alter(self, words: Sequence[str]) -> None:
        (name,) = words_of("target", words, 1)
        if not self.config.get(f"target.{name}.uri"):
            command = f"add {name} {self.uri or '$uri'}"
            raise SqitchpyError(f'Missing Target "{name}"; use "{command}" to add it')
        changed = [(f"target.{name}.uri", self.uri)] if self.uri else []
        write_settings(self.file, [*changed, *self.given.pairs(f"target.{name}")])
        uri = self.uri or self.config.get(f"target.{name}.uri") or ""
        self.founder.script_directories(Reference(name, engine_of(uri)), self.given)
        report(self.founder)

    def rename(self, words: Sequence[str]) -> None:
        old, new = words_of("target", words, 2)
        self._replace(old, new)

    def remove(self, words: Sequence[str]) -> None:
        (name,) = words_of("target", words, 1)
        self._replace(name, None)

    def _replace(self, old: str, new: str | None) -> None:
        keys = sorted(key for key in self.config.settings if _REFERRING.fullmatch(key))
        if referring := [key for key in keys if self.config.get(key) == old]:
            raise SqitchpyError(
                f'Cannot rename target "{old}" because it\'s referenced by: {", ".join(referring)}',
                hint=f'Change that first: "sqitchpy config {referring[0]} OTHER"',
            )
        if not drop_section(self.file, f"target.{old}", new and f"target.{new}"):
            raise SqitchpyError(f'Unknown target "{old}"', hint=self._known())
        report(self.founder)

    def _known(self) -> str:
        names = ", ".join(self.config.names("target"))
        return f"The configured targets are {names}" if names else "No target is configured"


def _checked(uri: str) -> str:
    """The URI of ``--uri`` as it is written. Raises ConfigError (Sqitch's words and exit code) where it is none."""
    written, engine = stored_uri(uri), engine_of(uri)
    if written != uri and not uri.lower().startswith("db:"):
        legal = written.removeprefix("db:")
        raise ConfigError(f'URI "{legal}" is not a database URI', hint="Write db:pg:NAME, or the like", exit_code=255)
    if not engine and "${" not in uri:
        raise ConfigError(f'No database engine in URI "{uri}"', hint=KNOWN, exit_code=255)
    if engine and not is_known(engine):
        raise ConfigError(f'Unknown engine "{engine}" in URI "{uri}"', hint=KNOWN, exit_code=255)
    return written
