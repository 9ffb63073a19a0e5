"""The registry's statements, with its schema in them: ``queries.sql`` read once, names quoted in one place."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from psycopg import sql

_BLOCK = re.compile(r"^-- name: (\w+)\n((?:--[^\n]*\n)*)(.*?)(?=^-- name: |\Z)", re.M | re.S)


def quoted(name: str) -> str:
    """A quoted identifier."""
    return sql.Identifier(name).as_string(None)


@cache
def _templates() -> dict[str, str]:
    text = Path(__file__).with_name("queries.sql").read_text("utf-8")
    return {match.group(1): match.group(3).strip() for match in _BLOCK.finditer(text)}


class Queries:
    """The statements of ``queries.sql`` for one registry schema."""

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.schema = quoted(registry)
        percent = self.schema.replace("%", "%%")
        self._for_cursor = {name: text.replace("{registry}", percent) for name, text in _templates().items()}
        self._for_wire = {name: text.replace("{registry}", self.schema).encode() for name, text in _templates().items()}

    def cursor(self, name: str) -> str:
        """A statement with ``%(name)s`` placeholders, for a psycopg cursor."""
        return self._for_cursor[name]

    def wire(self, name: str) -> bytes:
        """A statement with ``$1`` placeholders, for the wire."""
        return self._for_wire[name]

    def table(self, name: str) -> str:
        """A quoted, qualified table name."""
        return f"{self.schema}.{quoted(name)}"
