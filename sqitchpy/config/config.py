"""The merged configuration as a value that is asked by key: ``core.engine``, ``target.prod.uri``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqitchpy.config.syntax import Entry
from sqitchpy.config.variables import expand
from sqitchpy.errors import ConfigError

# Not compiled before a key is set that needs it: every command waits for this module.
_TRUE = r"(?i:true|yes|on|-?0*1)"
_FALSE = r"(?i:false|no|off|0*)"
_INTEGER = r"(-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([kmg]?)"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Source(NamedTuple):
    """Where a value comes from; TOML does not tell us the line."""

    path: Path
    line: int | None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class Layer(NamedTuple):
    """The entries of one file, or of the part of it before or after an include."""

    path: Path
    entries: tuple[Entry, ...]
    expands: bool = False
    """Whether ``${VAR}`` in these values is an environment variable; in ``sqitch.conf`` it is just text."""


class Setting(NamedTuple):
    """One value as it is written: variables are not yet put in. ``repr`` does not show it."""

    name: str
    raw: str | None
    source: Source
    expands: bool

    def __repr__(self) -> str:
        return f"Setting({self.name!r}, source={str(self.source)!r})"


@dataclass(frozen=True, repr=False, eq=False)
class Config:
    """The merged configuration. Section and key are case-insensitive, a subsection between them is not.

    ``repr`` shows no values, since URIs and variables may hold passwords.
    """

    settings: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)
    sources: tuple[Path, ...] = ()
    """The files that were read, in order."""
    initialized: bool = False
    """Whether the project itself has a configuration, besides the user's and the system's."""
    environ: Mapping[str, str] = field(default_factory=dict)

    def setting(self, key: str) -> Setting | None:
        """The value of a key as it is written, with its source; ``None`` if it is not set.

        Raises:
            ConfigError: it has several values (Sqitch's words, which are those of its ``config`` command).
        """
        found = self.settings.get(canonical_key(key), ())
        if len(found) > 1:
            places = ", ".join(str(setting.source) for setting in found)
            raise ConfigError(f'More then one value for the key "{key}"', hint=f"Leave one of them: {places}")
        return found[0] if found else None

    def get(self, key: str) -> str | None:
        """The value of a key; ``None`` if it is not set, or stands there without a value.

        Raises:
            ConfigError: several values, or a ``${VAR}`` of pyproject.toml that is not set.
        """
        setting = self.setting(key)
        return None if setting is None else self._text(key, setting)

    def get_all(self, key: str) -> tuple[str | None, ...]:
        """All values of a key, in order; those of the last file that has it."""
        return tuple(self._text(key, setting) for setting in self.settings.get(canonical_key(key), ()))

    def get_bool(self, key: str, default: bool = False) -> bool:
        """A truth value; a key without a value is true.

        Raises:
            ConfigError: the value is neither (Sqitch's words).
        """
        setting = self.setting(key)
        if setting is None:
            return default
        value = self._text(key, setting)
        if value is None or re.fullmatch(_TRUE, value):
            return True
        if not re.fullmatch(_FALSE, value):
            hint = f"{key} at {setting.source} is true, yes, on, 1, or false, no, off, 0"
            raise ConfigError(f"Invalid bool '{value}'", hint=hint)
        return False

    def get_int(self, key: str) -> int | None:
        """A whole number, which may end in k, m or g (times 1024, 1024², 1024³); ``None`` if it is not set.

        Raises:
            ConfigError: the value is no number (Sqitch's words).
        """
        setting = self.setting(key)
        if setting is None:
            return None
        number = re.fullmatch(_INTEGER, self._text(key, setting) or "")
        if number is None:
            hint = f"{key} at {setting.source} is a number, with k, m or g after it or without"
            raise ConfigError("Invalid unit while casting to int", hint=hint)
        from decimal import Decimal  # hardly a key is a number

        return int(Decimal(number[1]) * _UNITS[number[2]])

    def section(self, prefix: str) -> dict[str, str]:
        """The keys right below ``core``, ``target.prod`` or ``deploy.variables``, their names in their own case."""
        inside = f"{_canonical_section(prefix)}."
        keys = [key for key in self.settings if key.startswith(inside) and "." not in key[len(inside) :]]
        return {self.settings[key][-1].name: self.get(key) or "" for key in keys}

    def names(self, section: str) -> tuple[str, ...]:
        """What is configured under ``target`` or ``engine``, by name, in the order of the files."""
        names = [_subsection(key) for key in self.settings if key.startswith(f"{section.lower()}.")]
        return tuple(dict.fromkeys(name for name in names if name))

    def origin(self, key: str) -> Source | None:
        """The file and line a value comes from."""
        found = self.settings.get(canonical_key(key), ())
        return found[-1].source if found else None

    def __repr__(self) -> str:
        return f"Config({', '.join(map(str, self.sources))})"

    def _text(self, key: str, setting: Setting) -> str | None:
        if setting.raw is None or not setting.expands:
            return setting.raw
        return expand(setting.raw, self.environ, f"{key} in {setting.source}")


def canonical_key(key: str) -> str:
    """The key as it is stored: section and last part in lower case, what stands between as it is."""
    section, dot, name = key.rpartition(".")
    return f"{_canonical_section(section)}{dot}{name.lower()}"


def merge(layers: Iterable[Layer]) -> dict[str, tuple[Setting, ...]]:
    """The layers' settings by key: a later file replaces a key's values, within one file they add up."""
    merged: dict[str, tuple[Setting, ...]] = {}
    for layer in layers:
        for entry in layer.entries:
            setting = Setting(entry.name, entry.value, Source(layer.path, entry.line or None), layer.expands)
            before = merged.get(entry.path, ())
            same_file = bool(before) and before[-1].source.path == layer.path
            merged[entry.path] = (*before, setting) if same_file else (setting,)
    return merged


def _canonical_section(section: str) -> str:
    first, dot, rest = section.partition(".")
    return f"{first.lower()}{dot}{rest}"


def _subsection(key: str) -> str:
    return key.partition(".")[2].rpartition(".")[0].removesuffix(".variables")
