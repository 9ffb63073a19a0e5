"""How the SQL of one database differs from another's, as far as the registry's statements need it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqitchpy.engines.queries import read_queries

_PARAMETER = re.compile(r":(\w+)")


def utc(value: Any) -> datetime:
    """A time of the registry as an aware datetime: what the driver gave, or text in UTC as Sqitch writes it."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip().replace(" ", "T", 1))
    found: datetime = value
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def milliseconds(moment: datetime) -> str:
    """A time as text with three decimals, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"


def microseconds(moment: datetime) -> str:
    """A time as text with six decimals, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond:06}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs. The defaults are SQL's."""

    placeholder: Literal["?", "%s"]
    """How a parameter is written (``paramstyle`` of the driver: qmark, or format)."""
    quote: str = '"'
    """What stands around an identifier."""
    now: str = "CURRENT_TIMESTAMP"
    """An expression for the present time, in UTC."""
    unit: timedelta = timedelta(microseconds=1)
    """The smallest step between two times that the registry can hold."""
    time: Callable[[datetime], Any] = microseconds
    """A time as it is written into the registry."""
    matches: str = "{column} REGEXP {pattern}"
    """Whether a text matches a regular expression of the database's."""
    hold: str | None = None
    """A query that keeps other deployers from recording anything of ``:project`` until the transaction ends.

    What stands in the registry is then asked over the control connection: in the transaction itself the answer may be
    as old as its first statement (``REPEATABLE READ``).
    """
    implicit_commits: bool = False
    """Whether statements that refuse a transaction commit it, instead of failing in it."""
    savepoints: bool = True
    """Whether it has SAVEPOINT. Without it a verification runs before the commit only if all it does is read."""


class Queries:
    """The registry's statements (``queries.sql``) in one dialect; ``prefix`` stands before the names of its tables.

    Parameters are written ``:name`` there, lists ``(:name)``, quoted identifiers ``[name]``.
    """

    def __init__(self, dialect: Dialect, prefix: str) -> None:
        self._dialect = dialect
        self._prefix = prefix

    def bound(self, name: str, parameters: Mapping[str, Any], **parts: str) -> tuple[str, list[Any]]:
        """A statement as the driver takes it, and its parameters in their order."""
        return self.bind(read_queries(Path(__file__).with_name("queries.sql"))[name], parameters, **parts)

    def bind(self, text: str, parameters: Mapping[str, Any], **parts: str) -> tuple[str, list[Any]]:
        """The same for a statement that is not one of the file's."""
        for part, value in {"r": self._prefix, "now": self._dialect.now, **parts}.items():
            text = text.replace(f"{{{part}}}", value)
        quote, values = self._dialect.quote, []
        text = re.sub(r"\[(\w+)\]", rf"{quote}\1{quote}", text)

        def put(match: re.Match[str]) -> str:
            value = parameters[match[1]]
            many = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
            values.extend(many)
            return ", ".join([self._dialect.placeholder] * len(many)) or "NULL"

        return _PARAMETER.sub(put, text), values

    def matching(self, column: str, name: str) -> str:
        """The condition that a column matches the pattern of that parameter."""
        return self._dialect.matches.format(column=column, pattern=f":{name}")


def listed(items: Sequence[str], separator: str) -> str:
    """A list as Sqitch keeps it in a text column: its lists are joined by commas, tags of a deployment by blanks."""
    return separator.join(items)


def unlisted(text: str | None) -> tuple[str, ...]:
    """A list of such a column, whichever of the two joins it."""
    return tuple(item for item in re.split(r"[, ]", text or "") if item)
