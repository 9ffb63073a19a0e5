"""Reverting: which changes go, what refuses it, and the dry run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqitchpy import events, only, schedule
from sqitchpy.engines.protocol import RevertTask, Script
from sqitchpy.errors import Refusal, RegistryError
from sqitchpy.executor import revert
from sqitchpy.files import script_hash
from sqitchpy.model import DeployedChange
from sqitchpy.options import RevertQuestion
from sqitchpy.report import Preview, PreviewedStep, Report
from sqitchpy.workplace import Scripting, Workplace


class Wish(NamedTuple):
    """What is to be reverted, and how. ``confirm`` is asked before anything is run; None means yes.

    ``only`` names a change that goes with what requires it, and nothing else does.
    """

    to: str | None
    modified: bool
    log_only: bool
    scripting: Scripting
    confirm: Callable[[RevertQuestion], bool] | None = None
    only: str | None = None


class Reverting:
    """One revert."""

    def __init__(self, place: Workplace, wish: Wish) -> None:
        self._place = place
        self._wish = wish

    def run(self) -> Report:
        """Revert. The deployment lock is held."""
        wanted = self._wanted()
        run = self._place.run("revert")
        if isinstance(wanted, schedule.NothingToDo):
            return run.report(wanted.message)
        self._announce(wanted)
        tasks = self._tasks(wanted)
        self._refuse_required(wanted.changes)
        self._check_scripts(tasks)
        return revert(run, tasks)

    def _announce(self, wanted: schedule.ToRevert) -> None:
        """Ask, if there is somebody to ask, and say what is going to be done. Raises Refusal."""
        self._place.warn_of_unfinished()
        destination, confirm = self._place.destination, self._wish.confirm
        keep = wanted.keep.label if wanted.keep else None
        labels = tuple(change.label for change in wanted.changes)
        if confirm is not None and not confirm(RevertQuestion(destination, keep, labels, wanted.only)):
            raise Refusal("Nothing reverted")
        asked = confirm is not None
        self._place.tell(events.RunStarted("revert", destination, labels, keep, asked=asked, only=wanted.only))

    def _wanted(self) -> schedule.ToRevert | schedule.NothingToDo:
        plan, to = self._place.files.plan, self._wish.to
        project = plan.project if plan else self._place.only_project()
        registry = self._place.engine.registry
        deployed = registry.deployed_changes(project)
        if self._wish.only is not None:
            return only.one_to_revert(deployed, self._wish.only, plan, registry.requirements(project))
        if not self._wish.modified or not deployed:
            return schedule.changes_to_revert(deployed, to, plan)
        planned = plan.changes if plan else ()
        hashes = [script_hash(self._place.files.source("deploy", change)) for change in planned]
        keep = schedule.before_first_modified(deployed, planned, hashes)
        if isinstance(keep, schedule.NothingToDo):
            return keep
        return schedule.changes_to_revert(deployed, keep.id if keep else None, plan)

    def _tasks(self, wanted: schedule.ToRevert) -> list[RevertTask]:
        turns = zip(wanted.changes, wanted.latest, strict=True)
        return [RevertTask(change, self._script(change, wanted.deployed), latest) for change, latest in turns]

    def _script(self, change: DeployedChange, deployed: Sequence[DeployedChange]) -> Script | None:
        if self._wish.log_only:
            return None
        return self._place.script("revert", change, self._wish.scripting, deployed)

    def _check_scripts(self, tasks: Sequence[RevertTask]) -> None:
        """Look every script over before the first one runs."""
        self._place.engine.expect_scripts()
        hint = "Nothing was changed. Restore the file, or use --log-only to change the registry alone."
        for script in (task.script for task in tasks if task.script is not None):
            self._place.look_over("revert", script, hint)

    def _refuse_required(self, changes: Sequence[DeployedChange]) -> None:
        """Refuse when a change that stays requires one that goes. Raises RegistryError in Sqitch's words."""
        by_id = {change.id: change for change in changes}
        needed: dict[str, list[str]] = {}
        for dependent in self._place.engine.registry.dependents(list(by_id)):
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

    def preview(self, *, sql: bool) -> Preview:
        """What would be reverted, in order; with the SQL if asked for."""
        with self._place.engine.read_only():
            self._place.require_registry()
            wanted = self._wanted()
            if isinstance(wanted, schedule.NothingToDo):
                return Preview("revert", self._place.destination, (), message=wanted.message)
            self._refuse_required(wanted.changes)
        steps = tuple(self._preview(task, sql) for task in self._tasks(wanted))
        return Preview("revert", self._place.destination, steps)

    def _preview(self, task: RevertTask, sql: bool) -> PreviewedStep:
        change = task.change
        scripts = (self._place.preview("revert", task.script, sql=sql),) if task.script else ()
        return PreviewedStep("revert", change.label, change.name, change.id, scripts)
