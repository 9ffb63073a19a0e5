"""What a run did, as values: returned by deploy, revert and verify, and carried by the errors that end one early."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqitchpy.events import Action
from sqitchpy.model import Change, DeployedChange

Outcome = Literal["done", "failed", "skipped"]
Runs = Literal["transaction", "run", "after", "statements", "psql", "sqlite3", "mysql", "missing"]
"""How a script would be run: in its change's transaction, in that of the whole run, after its change is committed (a
verification), statement by statement outside a transaction, in psql; or not at all, because its file does not exist."""


class StepReport(NamedTuple):
    """One change of a run. ``why`` says why it was skipped or how it failed; ``seconds`` is wall time."""

    action: Action
    change: str
    change_id: str
    label: str
    outcome: Outcome
    seconds: float = 0.0
    why: str | None = None


class Report(NamedTuple):
    """A whole run: the steps in the order they were taken, including the reverts that follow a failure.

    ``message`` is the one-line result when there was nothing to do, in Sqitch's words.
    """

    action: Action
    destination: str
    steps: tuple[StepReport, ...] = ()
    seconds: float = 0.0
    message: str | None = None

    @property
    def done(self) -> tuple[str, ...]:
        """Names of the changes for which the run's own action was completed."""
        return tuple(step.change for step in self.steps if step.action == self.action and step.outcome == "done")


class VerifyReport(NamedTuple):
    """The result of a verification: ``changes`` looked at, ``errors`` found, and the details."""

    destination: str
    changes: int
    errors: int
    problems: tuple[tuple[str, str], ...] = ()
    """Pairs of a change's label and what is wrong with it."""
    undeployed: tuple[str, ...] = ()
    """Labels of planned changes after the last deployed one."""
    message: str | None = None
    """The one-line result when there was nothing to verify."""


class CheckReport(NamedTuple):
    """The result of a check: how many ``changes`` were looked at, and the first whose script was edited, if any is."""

    destination: str
    changes: int
    diverged: str | None = None
    """Label of the change whose script is not the one that was deployed."""
    deployed_hash: str | None = None
    """SHA-1 of the script as it was deployed."""
    script_hash: str | None = None
    """SHA-1 of the script as it is; None when there is none."""
    message: str | None = None
    """The one-line result when there was nothing to check."""
    line_ends: Literal["LF", "CRLF"] | None = None
    """The line ends of the script as it was deployed, when it differs in nothing else."""


class Mended(NamedTuple):
    """A deployed change that is re-linked: what the plan and its script say now, and what the registry had.

    ``line_ends`` are those of the script as it was deployed, when it differs in nothing else. ``tags`` are the tags
    whose rows change.
    """

    label: str
    change: str
    change_id: str
    script: str
    script_hash: str | None
    deployed_as: str
    deployed_id: str
    deployed_hash: str | None
    line_ends: Literal["LF", "CRLF"] | None = None
    tags: tuple[str, ...] = ()


class LeftAlone(NamedTuple):
    """Something in the registry that cannot be re-linked without guessing, and why."""

    label: str
    change_id: str
    why: str


class RepairReport(NamedTuple):
    """What a repair of the registry is going to do, or (``done``) has done."""

    destination: str
    mended: tuple[Mended, ...] = ()
    left: tuple[LeftAlone, ...] = ()
    done: bool = False


class Status(NamedTuple):
    """Where a database stands relative to the plan.

    ``state`` is the latest deployed change; ``pending`` are the planned changes after it, None when the deployed
    project is not the plan's (or there is no plan file) and so nothing can be said.
    """

    destination: str
    project: str | None
    state: DeployedChange | None
    pending: tuple[Change, ...] | None
    plan_file: str | None
    deployed: tuple[DeployedChange, ...] = ()
    """All deployed changes, oldest first; only when asked for."""
    unknown_to_plan: bool = False
    """The latest deployed change is not in the plan."""
    gaps: tuple[Change, ...] = ()
    """Planned changes before the latest deployed one that are not deployed."""


class PreviewedScript(NamedTuple):
    """A script of a dry run.

    ``sql`` is what would be sent, variables put in and included files too; the script as it is written (``as_written``)
    when that cannot be known before it runs. It is None when it was not asked for.
    """

    kind: Literal["deploy", "revert", "verify"]
    file: str
    runs: Runs
    sql: str | None = None
    as_written: bool = False


class PreviewedStep(NamedTuple):
    """A step of a dry run."""

    action: Action
    label: str
    change: str
    change_id: str
    scripts: tuple[PreviewedScript, ...]


class Preview(NamedTuple):
    """What a deploy or revert would do, in order; nothing was changed (PostgreSQL held the session read-only)."""

    action: Action
    destination: str
    steps: tuple[PreviewedStep, ...]
    creates_registry: str | None = None
    """How messages call the registry whose tables would be created; None when they are there."""
    message: str | None = None
