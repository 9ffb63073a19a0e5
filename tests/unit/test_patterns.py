"""Regular expressions that mean the same on every Python that we run on."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

import sqitchpy
from sqitchpy.patterns import Late

_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)[*+?]\+")
_GUARDED = re.compile(r"\|\s*\(\?!\)\s*\Z")


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(sqitchpy.__path__, "sqitchpy."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _patterns(value: object) -> Iterator[str]:
    if isinstance(value, re.Pattern | Late):
        yield value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1")
    elif isinstance(value, dict | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _patterns(inner)


def unguarded(pattern: str) -> list[str]:
    """The possessive groups in ``pattern`` that do not end in an alternative which fails at once."""
    ends = ((group.start(), group.end()) for group in _POSSESSIVE_GROUP.finditer(pattern))
    return [pattern[max(0, start - 20) : end] for start, end in ends if not _GUARDED.search(pattern[:start])]


def test_patterns_that_are_compiled_late_can_be_compiled() -> None:
    late = [value for module in _modules() for value in vars(module).values() if isinstance(value, Late)]
    assert len(late) > 30
    assert all(value.pattern for value in late)


def test_possessive_groups_end_in_an_alternative_that_fails_at_once() -> None:
    r"""CPython 3.11.0 to 3.11.4 leaves a possessive group where its last, failed turn gave up (gh-100061, gh-106052).

    ``(?:a|:(?!c))*+`` takes all of ``a:c`` there. An alternative ``(?!)`` at the end puts it back.
    """
    found = {
        f"{module.__name__}.{name}": loose
        for module in _modules()
        for name, value in vars(module).items()
        for loose in [[group for pattern in _patterns(value) for group in unguarded(pattern)]]
        if loose
    }
    assert found == {}


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"(?:a|:(?!c))*+", ["(?:a|:(?!c))*+"]),
        (r"(?:ab)?+c(?:d|e)++", ["(?:ab)?+", "(?:ab)?+c(?:d|e)++"]),
        (r"(?:a|:(?!c)|(?!))*+", []),
        (r"[ab)]*+\)++(?:a)*", []),
    ],
)
def test_a_possessive_group_without_that_alternative_is_found(pattern: str, groups: list[str]) -> None:
    assert unguarded(pattern) == groups


def test_a_guarded_possessive_group_stops_before_what_it_cannot_match() -> None:
    stopped = re.match(r"(?:a|:(?!c)|(?!))*+", "aa:b:c")
    assert stopped is not None
    assert stopped.end() == 3
