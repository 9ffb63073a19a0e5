"""Options of the runs, as frozen values with Sqitch's defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["all", "tag", "change"]
Runner = Literal["native", "psql"]
Transaction = Literal["change", "run", "script"]
"""What is one transaction: each change, the whole run, or whatever the scripts themselves say (Sqitch's way)."""
VerifyWhen = Literal["inside", "after"]
"""When a deployment verifies a change: inside its transaction, or after it is committed."""

DEFAULT_LOCK_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How to deploy. ``lock_timeout`` is in seconds, 0 waits without limit."""

    to: str | None = None
    mode: Mode = "all"
    verify: bool = False
    log_only: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT
    runner: Runner = "native"


@dataclass(frozen=True, slots=True)
class RevertQuestion:
    """What a revert is about to do, for whoever is asked to confirm it."""

    destination: str
    to: str | None
    """Label of the change to keep; None when everything goes."""
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RevertOptions:
    """How to revert. ``to`` names the change to keep; without it everything is reverted.

    ``confirm`` is asked once, after the lock is held and before anything is run; None means yes.
    """

    to: str | None = None
    modified: bool = False
    log_only: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT
    runner: Runner = "native"
    confirm: Callable[[RevertQuestion], bool] | None = None


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Which deployed changes to verify; both ends are included."""

    since: str | None = None
    to: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    runner: Runner = "native"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which events to read. Patterns are the database's regular expressions; different kinds are combined with AND."""

    events: tuple[str, ...] = ()
    change: str | None = None
    project: str | None = None
    committer: str | None = None
    limit: int | None = None
    offset: int | None = None
    reverse: bool = False
