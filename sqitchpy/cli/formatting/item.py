"""What a format is applied to: one event of the registry, or one change of a plan."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqitchpy.model import Change, EventRow, Person


class Item(NamedTuple):
    """One entry of ``log`` or ``plan``. ``tags`` keep their ``@``.

    Events have a committer and no deploy file, planned changes the reverse.
    """

    event: str
    id: str
    change: str
    project: str
    note: str
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    tags: tuple[str, ...]
    planner: Person
    planned_at: datetime
    committer: Person | None = None
    committed_at: datetime | None = None
    deploy_file: str | None = None


def item_from_event(row: EventRow) -> Item:
    """The item that ``log`` shows for a row of the ``events`` table."""
    return Item(
        event=row.event,
        id=row.change_id,
        change=row.change,
        project=row.project,
        note=row.note,
        requires=row.requires,
        conflicts=row.conflicts,
        tags=row.tags,
        planner=row.planner,
        planned_at=row.planned_at,
        committer=row.committer,
        committed_at=row.committed_at,
    )


def item_from_change(change: Change, project: str, deploy_file: str | None) -> Item:
    """The item that ``plan`` shows for a change of the plan of ``project``."""
    return Item(
        event="revert" if change.operator == "-" else "deploy",
        id=change.id,
        change=change.name,
        project=project,
        note=change.note,
        requires=tuple(dependency.text for dependency in change.requires),
        conflicts=tuple(dependency.text for dependency in change.conflicts),
        tags=tuple(str(tag) for tag in change.tags),
        planner=change.planner,
        planned_at=_moment(change.planned_at),
        deploy_file=deploy_file,
    )


def _moment(text: str) -> datetime:
    """A plan's time. A leap second is the second after it, as it is to PostgreSQL: Python has none either."""
    if text.endswith(":60Z"):
        return datetime.fromisoformat(f"{text[:-3]}59Z") + timedelta(seconds=1)
    return datetime.fromisoformat(text)
