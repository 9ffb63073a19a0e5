"""Pure: which row of the registry is which change of an edited plan, and what its rows have to say then.

The id of a change is a hash over its line and the id before it: whoever edits a line moves the ids of all later ones.
Rows are recognised by their id; else by their script hash, whatever its line ends; else by their name and, of a name
that was reworked, by its place among the instances. Nothing is guessed: a row that this does not tell is left alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from sqitchpy.engines.protocol import Relink
from sqitchpy.errors import RegistryError
from sqitchpy.files import Digests
from sqitchpy.model import Change, Dependency, DeployedChange, DeployedTag, Plan, Tag
from sqitchpy.plan import resolve_requirement
from sqitchpy.report import LeftAlone

Pairs = Mapping[int, Change]
"""Rows, by their index, and the planned changes that they are."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The rows that are to change, and what is left alone."""

    links: tuple[Relink, ...]
    left: tuple[LeftAlone, ...]


def diagnose(
    plan: Plan,
    rows: Sequence[DeployedChange],
    scripts: Mapping[str, Digests],
    foreign: Mapping[Dependency, str | None],
) -> Diagnosis:
    """Compare what is deployed, in its order, with the plan and the scripts.

    ``scripts`` are the hashes of the deploy scripts by the planned changes' ids, ``foreign`` the deployed ids behind
    requirements of other projects.

    Raises:
        RegistryError: the changes were deployed in another order than the plan's.
    """
    pairs, left = _recognise(plan, rows, scripts)
    _refuse_other_order(plan, rows, pairs)
    tags, strange_tags = _tags(plan, rows, pairs)
    hashes = _hashes(rows, pairs, scripts)
    twins = Counter(filter(None, hashes))
    links: list[Relink] = []
    present: set[str] = set()
    for index, change in pairs.items():
        row, script_hash = rows[index], hashes[index]
        why = _why_not_its_hash(script_hash, row, twins)
        ids = [_id_of(plan, wanted, present, foreign) for wanted in change.requires]
        if row.id == change.id:
            present.add(change.id)
        if None in ids:
            missing = change.requires[ids.index(None)].text
            left.append(LeftAlone(row.label, row.id, f"the plan has it require {missing}, which is not deployed"))
            continue
        if why:
            left.append(LeftAlone(row.label, row.id, f"{why}; its hash stays as it is"))
            script_hash = row.script_hash
        present.add(change.id)
        moved = tuple(tags[change.id])
        if (row.id, row.script_hash) != (change.id, script_hash) or moved:
            links.append(Relink(row, change, script_hash, tuple(filter(None, ids)), moved))
    return Diagnosis(tuple(links), (*left, *strange_tags))


# -- which row is which change -------------------------------------------------------------------------------------


def _recognise(
    plan: Plan, rows: Sequence[DeployedChange], scripts: Mapping[str, Digests]
) -> tuple[dict[int, Change], list[LeftAlone]]:
    pairs = {index: plan.by_id[row.id] for index, row in enumerate(rows) if row.id in plan.by_id}
    left: list[LeftAlone] = []
    taken = {change.id for change in pairs.values()}
    by_hash = _by_hash((change for change in plan.changes if change.id not in taken), scripts)
    named = {index: change for index, change in _by_name_and_place(plan, rows).items() if change.id not in taken}
    found: dict[int, Change] = {}
    for index, row in enumerate(rows):
        if index in pairs:
            continue
        candidate = _decide(by_hash.get(row.script_hash or "", []), named.get(index))
        if isinstance(candidate, Change):
            found[index] = candidate
        else:
            left.append(LeftAlone(row.label, row.id, candidate))
    claims = Counter(change.id for change in found.values())
    for index, change in found.items():
        if claims[change.id] == 1:
            pairs[index] = change
        else:
            why = f"it is not alone in being like {change.label} of the plan"
            left.append(LeftAlone(rows[index].label, rows[index].id, why))
    return dict(sorted(pairs.items())), left


def _by_hash(changes: Iterable[Change], scripts: Mapping[str, Digests]) -> Mapping[str, list[Change]]:
    """The planned changes with a script, by its hash with each kind of line ends."""
    found: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        for digest in set(filter(None, scripts[change.id])):
            found[digest].append(change)
    return found


