"""Rows as the sqlite3 shell prints them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple


class Style(NamedTuple):
    """How rows are printed. The defaults are those of ``sqlite3 -noheader -csv``, Sqitch's."""

    separator: str = ","
    quotes: bool = True
    headers: bool = False
    null: str = ""


PLAIN = Style()


def rendered(columns: Sequence[str], rows: Iterable[Sequence[Any]], style: Style) -> str:
    """The text for a query's result; nothing for one without rows.

    SQLite itself makes text of real numbers: its 15 digits are not always the nearest, and not those of every version.
    """
    with closing(sqlite3.connect(":memory:")) as scratch:
        lines = [_line([_text(value, scratch) for value in row], style) for row in rows]
    if lines and style.headers:
        lines.insert(0, _line(columns, style))
    return "".join(lines)


def _line(values: Sequence[str | None], style: Style) -> str:
    return style.separator.join(_value(value, style) for value in values) + "\n"


def _value(text: str | None, style: Style) -> str:
    if text is None:
        return style.null
    if style.quotes and (not text or style.separator in text or any(map(_needs_quotes, text))):
        return '"' + text.replace('"', '""') + '"'
    return text


def _needs_quotes(character: str) -> bool:
    return character <= " " or character in "\"'" or character >= "\x7f"


def _text(value: Any, scratch: sqlite3.Connection) -> str | None:
    if isinstance(value, float):
        value = scratch.execute("SELECT CAST(? AS TEXT)", (value,)).fetchone()[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)
