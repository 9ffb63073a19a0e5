"""Files of SQL statements with names, which engines keep beside their code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_BLOCK = re.compile(r"^-- name: (\w+)\n((?:--[^\n]*\n)*)(.*?)(?=^-- name: |\Z)", re.M | re.S)


@cache
def read_queries(file: Path) -> dict[str, str]:
    """The statements of a file by their names: each is a block that begins with ``-- name: …``."""
    text = file.read_text("utf-8")
    return {match.group(1): match.group(3).strip() for match in _BLOCK.finditer(text)}
