"""``sqitchpy config``: reading and writing the configuration, key by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.failures import UsageError
from sqitchpy.cli.founding import places
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import json_option, option, stacked
from sqitchpy.cli.settings import find, found_document, matching, one_line, some
from sqitchpy.config import Config, load_file
from sqitchpy.config.casting import Type, cast
from sqitchpy.config.editing import remove_section, rename_section, set_value, unset
from sqitchpy.config.keys import readable_key
from sqitchpy.config.writing import edit_file
from sqitchpy.errors import ConfigError, Refusal

EXAMPLES = (
    "sqitchpy config core.engine                           what holds here",
    "sqitchpy config deploy.verify true                    set it for this project",
    "sqitchpy config --user user.name 'Marge N. O’Vera'    set it for you, in all projects",
    "sqitchpy config --unset deploy.verify                 take it back",
    "sqitchpy config --list --json                         all of it, with file and line",
)
FILE = "Which file (else all of them are read, and the project's is written)"
ACTION = "What to do (else: get with one argument, set with two)"
TYPE = "What kind of value"
_LEVELS = ("local", "user", "system")
_ACTIONS = (
    *("get", "get_all", "get_regex", "unset", "list_all", "edit", "add", "replace_all", "unset_all"),
    *("rename_section", "remove_section"),
)


@click.command(
    "config",
    cls=Command,
    synopsis="[NAME [VALUE [PATTERN]]]",
    examples=EXAMPLES,
    help="Show or change the configuration. A name is SECTION.KEY or SECTION.SUBSECTION.KEY. A PATTERN is a regular "
    "expression that says which values of a key with several are meant; with ! before it, the others. "
    "The exit code is 1 when there is no value.",
)
@click.argument("words", nargs=-1, metavar="")
@stacked(
    option("--local", is_flag=True, section=FILE, help="The project's sqitch.conf."),
    option("--user", "--global", is_flag=True, section=FILE, help="Yours, ~/.sqitch/sqitch.conf."),
    option("--system", is_flag=True, section=FILE, help="That of everybody on this machine."),
    option("--file", "--config-file", "-f", metavar="FILE", section=FILE, help="Another one."),
    option("--get", is_flag=True, section=ACTION, help="NAME [PATTERN]: print the value."),
    option("--get-all", is_flag=True, section=ACTION, help="NAME [PATTERN]: print all values, one a line."),
    option("--get-regex", "--get-regexp", is_flag=True, section=ACTION, help="REGEX [PATTERN]: print keys that match."),
    option("--add", is_flag=True, section=ACTION, help="NAME VALUE: add a value to those that are there."),
    option("--replace-all", is_flag=True, section=ACTION, help="NAME VALUE [PATTERN]: put one in place of all."),
    option("--unset", is_flag=True, section=ACTION, help="NAME [PATTERN]: remove the value."),
    option("--unset-all", is_flag=True, section=ACTION, help="NAME [PATTERN]: remove all values."),
    option("--rename-section", is_flag=True, section=ACTION, help="OLD NEW: rename a section."),
    option("--remove-section", is_flag=True, section=ACTION, help="NAME: remove a section."),
    option("--list", "-l", "list_all", is_flag=True, section=ACTION, help="Print everything."),
    option("--edit", "-e", is_flag=True, section=ACTION, help="Open the file in your editor."),
    option("--bool", is_flag=True, section=TYPE, help="true or false."),
    option("--int", is_flag=True, section=TYPE, help="A whole number; 2k is 2048."),
    option("--num", is_flag=True, section=TYPE, help="A number."),
    option("--bool-or-int", is_flag=True, section=TYPE, help="Either."),
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], file: str | None, **given: bool) -> int:
    """Options in, one value or a changed file out."""
    kinds: dict[str, Type] = {kind.replace("-", "_"): kind for kind in get_args(Type)}
    levels, types, actions = ([name for name in names if given[name]] for names in (_LEVELS, kinds, _ACTIONS))
    _only_one("Only one config file at a time.", [*levels, *([file] if file else [])])
    _only_one("Only one type at a time.", types)
    _only_one("Only one action at a time.", actions)
    level, kind, action = (found[0] if found else None for found in (levels, types, actions))
    work = _Work(invocation, words, Path(file) if file else None, level, kinds[kind] if kind else None)
    getattr(work, action or ("set" if len(words) > 1 else "get"))()
    return 0


class _Work:
    """The actions."""

    def __init__(
        self, invocation: Invocation, words: tuple[str, ...], file: Path | None, level: str | None, kind: Type | None
    ) -> None:
        self.invocation = invocation
        self.console = invocation.console
        self.words = words
        self.file = file
        self.level = level
        self.kind = kind

    def get(self) -> None:
        key, pattern = self._arguments(1, 2)
        values = self._values(key, pattern)
        if len(values) > 1:
            hint = f"sqitchpy config --get-all {key}"
            raise ConfigError(f'More then one value for the key "{key}"', hint=f"To see them: {hint}")
        value = cast(values[0], self.kind) if values else None
        if value is None:
            raise Refusal("")
        self.console.emit(value)
        self.console.document({"key": readable_key(key).canonical, "values": [value], "error": None})

    def get_all(self) -> None:
        key, pattern = self._arguments(1, 2)
        values = [cast(value, self.kind) for value in some(self._values(key, pattern))]
        self.console.emit("\n".join(value or "" for value in values))
        self.console.document({"key": readable_key(key).canonical, "values": values, "error": None})

    def get_regex(self) -> None:
        regex, pattern = self._arguments(1, 2)
        found = some(find(self._config(), regex, matching(pattern), self.kind))
        self.console.emit("\n".join(map(one_line, found)))
        self.console.document(found_document(found))

    def list_all(self) -> None:
        path = self._path(None)
        if path is not None and not path.exists():
            self.console.document(found_document([]))
            return
        found = find(self._config(), "", None, None)
        self.console.emit("".join(f"{one_line(setting)}\n" for setting in found))
        self.console.document(found_document(found))

    def set(self) -> None:
        key, value, pattern = self._arguments(2, 3)
        self._write(lambda text: set_value(text, key, self._cast(value), matches=matching(pattern)))

    def add(self) -> None:
        key, value = self._arguments(2, 2)
        self._write(lambda text: set_value(text, key, self._cast(value), mode="add"))

    def replace_all(self) -> None:
        key, value, pattern = self._arguments(2, 3)
        matches = matching(pattern)
        self._write(lambda text: set_value(text, key, self._cast(value), mode="replace-all", matches=matches))

    def unset(self) -> None:
        self._unset(every=False)

    def unset_all(self) -> None:
        self._unset(every=True)

    def rename_section(self) -> None:
        old, new = self._arguments(2, 2, filled=2)
        self._write_existing(lambda text: rename_section(text or "", old, new))

    def remove_section(self) -> None:
        (name,) = self._arguments(1, 1)
        self._write_existing(lambda text: remove_section(text or "", name))

    def edit(self) -> None:
        from sqitchpy.cli.opening import open_editor

        open_editor(self._writable(), self.invocation.project.config, self.invocation.environ)
        self.console.document({"file": str(self._writable()), "error": None})

    def _unset(self, *, every: bool) -> None:
        key, pattern = self._arguments(1, 2)
        path = str(self._writable())
        self._write(lambda text: unset(text, key, path, every=every, matches=matching(pattern)))

    def _arguments(self, least: int, most: int, *, filled: int = 1) -> tuple[str, ...]:
        """The arguments, with empty ones for what is not there: ``least`` are needed, ``filled`` may not be empty."""
        if len(self.words) < least or not all(self.words[:filled]):
            raise _usage("Wrong number of arguments.")
        return (*self.words[:most], *[""] * (most - len(self.words)))

    def _values(self, key: str, pattern: str) -> Sequence[str | None]:
        matches = matching(pattern)
        values = self._config().get_all(readable_key(key).canonical)
        return [value for value in values if matches is None or matches(value)]

    def _cast(self, value: str) -> str:
        return cast(value, self.kind) or ""

    def _config(self) -> Config:
        """What is read: the file that was named alone, else all of them."""
        path = self._path(None)
        if path is None:
            return self.invocation.project.config
        environ = self.invocation.environ
        return load_file(path, environ=environ, home=Path(environ["HOME"]) if environ.get("HOME") else None)

    def _path(self, default: str | None) -> Path | None:
        level = self.level or default
        if self.file is not None or level is None:
            return self.file
        path: Path | None = getattr(places(self.invocation), level)
        if path is None:
            raise ConfigError("Could not determine home directory", hint="Set HOME, or SQITCH_USER_CONFIG")
        return path

    def _writable(self) -> Path:
        path = self._path("local")
        assert path is not None
        return path

    def _write(self, edit: Callable[[str | None], str]) -> None:
        path = self._writable()
        self._make_folder(path)
        edit_file(path, edit)
        self.console.document({"file": str(path), "error": None})

    def _make_folder(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"Error creating {path.parent}: {error.strerror}") from error

    def _write_existing(self, edit: Callable[[str | None], str]) -> None:
        """Where there is no file there is nothing to do, and no error, as in Sqitch."""
        if self._writable().exists():
            self._write(edit)
        else:
            self.console.document({"file": str(self._writable()), "error": None})


def _only_one(complaint: str, found: Sequence[str]) -> None:
    if len(found) > 1:
        raise _usage(complaint)


def _usage(complaint: str) -> UsageError:
    from sqitchpy.cli.app import help_page

    return UsageError(complaint, usage=help_page("config"))
