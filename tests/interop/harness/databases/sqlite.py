"""SQLite: files in the lane's own directory, the registry a file beside the target."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .base import LaneDatabase, Registry

HEADER = b"SQLite format 3\0"
"""What a database file begins with; a new one is empty until something is written."""


@dataclass(frozen=True)
class SqliteLane(LaneDatabase):
    """Its target is ``target.db``; what is looked at is every database in the directory, whatever it is called."""

    mark = "?"
    directory: Path

    @property
    def placeholders(self) -> Mapping[str, str]:
        uri = f"db:sqlite:{self.directory}/target.db"
        conf = f'[core]\n\tengine = sqlite\n[engine "sqlite"]\n\ttarget = {uri}\n'
        ignored = {"host": "localhost", "port": "1", "user": "ann"}
        names = {"db": "target.db", "uri": uri, "registry": "sqitch", "conf": conf, "client": "sqlite3"}
        return {"engine": "sqlite", **names, **ignored}

    @property
    def masks(self) -> Mapping[str, str]:
        folder = f"db:sqlite:{self.directory}"
        return {f"{folder}/target.db": "TARGET", f"{folder}/sqitch.db": "REGISTRY"}

    def execute(self, statements: str) -> None:
        """On the target, with the registry attached under the name of its schema on PostgreSQL."""
        with closing(sqlite3.connect(self.directory / "target.db")) as connection:
            connection.execute("ATTACH ? AS sqitch", [str(self.directory / "sqitch.db")])
            connection.executescript(statements)

    def registries(self, names: Sequence[str]) -> Iterator[Registry]:
        for path in self._files():
            with closing(sqlite3.connect(path)) as connection:
                cursor = connection.execute("SELECT name FROM sqlite_master WHERE name = 'changes'")
                if cursor.fetchone():
                    yield Registry(str(path.relative_to(self.directory)), cursor)
                    connection.commit()

    def schema(self) -> str:
        return "\n".join(line for path in self._files() for line in self._schema(path))

    def _schema(self, path: Path) -> Iterator[str]:
        query = r"SELECT sql FROM sqlite_master WHERE sql > '' AND name NOT LIKE 'sqitchpy\_%' ESCAPE '\' ORDER BY name"
        yield f"{path.relative_to(self.directory)}:"
        with closing(sqlite3.connect(path)) as connection:
            for (text,) in connection.execute(query):
                yield re.sub(r"\s+", " ", re.sub(r"--.*", "", text)).replace(", ", ",\n")

    def _files(self) -> list[Path]:
        return sorted(path for path in self.directory.rglob("*") if path.is_file() and is_database(path))

    def close(self) -> None:
        """Nothing is left open."""


def is_database(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(HEADER)) == HEADER
