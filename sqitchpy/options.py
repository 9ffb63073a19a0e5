"""Options of the runs, as frozen values with Sqitch's defaults."""

from __future__ import annotations

from typing import Literal, NamedTuple

Mode = Literal["all", "tag", "change"]
Runner = Literal["native", "psql", "sqlite3", "mysql"]
"""What runs scripts: sqitchpy itself, or the client program of the database that it belongs to."""
Transaction = Literal["change", "run", "script"]
"""What is one transaction: each change, the whole run, or whatever the scripts themselves say (Sqitch's way)."""
VerifyWhen = Literal["inside", "after"]
"""When a deployment verifies a change: inside its transaction, or after it is committed."""

DEFAULT_LOCK_TIMEOUT = 60.0


class RevertQuestion(NamedTuple):
    """What a revert is about to do, for whoever is asked to confirm it."""

    destination: str
    to: str | None
    """Label of the change to go back to; None when everything goes, or ``only`` is true."""
    labels: tuple[str, ...]
    """Labels of the changes that go."""
    only: bool = False
    """These go and nothing else, whatever was deployed later (``revert --only``)."""


class LogFilter(NamedTuple):
    """Which events to read. Patterns are the database's regular expressions; different kinds are combined with AND."""

    events: tuple[str, ...] = ()
    change: str | None = None
    project: str | None = None
    committer: str | None = None
    limit: int | None = None
    offset: int | None = None
    reverse: bool = False
