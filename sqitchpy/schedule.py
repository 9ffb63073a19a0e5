"""Pure: from a plan, what is deployed, and a goal, to what has to be done. Nothing here asks a database.

Deploying goes in plan order, which is topological order (docs/architecture.md, Order); reverting goes backwards in the
order of the registry. Words of refusals are Sqitch's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqitchpy.errors import RegistryError, SqitchpyError, UnknownChangeError
from sqitchpy.model import Change, Dependency, DeployedChange, Plan, Tag
from sqitchpy.options import Mode
from sqitchpy.plan import find_deployed, find_in_plan, resolve_requirement

EDITED = (
    "If a line of the plan was edited, by which that change and all later ones got other ids, “sqitchpy check --repair "
    "--dry-run” shows how the registry would be re-linked."
)
"""What to do about a deployed change that the plan has under another id."""


class NothingToDo(NamedTuple):
    """There is nothing to do, and why, in Sqitch's words."""

    message: str


class Requirements(NamedTuple):
    """A change to be deployed and the ids that satisfy what it requires, in the order of ``change.requires``."""

    change: Change
    requirement_ids: tuple[str, ...]


def position_of(plan: Plan, state: DeployedChange | None) -> int:
    """The plan position of the latest deployed change, -1 when nothing is deployed. Raises RegistryError."""
    if state is None:
        return -1
    change = plan.by_id.get(state.id)
    if change is None:
        hint = (
            "The database has a change that this plan does not: is this the right database, and the plan's newest "
            "version? “sqitchpy log” shows who deployed it."
        )
        if state.name in plan.by_name:
            hint += f"\n{EDITED}"
        raise RegistryError(f"Cannot find change {state.id} ({state.label}) in {plan.file}", hint=hint)
    return change.position


def missing_tags(change: Change, state: DeployedChange) -> tuple[Tag, ...]:
    """Tags that the plan has on the latest deployed change and the registry does not (they were added later)."""
    known = {tag.id for tag in state.tags}
    return tuple(tag for tag in change.tags if tag.id not in known)


def changes_to_deploy(
    plan: Plan, position: int, to: str | None, gaps: Collection[Change] = ()
) -> tuple[Change, ...] | NothingToDo:
    """The changes after ``position`` up to the one that ``to`` names. Raises UnknownChangeError and SqitchpyError.

    ``gaps`` are the planned changes before ``position`` that are not deployed: they are deployed in another way.
    """
    if not plan.changes:
        raise SqitchpyError("Nothing to deploy (empty plan)", hint=f"Add a change to {plan.file} first.")
    goal = len(plan.changes) - 1
    if to is not None:
        found = find_in_plan(plan, to)
        if found is None:
            raise UnknownChangeError(f'Unknown change: "{to}"', hint="“sqitchpy plan” lists the changes.")
        goal = found.position
        if goal == position:
            return NothingToDo(f'Nothing to deploy (already at "{to}")')
    if goal == position:
        return NothingToDo("Nothing to deploy (up-to-date)")
    if goal < position:
        missing = plan.changes[goal] in gaps
        raise SqitchpyError(
            'Cannot deploy to an earlier change; use "revert" instead',
            hint=f'Type “sqitchpy deploy --only "{to}"”.' if missing else f'Type “sqitchpy revert --to "{to}"”.',
        )
    return plan.changes[position + 1 : goal + 1]


def local_dependencies(plan: Plan, changes: Iterable[Change]) -> Mapping[Dependency, Change]:
    """The planned change behind every dependency within the project. Raises UnknownChangeError for one that is not."""
    found: dict[Dependency, Change] = {}
    for change in changes:
        for dependency in (*change.requires, *change.conflicts):
            if dependency.project or dependency in found:
                continue
            planned = resolve_requirement(plan, dependency)
            if planned is None:
                raise UnknownChangeError(
                    f'Unable to find change "{dependency.key}" in plan {plan.file}',
                    hint=f"{plan.file}:{change.line}: change {change.name} names it. Nothing was deployed.",
                )
            found[dependency] = planned
    return found


def foreign_dependencies(changes: Iterable[Change]) -> tuple[Dependency, ...]:
    """Every dependency on another project, once."""
    everything = (dependency for change in changes for dependency in (*change.requires, *change.conflicts))
    return tuple(dict.fromkeys(dependency for dependency in everything if dependency.project))


def check_dependencies(
    changes: Sequence[Change],
    local: Mapping[Dependency, Change],
    foreign: Mapping[Dependency, str | None],
    deployed: Collection[str],
) -> tuple[Requirements, ...]:
    """Check that every requirement is, or will be, deployed and no conflict is. Raises RegistryError with all faults.

    ``foreign`` gives the deployed id behind each dependency on another project; ``deployed`` are the ids, of those that
    ``local`` names, that are deployed.
    """
    coming: set[str] = set()
    conflicts: dict[str, None] = {}
    missing: dict[str, None] = {}
    checked = []
    for change in changes:
        present = _Present(coming, deployed, local, foreign)
        conflicts |= dict.fromkeys(item.text for item in change.conflicts if present.id_of(item))
        ids = [(item, present.id_of(item)) for item in change.requires]
        missing |= dict.fromkeys(item.text for item, found in ids if not found)
        checked.append(Requirements(change, tuple(found for _, found in ids if found)))
        coming.add(change.id)
    faults = [
        f"{words}{'' if len(names) == 1 else 's'}: {' '.join(names)}"
        for words, names in (
            ("Conflicts with previously deployed change", conflicts),
            ("Missing required change", missing),
        )
        if names
    ]
    if faults:
        raise RegistryError("\n".join(faults), hint="Nothing was deployed.")
    return tuple(checked)


