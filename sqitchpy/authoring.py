"""Adding, reworking and tagging changes: from a wish to files, and those to the disk.

What is going to be is prepared first, as values, and everything refused that must be. Only then is it written: the
scripts, and the plan after them, so that a plan never speaks of scripts that are not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqitchpy.errors import SqitchpyError
from sqitchpy.files import SCRIPT_KINDS, script_path
from sqitchpy.model import Change, Plan, Tag
from sqitchpy.plan import editing
from sqitchpy.plan.editing import Wish
from sqitchpy.target import Target
from sqitchpy.templates import Template, TemplateSearch, Variables, find_templates, render_template
from sqitchpy.writing import write_files

ReadPlan = Callable[[Target], Plan]


class NewFile(NamedTuple):
    """A script that is going to be written; ``data`` is None when there is one already, which stays as it is."""

    file: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What becomes of one plan file: the plan with its new line, and the scripts that go with it."""

    plan: Plan
    change: Change
    files: tuple[NewFile, ...] = ()
    tag: Tag | None = None

    @property
    def label(self) -> str:
        """The new change with its dependencies, as Sqitch shows it: ``users [users@v1 !people]``."""
        listed = " ".join(each.plan_text for each in (*self.change.requires, *self.change.conflicts))
        return f"{self.change.name} [{listed}]" if listed else self.change.name


@dataclass(frozen=True, slots=True)
class Drafts:
    """What becomes of each plan file, in order. ``scripts`` are the files that their author has to look at."""

    items: tuple[Draft, ...]
    scripts: tuple[str, ...] = ()

    def write(self, root: Path) -> None:
        """Write everything below ``root``: all of it or, unless the system breaks down, nothing."""
        files: dict[str, bytes] = {}
        for draft in self.items:
            files |= {new.file: new.data for new in draft.files if new.data is not None}
        plans = {draft.plan.file: draft.plan.text.encode() for draft in self.items}
        write_files(root, {**files, **plans})


@dataclass(frozen=True, slots=True)
class Author:
    """Prepares what becomes of the plans of some targets. Targets with the same plan file share its new line."""

    root: Path
    targets: Sequence[Target]
    read_plan: ReadPlan

    def add(self, wish: Wish, search: TemplateSearch, variables: Variables) -> Drafts:
        """A new change, with scripts made of templates. Raises SqitchpyError for what cannot be added."""
        made: list[Draft] = []
        seen: set[str] = set()
        for targets in self._by_plan():
            templates = [find_templates(search, self.root, targets[0].engine)]
            editing.check_change_name(wish.name)  # before the plan is read, as in Sqitch
            plan = editing.add_change(self.read_plan(targets[0]), wish)
            templates += [find_templates(search, self.root, target.engine) for target in targets[1:]]
            values = {**variables, "project": plan.project, "change": wish.name}
            values |= {"requires": tuple(wish.requires), "conflicts": tuple(wish.conflicts)}
            scripts: dict[str, NewFile] = {}
            for target, texts in zip(targets, templates, strict=True):
                for new in self._new_scripts(target, texts, {**values, "engine": target.engine}, seen):
                    scripts.setdefault(new.file, new)
            seen |= scripts.keys()
            made.append(Draft(plan, plan.changes[-1], tuple(scripts.values())))
        return Drafts(tuple(made), _unique(new.file for draft in made for new in draft.files))

    def rework(self, wish: Wish) -> Drafts:
        """Another instance of a change; its scripts are copied first. Raises SqitchpyError where it cannot be."""
        made: list[Draft] = []
        scripts: list[str] = []
        for targets in self._by_plan():
            plan = editing.rework_change(self.read_plan(targets[0]), wish)
            copies: dict[str, NewFile] = {}
            for target in targets:
                scripts += [script_path(target, kind, wish.name) for kind in SCRIPT_KINDS]
                for copy in self._copies(target, plan):
                    copies.setdefault(copy.file, copy)
            made.append(Draft(plan, plan.changes[-1], tuple(copies.values())))
        return Drafts(tuple(made), _unique(file for file in scripts if (self.root / file).exists()))

    def tag(self, wish: Wish, change: str | None = None) -> Drafts:
        """A new tag. Raises SqitchpyError for what cannot be tagged."""
        editing.check_tag_name(wish.name.removeprefix("@"))
        plans = [editing.add_tag(self.read_plan(targets[0]), wish, change) for targets in self._by_plan()]
        return Drafts(tuple(_tagged(plan, wish.name.removeprefix("@")) for plan in plans))

    def _by_plan(self) -> Iterable[list[Target]]:
        if not self.targets:
            raise SqitchpyError("No targets", hint="Name one, or configure core.engine")
        groups: dict[str, list[Target]] = {}
        for target in self.targets:
            groups.setdefault(target.plan_file, []).append(target)
        return groups.values()

    def _new_scripts(
        self, target: Target, templates: Mapping[str, Template], values: Variables, seen: Container[str]
    ) -> Iterator[NewFile]:
        for kind, template in templates.items():
            file = script_path(target, kind, str(values["change"]))
            there = file in seen or (self.root / file).exists()
            yield NewFile(file, None if there else render_template(template.text, values, template.name).encode())

    def _copies(self, target: Target, plan: Plan) -> Iterator[NewFile]:
        """Each script under the tag's name; and the deploy script over the revert script: the way back from a rework
        is what was deployed before."""
        name = plan.changes[-1].name
        tag = editing.latest_tag(plan)
        deployed: bytes | None = None
        for kind in SCRIPT_KINDS:
            file = script_path(target, kind, name)
            data = self._read(file)
            deployed = data if kind == "deploy" else deployed
            if data is not None:
                yield NewFile(script_path(target, kind, name, f"@{tag.name}" if tag else None), data)
                if kind == "revert" and deployed is not None:
                    yield NewFile(file, deployed)

    def _read(self, file: str) -> bytes | None:
        try:
            return (self.root / file).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SqitchpyError(f"Cannot copy {file}: {error.strerror}") from error


def double_extension(file: str) -> str | None:
    """The extension that a file's name has twice (``users.sql.sql``): somebody has typed it as part of the name."""
    *rest, before, last = ["", *Path(file).name.rsplit(".", 2)]
    return last if len(rest) > 1 and before == last else None


def _tagged(plan: Plan, name: str) -> Draft:
    change = plan.by_tag[name]
    return Draft(plan, change, tag=next(tag for tag in change.tags if tag.name == name))


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
