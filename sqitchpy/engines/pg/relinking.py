"""The registry's rows of deployed changes, made to say what the plan says: one transaction, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqitchpy.engines.protocol import Relink
from sqitchpy.errors import RegistryError
from sqitchpy.model import Change, Tag

Fetch = Callable[..., list[tuple[Any, ...]]]
"""Runs one of the statements of ``queries.sql`` with its parameters."""


def relink(fetch: Fetch, project: str, links: Sequence[Relink]) -> None:
    """Change the rows, inside a transaction that is open. Raises RegistryError when they are not as they were read.

    Names and hashes are unique in a project, and links may exchange them: first they are given up, then taken.
    """
    fetch("mark_transaction")
    fetch("lock_table")
    for link in links:
        row = link.row
        _expect(1, fetch("give_up_hash", project=project, id=row.id, name=row.name, hash=row.script_hash))
    tag_ids = [tag_id for link in links for tag_id, _ in link.tags]
    _expect(len(tag_ids), fetch("give_up_tags", project=project, ids=tag_ids))
    for link in links:
        fetch("relink_change", id=link.row.id, hash=link.script_hash, **_planned(link.change))
    for link in links:
        _replace_dependencies(fetch, link)
        for tag_id, tag in link.tags:
            fetch("relink_tag", id=tag_id, change_id=link.change.id, **_planned(tag))


def _replace_dependencies(fetch: Fetch, link: Relink) -> None:
    change = link.change
    fetch("delete_dependencies", id=change.id)
    for required, required_id in zip(change.requires, link.requirement_ids, strict=True):
        fetch("insert_dependency", id=change.id, type="require", dependency=required.text, dependency_id=required_id)
    for conflict in change.conflicts:
        fetch("insert_dependency", id=change.id, type="conflict", dependency=conflict.text, dependency_id=None)


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


def _expect(count: int, rows: Sequence[tuple[Any, ...]]) -> None:
    if len(rows) != count:
        raise RegistryError(
            "The registry has changed under this run: another deployer was at work",
            hint="Nothing was changed. Look at it once more with “sqitchpy check --repair --dry-run”.",
        )
