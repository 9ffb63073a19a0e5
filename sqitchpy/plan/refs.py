"""References: ``users``, ``users@v1``, ``@v1``, ``HEAD``, ``@HEAD^2``, an id; in a plan and among deployed changes.

The syntax is Sqitch's (``sqitchchanges``): a name, a tag or both, then perhaps an offset, ``^`` back and ``~`` forward.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from sqitchpy.errors import UnknownChangeError
from sqitchpy.model import Change, Dependency, DeployedChange, Plan
from sqitchpy.patterns import lazy
from sqitchpy.plan.grammar import P

_OFFSET = lazy(rf"(?<![{P}])(?:(\^\^|~~)|([~^])([0-9]*))\Z")
_ID = lazy(r"[0-9a-f]{40}")


class Reference(NamedTuple):
    """A reference taken apart. ``HEAD`` and ``ROOT`` alone mean the same as ``@HEAD`` and ``@ROOT``."""

    name: str
    tag: str | None
    offset: int


def parse_reference(spec: str) -> Reference:
    """Take a reference apart. Every text is one; whether it names anything is for the lookups."""
    found = _OFFSET.search(spec)
    offset = 0
    if found:
        spec = spec[: found.start()]
        steps = 2 if found[1] else int(found[3][:9] or 1)  # nine digits are beyond any plan
        offset = -steps if found[0][0] == "^" else steps
    name, at, tag = spec.partition("@")
    if not at and name in ("HEAD", "ROOT"):
        return Reference("", name, offset)
    return Reference(name, tag if at else None, offset)


def find_in_plan(plan: Plan, spec: str) -> Change | None:
    """Find the change that a reference names, as ``deploy --to`` and ``show`` do; ``None`` when there is none.

    Raises:
        UnknownChangeError: a bare name that was reworked, or a name as of a tag that does not exist.
    """
    name, tag, offset = parse_reference(spec)
    found = _by_tag(plan, tag) if not name else _by_name(plan, name, tag)
    if found is None or not 0 <= found.position + offset < len(plan.changes):
        return None
    return plan.changes[found.position + offset]


def _by_tag(plan: Plan, tag: str | None) -> Change | None:
    if tag in ("HEAD", "ROOT"):
        return plan.changes[-1 if tag == "HEAD" else 0] if plan.changes else None
    return plan.by_tag.get(tag) if tag else None


def _by_name(plan: Plan, name: str, tag: str | None) -> Change | None:
    instances = plan.by_name.get(name, ()) or _by_id(plan, name)
    if not instances:
        return None
    if tag is not None:
        tagged = _by_tag(plan, tag)
        if tagged is None:
            raise UnknownChangeError(f'Unknown tag "@{tag}"')
        return _as_of(instances, tagged)
    if len(instances) > 1:
        raise _ambiguous(name, [_qualified(plan, change) for change in reversed(instances)], "Change lookup failed")
    return instances[0]


def unique_reference(plan: Plan, change: Change) -> str:
    """A reference that means this change alone: its name, with a tag where the name was reworked."""
    return change.name if len(plan.by_name[change.name]) == 1 else _qualified(plan, change)


def _count_until(instances: Sequence[Change], change: Change) -> int:
    """How many of a name's instances stand before ``change`` or are it. Plans with thousands of reworks ask often."""
    return bisect_right(instances, change.position, key=attrgetter("position"))


def _as_of(instances: Sequence[Change], tagged: Change) -> Change | None:
    """The latest instance that stands before a tagged change or is it."""
    count = _count_until(instances, tagged)
    return instances[count - 1] if count else None


def _by_id(plan: Plan, text: str) -> tuple[Change, ...]:
    """The change with an id, or with a tag with that id."""
    if not _ID.fullmatch(text):
        return ()
    if text in plan.by_id:
        return (plan.by_id[text],)
    return tuple(change for change in plan.changes if any(tag.id == text for tag in change.tags))


