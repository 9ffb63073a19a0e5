"""What is deployed where: every configured target is asked before a line of the plan is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqitchpy.engines.protocol import Engine
from sqitchpy.errors import PlanError, SqitchpyError
from sqitchpy.model import Change, DeployedChange, Plan
from sqitchpy.target import Target


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target says of a project. ``why_not`` is why it cannot be asked; then nothing else is known."""

    target: str
    destination: str
    deployed: tuple[DeployedChange, ...] = ()
    begun: frozenset[str] = frozenset()
    """Ids of changes that a deployment has begun, statement by statement, and not completed."""
    why_not: str | None = None

    @property
    def label(self) -> str:
        """The target, and its database where that is another word."""
        return self.target if self.destination in ("", self.target) else f"{self.target} ({self.destination})"

    @property
    def silence(self) -> str:
        """Why the target could not be asked, in a line; empty when it was."""
        return "" if self.why_not is None else f"cannot be asked: {self.why_not.partition(chr(10))[0]}"

    def stranger(self, plan: Plan) -> DeployedChange | None:
        """The latest deployed change, if the plan does not have it: then nobody knows where the target stands."""
        latest = self.deployed[-1] if self.deployed else None
        return None if latest is None or latest.id in plan.by_id or latest.name in plan.by_name else latest

    def standing(self, plan: Plan, changes: Iterable[Change]) -> Iterator[tuple[Change, str]]:
        """Of some changes of the plan, those that are in the database, and in which way.

        A deployed change that the plan does not have by its id is the one with its name: the registry then is behind an
        edited plan, or the plan is that of another branch.
        """
        ids = {row.id for row in self.deployed}
        strange = {row.name for row in self.deployed if row.id not in plan.by_id}
        for change in changes:
            if change.id in ids:
                yield change, "is deployed"
            elif change.name in strange:
                yield change, "is deployed, under another id,"
            elif change.id in self.begun:
                yield change, "is partly deployed"


def ask(target: Target, project: str, directory: Path, connect: Callable[[Target], Engine]) -> Answer:
    """Ask one target. A target without a registry has nothing deployed."""
    where = target.uri.display
    try:
        if not _has_server(target, directory):
            return Answer(target.name, where)
        with closing(connect(target)) as engine:
            if engine.registry.version() is None:
                return Answer(target.name, where)
            rows = tuple(engine.registry.deployed_changes(project))
            return Answer(target.name, where, rows, frozenset(engine.registry.unfinished()))
    except SqitchpyError as error:
        return Answer(target.name, where, why_not=error.message)


def _has_server(target: Target, directory: Path) -> bool:
    """Whether there is a server, as far as it is for us to make it: an embedded one is made when it is needed."""
    if not target.uri.is_embedded:
        return True
    from sqitchpy import embedded

    return embedded.exists(directory)


def concerns(target: Target, plan: Plan, read_plan: Callable[[Target], Plan]) -> bool:
    """Whether something of the plan's project may be in a target: not where another project has its plan."""
    if target.plan_file == plan.file:
        return True
    try:
        return read_plan(target).project == plan.project
    except PlanError:
        return True
