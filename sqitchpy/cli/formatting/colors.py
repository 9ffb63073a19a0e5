"""Colour names to ANSI escape sequences, in the vocabulary of Perl's Term::ANSIColor, which is Sqitch's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from sqitchpy.errors import ConfigError

_COLORS: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STYLES: Final = {
    "clear": 0, "reset": 0, "bold": 1, "dark": 2, "faint": 2, "italic": 3, "underline": 4, "underscore": 4,
    "blink": 5, "reverse": 7, "concealed": 8,
}  # fmt: skip
_FAMILIES: Final = (("", 30), ("on_", 40), ("bright_", 90), ("on_bright_", 100))
_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {name: str(code) for name, code in _STYLES.items()}
    | {f"{prefix}{name}": str(base + n) for prefix, base in _FAMILIES for n, name in enumerate(_COLORS)}
)
_PALETTE: Final = re.compile(
    r"(?P<on>on_)?(?:"
    r"ansi(?P<ansi>0|[1-9][0-9]{0,2})"
    r"|grey(?P<grey>0|[1-9][0-9]?)"
    r"|rgb(?P<cube>[0-5]{3})"
    r"|r(?P<r>[0-9]+)g(?P<g>[0-9]+)b(?P<b>[0-9]+)"
    r")"
)
_EVENTS: Final[Mapping[str, str]] = MappingProxyType({"deploy": "\033[32m", "revert": "\033[34m"})


def escape(names: str) -> str:
    """The escape sequence for colour names set apart by blanks, such as ``bold red``; nothing for no names.

    Knows the sixteen colours and their ``on_`` backgrounds, the styles, ``ansi0`` to ``ansi255``, ``rgb000`` to
    ``rgb555``, ``grey0`` to ``grey23`` and ``r0g0b0`` to ``r255g255b255``, in any case of letters.

    Raises ``ConfigError`` for an unknown name.
    """
    codes = [_code(name) for name in names.lower().split()]
    if None in codes:
        raise ConfigError(f"{names} is not a valid ANSI color")
    return f"\033[{';'.join(filter(None, codes))}m" if codes else ""


def event_escape(event: str) -> str:
    """The colour of an event: a deploy is green, a revert blue, a failure red."""
    return _EVENTS.get(event, "\033[31m")


def wants_color(mode: str, *, terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour the output: ``mode`` is ``always``, ``never`` or ``auto`` (when stdout is a ``terminal``).

    A ``NO_COLOR`` in the environment, even an empty one, wins over ``always``; ``ANSI_COLORS_DISABLED`` counts for
    ``auto`` alone. Raises ``ConfigError`` (exit code 255) for another mode.
    """
    if mode not in ("always", "never", "auto"):
        message = f'Value "{mode}" did not pass type constraint "Enum[always,auto,never]"'
        raise ConfigError(message, hint="Use always, auto or never", exit_code=255)
    if mode == "never" or "NO_COLOR" in environ:
        return False
    return mode == "always" or (terminal and not environ.get("ANSI_COLORS_DISABLED"))


def _code(name: str) -> str | None:
    """The SGR parameters of one lower-case name."""
    if name in _CODES:
        return _CODES[name]
    found = _PALETTE.fullmatch(name)
    if not found:
        return None
    ground = "48" if found["on"] else "38"
    if found["r"] is not None:
        levels = [int(found[channel]) for channel in "rgb"]
        return ";".join(chain((ground, "2"), map(str, levels))) if max(levels) <= 255 else None
    index = _palette_index(found)
    return None if index is None else f"{ground};5;{index}"


def _palette_index(found: re.Match[str]) -> int | None:
    """The place in the 256-colour palette: 16 plus a 6×6×6 cube, and a ramp of 24 greys from 232."""
    if found["cube"] is not None:
        return 16 + int(found["cube"], base=6)
    if found["grey"] is not None:
        return 232 + int(found["grey"]) if int(found["grey"]) <= 23 else None
    return int(found["ansi"]) if int(found["ansi"]) <= 255 else None
