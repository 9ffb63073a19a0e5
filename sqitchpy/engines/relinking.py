"""The registry's rows of deployed changes, made to say what the plan says: the same statements for every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqitchpy.engines.protocol import Relink
from sqitchpy.errors import RegistryError
from sqitchpy.model import Change, DeployedChange, Tag

Execute = Callable[..., object]
"""Runs one of the engine's statements, by its name in ``queries.sql``, with its parameters by theirs."""


def relink(execute: Execute, standing: Sequence[DeployedChange], links: Sequence[Relink]) -> None:
    """Change the rows, in the transaction that is open; ``standing`` are all rows of the project, as read inside it.

    Names and hashes are unique in a project, and links may exchange them: first they are given up, then taken.

    Raises:
        RegistryError: a row is not any more as it was read before.
    """
    _refuse_moved(standing, links)
    for link in links:
        execute("give_up_hash", id=link.row.id)
        for tag_id, _ in link.tags:
            execute("give_up_tag", id=tag_id)
    for link in links:
        execute("relink_change", id=link.row.id, hash=link.script_hash, **_planned(link.change))
    for link in links:
        _replace_dependencies(execute, link)
        for tag_id, tag in link.tags:
            execute("relink_tag", id=tag_id, change_id=link.change.id, **_planned(tag))


def _replace_dependencies(execute: Execute, link: Relink) -> None:
    change = link.change
    execute("delete_dependencies", id=change.id)
    for required, required_id in zip(change.requires, link.requirement_ids, strict=True):
        execute("insert_dependency", id=change.id, type="require", dependency=required.text, dependency_id=required_id)
    for conflict in change.conflicts:
        execute("insert_dependency", id=change.id, type="conflict", dependency=conflict.text, dependency_id=None)


def _planned(item: Change | Tag) -> dict[str, str]:
    """What the plan says of a change or a tag, by the names of the statements' parameters."""
    return {
        "new_id": item.id,
        "name": f"@{item.name}" if isinstance(item, Tag) else item.name,
        "note": item.note,
        "planned_at": item.planned_at,
        "planner": item.planner.name,
        "email": item.planner.email,
    }


def _refuse_moved(standing: Sequence[DeployedChange], links: Sequence[Relink]) -> None:
    rows = {row.id: row for row in standing}
    tags = {tag.id for row in standing for tag in row.tags}
    if all(rows.get(link.row.id) == link.row and tags.issuperset(id_ for id_, _ in link.tags) for link in links):
        return
    raise RegistryError(
        "The registry has changed under this run: another deployer was at work",
        hint="Nothing was changed. Look at it once more with “sqitchpy check --repair --dry-run”.",
    )
