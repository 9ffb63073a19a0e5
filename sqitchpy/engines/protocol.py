"""What a database must offer to be an engine.

A :class:`Driver` opens an :class:`Engine`, which runs one task at a time and records it; its :class:`Registry` reads
and prepares the tables that record them. Engines print nothing: what happens meanwhile goes out through the
``on_event`` callback they were made with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from sqitchpy.errors import LockHolder, SqitchpyError
from sqitchpy.events import OnEvent
from sqitchpy.model import Change, Dependency, DeployedChange, EventRow, Person, ProjectRow, Tag
from sqitchpy.options import LogFilter, Mode, Runner
from sqitchpy.script.source import Source
from sqitchpy.uri import DatabaseURI

REGISTRY_VERSION = 1.1
"""The version of Sqitch's registry that this release reads and writes."""

NOT_UNIQUE = (
    "Another deployed change has a script of the very same bytes, which the registry does not allow within a project. "
    "Make the scripts differ; a comment is enough."
)
"""What to say of a deploy script that is not unique: the registry's key is Sqitch's."""

Stage = Literal["script", "verify", "record"]


class Script(NamedTuple):
    """A script to run, and the variables it sees."""

    source: Source
    variables: Mapping[str, str]
    runner: Runner = "native"
    shell: bool = True
    """Whether it may run commands of the system."""
    alone: bool = False
    """Run it as it is written, not as part of a transaction of ours."""


class DeployTask(NamedTuple):
    """Deploy one change. ``after`` is the id of the deployed change before it in the plan, None when it is the first.

    Without ``before`` it becomes the latest deployed change of the project, and ``after`` must be that until then.
    ``requirement_ids`` are the ids of the deployed changes that satisfy ``change.requires``, in their order. A script
    that is None is not run: ``--log-only`` for ``script``, ``--no-verify`` for ``verify``. ``script_hash`` is the
    SHA-1 of the deploy script as it was when it was looked over, whether it is run or not; None without a file.
    """

    change: Change
    project: str
    after: str | None
    requirement_ids: tuple[str, ...]
    script: Script | None
    script_hash: str | None
    verify: Script | None
    verify_after: bool = False
    """Verify after the change is committed."""
    missing_verify: str | None = None
    """The verify script that was asked for and does not exist: said, as Sqitch does, and no error."""
    before: str | None = None
    """The id of the deployed change that comes next in the plan; None: there is none.

    The time of the row in ``changes`` is then between those of ``after`` (and of its tags) and ``before``, because
    Sqitch takes the order of these times for that of the plan; the row's tags have the same time. Where there is no
    room, ``before`` and what is later, with their tags, become later by as much as it takes. The event's time is the
    true one.
    """
    latest: str | None = None
    """With ``before``: the id of the change that must be the latest deployed one of the project, and stays it."""

    @property
    def planned_from(self) -> str | None:
        """The id of the change that must be the latest deployed one of the project; None: nothing of it is deployed."""
        return self.after if self.before is None else self.latest


class RevertTask(NamedTuple):
    """Revert one deployed change. ``latest`` is the id of its project's latest, None when that is the change itself."""

    change: DeployedChange
    script: Script | None
    latest: str | None = None

    @property
    def planned_from(self) -> str:
        """The id of the change that must be the latest deployed one of the project."""
        return self.change.id if self.latest is None else self.latest


Task = DeployTask | RevertTask


class VerifyTask(NamedTuple):
    """Run a verification and leave nothing behind."""

    label: str
    script: Script


class Look(NamedTuple):
    """How a script would be run, and the SHA-1 of its file, which Sqitch records."""

    how: Literal["transaction", "statements", "psql", "sqlite3", "mysql"]
    script_hash: str


class TaskFailed(Exception):
    """A task failed.

    ``kept`` is true when something the deploy script did is still in the database; ``undo`` when the revert script may
    run to take it away; ``undone`` when it did.
    """

    def __init__(
        self, stage: Stage, error: SqitchpyError, *, kept: bool, undo: bool | None = None, undone: bool = False
    ) -> None:
        super().__init__(str(error))
        self.stage = stage
        self.error = error
        self.kept = kept
        self.undo = kept and stage != "script" if undo is None else undo
        self.undone = undone


