"""What init, engine and target have in common: their options, and the configuration, plans and folders they make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote

import click

from sqitchpy.cli.console import Console
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.options import option, set_option, stacked
from sqitchpy.config import Config, Places, config_places
from sqitchpy.config.editing import has_section, remove_section, rename_section, set_value
from sqitchpy.config.writing import edit_file, read_text
from sqitchpy.engines.catalog import KNOWN, is_known
from sqitchpy.errors import ConfigError, SqitchpyError
from sqitchpy.model import Plan
from sqitchpy.target import configured_attributes, default_reference
from sqitchpy.uri import DatabaseURI, parse_uri
from sqitchpy.writing import write_files

F = TypeVar("F", bound=Callable[..., Any])

_ILLEGAL = re.compile(r'[^!-~]|["<>\\^`{|}]')

KINDS = ("deploy", "revert", "verify")
DIRECTORIES = (*KINDS, "reworked", *(f"reworked_{kind}" for kind in KINDS))


@dataclass(frozen=True, slots=True)
class Properties:
    """What the options say of a target: keys of its section, in the order in which they are written; and variables."""

    settings: Mapping[str, str]
    variables: Mapping[str, str]

    def get(self, key: str) -> str | None:
        """The value of a key; None also for one that is empty."""
        return self.settings.get(key) or None

    def pairs(self, section: str) -> Iterator[tuple[str, str]]:
        """Keys and values as they are written below a section, the variables last."""
        yield from ((f"{section}.{key}", value) for key, value in self.settings.items())
        yield from ((f"{section}.variables.{key}", value) for key, value in self.variables.items())


@dataclass(frozen=True, slots=True)
class Reference:
    """A target that may not be configured yet: its name (its URI when it has none) and its engine, if one is known."""

    name: str
    engine: str


def property_options(function: F) -> F:
    """The options that configure a target."""
    return stacked(
        option("--plan-file", "-f", metavar="FILE", help="Path of the plan file."),
        option("--top-dir", metavar="DIR", help="Directory with the plan and the scripts."),
        option("--registry", metavar="NAME", help="Name of the registry (its schema, file or database)."),
        option("--client", metavar="PATH", help="Path of psql, sqlite3 or mysql."),
        option("--extension", metavar="WORD", help="Extension of the scripts' names (sql)."),
        option(
            "--dir",
            "-d",
            "directories",
            pair=True,
            multiple=True,
            metavar="NAME=DIR",
            callback=_pairs,
            help=f"Directory of one kind of scripts: {', '.join(DIRECTORIES)}.",
        ),
        set_option,
    )(function)


def read_properties(options: dict[str, Any]) -> Properties:
    """Take the options of :func:`property_options` out of ``options``.

    Raises:
        ConfigError: a directory that nobody knows (Sqitch's words and exit code).
    """
    directories: Mapping[str, str] = options.pop("directories")
    if unknown := sorted(set(directories) - set(DIRECTORIES)):
        names = "names" if len(unknown) > 1 else "name"
        hint = f"The names are {', '.join(DIRECTORIES)}"
        raise ConfigError(f"Unknown directory {names}: {', '.join(unknown)}", hint=hint, exit_code=255)
    given = {key: options.pop(key) for key in ("plan_file", "top_dir", "extension", "registry", "client")}
    given |= {f"{name}_dir": directories.get(name) for name in DIRECTORIES}
    settings = {key: _clean(key, value) for key, value in given.items() if value is not None}
    return Properties(settings, options.pop("variables"))


def stored_uri(text: str) -> str:
    """A database URI as it is written into the configuration: with its ``db:``, and nothing in it that no URI may hold.

    What is ours alone (``embedded:``, ``${VARIABLE}``) stays as it is.
    """
    prefix = "" if text.lower().startswith(("db:", "embedded:", "${")) else "db:"
    return _ILLEGAL.sub(lambda found: quote(found[0], safe=""), f"{prefix}{text}") if "${" not in text else text


def shown_uri(uri: DatabaseURI) -> str:
    """A database URI as it is written, but without a password."""
    return uri.display if has_password(uri) else stored_uri(uri.text)


def has_password(uri: DatabaseURI) -> bool:
    """Whether a password stands in the URI."""
    return uri.password is not None or any("password" in name for name in uri.params)


def engine_of(reference: str) -> str:
    """The engine that a URI names; empty if it names none."""
    try:
        return parse_uri(reference).engine
    except SqitchpyError:
        return ""


def require_engine(engine: str, *, exit_code: int = 2) -> None:
    """Refuse an engine that nobody knows, in Sqitch's words."""
    if not is_known(engine):
        raise ConfigError(f'Unknown engine "{engine}"', hint=KNOWN, exit_code=exit_code)


def described(config: Config, reference: str) -> Reference:
    """A target by its name or URI, as far as the configuration knows it."""
    uri = reference if ":" in reference else config.get(f"target.{reference}.uri") or ""
    return Reference(reference, engine_of(uri))


def places(invocation: Invocation) -> Places:
    """The configuration files that are written."""
    from sqitchpy.project import SYSTEM_DIRECTORY

    environ = invocation.environ
    home = Path(environ["HOME"]) if environ.get("HOME") else None
    return config_places(environ=environ, home=home, system_dir=SYSTEM_DIRECTORY)


def write_settings(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Give keys of a configuration file their values. Raises ConfigError."""

    def edit(text: str | None) -> str:
        for key, value in pairs:
            text = set_value(text, key, value)
        return text or ""

    edit_file(path, edit)


def drop_section(path: Path, old: str, new: str | None) -> bool:
    """Remove or rename a section together with its variables; false when the file does not have it.

    Where there is no file there is nothing to do, and no error. Raises ConfigError.
    """
    text = read_text(path)
    if text is None:
        return True
    if not has_section(text, old):
        return False

    def edit(text: str | None) -> str:
        text = text or ""
        for section in (old, f"{old}.variables"):
            if has_section(text, section):
                renamed = new and section.replace(old, new, 1)
                text = rename_section(text, section, renamed) if renamed else remove_section(text, section)
        return text

    edit_file(path, edit)
    return True


class Founder:
    """Makes what a target needs, says so, and remembers it for ``--json``."""

    def __init__(self, invocation: Invocation) -> None:
        self.project = invocation.project
        self.console: Console = invocation.console
        self.created: list[str] = []

    def tell(self, path: str) -> None:
        """Say that something was made."""
        self.created.append(path)
        self.console.info(f"Created {path}")

    def plan(self, reference: Reference, given: Properties, project: str | None = None, uri: str | None = None) -> None:
        """Write the target's plan if it is not there. A name or URI that is not given is that of the default plan.

        Raises:
            SqitchpyError: there is something else, or no plan says what the project is called.
        """
        config = self.project.config
        file = configured_attributes(config, reference.name, reference.engine, given.settings)["plan_file"]
        if not (project and uri):
            default = described(config, default_reference(config) or "db:")
            usual = configured_attributes(config, default.name, default.engine, {})["plan_file"]
            known = self._readable(usual) or self._readable(file)
            project = project or (known.project if known else None)
            uri = uri or (known.uri if known else None)
        if not project:
            hint = 'It would say what the project is called; "sqitchpy init PROJECT" writes one'
            raise SqitchpyError(f"Missing %project pragma in {file}", hint=hint)
        if Path(file).exists():
            self._require_plan_of(project, file)
        else:
            self.directories([str(Path(file).parent)])
            write_files(Path(), {file: _plan_text(project, uri).encode()})
            self.tell(file)

    def directories(self, paths: Iterable[str]) -> None:
        """Make the directories that are not there. Raises SqitchpyError."""
        for path in dict.fromkeys(paths):
            if Path(path).is_dir():
                continue
            try:
                Path(path).mkdir(parents=True)
            except OSError as error:
                raise SqitchpyError(f"Error creating {error.filename or path}: {error.strerror}") from error
            self.tell(f"{path}/")

    def script_directories(self, reference: Reference, given: Properties) -> None:
        """Make the target's directories for scripts."""
        known = configured_attributes(self.project.config, reference.name, reference.engine, given.settings)
        self.directories(_script_directories(known, given))

    def _readable(self, file: str) -> Plan | None:
        from sqitchpy.plan import parse_plan

        try:
            return parse_plan(Path(file).read_bytes(), file)
        except (OSError, SqitchpyError):
            return None

    def _require_plan_of(self, project: str, file: str) -> None:
        if not Path(file).is_file():
            raise SqitchpyError(f"Cannot initialize because {file} already exists and is not a file")
        plan = self._readable(file)
        if plan is None:
            raise SqitchpyError(f"Cannot initialize because {file} already exists and is not a valid plan file")
        if plan.project != project:
            raise SqitchpyError(
                f'Cannot initialize because project "{plan.project}" already initialized in {file}',
                hint=f"Go on with that project, or name another plan file: --plan-file {project}.plan",
            )


def _script_directories(known: Mapping[str, str], given: Properties) -> Iterator[str]:
    """The directories of the scripts; with ``--top-dir`` below that, whatever is configured elsewhere."""
    top = given.get("top_dir")
    reworked = given.get("reworked_dir") or top
    for kind in KINDS:
        yield given.get(f"{kind}_dir") or (_below(top, kind) if top else known[f"{kind}_dir"])
    for kind in KINDS:
        key = f"reworked_{kind}_dir"
        yield given.get(key) or (_below(reworked, kind) if reworked else known[key])


def _below(directory: str, kind: str) -> str:
    return str(PurePosixPath(directory) / kind)


def _clean(key: str, value: str) -> str:
    is_path = key in ("plan_file", "top_dir") or key.endswith("_dir")
    return str(PurePosixPath(value)) if is_path and value else value


def _plan_text(project: str, uri: str | None) -> str:
    from sqitchpy.plan.uri import canonical_uri, legal_uri

    pragma = f"%uri={canonical_uri(legal_uri(uri))}\n" if uri else ""
    return f"%syntax-version=1.0.0\n%project={project}\n{pragma}\n"


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    return dict(value.partition("=")[::2] for value in values)
