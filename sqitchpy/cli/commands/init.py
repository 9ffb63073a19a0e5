"""``sqitchpy init``: the beginning of a project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from sqitchpy.cli.command import Command, completes
from sqitchpy.cli.failures import UsageError
from sqitchpy.cli.founding import (
    Founder,
    Properties,
    Reference,
    described,
    engine_of,
    places,
    property_options,
    read_properties,
    require_engine,
    stored_uri,
)
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import json_option, option, stacked
from sqitchpy.config import Config
from sqitchpy.config.editing import append_comment, set_value
from sqitchpy.config.writing import edit_file
from sqitchpy.engines.catalog import KNOWN, is_known
from sqitchpy.errors import SqitchpyError
from sqitchpy.plan.grammar import is_name
from sqitchpy.target import configured_attributes, default_reference
from sqitchpy.uri import ENGINES

EXAMPLES = (
    "sqitchpy init flipr --engine pg                   sqitch.conf, sqitch.plan, and folders for scripts",
    "sqitchpy init flipr --engine pg --uri https://example.com/flipr/   with a URI that tells it from its namesakes",
    "sqitchpy init flipr --engine pg --top-dir sql     plan and scripts below sql",
)
_NAME_RULE = (
    'project names must not begin with punctuation, contain "@", ":", "#", "[", "]", or blanks, '
    "or end in punctuation or digits following punctuation"
)
_ENGINE_KEYS = ("target", "registry", "client")


@click.command(
    "init",
    cls=Command,
    synopsis="PROJECT",
    examples=EXAMPLES,
    help="Begin a project: write sqitch.conf, a plan without changes, and the folders for scripts. What is there "
    "already stays as it is. What no option says stands in sqitch.conf as a comment, with its default.",
)
@click.argument("words", nargs=-1, metavar="")
@stacked(
    option("--engine", metavar="ENGINE", shell_complete=completes(*ENGINES), help="pg, sqlite, mysql …"),
    option("--target", metavar="TARGET", help="The engine's target: a database URI, or a name for a new one."),
    option("--uri", metavar="URI", help="A URI of the project, which no other project has."),
    property_options,
    json_option,
)
@conducted
def command(
    invocation: Invocation, words: tuple[str, ...], engine: str | None, target: str | None, **options: Any
) -> int:
    """Options in, files out."""
    given = read_properties(options)
    if engine:
        require_engine(engine, exit_code=255)
    project = _project(words)
    config = invocation.project.config
    reference = _reference(config, engine, target)
    founder = Founder(invocation)
    file = places(invocation).local
    if not file.is_file():
        text = configuration(config, reference, engine, target, given)
        edit_file(file, lambda _: text)
        founder.tell(str(file))
    founder.plan(reference, given, project, options["uri"])
    founder.script_directories(reference, given)
    invocation.console.document({"project": project, "created": founder.created, "error": None})
    return 0


def configuration(
    config: Config, reference: Reference, engine: str | None, target: str | None, given: Properties
) -> str:
    """The text of a new sqitch.conf: what is given, and as comments what it is otherwise."""
    engine = engine or reference.engine
    known = {
        "target": reference.name,
        **configured_attributes(config, reference.name, reference.engine, given.settings),
    }
    text = _section(None, "core", dict(_core(engine, given)), _defaults(engine, known, given))
    if engine:
        if not is_known(engine):
            raise SqitchpyError(f"Unknown engine: {engine}", hint=KNOWN)
        asked = {"target": target or None, **{key: given.get(key) for key in _ENGINE_KEYS[1:]}}
        values = {key: value for key, value in asked.items() if value}
        comments = [f"\t{key} = {known[key]}" for key in _ENGINE_KEYS if key not in values]
        text = _section(text, f"engine.{engine}", values, comments)
    if target and ":" not in target:
        uri = config.get(f"target.{target}.uri")
        text = set_value(text, f"target.{target}.uri", stored_uri(uri) if uri else f"db:{reference.engine}:")
    return text


def _core(engine: str, given: Properties) -> Iterator[tuple[str, str]]:
    if engine:
        yield "engine", engine
    for key in ("plan_file", "top_dir"):
        if value := given.get(key):
            yield key, value
    for key, value in given.settings.items():
        if key not in ("plan_file", "top_dir", *_ENGINE_KEYS):
            yield key, value
    yield from ((f"variables.{name}", value) for name, value in given.variables.items())


def _defaults(engine: str, known: Mapping[str, str], given: Properties) -> list[str]:
    """The lines for what nobody has said."""
    lines = [] if engine else ["\tengine = "]
    return [*lines, *(f"\t{key} = {known[key]}" for key in ("plan_file", "top_dir") if not given.get(key))]


def _section(text: str | None, section: str, values: Mapping[str, str], comments: list[str]) -> str:
    """The text with a section, whose header is a comment too when it has only comments."""
    for key, value in values.items():
        text = set_value(text, f"{section}.{key}", value)
    if not values:
        first, _, rest = section.partition(".")
        comments = [f'[{first} "{rest}"]' if rest else f"[{first}]", *comments]
    return append_comment(text, comments) if comments else text or ""


def _reference(config: Config, engine: str | None, target: str | None) -> Reference:
    """The target that the project begins with. Raises SqitchpyError for a name without an engine."""
    if target and ":" not in target and not config.get(f"target.{target}.uri"):
        engine = engine or config.get("core.engine")
        if not engine:
            raise SqitchpyError(
                "No engine specified; specify via target or core.engine", hint="Add --engine pg, or the like"
            )
        return Reference(target, engine)
    if target:
        return described(config, target)
    if engine:
        return described(config, config.get(f"engine.{engine}.target") or config.get("core.target") or f"db:{engine}:")
    default = default_reference(config) or ""
    return described(config, default) if default else Reference("", engine_of(default))


def _project(words: tuple[str, ...]) -> str:
    from sqitchpy.cli.app import help_page

    project = words[0] if words else ""
    if project in ("", "0"):
        raise UsageError(usage=help_page("init"))
    if not is_name(project):
        raise SqitchpyError(f'invalid project name "{project}": {_NAME_RULE}')
    return project