class Dependent(NamedTuple):
    """A deployed change that requires another: ``required_id`` is the one it requires."""

    required_id: str
    change_id: str
    project: str
    change: str
    asof_tag: str | None
    """The first tag at or after it, with its ``@``."""


class Standing(NamedTuple):
    """Where a project stands: its latest deployed change, and how many of its changes are deployed."""

    latest: DeployedChange
    total: int


class Requirement(NamedTuple):
    """A deployed change, and one that it requires; by their ids."""

    change_id: str
    required_id: str


class Relink(NamedTuple):
    """A deployed change whose rows are to say what the plan and the scripts say now.

    ``row`` is the change as it was read from the registry, ``change`` the planned change that it is: its id, name,
    note, planner, date and dependencies go into the rows in place of the old ones. ``requirement_ids`` are those of
    the deployed changes that satisfy ``change.requires``, in their order; of changes that are re-linked as well they
    are the new ones.
    """

    row: DeployedChange
    change: Change
    script_hash: str | None
    requirement_ids: tuple[str, ...]
    tags: tuple[tuple[str, Tag], ...]
    """Tags that are recorded, by the ids that they have there, and what the plan says of each; all of them belong to
    ``change`` now."""


class Registry(Protocol):
    """The tables that say what is deployed."""

    def version(self) -> float | None:
        """The registry's version; None when there is none, 0.0 for tables older than versions."""

    def creating(self, installer: Person, project: ProjectRow) -> AbstractContextManager[None]:
        """Create the tables and register the first project: done when the block ends, and perhaps only then.

        What is in the block can be done meanwhile, if it does not ask the registry.
        """

    def upgrade(self, versions: Sequence[str], installer: Person) -> None:
        """Apply upgrades, each in a transaction of its own."""

    def projects(self) -> Sequence[ProjectRow]:
        """All registered projects."""

    def register(self, project: ProjectRow, creator: Person) -> None:
        """Register a project."""

    def standing(self, project: str) -> Standing | None:
        """Where a project stands; None when nothing of it is deployed."""

    def deployed_changes(self, project: str, *, after: str | None = None) -> Sequence[DeployedChange]:
        """Deployed changes in the order of deployment; only those later than the change with id ``after``."""

    def deployed_among(self, change_ids: Collection[str]) -> frozenset[str]:
        """Which of these ids are deployed."""

    def unfinished(self) -> Collection[str]:
        """Ids of changes that a deployment has begun, could not complete in one transaction, and not recorded."""

    def find_foreign(self, dependency: Dependency) -> str | None:
        """The id of the deployed change that a dependency on another project names."""

    def dependents(self, change_ids: Collection[str]) -> Sequence[Dependent]:
        """Deployed changes, outside the given ones, that require one of them."""

    def requirements(self, project: str) -> Sequence[Requirement]:
        """What the deployed changes of a project require, other projects' changes included."""

    def add_tags(self, change: Change, project: str, tags: Sequence[Tag], committer: Person) -> None:
        """Record tags of a change that is deployed already."""

    def refresh_hashes(self, project: str, hashes: Mapping[str, str | None]) -> None:
        """Replace the script hashes that an upgrade from 0 has set to change ids."""

    def relink(self, project: str, links: Sequence[Relink]) -> None:
        """Make rows of deployed changes say what the plan says, all of them in one transaction, under the lock.

        Of ``changes`` the id, name, script hash, note, planner and date of planning are set; the rows of
        ``dependencies`` are replaced; of the ``tags`` id, name, change, note, planner and date are set. When and by
        whom things were deployed stays, and so does every row of ``events``. Names, hashes and tags may be exchanged
        among the links (``engines/relinking.py`` has the statements in their order). Raises RegistryError, and changes
        nothing, when one of the rows is not any more as it was read, or a tag is gone.
        """

    def events(self, wanted: LogFilter) -> Iterator[EventRow]:
        """Events, newest first unless asked otherwise."""


