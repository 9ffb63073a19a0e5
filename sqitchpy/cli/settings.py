"""Looking for keys and values of the configuration, and showing what was found, for ``sqitchpy config``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from sqitchpy.config import Config, Source
from sqitchpy.config.casting import Type, cast
from sqitchpy.config.editing import Matches
from sqitchpy.errors import Refusal, SqitchpyError

T = TypeVar("T")


class Found(NamedTuple):
    """A key with its values, of which there is at least one; ``several`` when the file says more than one."""

    key: str
    values: tuple[str | None, ...]
    several: bool
    sources: tuple[Source, ...]


def matching(pattern: str) -> Matches | None:
    """Which values are meant by a pattern: those that it matches; behind ``!`` the others; all when it is empty.

    A lone ``!`` means none, as in Sqitch. Raises SqitchpyError for what is no regular expression.
    """
    if not pattern:
        return None
    if pattern == "!":
        return lambda value: False
    inverted = pattern.startswith("!")
    regex = _compiled(pattern.removeprefix("!"))
    if inverted:
        return lambda value: value is None or not regex.search(value)
    return lambda value: value is not None and regex.search(value) is not None


def find(config: Config, regex: str, matches: Matches | None, kind: Type | None) -> list[Found]:
    """The keys that a regular expression matches, in order. Raises SqitchpyError, ConfigError."""
    wanted = _compiled(regex)
    keys = sorted(key for key in config.settings if wanted.search(key))
    return list(_found(config, keys, matches, kind))


def some(found: Sequence[T]) -> Sequence[T]:
    """What was found. Raises Refusal when that is nothing: an empty line, exit code 1."""
    if not found:
        raise Refusal("")
    return found


def one_line(found: Found) -> str:
    """A key with its value, or values, as Sqitch lists it."""
    if found.several:
        return f"{found.key}=[{', '.join(value or '' for value in found.values)}]"
    (value,) = found.values
    return found.key if value is None else f"{found.key}={value}"


def found_document(found: Sequence[Found]) -> dict[str, Any]:
    """The same as a document."""
    return {
        "settings": [
            {
                "key": each.key,
                "values": list(each.values),
                "file": str(each.sources[-1].path),
                "line": each.sources[-1].line,
            }
            for each in found
        ],
        "error": None,
    }


def _found(config: Config, keys: Sequence[str], matches: Matches | None, kind: Type | None) -> Iterator[Found]:
    for key in keys:
        values = config.get_all(key)
        kept = tuple(cast(value, kind) for value in values if matches is None or matches(value))
        if kept:
            several = len(values) > 1 or key == "include.path"  # which Sqitch takes for a list always
            yield Found(key, kept, several, tuple(setting.source for setting in config.settings[key]))


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex, re.IGNORECASE)
    except re.error as error:
        raise SqitchpyError(f"Cannot read the regular expression {regex}: {error}") from error
