"""What is known of a plan's lines before their order, and with it their ids, is decided."""

from __future__ import annotations

from typing import NamedTuple

from sqitchpy.model import Dependency, Person


class ChangeDraft(NamedTuple):
    """A change line. ``dialect`` marks one written as ``name timestamp "note" [deps]``."""

    line: int
    name: str
    operator: str
    requires: tuple[Dependency, ...]
    conflicts: tuple[Dependency, ...]
    planner: Person
    planned_at: str
    note: str
    dialect: bool


class TagDraft(NamedTuple):
    """A tag line; the change it belongs to is the last of its section."""

    line: int
    name: str
    planner: Person
    planned_at: str
    note: str


class Section(NamedTuple):
    """A run of changes and the tags that close it. Only the last section of a plan may have no tag.

    The lists grow while the body is read and are left alone after that.
    """

    changes: list[ChangeDraft]
    tags: list[TagDraft]

    @property
    def end(self) -> int:
        """The line where Sqitch checks the section's dependencies: its first tag, or past the end of the file."""
        return self.tags[0].line if self.tags else 1 << 62