class Engine(Protocol):
    """A connected database."""

    @property
    def registry(self) -> Registry:
        """The registry in (or beside) this database."""

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock. Raises LockTimeoutError after ``timeout`` seconds (0: never)."""

    def unlock(self) -> None:
        """Release the deployment lock."""

    def read_only(self) -> AbstractContextManager[None]:
        """A context in which the database itself refuses every change, for a dry run."""

    def expect_scripts(self) -> None:
        """Scripts are going to be run, once they are looked over: what takes time may begin."""

    def check(self, script: Script) -> Look:
        """Look a script over. Raises ScriptError when it cannot be run."""

    def statements(self, script: Script) -> Sequence[str] | None:
        """What a script would send; None when that is not known before it runs, or very long. Raises as ``check``."""

    def in_order(self, tasks: Sequence[Task]) -> AbstractContextManager[None]:
        """A context in which these are done, by a call of ``deploy`` or ``revert`` for each, until one fails.

        An engine may have begun with one before it is called for, if it is sure to leave it undone when one before it
        fails. What is not called for any more is stopped at the end. Raises ConnectionLostError then.
        """

    def deploy(self, task: DeployTask, committer: Person) -> None:
        """Run and record a deployment. Raises TaskFailed; nothing is recorded then."""

    def verifies_inside(self, task: DeployTask) -> bool:
        """Whether a change is verified before it is committed."""

    def obstacle(self, task: DeployTask, mode: Mode) -> str | None:
        """Why a change cannot share a transaction with others, of which ``mode`` says what stands when one fails.

        None when it can. Raises ScriptError.
        """

    def begin_run(self, tasks: Sequence[DeployTask], *, as_a_whole: bool) -> None:
        """Open one transaction for several changes, until ``end_run``.

        Each is a savepoint in it, so that the others may stand when it fails; ``as_a_whole``: then all are rolled back.
        """

    def keep_point(self) -> None:
        """Remember this point of the run's transaction for ``end_run(to_point=True)``."""

    def end_run(self, *, to_point: bool = False, rollback: bool = False) -> None:
        """Commit the run's transaction: all of it, or what was done before the kept point; or roll it all back."""

    def abandon_run(self) -> None:
        """Roll the run's transaction back if it is still open, for whatever reason."""

    def record_failure(self, task: DeployTask, committer: Person) -> None:
        """Record that a deployment failed."""

    def revert(self, task: RevertTask, committer: Person) -> None:
        """Run and record a revert. Raises TaskFailed; nothing is recorded then."""

    def undo(self, task: DeployTask, script: Script) -> None:
        """Run the revert script of a change that has failed after its deploy script. Raises TaskFailed."""

    def verify(self, tasks: Sequence[VerifyTask], jobs: int = 1) -> Generator[TaskFailed | None, None, None]:
        """Run verifications, in up to ``jobs`` sessions at once; what became of each, in the order of the tasks.

        What a script says is told through ``on_event`` just before its outcome comes, never earlier.
        """

    def close(self) -> None:
        """Disconnect. Releases the lock. May be called more than once."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What an engine is told of the target that it is opened for."""

    uri: DatabaseURI
    """Where the database is; it may hold a password, which is to be in no message."""
    destination: str
    """How messages call the database."""
    registry: str
    """The registry's name, as it is configured: ``sqitch`` unless the user wants it otherwise."""
    registry_uri: DatabaseURI
    """Where the registry is: what the driver's ``registry_uri`` has said."""
    registry_destination: str
    """How messages call the registry."""
    client: str
    """The database's client program, for scripts that are to run in it."""
    directory: Path
    """Where the project is: scripts name files from there."""
    environ: Mapping[str, str] = field(repr=False)
    on_event: OnEvent = field(repr=False)
    connection: Any = field(default=None, repr=False)
    """A connection of the caller's to work on, which the engine refuses with TargetError unless it can."""
    transaction: Literal["own", "caller"] = "own"
    """Whose transactions are used on the caller's connection."""


class Driver(NamedTuple):
    """An engine before it is connected: what an entry point of the group ``sqitchpy.engines`` names."""

    key: str
    """What a URI calls it (``db:KEY:…``), and the configuration (``[engine "KEY"]``)."""
    open: Callable[[Opening], Engine]
    """Make the engine; it connects when it first has to. What is slow to import is imported here."""
    client: str = ""
    """The name of the database's client program."""
    registry_uri: Callable[[DatabaseURI, str], DatabaseURI] = lambda uri, registry: uri
    """Where the registry of that name is for a database: in it, unless said otherwise."""
    own_registry: bool = False
    """Whether messages name the registry by its own place, because it is not in the database."""
    registry_said: bool = True
    """Whether the command line says that it makes the registry: Sqitch does not on MySQL."""
