"""What happens during a run, as values. The command line's whole output is drawn from these; so can yours be.

Pass ``on_event=callable`` to :meth:`sqitchpy.Project.target`; it is called in the thread that runs the migration, with
one of the classes below. An exception raised by the callback stops the run: what the database is doing at that moment
is cancelled and rolled back. On PostgreSQL up to three changes behind the one told last may be committed by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from sqitchpy.errors import LockHolder, SqitchpyError

Action = Literal["deploy", "revert", "verify"]


class RegistryCreated(NamedTuple):
    """The registry's tables are about to be created in ``destination``.

    Sqitch says so everywhere but on MySQL, which is why the command line does not there (``said``).
    """

    destination: str
    said: bool = True


class RegistryUpgraded(NamedTuple):
    """The registry is about to be upgraded through ``versions``, oldest first, e.g. ``("1.0", "1.1")``."""

    versions: tuple[str, ...]


class LockWaiting(NamedTuple):
    """Another deployer holds the lock; we wait up to ``timeout`` seconds (0: without limit)."""

    destination: str
    timeout: float
    holder: LockHolder | None


class Blocked(NamedTuple):
    """A statement waits for locks that others hold; it is told again when somebody else is in the way."""

    holders: tuple[LockHolder, ...]


class RunStarted(NamedTuple):
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


class CheckStarted(NamedTuple):
    """The scripts are going to be compared with what ``destination`` was deployed with."""

    destination: str


class Noted(NamedTuple):
    """Something to be told in the course of a run: why a part of it had nothing to do, for example."""

    text: str


class StepStarted(NamedTuple):
    """A change is about to be deployed, reverted or verified. ``index`` counts from 1 up to ``total``."""

    action: Action
    label: str
    change_id: str
    index: int  # type: ignore[assignment]  # a tuple has a method of this name, which nobody wants here
    total: int


class StepFinished(NamedTuple):
    """A change is deployed, reverted or verified, and recorded. ``seconds`` is wall time."""

    action: Action
    label: str
    change_id: str
    seconds: float


class StepFailed(NamedTuple):
    """A change could not be deployed, reverted or verified. ``error`` is None when a verification just found fault."""

    action: Action
    label: str
    change_id: str
    seconds: float
    error: SqitchpyError | None


class ScriptOutput(NamedTuple):
    r"""Text a script wrote to its standard output: query results and ``\echo``, as psql prints them."""

    action: Action
    text: str


class ScriptMessage(NamedTuple):
    """Text a script caused on standard error: NOTICEs, WARNINGs, as psql prints them, with the file and line."""

    action: Action
    text: str


class FailureReported(NamedTuple):
    """A step failed and the run now deals with it; ``text`` is what went wrong, in Sqitch's words."""

    text: str


class RevertingAfterFailure(NamedTuple):
    """Changes deployed by this run are being taken back, down to ``to`` (None: all of them).

    ``only`` holds their labels where others that were deployed later stay (``deploy --only``).
    """

    to: str | None
    only: tuple[str, ...] = ()


class VerifyProblem(NamedTuple):
    """A verification found something: printed as a comment below the change."""

    text: str


class UndeployedChange(NamedTuple):
    """Verify met a planned change, within its range, that is not deployed."""

    label: str


class UndeployedChanges(NamedTuple):
    """Planned changes after the last deployed one: worth saying, not an error."""

    labels: tuple[str, ...]


class Warned(NamedTuple):
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
