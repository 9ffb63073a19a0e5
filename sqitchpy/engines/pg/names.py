"""The registry's statements, with its schema in them: ``queries.sql`` read once, names quoted in one place."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from sqitchpy.engines.queries import read_queries


def quoted(name: str) -> str:
    """A quoted identifier."""
    return sql.Identifier(name).as_string(None)


class Queries:
    """The statements of ``queries.sql`` for one registry schema."""

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.schema = quoted(registry)
        percent = self.schema.replace("%", "%%")
        templates = read_queries(Path(__file__).with_name("queries.sql"))
        self._for_cursor = {name: text.replace("{registry}", percent) for name, text in templates.items()}
        self._for_wire = {name: text.replace("{registry}", self.schema).encode() for name, text in templates.items()}

    def cursor(self, name: str) -> str:
        """A statement with ``%(name)s`` placeholders, for a psycopg cursor."""
        return self._for_cursor[name]

    def wire(self, name: str) -> bytes:
        """A statement with ``$1`` placeholders, for the wire."""
        return self._for_wire[name]

    def table(self, name: str) -> str:
        """A quoted, qualified table name."""
        return f"{self.schema}.{quoted(name)}"
