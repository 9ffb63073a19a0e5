"""Rows of the registry as values: the columns come in one order, whatever the database.

``time`` makes an aware datetime of what a driver gives for a time, ``items`` a list of what it gives for a list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqitchpy.model import DeployedChange, DeployedTag, EventRow, Person

Row = Sequence[Any]
Time = Callable[[Any], datetime]


def as_it_is(moment: Any) -> datetime:
    """A time that is an aware datetime already."""
    found: datetime = moment
    return found


def deployed_changes(
    rows: Iterable[Row], tags: Iterable[Row], dependencies: Iterable[Row], time: Time = as_it_is
) -> list[DeployedChange]:
    """Deployed changes, of the rows of ``deployed``, ``tags_of`` and ``dependencies_of`` (see ``queries.sql``)."""
    tags_of: dict[str, list[DeployedTag]] = defaultdict(list)
    for change_id, tag, tag_id, at, name, email, planned_at, planner, planner_email in tags:
        signed = time(at), Person(name, email), time(planned_at), Person(planner, planner_email)
        tags_of[change_id].append(DeployedTag(tag.removeprefix("@"), tag_id, *signed))
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change_id, kind, dependency in dependencies:
        wanted[change_id, kind].append(dependency)
    return [
        DeployedChange(
            name=row[0],
            id=row[1],
            project=row[2],
            script_hash=row[3],
            note=row[4],
            committed_at=time(row[5]),
            committer=Person(row[6], row[7]),
            planned_at=time(row[8]),
            planner=Person(row[9], row[10]),
            tags=tuple(tags_of[row[1]]),
            requires=tuple(wanted[row[1], "require"]),
            conflicts=tuple(wanted[row[1], "conflict"]),
        )
        for row in rows
    ]


def event(row: Row, time: Time = as_it_is, items: Callable[[Any], tuple[str, ...]] = tuple) -> EventRow:
    """An event, of a row of ``events``."""
    return EventRow(
        event=row[0],
        change_id=row[1],
        change=row[2],
        project=row[3],
        note=row[4],
        requires=items(row[5]),
        conflicts=items(row[6]),
        tags=items(row[7]),
        committed_at=time(row[8]),
        committer=Person(row[9], row[10]),
        planned_at=time(row[11]),
        planner=Person(row[12], row[13]),
    )