def _by_name_and_place(plan: Plan, rows: Sequence[DeployedChange]) -> dict[int, Change]:
    """By the index of a row the planned instance of its name; not where more of them are deployed than planned."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        places[row.name].append(index)
    return {
        index: change
        for name, indexes in places.items()
        if len(indexes) <= len(plan.by_name.get(name, ()))
        for index, change in zip(indexes, plan.by_name[name], strict=False)
    }


def _decide(by_script: Sequence[Change], by_name: Change | None) -> Change | str:
    """The planned change that a row is, or why that cannot be told."""
    if by_name is not None and (not by_script or by_name in by_script):
        return by_name
    if by_name is not None:
        return f"by its name it is {by_name.label} of the plan, by its script {by_script[0].label}"
    if len(by_script) == 1:
        return by_script[0]
    if by_script:
        return f"its script is that of several planned changes: {', '.join(change.label for change in by_script)}"
    return "neither its name nor its script tells which change of the plan it is"


def _refuse_other_order(plan: Plan, rows: Sequence[DeployedChange], pairs: Pairs) -> None:
    """Refuse unless what was deployed as the first is the first of the plan, and so on.

    It is by their order that Sqitch finds what is still to be deployed, and what a script is to be compared with.
    What has the plan's id may stand behind a gap: ``deploy --only`` leaves such.
    """
    reached = -1
    wrong = None
    for index, change in pairs.items():
        if change.position <= reached or (change.position != index and change.id != rows[index].id):
            wrong = index
            break
        reached = change.position
    if wrong is None:
        return
    change = pairs[wrong]
    raise RegistryError(
        f"Cannot repair: {rows[wrong].label} was deployed as number {wrong + 1}, and {plan.file}:{change.line} plans "
        f"{change.label} as number {change.position + 1}",
        hint="Nothing was changed. Put the plan's lines into the order in which they were deployed (“sqitchpy status "
        "--show-changes” lists it, the newest first), new lines after them; or revert to before the first difference.",
    )


# -- what goes with a change ---------------------------------------------------------------------------------------


def _hashes(rows: Sequence[DeployedChange], pairs: Pairs, scripts: Mapping[str, Digests]) -> list[str | None]:
    """What would be recorded for each row: the hash of its script now; what is recorded where its script is unknown."""
    return [scripts[pairs[i].id].now if i in pairs else row.script_hash for i, row in enumerate(rows)]


def _why_not_its_hash(script_hash: str | None, row: DeployedChange, twins: Mapping[str, int]) -> str | None:
    """Why the hash of a script cannot be recorded; None when it can, or is."""
    if script_hash == row.script_hash:
        return None
    if script_hash is None:
        return "its deploy script does not exist"
    same = "another deployed change has a script of the very same bytes, which the registry does not allow"
    return same if twins[script_hash] > 1 else None


def _id_of(
    plan: Plan, wanted: Dependency, present: Collection[str], foreign: Mapping[Dependency, str | None]
) -> str | None:
    """The id of the deployed change behind a requirement, after the repair; None when there is none."""
    if wanted.project:
        return foreign[wanted]
    planned = resolve_requirement(plan, wanted)
    return planned.id if planned is not None and planned.id in present else None


def _tags(
    plan: Plan, rows: Sequence[DeployedChange], pairs: Pairs
) -> tuple[Mapping[str, list[tuple[str, Tag]]], list[LeftAlone]]:
    """The recorded tags that change, by the id of the planned change that bears them now; and those left alone."""
    moved: dict[str, list[tuple[str, Tag]]] = defaultdict(list)
    left: list[LeftAlone] = []
    known = {tag.id for change in plan.changes for tag in change.tags}
    recorded = {tag.name for row in rows for tag in row.tags}
    for index, row in enumerate(rows):
        for tag in row.tags:
            if tag.id in known:
                continue
            bearer = plan.by_tag.get(tag.name) or pairs.get(index)
            now = _planned_tag(tag, bearer, recorded) if bearer else None
            if bearer is None or now is None:
                left.append(LeftAlone(f"{row.label}: @{tag.name}", row.id, "the plan has no such tag"))
            elif bearer.position not in pairs:
                why = f"{plan.file}:{now.line} tags {bearer.name}, which is not deployed"
                left.append(LeftAlone(f"{row.label}: @{tag.name}", row.id, why))
            else:
                moved[bearer.id].append((tag.id, now))
    return moved, left


def _planned_tag(tag: DeployedTag, bearer: Change, recorded: set[str]) -> Tag | None:
    """The planned tag that a recorded one is: by its name, else by when and by whom it was planned."""
    same = [each for each in bearer.tags if each.name == tag.name]
    planned_at = tag.planned_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    renamed = [
        each
        for each in bearer.tags
        if each.name not in recorded and (each.planned_at, each.planner) == (planned_at, tag.planner)
    ]
    return same[0] if same else renamed[0] if len(renamed) == 1 else None
