"""The values everything else is made of. All of them are immutable and none of them does any I/O.

A ``Plan`` is what a plan file says. ``DeployedChange`` and friends are what the registry says. The words are
Sqitch's: change, tag, requires, conflicts, planner, committer, rework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple


class Person(NamedTuple):
    """A planner or committer."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Dependency(NamedTuple):
    """One entry of a change's dependency list: a requirement, or a conflict when ``conflict`` is true.

    ``project`` is ``None`` for a dependency within the change's own project (a prefix that names the own project
    is dropped by the parser, as Sqitch does).
    """

    conflict: bool
    project: str | None
    change: str | None
    tag: str | None
    change_id: str | None = None

    @property
    def key(self) -> str:
        """``change``, ``change@tag``, ``@tag`` or the id, without the project."""
        _, _, change, tag, change_id = self
        return change_id or (f"{change or ''}@{tag}" if tag else change or "")

    @property
    def text(self) -> str:
        """The form that is hashed into the change id and stored in the registry: no ``!``, foreign prefix kept."""
        _, project, change, tag, change_id = self
        if tag is None and change_id is None and not project:
            return change or ""  # nearly every one
        return f"{project}:{self.key}" if project else self.key

    @property
    def plan_text(self) -> str:
        """The form written in a plan file."""
        return f"!{self.text}" if self.conflict else self.text


class Tag(NamedTuple):
    """A tag line. ``name`` has no ``@``."""

    name: str
    id: str
    planner: Person
    planned_at: str
    note: str
    line: int

    def __str__(self) -> str:
        return f"@{self.name}"


class Change(NamedTuple):
    """A change line, with the tags that follow it.

    ``planned_at`` is the plan's own text, ``YYYY-MM-DDThh:mm:ssZ`` (UTC); ``position`` counts changes from 0 in
    deployment order; ``line`` is the line in the file, counted from 1.
    """

    name: str
    id: str
    parent_id: str | None
    operator: str
    requires: tuple[Dependency, ...]
    conflicts: tuple[Dependency, ...]
    planner: Person
    planned_at: str
    note: str
    tags: tuple[Tag, ...]
    position: int
    line: int

    @property
    def label(self) -> str:
        """The name with its tags, as Sqitch prints it: ``users @v1.0 @v1.1``."""
        return " ".join((self.name, *map(str, self.tags)))


@dataclass(frozen=True)
class Plan:
    """A parsed plan. ``changes`` are in deployment order; ``text`` is the file as it was read.

    ``moved`` names the changes whose place in ``changes`` is not the place of their line, because the file was out
    of dependency order (see docs/architecture.md, Order).
    """

    file: str
    project: str
    uri: str | None
    pragmas: Mapping[str, str]
    changes: tuple[Change, ...]
    text: str
    moved: tuple[str, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Change]:
        """Changes by id."""
        return {change.id: change for change in self.changes}

    @cached_property
    def by_name(self) -> Mapping[str, tuple[Change, ...]]:
        """Every instance of a change name, in plan order; more than one when the change was reworked."""
        single = {change.name: (change,) for change in self.changes}
        if len(single) == len(self.changes):
            return single
        found: dict[str, list[Change]] = {}
        for change in self.changes:
            found.setdefault(change.name, []).append(change)
        return {name: tuple(instances) for name, instances in found.items()}

    @cached_property
    def by_tag(self) -> Mapping[str, Change]:
        """The tagged change, by tag name (no ``@``)."""
        return {tag.name: change for change in self.changes for tag in change.tags}


class ProjectRow(NamedTuple):
    """A row of the registry's ``projects`` table."""

    project: str
    uri: str | None


class DeployedTag(NamedTuple):
    """A row of the registry's ``tags`` table. ``name`` has no ``@``."""

    name: str
    id: str
    committed_at: datetime
    committer: Person
    planned_at: datetime
    planner: Person


class DeployedChange(NamedTuple):
    """A row of the registry's ``changes`` table with its tags and dependencies; times are aware datetimes."""

    name: str
    id: str
    project: str
    script_hash: str | None
    note: str
    committed_at: datetime
    committer: Person
    planned_at: datetime
    planner: Person
    tags: tuple[DeployedTag, ...]
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name with its tags, as Sqitch prints it."""
        return " ".join((self.name, *(f"@{tag.name}" for tag in self.tags)))


class EventRow(NamedTuple):
    """A row of the registry's ``events`` table. ``tags`` keep their ``@``."""

    event: str
    change_id: str
    change: str
    project: str
    note: str
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    tags: tuple[str, ...]
    committed_at: datetime
    committer: Person
    planned_at: datetime
    planner: Person
