"""What happens during a run, as values. The command line's whole output is drawn from these; so can yours be.

Pass ``on_event=callable`` to :meth:`sqitchpy.Project.target`; it is called in the thread that runs the migration, with
one of the classes below. An exception raised by the callback stops the run after the current step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqitchpy.errors import LockHolder, SqitchpyError

Action = Literal["deploy", "revert", "verify"]


@dataclass(frozen=True, slots=True)
class RegistryCreated:
    """The registry's tables are about to be created in ``destination``.

    Sqitch says so everywhere but on MySQL, which is why the command line does not there (``said``).
    """

    destination: str
    said: bool = True


@dataclass(frozen=True, slots=True)
class RegistryUpgraded:
    """The registry is about to be upgraded through ``versions``, oldest first, e.g. ``("1.0", "1.1")``."""

    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LockWaiting:
    """Another deployer holds the lock; we wait up to ``timeout`` seconds (0: without limit)."""

    destination: str
    timeout: float
    holder: LockHolder | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A statement waits for locks that others hold; it is told again when somebody else is in the way."""

    holders: tuple[LockHolder, ...]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins. ``labels`` are the changes it will touch, in order, each with its tags (``users @v1``).

    ``through`` is the label of the change a deployment goes to, or the one a revert goes back to, when one was named.
    ``asked`` is true when the user has confirmed the run at a prompt (which then stands for the headline). ``only`` is
    true when the changes are those that belong to one that was named, whatever is planned or deployed between them.
    """

    action: Action
    destination: str
    labels: tuple[str, ...]
    through: str | None = None
    asked: bool = False
    only: bool = False


@dataclass(frozen=True, slots=True)
class CheckStarted:
    """The scripts are going to be compared with what ``destination`` was deployed with."""

    destination: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something to be told in the course of a run: why a part of it had nothing to do, for example."""

    text: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A change is about to be deployed, reverted or verified. ``index`` counts from 1 up to ``total``."""

    action: Action
    label: str
    change_id: str
    index: int
    total: int


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A change is deployed, reverted or verified, and recorded. ``seconds`` is wall time."""

    action: Action
    label: str
    change_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A change could not be deployed, reverted or verified. ``error`` is None when a verification just found fault."""

    action: Action
    label: str
    change_id: str
    seconds: float
    error: SqitchpyError | None


@dataclass(frozen=True, slots=True)
class ScriptOutput:
    r"""Text a script wrote to its standard output: query results and ``\echo``, as psql prints them."""

    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class ScriptMessage:
    """Text a script caused on standard error: NOTICEs, WARNINGs, as psql prints them, with the file and line."""

    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class FailureReported:
    """A step failed and the run now deals with it; ``text`` is what went wrong, in Sqitch's words."""

    text: str


@dataclass(frozen=True, slots=True)
class RevertingAfterFailure:
    """Changes deployed by this run are being taken back, down to ``to`` (None: all of them).

    ``only`` holds their labels where others that were deployed later stay (``deploy --only``).
    """

    to: str | None
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyProblem:
    """A verification found something: printed as a comment below the change."""

    text: str


@dataclass(frozen=True, slots=True)
class UndeployedChange:
    """Verify met a planned change, within its range, that is not deployed."""

    label: str


@dataclass(frozen=True, slots=True)
class UndeployedChanges:
    """Planned changes after the last deployed one: worth saying, not an error."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know, though the run goes on."""

    text: str


Event = (
    RegistryCreated
    | RegistryUpgraded
    | LockWaiting
    | Blocked
    | RunStarted
    | CheckStarted
    | Noted
    | StepStarted
    | StepFinished
    | StepFailed
    | ScriptOutput
    | ScriptMessage
    | FailureReported
    | RevertingAfterFailure
    | VerifyProblem
    | UndeployedChange
    | UndeployedChanges
    | Warned
)

OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The callback of those who do not want to know."""