def _ambiguous(name: str, candidates: Sequence[str], failed: str) -> UnknownChangeError:
    head = f'Change "{name}" is ambiguous. Please specify a tag-qualified change:'
    return UnknownChangeError("\n".join([head, *(f"  * {candidate}" for candidate in candidates), failed]))


def _qualified(plan: Plan, change: Change) -> str:
    """A name that means this instance alone."""
    tags = [str(tag) for tag in change.tags] or list(rework_suffixes(plan, change)) or ["@HEAD"]
    return change.name + tags[0]


def rework_suffixes(plan: Plan, change: Change) -> tuple[str, ...]:
    """Return the tags that the script files of a reworked change may carry: ``users@v1.sql``.

    The first whose deploy script exists is the one for deploy, revert and verify; if none does, the first. They are
    the tags from just before the next instance back to the change itself. Empty for a latest instance, whose files
    have no suffix.
    """
    instances = plan.by_name.get(change.name, ())
    later = _count_until(instances, change)
    if later == len(instances):
        return ()
    between = reversed(plan.changes[change.position : instances[later].position])
    return tuple(str(tag) for other in between for tag in other.tags)


def resolve_requirement(plan: Plan, dependency: Dependency) -> Change | None:
    """Find what a dependency means in the plan; ``None`` when it is of another project, or unknown.

    A bare name is its FIRST instance, even when it was reworked since, as in Sqitch.
    """
    if dependency.project is not None:
        return None
    if dependency.change_id:
        return plan.by_id.get(dependency.change_id)
    if dependency.change is None:
        return plan.by_tag.get(dependency.tag or "")
    instances = plan.by_name.get(dependency.change, ())
    if dependency.tag is None:
        return instances[0] if instances else None
    tagged = plan.by_tag.get(dependency.tag)
    if tagged is None:
        return None
    return _as_of(instances, tagged)


def find_deployed(rows: Sequence[DeployedChange], spec: str, plan: Plan | None = None) -> DeployedChange | None:
    """Find the deployed change that a reference names, as ``revert --to`` and ``verify --from`` do.

    ``rows`` are the deployed changes of one project, first deployed first; offsets count them. With a ``plan`` the
    candidates of an ambiguous name are told as the plan calls them.

    Raises:
        UnknownChangeError: a bare name of which several instances are deployed.
    """
    name, tag, offset = parse_reference(spec)
    index = _deployed_tag(rows, tag) if not name else _deployed_name(rows, name, tag, plan)
    if index is None or not 0 <= index + offset < len(rows):
        return None
    return rows[index + offset]


def _deployed_tag(rows: Sequence[DeployedChange], tag: str | None) -> int | None:
    if tag in ("HEAD", "ROOT"):
        return (len(rows) - 1 if tag == "HEAD" else 0) if rows else None
    return next((index for index, row in enumerate(rows) if any(other.name == tag for other in row.tags)), None)


def _deployed_name(rows: Sequence[DeployedChange], name: str, tag: str | None, plan: Plan | None) -> int | None:
    if not tag and _ID.fullmatch(name):
        return next((index for index, row in enumerate(rows) if row.id == name), None)
    instances = [index for index, row in enumerate(rows) if row.name == name]
    if tag and tag != "HEAD":
        # The registry knows when a tag was written, not where it stands in the plan. Nothing comes before @ROOT.
        tagged = next((other for row in rows for other in row.tags if other.name == tag), None)
        instances = [index for index in instances if tagged and rows[index].committed_at <= tagged.committed_at]
    elif not tag and len(instances) > 1:
        candidates = [_deployed_qualified(rows, index, plan) for index in reversed(instances)]
        raise _ambiguous(name, candidates, "Change Lookup Failed")
    return instances[-1] if instances else None


def _deployed_qualified(rows: Sequence[DeployedChange], index: int, plan: Plan | None) -> str:
    if plan and rows[index].id in plan.by_id:
        return _qualified(plan, plan.by_id[rows[index].id])
    later = (tag.name for row in rows[index:] for tag in row.tags)
    return f"{rows[index].name}@{next(later, 'HEAD')}"
