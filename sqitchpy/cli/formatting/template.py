"""The template language of ``--format``: text with conversions, ``%[-][width][.maximum][{argument}]code``.

A template is compiled once and rendered for each item, so every mistake in it is found before the first line of
output (Sqitch finds it when it comes to the first item).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import Final, Literal, NamedTuple

from sqitchpy.cli.formatting.dates import DateFormat
from sqitchpy.cli.formatting.item import Item

Kind = Literal["log", "plan"]


class Settings(NamedTuple):
    """What a rendering depends on besides the item. ``abbrev`` 0 shows whole ids; ``tz`` ``None`` is local time."""

    abbrev: int
    date_format: DateFormat
    color: bool
    tz: tzinfo | None


Part = Callable[[Item, Settings], str]
Build = Callable[[str, str | None, Kind], Part]

_CONVERSION: Final = re.compile(r"%(-)?([0-9]+)?(?:\.([0-9]*))?(?:\{(.*?)\})?(\S)")


def compile_template(template: str, kind: Kind, build: Build) -> tuple[str | Part, ...]:
    """The pieces of a template: text, and what ``build(code, argument, kind)`` makes of each conversion.

    A ``%`` before a blank or at the end is a ``%``. Raises what ``build`` raises.
    """
    parts: list[str | Part] = []
    done = 0
    for found in _CONVERSION.finditer(template):
        parts += template[done : found.start()], _piece(found, kind, build)
        done = found.end()
    parts.append(template[done:])
    return tuple(part for part in parts if part != "")


def _piece(found: re.Match[str], kind: Kind, build: Build) -> str | Part:
    if found[0] == "%%":
        return "%"
    left, width, maximum, argument, code = found.groups()
    part = build(code, argument, kind)
    return _fitted(part, width or "", maximum or "", left=left is not None)


def _fitted(part: Part, width: str, maximum: str, *, left: bool) -> Part:
    """``part`` cut to ``maximum`` and filled to ``width``.

    As in Sqitch's formatter a maximum of ``0`` is none, while one of ``00`` leaves nothing. A width that begins with
    a zero fills with zeros, except on the right.
    """
    least = int(width or 0)
    most = int(maximum) if maximum not in ("", "0") else None
    if least == 0 and most is None:
        return part
    fill = "0" if width.startswith("0") else " "
    if left:
        return lambda item, settings: part(item, settings)[:most].ljust(least)
    return lambda item, settings: part(item, settings)[:most].rjust(least, fill)
