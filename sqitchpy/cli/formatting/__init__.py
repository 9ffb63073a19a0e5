"""How ``log`` and ``plan`` write their items: formats, dates and colours. Values in, text out; nothing is printed."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

from sqitchpy.cli.formatting.colors import wants_color
from sqitchpy.cli.formatting.conversions import build
from sqitchpy.cli.formatting.dates import DateFormat, format_date, parse_date_format
from sqitchpy.cli.formatting.item import Item, item_from_change, item_from_event
from sqitchpy.cli.formatting.named import TEMPLATES
from sqitchpy.cli.formatting.template import Kind, Part, Settings, compile_template
from sqitchpy.cli.formatting.zones import local_zone
from sqitchpy.errors import ConfigError

__all__ = [
    "ONELINE_ABBREV",
    "DateFormat",
    "Format",
    "Item",
    "Kind",
    "compile_format",
    "format_date",
    "item_from_change",
    "item_from_event",
    "local_zone",
    "parse_date_format",
    "render",
    "wants_color",
]

ONELINE_ABBREV = 6
"""``--oneline`` is ``--format oneline --abbrev 6``; either can be given beside it."""


class Format(NamedTuple):
    """A compiled format."""

    template: str
    parts: tuple[str | Part, ...]


def compile_format(spec: str, kind: Kind) -> Format:
    """The format for ``raw``, ``full``, ``long``, ``medium``, ``short``, ``oneline`` or ``format:TEMPLATE``.

    An empty ``spec`` is an empty template. Raises ``ConfigError``: exit code 255 for an unknown name, 2 for a mistake
    in a template.
    """
    custom = spec == "" or spec.startswith("format:")
    template = spec.removeprefix("format:") if custom else TEMPLATES[kind].get(spec)
    if template is None:
        hint = f"Use {', '.join(TEMPLATES[kind])} or format:TEMPLATE"
        raise ConfigError(f'Unknown {kind} format "{spec}"', hint=hint, exit_code=255)
    return Format(template, compile_template(template, kind, build))


def render(
    format: Format, item: Item, *, abbrev: int, date_format: DateFormat, color: bool, tz: tzinfo | None = None
) -> str:
    """One item, with the line feed that ends it. ``abbrev`` 0 shows whole ids.

    ``tz`` is the reader's zone, best had from ``local_zone``; ``None`` is the system's local time.
    """
    settings = Settings(abbrev, date_format, color, tz)
    return "".join([part if isinstance(part, str) else part(item, settings) for part in format.parts]) + "\n"
