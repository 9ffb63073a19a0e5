"""Rows as the sqlite3 shell prints them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Style(NamedTuple):
    """How rows are printed. The defaults are those of ``sqlite3 -noheader -csv``, Sqitch's."""

    separator: str = ","
    quotes: bool = True
    headers: bool = False
    null: str = ""


PLAIN = Style()


def rendered(columns: Sequence[str], rows: Iterable[Sequence[Any]], style: Style) -> str:
    """The text for a query's result; nothing for one without rows."""
    lines = [_line(row, style) for row in rows]
    if lines and style.headers:
        lines.insert(0, _line(columns, style))
    return "".join(lines)


def _line(values: Sequence[Any], style: Style) -> str:
    return style.separator.join(_value(value, style) for value in values) + "\n"


def _value(value: Any, style: Style) -> str:
    if value is None:
        return style.null
    text = _text(value)
    if style.quotes and (not text or style.separator in text or any(map(_needs_quotes, text))):
        return '"' + text.replace('"', '""') + '"'
    return text


def _needs_quotes(character: str) -> bool:
    return character <= " " or character in "\"'" or character >= "\x7f"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return _real(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _real(value: float) -> str:
    """A number as SQLite makes text of it: up to 15 digits, and always with a point."""
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    digits, exponent, power = f"{value:.15g}".partition("e")
    return (digits if "." in digits else f"{digits}.0") + exponent + power
