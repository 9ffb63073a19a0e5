"""Where a session works: a target with its engine, its plan and its scripts, and what deploying and reverting share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sqitchpy import events
from sqitchpy.engines.protocol import REGISTRY_VERSION, Engine, Look, Script, Standing
from sqitchpy.errors import RegistryError, SqitchpyError
from sqitchpy.executor import Run
from sqitchpy.files import ScriptFiles, ScriptKind
from sqitchpy.model import Change, DeployedChange, Plan, ProjectRow
from sqitchpy.only import gaps, told_gaps
from sqitchpy.options import Runner
from sqitchpy.plan import legal_uri
from sqitchpy.readable import laid_out
from sqitchpy.registering import upgrades_from
from sqitchpy.report import PreviewedScript, Runs
from sqitchpy.target import Target

if TYPE_CHECKING:
    from sqitchpy.project import Project


class Scripting(NamedTuple):
    """How the scripts of a run are run: the variables they see, and what runs them."""

    variables: Mapping[str, str]
    runner: Runner


class Workplace:
    """One target of a project. ``connect`` makes the engine when it is first needed."""

    def __init__(
        self, project: Project, target: Target, connect: Callable[[], Engine], on_event: events.OnEvent
    ) -> None:
        self.project = project
        self.target = target
        self.tell = on_event
        self._connect = connect
        self._engine: Engine | None = None
        self._is_locked = False

    @property
    def engine(self) -> Engine:
        """The engine, connected when it first has to be."""
        if self._engine is None:
            self._engine = self._connect()
        return self._engine

    def close(self) -> None:
        """Disconnect."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def destination(self) -> str:
        """How messages call the database."""
        return self.target.destination

    @cached_property
    def plan(self) -> Plan:
        """The plan. Says when its lines are out of order and it is taken as sorted. Raises PlanError."""
        plan = self.project.plan(self.target)
        if plan.moved:
            names = ", ".join(plan.moved)
            self.tell(
                events.Warned(
                    f"{plan.file} is out of order and is taken as sorted by its dependencies; moved: {names}. "
                    "“sqitchpy plan --rewrite” writes it so"
                )
            )
        return plan

    @cached_property
    def files(self) -> ScriptFiles:
        """The scripts; without a plan file they are found by the registry's names alone."""
        plan = self.plan if self.project.has_plan(self.target) else None
        return ScriptFiles(self.project.directory, self.target, plan)

    def run(self, action: events.Action) -> Run:
        """A new run."""
        return Run(self.engine, self.project.user, self.destination, action, self.tell)

    def scripting(self, command: str, variables: Mapping[str, str] | None, runner: Runner) -> Scripting:
        """How a command's scripts are run: ``variables`` are those of ``--set``, over the configured ones."""
        return Scripting(self.target.variables_for(command, variables), runner)

    def script(
        self,
        kind: ScriptKind,
        change: Change | DeployedChange,
        how: Scripting,
        deployed: Sequence[DeployedChange] = (),
    ) -> Script:
        """A script of a change, to be run. It may not exist."""
        return Script(self.files.source(kind, change, deployed), how.variables, how.runner, self._shell)

    def look_over(self, kind: ScriptKind, script: Script, hint: str) -> Look:
        """Look a script over before anything runs. Raises SqitchpyError, with ``hint`` when there is no such file."""
        if not script.source.exists():
            raise SqitchpyError(f"{kind.title()} script {script.source.name} does not exist", hint=hint)
        return self.engine.check(script)

    @cached_property
    def _shell(self) -> bool:
        return self.project.config.get_bool("core.shell", default=True)

    @contextmanager
    def locked(self, timeout: float) -> Iterator[None]:
        """Hold the deployment lock; inside another such block it is held already. Raises LockTimeoutError."""
        if self._is_locked:
            yield
            return
        try:
            self.engine.lock(timeout, lambda holder: self.tell(events.LockWaiting(self.destination, timeout, holder)))
            self._is_locked = True
            yield
        finally:
            self._is_locked = False
            if self._engine is not None:
                self._engine.unlock()

    def reread(self) -> None:
        """Read the plan anew when it is next needed: its file has changed."""
        self.__dict__.pop("plan", None)
        self.__dict__.pop("files", None)

    # -- the registry -------------------------------------------------------------------------------------------

    def require_registry(self) -> None:
        """Refuse to go on without a registry of our version. Raises RegistryError in Sqitch's words."""
        version = self.engine.registry.version()
        if version is None:
            raise self.no_registry()
        refuse_newer(version, ending="")
        if version < REGISTRY_VERSION:
            raise RegistryError(
                f"Registry is at version {self._told(version)} but latest is {REGISTRY_VERSION:g}. "
                'Please run the "upgrade" command',
                hint="“sqitchpy upgrade” does it, and so does “sqitchpy deploy”.",
            )

    def no_registry(self) -> RegistryError:
        """What to raise where there is none, in Sqitch's words."""
        return RegistryError(
            f"No registry found in {self.target.registry_destination}. Have you ever deployed?",
            hint="“sqitchpy deploy” creates it. Is this the right database, and the right --registry?",
        )

    def project_row(self) -> ProjectRow:
        """How the plan's project is registered."""
        return ProjectRow(self.plan.project, legal_uri(self.plan.uri) if self.plan.uri else None)

    def upgrade_registry(self, version: float) -> float:
        """Upgrade the registry from ``version``, one version after the other. Returns the present one."""
        versions = upgrades_from(version)
        self.tell(events.RegistryUpgraded((self._told(version), *versions)))
        self.engine.registry.upgrade(versions, self.project.user)
        return REGISTRY_VERSION

    def _told(self, version: float) -> str:
        """A registry's version as Sqitch reads it there: PostgreSQL's REAL has no ``.0``, other engines have."""
        return f"{version:.1f}" if self.target.own_registry else f"{version:g}"

    def warn_of_unfinished(self) -> None:
        """Say which planned changes a deployment has begun and not completed, where they are not one transaction."""
        unfinished = self.engine.registry.unfinished()
        planned = self.plan.changes if unfinished and self.project.has_plan(self.target) else ()
        for change in planned:
            if change.id in unfinished:
                words = "an earlier deployment has begun this change and not completed it; what it did is in the"
                self.tell(events.Warned(f"{change.label}: {words} database. The next deployment of it goes on there"))

    def warn_of_gaps(self, standing: Standing | None) -> tuple[Change, ...]:
        """Say which planned changes before the latest deployed one are not deployed, and return them.

        The registry is asked only when it has fewer rows than the plan has changes up to there.
        """
        latest = self.plan.by_id.get(standing.latest.id) if standing else None
        if standing is None or latest is None or standing.total == latest.position + 1:
            return ()
        earlier = [change.id for change in self.plan.changes[: latest.position]]
        missing = gaps(self.plan, latest.position, self.engine.registry.deployed_among(earlier))
        if missing:
            self.tell(events.Warned(told_gaps(self.plan, missing, latest.label)))
        return missing

    def only_project(self) -> str:
        """The registry's project, when there is just one. Raises RegistryError in Sqitch's words."""
        if self.engine.registry.version() is None:
            raise RegistryError(f"Database {self.target.registry_destination} has not been initialized for Sqitch")
        projects = [row.project for row in self.engine.registry.projects()]
        if not projects:
            raise RegistryError("No projects registered")
        if len(projects) > 1:
            raise RegistryError(f"Use --project to select which project to query: {', '.join(projects)}")
        return projects[0]

    # -- previews -----------------------------------------------------------------------------------------------

    def preview(self, kind: ScriptKind, script: Script, runs: Runs | None = None, *, sql: bool) -> PreviewedScript:
        """What a dry run says of a script. ``runs`` says how it is run, where that is more than the script's affair."""
        name = script.source.name
        if not script.source.exists():
            return PreviewedScript(kind, name, "missing")
        look = self.engine.check(script)
        how: Runs = runs if runs and look.how == "transaction" else look.how
        if not sql:
            return PreviewedScript(kind, name, how)
        statements = self.engine.statements(script)
        if statements is None:
            return PreviewedScript(kind, name, how, b"".join(script.source.lines()).decode("utf-8", "replace"), True)
        return PreviewedScript(kind, name, how, "\n".join(map(laid_out, statements)))


def refuse_newer(version: float | None, ending: str = ".") -> None:
    """Refuse a registry that is newer than we are. Raises RegistryError in Sqitch's words."""
    if version is not None and version > REGISTRY_VERSION:
        raise RegistryError(
            f"Registry version is {version:g} but {REGISTRY_VERSION:g} is the latest known. "
            f"Please upgrade Sqitch{ending}",
            hint="A newer sqitchpy, or Sqitch, has upgraded it.",
        )
