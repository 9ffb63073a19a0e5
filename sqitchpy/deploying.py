"""Deploying: from a wish to tasks, with everything prepared and everything refused that must be; and the dry run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqitchpy import events, schedule
from sqitchpy.engines.protocol import REGISTRY_VERSION, DeployTask, Registry, Script, Standing
from sqitchpy.errors import SqitchpyError
from sqitchpy.executor import Undo, deploy
from sqitchpy.files import script_hash
from sqitchpy.model import Change, DeployedChange, Plan
from sqitchpy.only import Chosen, Place, at_the_end, one_to_deploy
from sqitchpy.options import Mode, Transaction, VerifyWhen
from sqitchpy.registering import check_registration
from sqitchpy.report import Preview, PreviewedStep, Report, Runs
from sqitchpy.together import deploy_together, segments
from sqitchpy.workplace import Scripting, Workplace, refuse_newer


class Wish(NamedTuple):
    """What is to be deployed, and how. ``only`` names a change that is deployed with what it requires, nothing else."""

    to: str | None
    mode: Mode
    verify: bool
    log_only: bool
    scripting: Scripting
    transaction: Transaction = "change"
    verify_when: VerifyWhen = "inside"
    only: str | None = None


class Deploying:
    """One deployment, from where the database stands."""

    def __init__(self, place: Workplace, wish: Wish) -> None:
        self._place = place
        self._wish = wish
        self._plan: Plan = place.plan

    @property
    def _registry(self) -> Registry:
        return self._place.engine.registry

    def run(self) -> Report:
        """Deploy. The deployment lock is held."""
        version, standing = self._standing()
        state = standing.latest if standing else None
        if state is not None:
            self._catch_up(state)
        chosen = self._chosen(standing)
        if isinstance(chosen, schedule.NothingToDo):
            return self._place.run("deploy").report(chosen.message)
        run = self._place.run("deploy")
        with self._prepared_registry(version, first=state is None):
            tasks = self._checked_tasks(chosen, has_registry=version is not None)
        self._announce(chosen.changes)
        if isinstance(tasks, SqitchpyError):
            raise tasks
        execute = deploy_together if self._wish.transaction == "run" else deploy
        report = execute(run, tasks, self._wish.mode, self._undo(state))
        if self._wish.only is not None:
            self._place.warn_of_gaps(self._registry.standing(self._plan.project))
        return report

    def _announce(self, changes: Sequence[Change]) -> None:
        labels = tuple(change.label for change in changes)
        through = changes[-1].label if self._wish.to is not None else None
        only = self._wish.only is not None
        self._place.tell(events.RunStarted("deploy", self._place.destination, labels, through, only=only))

    def _chosen(self, standing: Standing | None) -> Chosen | schedule.NothingToDo:
        """What is to be deployed, and where its rows go."""
        plan, wish = self._plan, self._wish
        state = standing.latest if standing else None
        position = schedule.position_of(plan, state)
        if wish.only is not None:
            deployed = self._registry.deployed_changes(plan.project) if standing else ()
            return one_to_deploy(plan, wish.only, deployed)
        missing = self._place.warn_of_gaps(standing)
        changes = schedule.changes_to_deploy(plan, position, wish.to, missing)
        if isinstance(changes, schedule.NothingToDo):
            return changes
        return at_the_end(changes, state.id if state else None)

    def _undo(self, state: DeployedChange | None) -> Undo:
        since = state.id if state and self._wish.only is None else None
        start = self._plan.by_id[state.id] if state else None
        return Undo(self._revert_script, lambda: self._deployed_since(since), start, self._wish.only)

    # -- the registry -------------------------------------------------------------------------------------------

    def _standing(self) -> tuple[float | None, Standing | None]:
        """The registry's version and where we stand; upgrades at once a registry without script hashes."""
        version = self._registry.version()
        refuse_newer(version)
        standing = self._registry.standing(self._plan.project) if version is not None else None
        if standing is not None and version == 0:
            version = self._place.upgrade_registry(version)
            standing = self._registry.standing(self._plan.project)
        return version, standing

    def _catch_up(self, state: DeployedChange) -> None:
        """What Sqitch does first: hashes that an upgrade could not know, tags that were added later."""
        plan, files = self._plan, self._place.files
        planned = plan.changes[schedule.position_of(plan, state)]
        if state.script_hash == state.id:
            hashes = {change.id: script_hash(files.source("deploy", change)) for change in plan.changes}
            self._registry.refresh_hashes(plan.project, hashes)
        tags = schedule.missing_tags(planned, state)
        if tags:
            self._registry.add_tags(planned, plan.project, tags, self._place.project.user)

    @contextmanager
    def _prepared_registry(self, version: float | None, *, first: bool) -> Iterator[None]:
        """Create or upgrade the registry, and register the project.

        A registry may still be in the making during the block, and is not to be asked there.
        """
        user, project = self._place.project.user, self._place.project_row()
        if version is None:
            target = self._place.target
            self._place.tell(events.RegistryCreated(target.registry_destination, target.registry_said))
            with self._registry.creating(user, project):
                yield
            return
        if version < REGISTRY_VERSION:
            self._place.upgrade_registry(version)
        if first and check_registration(self._registry.projects(), project):
            self._registry.register(project, user)
        yield

    def _deployed_since(self, after: str | None) -> list[DeployedChange]:
        """What was deployed since, its tags in the plan's order: so Sqitch names what it takes back after a failure."""
        rows = self._registry.deployed_changes(self._plan.project, after=after)
        order = {tag.id: index for index, tag in enumerate(tag for change in self._plan.changes for tag in change.tags)}
        return [row._replace(tags=tuple(sorted(row.tags, key=lambda tag: order.get(tag.id, 0)))) for row in rows]

    # -- tasks --------------------------------------------------------------------------------------------------

    def _checked_tasks(self, chosen: Chosen, *, has_registry: bool) -> list[DeployTask] | SqitchpyError:
        """The tasks, or why none of them can be done: that is told when the registry is there, as in Sqitch."""
        try:
            self._place.engine.expect_scripts()
            return [self._looked_over(task) for task in self._tasks(chosen, has_registry=has_registry)]
        except SqitchpyError as error:
            return error

    def _tasks(self, chosen: Chosen, *, has_registry: bool) -> list[DeployTask]:
        checked = self._requirements(chosen.changes, has_registry)
        return [self._task(*each, place) for each, place in zip(checked, chosen.places, strict=True)]

    def _task(self, change: Change, requirement_ids: tuple[str, ...], place: Place) -> DeployTask:
        wish = self._wish
        script = self._place.script("deploy", change, wish.scripting)
        verification = self._place.script("verify", change, wish.scripting) if wish.verify else None
        return DeployTask(
            change=change,
            project=self._plan.project,
            after=place.after,
            requirement_ids=requirement_ids,
            script=None if wish.log_only else script._replace(alone=wish.transaction == "script"),
            script_hash=script_hash(script.source) if wish.log_only else None,
            verify=verification if verification and verification.source.exists() else None,
            missing_verify=verification.source.name if verification and not verification.source.exists() else None,
            verify_after=wish.verify_when == "after",
            before=place.before,
            latest=place.latest,
        )

    def _revert_script(self, change: Change | DeployedChange) -> Script | None:
        return None if self._wish.log_only else self._place.script("revert", change, self._wish.scripting)

    def _requirements(self, changes: Sequence[Change], has_registry: bool) -> Sequence[schedule.Requirements]:
        """Check what the changes require and conflict with. Raises RegistryError."""
        local = schedule.local_dependencies(self._plan, changes)
        wanted = {change.id for change in local.values()} | {change.id for change in changes}
        deployed = self._registry.deployed_among(wanted) if has_registry else frozenset()
        elsewhere = schedule.foreign_dependencies(changes)
        foreign = {item: self._registry.find_foreign(item) if has_registry else None for item in elsewhere}
        checked = schedule.check_dependencies(changes, local, foreign, deployed)
        schedule.refuse_deployed(changes, deployed)
        return checked

    def _looked_over(self, task: DeployTask) -> DeployTask:
        """Look a change's scripts over: that is done with all before the first one runs, as some may be impossible."""
        found = task.script_hash
        if task.script is not None:
            hint = f"Change {task.change.name} needs it. Nothing was deployed."
            found = self._place.look_over("deploy", task.script, hint).script_hash
        if task.verify is not None:
            self._place.engine.check(task.verify)
        return task._replace(script_hash=found)

    # -- the dry run --------------------------------------------------------------------------------------------

    def preview(self, *, sql: bool) -> Preview:
        """What would be deployed, in order; with the SQL if asked for."""
        destination = self._place.destination
        with self._place.engine.read_only():
            version = self._registry.version()
            tasks = self._would_deploy(version)
        if isinstance(tasks, schedule.NothingToDo):
            return Preview("deploy", destination, (), message=tasks.message)
        together = self._wish.transaction == "run"
        parts = segments(self._place.run("deploy"), tasks, self._wish.mode) if together else [(False, tasks)]
        steps = tuple(self._preview(task, shared, sql) for shared, part in parts for task in part)
        registry = self._place.target.registry_destination if version is None else None
        return Preview("deploy", destination, steps, creates_registry=registry)

    def _preview(self, task: DeployTask, shared: bool, sql: bool) -> PreviewedStep:
        change, place, scripts = task.change, self._place, []
        if task.script is not None:
            scripts.append(place.preview("deploy", task.script, "run" if shared else None, sql=sql))
        if self._wish.verify:
            verify = task.verify or place.script("verify", change, self._wish.scripting)
            inside: Runs | None = "run" if shared else None
            runs = inside if task.verify is None or place.engine.verifies_inside(task) else "after"
            scripts.append(place.preview("verify", verify, runs, sql=sql))
        return PreviewedStep("deploy", change.label, change.name, change.id, tuple(scripts))

    def _would_deploy(self, version: float | None) -> list[DeployTask] | schedule.NothingToDo:
        """What a deployment would deploy, checked as it checks it."""
        plan = self._plan
        refuse_newer(version)
        standing = self._registry.standing(plan.project) if version is not None else None
        chosen = self._chosen(standing)
        if isinstance(chosen, schedule.NothingToDo):
            return chosen
        if version is not None and standing is None:
            check_registration(self._registry.projects(), self._place.project_row())
        return self._tasks(chosen, has_registry=version is not None)
