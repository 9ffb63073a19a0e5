"""Bundles: a copy of what a deployment needs, the configuration, the plans and the scripts, for handing on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqitchpy.errors import SqitchpyError
from sqitchpy.files import SCRIPT_KINDS, ScriptFiles
from sqitchpy.model import Change, Plan
from sqitchpy.plan import editing, find_in_plan
from sqitchpy.target import Target
from sqitchpy.writing import write_files


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in the directory ``into``; that and everything else is relative to ``root``, the project's directory.

    What is in the bundle already and no older than its source is not copied again, as in Sqitch.
    """

    root: Path
    into: str

    def add_config(self, file: str) -> None:
        """Copy the configuration file, to the top of the bundle. Raises SqitchpyError when there is none."""
        self._copy(file, str(Path(self.into, Path(file).name)))

    def add_plan(self, target: Target, plan: Plan | None, first: str | None, last: str | None) -> None:
        """Copy the plan file, or (``plan`` is read then) write the lines of some changes alone.

        The ids of the changes depend on those before them, so a part of a plan has other ids than the whole.

        Raises:
            SqitchpyError: no such file, or no such change.
        """
        place = str(Path(self.into, self._relative(target.top_dir), Path(target.plan_file).name))
        if plan is None:
            self._copy(target.plan_file, place)
        else:
            (self.root / place).parent.mkdir(parents=True, exist_ok=True)  # before anything is refused, as in Sqitch
            write_files(self.root, {place: editing.excerpt(plan, first, last).encode()})

    def add_scripts(self, target: Target, plan: Plan, first: str | None, last: str | None) -> Iterator[Change]:
        """Copy the scripts that there are, change by change, in the order of the plan.

        Raises:
            SqitchpyError: no such change, a name that was reworked, a file that cannot be copied.
        """
        if not plan.changes:
            raise SqitchpyError("Cannot find change @ROOT", hint="The plan has no changes yet.")
        start, end = (_position(plan, spec) for spec in (first or "@ROOT", last or "@HEAD"))
        sources = ScriptFiles(self.root, target, plan)
        for change in plan.changes[start : end + 1]:
            for kind in SCRIPT_KINDS:
                source = sources.source(kind, change)
                if source.path.exists():
                    self._copy(source.name, str(Path(self.into, self._relative(source.name))))
            yield change

    def _relative(self, path: str) -> str:
        """A path as it is below the bundle: one that is absolute becomes relative to the project."""
        return os.path.relpath(path, self.root.resolve()) if Path(path).is_absolute() else path

    def _copy(self, source: str, place: str) -> None:
        from_, to = self.root / source, self.root / place
        if not from_.exists():
            raise SqitchpyError(f"Cannot copy {source}: does not exist")
        if to.exists() and to.stat().st_mtime_ns >= from_.stat().st_mtime_ns:
            return
        try:
            data = from_.read_bytes()
        except OSError as error:
            raise SqitchpyError(f'Cannot copy "{source}" to "{place}": {error.strerror}') from error
        write_files(self.root, {place: data})


def _position(plan: Plan, spec: str) -> int:
    found = find_in_plan(plan, spec)
    if found is None:
        raise SqitchpyError(f"Cannot find change {spec}")
    return found.position