class _Present(NamedTuple):
    coming: Collection[str]
    deployed: Collection[str]
    local: Mapping[Dependency, Change]
    foreign: Mapping[Dependency, str | None]

    def id_of(self, dependency: Dependency) -> str | None:
        """The id of the change, if it is deployed or comes earlier in this run."""
        if dependency.project:
            return self.foreign[dependency]
        change_id = self.local[dependency].id
        return change_id if change_id in self.coming or change_id in self.deployed else None


def refuse_deployed(changes: Sequence[Change], deployed: Collection[str]) -> None:
    """Refuse to deploy what is deployed already (out of the plan's order). Raises RegistryError."""
    again = [f"{change.name} ({change.id})" for change in changes if change.id in deployed]
    if len(again) == 1:
        raise RegistryError(f'Change "{again[0]}" has already been deployed', hint="Nothing was deployed.")
    if again:
        raise RegistryError(f"Changes have already been deployed: {', '.join(again)}", hint="Nothing was deployed.")


class Rollback(NamedTuple):
    """What a failed deployment takes back: how many of the run's changes, and the label of what stays."""

    changes: int
    to: str | None


def rollback_after_failure(mode: Mode, done: Sequence[Change], start: str | None) -> Rollback:
    """How much of a run to take back when a change has failed. ``start`` labels what was deployed before the run.

    Mode ``all`` takes back everything, ``tag`` what came after the last tagged change of this run, ``change`` nothing.
    """
    if mode == "change":
        return Rollback(0, None)
    if mode == "tag":
        for kept in range(len(done), 0, -1):
            if done[kept - 1].tags:
                return Rollback(len(done) - kept, done[kept - 1].label)
    return Rollback(len(done), start)


# -- reverting --------------------------------------------------------------------------------------------------


class ToRevert(NamedTuple):
    """Changes to revert, newest first, and the one that they are reverted to (None: there is none).

    ``deployed`` are the rows from the oldest of them on, or from earlier, in the order of deployment; ``only`` says
    that some of these stay.
    """

    changes: tuple[DeployedChange, ...]
    keep: DeployedChange | None
    deployed: tuple[DeployedChange, ...]
    only: bool = False

    @property
    def latest(self) -> Iterator[str]:
        """For each of ``changes``, the id of the latest deployed change when its turn comes."""
        return latest_meanwhile(self.deployed, self.changes)


def latest_meanwhile(deployed: Sequence[DeployedChange], going: Iterable[DeployedChange]) -> Iterator[str]:
    """The id of the latest deployed change, before each revert: ``going`` go one after the other."""
    left = [row.id for row in deployed]
    gone: set[str] = set()
    for change in going:
        while left[-1] in gone:
            left.pop()
        yield left[-1]
        gone.add(change.id)


def changes_to_revert(deployed: Sequence[DeployedChange], to: str | None, plan: Plan | None) -> ToRevert | NothingToDo:
    """The deployed changes after the one that ``to`` names. Raises UnknownChangeError."""
    if to is None and not deployed:
        return NothingToDo("Nothing to revert (nothing deployed)")
    if to is None:
        return ToRevert(tuple(reversed(deployed)), None, tuple(deployed))
    keep = find_deployed(deployed, to, plan)
    if keep is None:
        raise not_deployed(to, plan)
    later = tuple(deployed[deployed.index(keep) + 1 :])
    if not later:
        return NothingToDo(f'No changes deployed since: "{to}"')
    return ToRevert(later[::-1], keep, later)


def not_deployed(name: str, plan: Plan | None) -> UnknownChangeError:
    """That no deployed change is called so, in Sqitch's words."""
    planned = plan is not None and find_in_plan(plan, name) is not None
    return UnknownChangeError(
        f'Change not deployed: "{name}"' if planned else f'Unknown change: "{name}"',
        hint="Nothing was reverted. “sqitchpy status --show-changes” lists what is deployed.",
    )


def last_in_common(plan: Plan, other: Plan) -> Change | None:
    """The last change of ``plan``'s beginning that ``other`` has, too."""
    common = None
    for change in plan.changes:
        if change.id not in other.by_id:
            break
        common = change
    return common


def before_first_modified(
    deployed: Sequence[DeployedChange], planned: Sequence[Change], hashes: Sequence[str | None]
) -> DeployedChange | NothingToDo | None:
    """For ``--modified``: the last deployed change before the first whose script is no longer the deployed one.

    ``hashes`` are those of the scripts of the ``planned`` changes. A deployed change that the plan does not have is
    compared with the one in its place, as Sqitch compares all. None: already the first differs.
    """
    positions = {change.id: change.position for change in planned}
    for index, change in enumerate(deployed):
        position = positions.get(change.id, index)
        current = hashes[position] if position < len(hashes) else None
        if (change.script_hash or "") != (current or ""):
            return deployed[index - 1] if index else None
    return NothingToDo(f'No changes deployed since: "{deployed[-1].id}"' if deployed else "")
