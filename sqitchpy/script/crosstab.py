r"""``\crosstabview``: a result with one column down, one across, as psql prints it unaligned and without headers.

The rules and words are those of psql's crosstabview.c. Its header is not printed (``--tuples-only``), so the column
across only says which values stand beside each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqitchpy.script.actions import Rows

MAX_COLUMNS = 1600
_PART_OF_NAME = re.compile(rb'"((?:[^"]|"")*)"?|([^"]+)')
_RANK = re.compile(rb"-?[0-9]*")


def crosstab(rows: Rows, arguments: Sequence[bytes]) -> bytes:
    """The text that psql prints. ``arguments`` are colV, colH, colD and sortcolH. Raises ValueError in psql's words."""
    down, across, data, order = _columns(rows.columns, arguments)
    ranks: dict[bytes | None, int] = {}
    cells: dict[tuple[bytes | None, bytes | None], bytes] = {}
    for row in rows.values:
        ranks.setdefault(row[across], len(ranks) if order is None else _rank(row[order]))
        if len(ranks) > MAX_COLUMNS:
            raise ValueError(f"maximum number of columns ({MAX_COLUMNS}) exceeded")
        cell = row[down], row[across]
        if cell in cells:
            row_name, column_name = ((b"(null)" if name is None else name).decode("utf-8", "replace") for name in cell)
            raise ValueError(f'query result contains multiple data values for row "{row_name}", column "{column_name}"')
        cells[cell] = row[data] or b""
    top = sorted(ranks, key=lambda name: (ranks[name], name is None, name or b""))
    left = dict.fromkeys(row[down] for row in rows.values)
    lines = (b"|".join([name or b"", *(cells.get((name, other), b"") for other in top)]) for name in left)
    return b"".join(line + b"\n" for line in lines)


def _columns(names: Sequence[bytes], arguments: Sequence[bytes]) -> tuple[int, int, int, int | None]:
    """Which columns go down, across and into the cells, and which one sorts those across."""
    if len(names) < 3:
        raise ValueError("query must return at least three columns")
    given = dict(enumerate(_column(argument, names) for argument in arguments[:4]))
    down, across = given.get(0, 0), given.get(1, 1)
    if down == across:
        raise ValueError("vertical and horizontal headers must be different columns")
    if 2 not in given and len(names) > 3:
        raise ValueError("data column must be specified when query returns more than three columns")
    return down, across, given.get(2, 3 - down - across), given.get(3)


def _column(argument: bytes, names: Sequence[bytes]) -> int:
    """The index of a column that is given by its number, from 1, or by its name, as SQL folds and quotes it."""
    if argument.isdigit():
        if not 1 <= int(argument[:9]) <= len(names):
            raise ValueError(f"column number {int(argument[:9])} is out of range 1..{len(names)}")
        return int(argument) - 1
    name = _PART_OF_NAME.sub(lambda part: part[2].lower() if part[2] else part[1].replace(b'""', b'"'), argument)
    shown = name.decode("utf-8", "replace")
    if name not in names:
        raise ValueError(f'column name not found: "{shown}"')
    if names.count(name) > 1:
        raise ValueError(f'ambiguous column name: "{shown}"')
    return names.index(name)


def _rank(value: bytes | None) -> int:
    """What is no whole number sorts as 0."""
    digits = value if value is not None and _RANK.fullmatch(value) else b""
    return int(digits[:11]) if digits.strip(b"-") else 0
