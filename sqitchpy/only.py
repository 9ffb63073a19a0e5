"""Pure: one change and what belongs to it, for ``deploy --only`` and ``revert --only``; and the gaps this leaves.

A deployment goes on after the latest deployed change, in Sqitch as here; a *gap* is a planned change before it that is
not deployed. Sqitch takes the order of the registry's rows for that of the plan, so a row that fills a gap has a place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from sqitchpy.errors import RegistryError, UnknownChangeError
from sqitchpy.model import Change, DeployedChange, Plan
from sqitchpy.plan import find_deployed, find_in_plan, resolve_requirement, unique_reference
from sqitchpy.schedule import NothingToDo, ToRevert, not_deployed

SHOWN_GAPS = 5
"""How many gaps are named in a warning."""


class Place(NamedTuple):
    """Where the row of a change goes, by ids: see :class:`sqitchpy.engines.protocol.DeployTask`."""

    after: str | None
    before: str | None = None
    latest: str | None = None


class Chosen(NamedTuple):
    """Changes to deploy, in plan order, and the place of each."""

    changes: tuple[Change, ...]
    places: tuple[Place, ...]


def at_the_end(changes: Sequence[Change], latest: str | None) -> Chosen:
    """Changes that are deployed one after the other behind the latest one."""
    before = (latest, *(change.id for change in changes[:-1]))
    return Chosen(tuple(changes), tuple(map(Place, before)))


# -- deploying --------------------------------------------------------------------------------------------------


def one_to_deploy(plan: Plan, name: str, deployed: Sequence[DeployedChange]) -> Chosen | NothingToDo:
    """The change that ``name`` names and what it requires, less what is deployed; each with its place.

    ``deployed`` are the project's rows, in the order of deployment. Raises UnknownChangeError for a name that is not
    planned, RegistryError where the change cannot come after what is deployed.
    """
    wanted = find_in_plan(plan, name)
    if wanted is None:
        raise UnknownChangeError(f'Unknown change: "{name}"', hint="“sqitchpy plan” lists the changes.")
    ids = {row.id for row in deployed}
    if wanted.id in ids:
        return NothingToDo(f'Nothing to deploy ("{name}" is deployed)')
    changes = needed(plan, wanted, ids)
    _refuse_overtaken(plan, changes, ids)
    return Chosen(changes, places(plan, changes, deployed))


def needed(plan: Plan, wanted: Change, deployed: Collection[str]) -> tuple[Change, ...]:
    """A change and all that it requires within the project, directly or not, less what is deployed; in plan order.

    A rework stands on the instance before it, whether its line says so or not.
    """
    found: dict[int, Change] = {}
    waiting = [wanted]
    while waiting:
        change = waiting.pop()
        if change.position not in found and change.id not in deployed:
            found[change.position] = change
            waiting += _stands_on(plan, change)
    return tuple(found[position] for position in sorted(found))


def _stands_on(plan: Plan, change: Change) -> Iterator[Change]:
    required = (resolve_requirement(plan, dependency) for dependency in change.requires)
    yield from filter(None, required)  # who requires what is not planned is told later, in Sqitch's words
    instances = plan.by_name[change.name]
    earlier = instances[: instances.index(change)]
    yield from earlier[-1:]


def _refuse_overtaken(plan: Plan, changes: Iterable[Change], deployed: Collection[str]) -> None:
    """Refuse what is planned before something that is deployed and does not go with it."""
    coming = {change.id: change for change in changes}
    faults = [
        f'Cannot deploy "{change.label}": "{later.label}" reworks it, and is deployed already'
        for change in coming.values()
        for later in plan.by_name[change.name]
        if later.position > change.position and later.id in deployed
    ]
    later_conflicts = (
        later.name
        for later in plan.changes
        if later.id in deployed
        for conflict in later.conflicts
        if (found := resolve_requirement(plan, conflict)) is not None and found.id in coming
    )
    if names := tuple(dict.fromkeys(later_conflicts)):
        plural = "" if len(names) == 1 else "s"
        faults.append(f"Conflicts with previously deployed change{plural}: {' '.join(names)}")
    if faults:
        raise RegistryError("\n".join(faults), hint="Nothing was deployed. Revert what is deployed first.")


def places(plan: Plan, changes: Sequence[Change], deployed: Sequence[DeployedChange]) -> tuple[Place, ...]:
    """Where each of ``changes`` (in plan order) goes among what is deployed.

    Raises RegistryError when the rows are in another order than the plan: there are no places then.
    """
    standing = [plan.by_id[row.id] for row in deployed if row.id in plan.by_id]
    for one, other in pairwise(standing):
        if one.position > other.position:
            raise RegistryError(
                f'"{other.label}" was deployed after "{one.label}", and is planned before it',
                hint="Nothing was deployed: --only needs a registry in the order of the plan. “sqitchpy verify” shows "
                "what is out of order; revert it and deploy it again.",
            )
    latest = deployed[-1].id if deployed else None
    positions = [change.position for change in standing]
    found = []
    for change in changes:
        index = bisect_left(positions, change.position)
        after = plan.changes[positions[index - 1]].id if index else None
        between = index < len(positions)
        found.append(Place(after, plan.changes[positions[index]].id, latest) if between else Place(after))
        positions.insert(index, change.position)
    return tuple(found)


# -- gaps -------------------------------------------------------------------------------------------------------


def gaps(plan: Plan, position: int, deployed: Collection[str]) -> tuple[Change, ...]:
    """The planned changes before ``position`` that are not deployed."""
    return tuple(change for change in plan.changes[: max(0, position)] if change.id not in deployed)


def told_gaps(plan: Plan, missing: Sequence[Change], latest: str) -> str:
    """What to say of gaps before the change labelled ``latest``, and how to fill them."""
    names = [change.label for change in missing[:SHOWN_GAPS]]
    more = f" and {len(missing) - SHOWN_GAPS} more" if len(missing) > SHOWN_GAPS else ""
    are = "this change is" if len(missing) == 1 else "these changes are"
    way = f"“sqitchpy deploy --only {unique_reference(plan, missing[0])}” deploys "
    which = "it" if len(missing) == 1 else "the first of them, and what it requires"
    return f"planned before {latest}, {are} not deployed: {', '.join(names)}{more}. {way}{which}"


# -- reverting --------------------------------------------------------------------------------------------------


def one_to_revert(
    deployed: Sequence[DeployedChange], name: str, plan: Plan | None, requirements: Iterable[tuple[str, str]]
) -> ToRevert:
    """The deployed change that ``name`` names and those that require it, directly or not, newest first.

    ``requirements`` are pairs of ids: who requires whom. Later instances of a name stand on the earlier ones. Raises
    UnknownChangeError.
    """
    wanted = find_deployed(deployed, name, plan)
    if wanted is None:
        raise not_deployed(name, plan)
    on_top: dict[str, list[str]] = defaultdict(list)
    for change_id, required_id in (*requirements, *_reworks(deployed)):
        on_top[required_id].append(change_id)
    going: set[str] = set()
    waiting = [wanted.id]
    while waiting:
        change_id = waiting.pop()
        if change_id not in going:
            going.add(change_id)
            waiting += on_top[change_id]
    changes = tuple(row for row in reversed(deployed) if row.id in going)
    return ToRevert(changes, None, tuple(deployed), only=True)


def _reworks(deployed: Sequence[DeployedChange]) -> Iterator[tuple[str, str]]:
    by_name: dict[str, str] = {}
    for row in deployed:
        if row.name in by_name:
            yield row.id, by_name[row.name]
        by_name[row.name] = row.id
