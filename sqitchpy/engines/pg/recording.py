"""The registry's rows, queued on a wire inside whatever transaction is open there."""

from __future__ import annotations

from collections.abc import Sequence

from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.engines.protocol import DeployTask
from sqitchpy.model import Change, Person, Tag

RECORD = "record"
"""Origin of these statements, for telling a failure of theirs from a script's."""


def queue_guard(
    wire: Wire,
    queries: Queries,
    *,
    lock_holder: int | None,
    key: int,
    project: str,
    after: str | None,
    lock_table: bool,
    neighbour: str | None = None,
    gone: str | None = None,
) -> None:
    """Lock the registry and fail unless it stands where the run was planned from.

    ``lock_holder`` is the process that must still hold the deployment lock; None where there is no such lock.
    ``neighbour`` is another change that must be deployed still, ``gone`` one that must not be any more.
    """
    wire.queue(queries.wire("lock_table" if lock_table else "mark_session"), origin=RECORD)
    ours = (None if lock_holder is None else str(lock_holder), str(key))
    if after is None:
        wire.queue(queries.wire("guard_first"), _texts(*ours, project), origin=RECORD)
    else:
        wire.queue(
            queries.wire("guard"), _texts(*ours, after, neighbour if neighbour != after else None, gone), origin=RECORD
        )


def queue_lock_guard(wire: Wire, queries: Queries, *, lock_holder: int | None, key: int) -> None:
    """Fail unless the process still holds the deployment lock; None where there is no such lock."""
    holder = None if lock_holder is None else str(lock_holder)
    wire.queue(queries.wire("guard_lock"), _texts(holder, str(key)), origin=RECORD)


def queue_deploy(wire: Wire, queries: Queries, task: DeployTask, committer: Person) -> None:
    """The rows of a deployed change, in Sqitch's order: changes, dependencies, tags, events."""
    change = task.change
    wire.queue(
        queries.wire("insert_change"),
        _texts(
            change.id,
            task.script_hash,
            change.name,
            task.project,
            change.note,
            *committer,
            change.planned_at,
            *change.planner,
            task.after,
        ),
        origin=RECORD,
    )
    if task.before is not None:
        wire.queue(queries.wire("put_between"), _texts(change.id, task.after, task.before), origin=RECORD)
    for kind, wanted, ids in (("require", change.requires, task.requirement_ids), ("conflict", change.conflicts, ())):
        if wanted:
            names = _array([dependency.text for dependency in wanted])
            wire.queue(queries.wire("insert_dependencies"), _texts(change.id, kind, names, _array(ids)), origin=RECORD)
    for tag in change.tags:
        queue_tag(wire, queries, change, task.project, tag, committer, with_change=task.before is not None)
    queue_event(wire, queries, "deploy", task, committer)


def queue_tag(
    wire: Wire,
    queries: Queries,
    change: Change,
    project: str,
    tag: Tag,
    committer: Person,
    *,
    with_change: bool = False,
) -> None:
    """The row of a tag; ``with_change`` gives it the time of its change."""
    wire.queue(
        queries.wire("insert_tag_with_change" if with_change else "insert_tag"),
        _texts(tag.id, f"@{tag.name}", project, change.id, tag.note, *committer, tag.planned_at, *tag.planner),
        origin=RECORD,
    )


def queue_event(wire: Wire, queries: Queries, event: str, task: DeployTask, committer: Person) -> None:
    """The row of a ``deploy`` or ``fail`` event."""
    change = task.change
    wire.queue(
        queries.wire("insert_event"),
        _texts(
            event,
            change.id,
            change.name,
            task.project,
            change.note,
            _array([dependency.text for dependency in change.requires]),
            _array([dependency.text for dependency in change.conflicts]),
            _array([f"@{tag.name}" for tag in change.tags]),
            *committer,
            change.planned_at,
            *change.planner,
        ),
        origin=RECORD,
    )


def queue_revert(wire: Wire, queries: Queries, change_id: str, committer: Person) -> None:
    """What a revert changes: the event first, because it is written from the rows that then go."""
    identifier = change_id.encode()
    wire.queue(queries.wire("insert_revert_event"), [identifier, *_texts(*committer)], origin=RECORD)
    wire.queue(queries.wire("delete_tags"), [identifier], origin=RECORD)
    wire.queue(queries.wire("delete_change"), [identifier], origin=RECORD)


def queue_forget_progress(wire: Wire, queries: Queries, change_id: str) -> None:
    """A revert takes away what unfinished changes stand on: they start anew."""
    wire.queue(queries.wire("forget_deploy_progress"), [change_id.encode()], origin=RECORD)


def _texts(*values: str | None) -> list[bytes | None]:
    return [None if value is None else value.encode() for value in values]


def _array(values: Sequence[str]) -> str:
    """A text[] literal, by the rules of PostgreSQL's array input."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(quoted) + "}"
