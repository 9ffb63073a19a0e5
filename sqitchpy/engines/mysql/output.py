"""Rows as ``mysql --silent --skip-column-names`` prints them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ESCAPES = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t", 0: "\\0"}
_STARS = "*" * 27


def rendered(rows: Iterable[Sequence[bytes | None]], *, upright: bool) -> str:
    r"""The text for a query's rows; ``upright`` is ``\G``'s way: each value on a line of its own."""
    if upright:
        return "".join(_upright(number, row) for number, row in enumerate(rows, 1))
    return "".join("\t".join(_text(value).translate(_ESCAPES) for value in row) + "\n" for row in rows)


def _upright(number: int, row: Sequence[bytes | None]) -> str:
    return f"{_STARS} {number}. row {_STARS}\n" + "".join(f"{_text(value)}\n" for value in row)


def _text(value: bytes | None) -> str:
    return "NULL" if value is None else value.decode("utf-8", "replace")
