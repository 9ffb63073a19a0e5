"""The database of a lane: how scenarios name it, and what can be seen in it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

ROWS = {
    "releases": ("installed_at", "version"),
    "projects": ("created_at", "project"),
    "changes": ("committed_at", "change_id"),
    "tags": ("committed_at", "tag_id"),
    "dependencies": ("change_id", "dependency"),
    "events": ("committed_at", "change_id"),
}
"""The registry's tables, and what tells the order of their rows. Times are left out of the rows; the order is not."""

_TIMES = {"committed_at", "installed_at", "created_at"}


class Registry(NamedTuple):
    """A registry that is there: its name, a DB-API cursor that reads it, and what stands before its tables' names."""

    name: str
    cursor: Any
    prefix: str = ""


class LaneDatabase(ABC):
    """One lane's database, in Sqitch's registries of which ``rows`` and ``freeze`` look."""

    mark: ClassVar[str] = "%s"
    """What stands for a parameter in its driver's SQL."""

    @property
    @abstractmethod
    def placeholders(self) -> Mapping[str, str]:
        """What scenarios write in braces; see scenario.py."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables that lead the commands here."""
        return {}

    @property
    @abstractmethod
    def masks(self) -> Mapping[str, str]:
        """Texts that cannot be equal in two lanes, and what is compared in their place; in this order."""

    @abstractmethod
    def execute(self, statements: str) -> None:
        """Run statements, behind the back of both tools."""

    @abstractmethod
    def registries(self, names: Sequence[str]) -> Iterator[Registry]:
        """Those registries that are there."""

    @abstractmethod
    def schema(self) -> str:
        """The schema, without what is sqitchpy's own."""

    @abstractmethod
    def close(self) -> None:
        """Close what was opened for looking."""

    def rows(self, registries: Sequence[str]) -> str:
        """The rows of the registries, a line for each, in the order that their times give them."""
        lines: list[str] = []
        for registry in self.registries(registries):
            for table, order in ROWS.items():
                registry.cursor.execute(f"SELECT * FROM {registry.prefix}{table} ORDER BY {', '.join(order)}")
                names = [column[0] for column in registry.cursor.description]
                lines += [f"{registry.name}.{table} {_row(names, row)}" for row in registry.cursor.fetchall()]
        return "\n".join(lines)

    def freeze(self, registries: Sequence[str]) -> None:
        """Give what was recorded fixed times, an hour apart and in the same order, so that dates can be compared."""
        for registry in self.registries(registries):
            self._freeze(registry.cursor, registry.prefix)

    def _freeze(self, cursor: Any, prefix: str) -> None:
        cursor.execute(f"SELECT change_id, committed_at, event FROM {prefix}events ORDER BY committed_at")
        for hour, (change_id, old, event) in enumerate(cursor.fetchall(), 12):
            time = f"2024-06-{1 + hour // 24:02} {hour % 24:02}:00:00.000"
            where = f"WHERE change_id = {self.mark}"
            cursor.execute(
                f"UPDATE {prefix}events SET committed_at = {self.mark} {where} AND committed_at = {self.mark}",
                (time, change_id, old),
            )
            if event == "deploy":
                for table in ("changes", "tags"):
                    cursor.execute(f"UPDATE {prefix}{table} SET committed_at = {self.mark} {where}", (time, change_id))


def _row(names: Sequence[str], row: Sequence[object]) -> str:
    values = {name: value for name, value in zip(names, row, strict=True) if name not in _TIMES}
    return json.dumps(values, ensure_ascii=False, default=str)
