"""One target, connected: deploy, revert, verify, status, log, and previews of the first two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from sqitchpy import events, schedule
from sqitchpy.connecting import open_engine
from sqitchpy.engines.protocol import REGISTRY_VERSION, DeployTask, Engine, RevertTask, Script
from sqitchpy.errors import Refusal, RegistryError, SqitchpyError, VerifyError
from sqitchpy.executor import Run, Undo, deploy, revert
from sqitchpy.files import ScriptFiles, script_hash
from sqitchpy.model import Change, DeployedChange, EventRow, Plan, ProjectRow
from sqitchpy.options import (
    DEFAULT_LOCK_TIMEOUT,
    LogFilter,
    Mode,
    RevertQuestion,
    Runner,
    Transaction,
    VerifyWhen,
)
from sqitchpy.plan import legal_uri
from sqitchpy.registering import check_registration, upgrades_from
from sqitchpy.report import Preview, PreviewedScript, PreviewedStep, Report, Status, VerifyReport
from sqitchpy.target import Target
from sqitchpy.together import deploy_together
from sqitchpy.verification import Range, Verification, choose

if TYPE_CHECKING:
    import psycopg

    from sqitchpy.project import Project


class TargetSession:
    """A target of a project. Use it as a context manager; it connects when it first has to, and disconnects at the end.

    Every method raises :class:`sqitchpy.SqitchpyError` and nothing else on purpose. Not for several threads at once.
    """

    def __init__(
        self,
        project: Project,
        target: Target,
        *,
        connection: psycopg.Connection[Any] | None,
        transaction: Literal["own", "caller"],
        on_event: events.OnEvent,
    ) -> None:
        self._project = project
        self._target = target
        self._on_event = on_event
        self._caller = connection
        self._transaction = transaction
        self._engine: Engine | None = None

    def __enter__(self) -> TargetSession:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect. A session that is used again connects again."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def destination(self) -> str:
        """How messages call the database: the target's name, or its URI without the password."""
        return self._target.destination

    @cached_property
    def _plan(self) -> Plan:
        return self._project.plan(self._target)

    @property
    def engine(self) -> Engine:
        """The connected engine."""
        if self._engine is None:
            self._engine = open_engine(
                self._target,
                self._project.environ,
                self._project.directory,
                self._on_event,
                connection=self._caller,
                transaction=self._transaction,
            )
        return self._engine

    @cached_property
    def _files(self) -> ScriptFiles:
        plan = self._plan if self._project.has_plan(self._target) else None
        return ScriptFiles(self._project.directory, self._target, plan)

    def _script(
        self,
        kind: Literal["deploy", "revert", "verify"],
        change: Change | DeployedChange,
        variables: Mapping[str, str],
        runner: Runner,
        deployed: Sequence[DeployedChange] = (),
    ) -> Script:
        shell = self._project.config.get_bool("core.shell", default=True)
        return Script(self._files.source(kind, change, deployed), variables, runner, shell)

    def _run(self, action: events.Action) -> Run:
        return Run(self.engine, self._project.user, self.destination, action, self._on_event)

    def _lock(self, timeout: float) -> None:
        destination, tell = self.destination, self._on_event
        self.engine.lock(timeout, lambda holder: tell(events.LockWaiting(destination, timeout, holder)))

    # -- deploy -------------------------------------------------------------------------------------------------

    def deploy(
        self,
        to: str | None = None,
        *,
        mode: Mode = "all",
        verify: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        runner: Runner = "native",
        transaction: Transaction = "change",
        verify_when: VerifyWhen = "inside",
    ) -> Report:
        """Deploy what is planned and not deployed, up to the change that ``to`` names.

        Each change is one transaction with its verification and its record. ``mode`` says what is taken back when one
        fails: everything of this run (``all``), what follows its last tag (``tag``), nothing (``change``). ``log_only``
        records without running deploy scripts; ``lock_timeout`` is in seconds, 0 waits without limit.
        ``transaction="run"`` makes the whole run one transaction, ``"script"`` leaves transactions to the scripts, as
        Sqitch does; ``verify_when="after"`` verifies each change after it is committed, holding no locks meanwhile.

        Raises DeployError (its ``report`` says what was done), LockTimeoutError, PlanError, RegistryError …
        """
        plan = self._plan
        values = self._target.variables_for("deploy", variables)
        try:
            self._lock(lock_timeout)
            version, state = self._standing(plan.project)
            position = schedule.position_of(plan, state)
            if state is not None:
                self._catch_up(plan, state)
            changes = schedule.changes_to_deploy(plan, position, to)
            if isinstance(changes, schedule.NothingToDo):
                return self._run("deploy").report(changes.message)
            self._prepare_registry(version, first=state is None)
            run = self._run("deploy")
            labels = tuple(change.label for change in changes)
            through = changes[-1].label if to is not None else None
            self._on_event(events.RunStarted("deploy", self.destination, labels, through))
            tasks = self._deploy_tasks(changes, state, values, verify=verify, log_only=log_only, runner=runner)
            tasks = [_as_asked(task, transaction, verify_when) for task in tasks]
            self._check_scripts(tasks)
            revert_values = self._target.variables_for("deploy", variables)
            undo = Undo(
                lambda change: None if log_only else self._script("revert", change, revert_values, runner),
                lambda: self._with_planned_tags(plan, state.id if state else None),
            )
            execute = deploy_together if transaction == "run" else deploy
            return execute(run, tasks, mode, plan.changes[position] if state else None, undo)
        finally:
            self._unlock()

    def _with_planned_tags(self, plan: Plan, after: str | None) -> list[DeployedChange]:
        """What was deployed since, its tags in the plan's order: so Sqitch names what it takes back after a failure."""
        rows = self.engine.registry.deployed_changes(plan.project, after=after)
        order = {tag.id: index for row in rows for index, tag in enumerate(plan.by_id[row.id].tags)}
        return [row._replace(tags=tuple(sorted(row.tags, key=lambda tag: order[tag.id]))) for row in rows]

    def _unlock(self) -> None:
        if self._engine is not None:
            self._engine.unlock()

    def _standing(self, project: str) -> tuple[float | None, DeployedChange | None]:
        """The registry's version and the latest deployed change; upgrades at once a registry without script hashes."""
        registry = self.engine.registry
        version = registry.version()
        _refuse_newer(version)
        state = registry.current_change(project) if version is not None else None
        if state is not None and version == 0:
            version = self._upgrade_registry(version)
            state = registry.current_change(project)
        return version, state

    def _catch_up(self, plan: Plan, state: DeployedChange) -> None:
        """What Sqitch does first: hashes that an upgrade could not know, tags that were added later."""
        if state.script_hash == state.id:
            hashes = {change.id: script_hash(self._files.source("deploy", change)) for change in plan.changes}
            self.engine.registry.refresh_hashes(plan.project, hashes)
        tags = schedule.missing_tags(plan.by_id[state.id], state)
        if tags:
            self.engine.registry.add_tags(plan.by_id[state.id], plan.project, tags, self._project.user)

    def _prepare_registry(self, version: float | None, *, first: bool) -> None:
        """Create or upgrade the registry, and register the project."""
        registry = self.engine.registry
        if version is None:
            self._on_event(events.RegistryCreated(self._target.registry_destination))
            registry.create(self._project.user)
        elif version < REGISTRY_VERSION:
            self._upgrade_registry(version)
        if first:
            project = self._project_row()
            if check_registration(registry.projects(), project):
                registry.register(project, self._project.user)

    def _upgrade_registry(self, version: float) -> float:
        versions = upgrades_from(version)
        self._on_event(events.RegistryUpgraded((f"{version:g}", *versions)))
        self.engine.registry.upgrade(versions, self._project.user)
        return REGISTRY_VERSION

    def _deploy_tasks(
        self,
        changes: Sequence[Change],
        state: DeployedChange | None,
        values: Mapping[str, str],
        *,
        verify: bool,
        log_only: bool,
        runner: Runner,
    ) -> list[DeployTask]:
        tasks = []
        after = state.id if state else None
        for change, requirement_ids in self._requirements(changes):
            script = self._script("deploy", change, values, runner)
            verification = self._script("verify", change, values, runner) if verify else None
            if verification is not None and not verification.source.exists():
                self._on_event(events.Warned(f"Verify script {verification.source.name} does not exist"))
                verification = None
            tasks.append(
                DeployTask(
                    change=change,
                    project=self._plan.project,
                    after=after,
                    requirement_ids=requirement_ids,
                    script=None if log_only else script,
                    script_hash=script_hash(script.source),
                    verify=verification,
                )
            )
            after = change.id
        return tasks

    def _requirements(self, changes: Sequence[Change], *, deployed_yet: bool = True) -> Sequence[schedule.Requirements]:
        """Check what the changes require and conflict with. Raises RegistryError."""
        registry = self.engine.registry
        local = schedule.local_dependencies(self._plan, changes)
        wanted = {change.id for change in local.values()} | {change.id for change in changes}
        deployed = registry.deployed_among(wanted) if deployed_yet else frozenset()
        elsewhere = schedule.foreign_dependencies(changes)
        foreign = {item: registry.find_foreign(item) if deployed_yet else None for item in elsewhere}
        checked = schedule.check_dependencies(changes, local, foreign, deployed)
        schedule.refuse_deployed(changes, deployed)
        return checked

    def _check_scripts(self, tasks: Sequence[DeployTask]) -> None:
        """Look every script over before the first one runs, so that what cannot be run is known now."""
        for task in tasks:
            for script in (task.script, task.verify):
                if script is not None:
                    if not script.source.exists():
                        raise SqitchpyError(
                            f"Deploy script {script.source.name} does not exist",
                            hint=f"Change {task.change.name} needs it. Nothing was deployed.",
                        )
                    self.engine.check(script)

    # -- revert -------------------------------------------------------------------------------------------------

    def revert(
        self,
        to: str | None = None,
        *,
        modified: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        runner: Runner = "native",
        confirm: Callable[[RevertQuestion], bool] | None = None,
    ) -> Report:
        """Revert every change deployed after the one that ``to`` names; without it, every change.

        ``modified`` reverts to before the first change whose deploy script has been edited since. ``confirm`` is asked
        once, when it is known what would be reverted and before anything is; Refusal is raised when it says no.

        Raises RevertError (its ``report`` says what was done), Refusal, LockTimeoutError, RegistryError …
        """
        values = self._target.variables_for("revert", variables)
        try:
            self._require_registry()
            self._lock(lock_timeout)
            wanted = self._to_revert(to, modified=modified)
            run = self._run("revert")
            if isinstance(wanted, schedule.NothingToDo):
                return run.report(wanted.message)
            keep = wanted.keep.label if wanted.keep else None
            labels = tuple(change.label for change in wanted.changes)
            if confirm is not None and not confirm(RevertQuestion(self.destination, keep, labels)):
                raise Refusal("Nothing reverted")
            self._on_event(events.RunStarted("revert", self.destination, labels, keep, asked=confirm is not None))
            tasks = self._revert_tasks(wanted.changes, values, log_only=log_only, runner=runner)
            self._refuse_required(wanted.changes)
            for task in tasks:
                if task.script is not None:
                    self._must_exist(task.script, "Revert")
                    self.engine.check(task.script)
            return revert(run, tasks)
        finally:
            self._unlock()

    def _must_exist(self, script: Script, kind: str) -> None:
        if not script.source.exists():
            raise SqitchpyError(
                f"{kind} script {script.source.name} does not exist",
                hint="Nothing was changed. Restore the file, or use --log-only to change the registry alone.",
            )

    def _require_registry(self) -> None:
        version = self.engine.registry.version()
        if version is None:
            raise RegistryError(
                f"No registry found in {self._target.registry_destination}. Have you ever deployed?",
                hint="“sqitchpy deploy” creates it. Is this the right database, and the right --registry?",
            )
        _refuse_newer(version, ending="")
        if version < REGISTRY_VERSION:
            raise RegistryError(
                f"Registry is at version {version:g} but latest is {REGISTRY_VERSION:g}. "
                'Please run the "upgrade" command',
                hint="“sqitchpy deploy” upgrades it, too.",
            )

    def _to_revert(self, to: str | None, *, modified: bool) -> schedule.ToRevert | schedule.NothingToDo:
        plan = self._files.plan
        project = self._plan.project if plan else self._only_project()
        deployed = self.engine.registry.deployed_changes(project)
        if not modified or not deployed:
            return schedule.changes_to_revert(deployed, to, plan)
        hashes = [script_hash(self._files.source("deploy", change)) for change in (plan.changes if plan else ())]
        keep = schedule.before_first_modified(deployed, hashes)
        if isinstance(keep, schedule.NothingToDo):
            return keep
        return schedule.changes_to_revert(deployed, keep.id if keep else None, plan)

    def _only_project(self) -> str:
        """The registry's project, when there is just one. Raises RegistryError in Sqitch's words."""
        if self.engine.registry.version() is None:
            raise RegistryError("Database not initialized for Sqitch")
        projects = [row.project for row in self.engine.registry.projects()]
        if not projects:
            raise RegistryError("No projects registered")
        if len(projects) > 1:
            raise RegistryError(f"Use --project to select which project to query: {', '.join(projects)}")
        return projects[0]

    def _revert_tasks(
        self, changes: Sequence[DeployedChange], values: Mapping[str, str], *, log_only: bool, runner: Runner
    ) -> list[RevertTask]:
        oldest_first = tuple(reversed(changes))
        return [
            RevertTask(change, None if log_only else self._script("revert", change, values, runner, oldest_first))
            for change in changes
        ]

    def _refuse_required(self, changes: Sequence[DeployedChange]) -> None:
        """Refuse when a change that stays requires one that goes. Raises RegistryError in Sqitch's words."""
        by_id = {change.id: change for change in changes}
        needed: dict[str, list[str]] = {}
        for dependent in self.engine.registry.dependents(list(by_id)):
            own = dependent.project == by_id[dependent.required_id].project
            name = dependent.change if own else f"{dependent.project}:{dependent.change}"
            needed.setdefault(dependent.required_id, []).append(name + (dependent.asof_tag or ""))
        faults = [
            f'Change "{change.label}" required by currently deployed change{"" if len(names) == 1 else "s"}: '
            + " ".join(names)
            for change in changes
            if (names := needed.get(change.id))
        ]
        if faults:
            raise RegistryError("\n".join(faults), hint="Nothing was reverted. Revert those first.")

    # -- verify, status, log ------------------------------------------------------------------------------------

    def verify(
        self,
        since: str | None = None,
        to: str | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
    ) -> VerifyReport:
        """Run the verify scripts of deployed changes, from ``since`` to ``to``; nothing they do is kept.

        Raises VerifyError, whose ``report`` says what was found, when something is wrong.
        """
        self._require_registry()
        plan = self._plan
        values = self._target.variables_for("verify", variables)
        deployed = self.engine.registry.deployed_changes(plan.project)
        if not deployed:
            self._on_event(events.RunStarted("verify", self.destination, ()))
            words = "No changes deployed" if plan.changes else "Nothing to verify (no planned or deployed changes)"
            return VerifyReport(self.destination, 0, 0, message=words)
        wanted = self._to_verify(plan, deployed, since, to)
        verification = Verification(
            self.engine,
            plan,
            self.destination,
            self._on_event,
            script=lambda change: self._script("verify", change, values, runner, deployed),
        )
        report = verification.run(wanted, to_the_end=to is None)
        if report.errors:
            raise VerifyError("Verify failed", report=report)
        return report

    def _to_verify(self, plan: Plan, deployed: Sequence[DeployedChange], since: str | None, to: str | None) -> Range:
        """The range to verify. When there is none, that is said below the headline, as Sqitch does."""
        try:
            if not plan.changes:
                raise RegistryError("There are deployed changes, but none planned!")
            return choose(plan, deployed, since, to)
        except SqitchpyError:
            self._on_event(events.RunStarted("verify", self.destination, ()))
            raise

    def status(self, *, project: str | None = None, with_changes: bool = False) -> Status:
        """Where the database stands. Raises Refusal when nothing is deployed there, RegistryError …"""
        plan = self._plan if self._project.has_plan(self._target) else None
        version = self.engine.registry.version()
        name = project or (plan.project if plan else None)
        if name is None:
            name = self._only_project()
        state = self.engine.registry.current_change(name) if version is not None else None
        if state is None:
            return Status(self.destination, name, None, plan.changes if plan else None, self._target.plan_file)
        same = plan is not None and plan.project == name
        planned = plan.by_id.get(state.id) if plan is not None and same else None
        pending = plan.changes[planned.position + 1 :] if plan is not None and planned else None
        return Status(
            self.destination,
            name,
            state,
            pending,
            self._target.plan_file,
            deployed=tuple(self.engine.registry.deployed_changes(name)) if with_changes else (),
            unknown_to_plan=same and planned is None,
        )

    def log(self, wanted: LogFilter | None = None) -> Iterator[EventRow]:
        """The registry's events, newest first. Raises Refusal when there is no registry."""
        if self.engine.registry.version() is None:
            raise Refusal(f"Database {self.destination} has not been initialized for Sqitch")
        return self.engine.registry.events(wanted or LogFilter())

    def deployed_ids(self) -> frozenset[str]:
        """Ids of the plan's changes that are deployed."""
        if self.engine.registry.version() is None:
            return frozenset()
        return self.engine.registry.deployed_among([change.id for change in self._plan.changes])

    # -- previews -----------------------------------------------------------------------------------------------

    def preview_deploy(
        self,
        to: str | None = None,
        *,
        verify: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
    ) -> Preview:
        """What :meth:`deploy` would do, in order. PostgreSQL itself holds the session read-only meanwhile."""
        values = self._target.variables_for("deploy", variables)
        kinds: list[Literal["deploy", "verify"]] = [] if log_only else ["deploy"]
        kinds += ["verify"] if verify else []
        with self.engine.read_only():
            version = self.engine.registry.version()
            changes = self._would_deploy(version, to)
        if isinstance(changes, schedule.NothingToDo):
            return Preview("deploy", self.destination, (), message=changes.message)
        steps = [
            self._step(
                "deploy", change, [self._preview(kind, self._script(kind, change, values, runner)) for kind in kinds]
            )
            for change in changes
        ]
        return Preview("deploy", self.destination, tuple(steps), creates_registry=version is None)

    def _would_deploy(self, version: float | None, to: str | None) -> Sequence[Change] | schedule.NothingToDo:
        """The changes that a deployment would deploy, checked as it checks them."""
        plan, registry = self._plan, self.engine.registry
        _refuse_newer(version)
        state = registry.current_change(plan.project) if version is not None else None
        changes = schedule.changes_to_deploy(plan, schedule.position_of(plan, state), to)
        if not isinstance(changes, schedule.NothingToDo):
            if version is not None and state is None:
                check_registration(registry.projects(), self._project_row())
            self._requirements(changes, deployed_yet=version is not None)
        return changes

    def _project_row(self) -> ProjectRow:
        return ProjectRow(self._plan.project, legal_uri(self._plan.uri) if self._plan.uri else None)

    def preview_revert(
        self,
        to: str | None = None,
        *,
        modified: bool = False,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
    ) -> Preview:
        """What :meth:`revert` would do, in order. PostgreSQL itself holds the session read-only meanwhile."""
        values = self._target.variables_for("revert", variables)
        with self.engine.read_only():
            self._require_registry()
            wanted = self._to_revert(to, modified=modified)
            if isinstance(wanted, schedule.NothingToDo):
                return Preview("revert", self.destination, (), message=wanted.message)
            self._refuse_required(wanted.changes)
        tasks = self._revert_tasks(wanted.changes, values, log_only=False, runner=runner)
        steps = [
            self._step("revert", task.change, [self._preview("revert", task.script)] if task.script else [])
            for task in tasks
        ]
        return Preview("revert", self.destination, tuple(steps))

    def _step(
        self, action: events.Action, change: Change | DeployedChange, scripts: Sequence[PreviewedScript]
    ) -> PreviewedStep:
        return PreviewedStep(action, change.label, change.name, change.id, tuple(scripts))

    def _preview(self, kind: Literal["deploy", "revert", "verify"], script: Script) -> PreviewedScript:
        if not script.source.exists():
            return PreviewedScript(kind, script.source.name, None, "missing")
        how = self.engine.check(script)
        return PreviewedScript(kind, script.source.name, script.source.path.read_bytes(), how)


def _as_asked(task: DeployTask, transaction: Transaction, verify_when: VerifyWhen) -> DeployTask:
    script = replace(task.script, alone=True) if task.script and transaction == "script" else task.script
    return replace(task, script=script, verify_after=verify_when == "after")


def _refuse_newer(version: float | None, ending: str = ".") -> None:
    if version is not None and version > REGISTRY_VERSION:
        raise RegistryError(
            f"Registry version is {version:g} but {REGISTRY_VERSION:g} is the latest known. "
            f"Please upgrade Sqitch{ending}",
            hint="A newer sqitchpy, or Sqitch, has upgraded it.",
        )
