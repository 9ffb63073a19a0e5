"""Where a change's scripts are: paths from a target's directories, and what is on disk under the project's root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from sqitchpy.model import Change, DeployedChange, Plan
from sqitchpy.plan import rework_suffixes
from sqitchpy.script.source import Source
from sqitchpy.target import Target

ScriptKind = Literal["deploy", "revert", "verify"]
SCRIPT_KINDS: tuple[ScriptKind, ...] = get_args(ScriptKind)


class ScriptFiles(NamedTuple):
    """The scripts of one project and target. Paths in messages are as configured, relative to ``root``."""

    root: Path
    target: Target
    plan: Plan | None

    def source(
        self, kind: ScriptKind, change: Change | DeployedChange, deployed: Sequence[DeployedChange] = ()
    ) -> Source:
        """The script of a change. A reworked one's files carry a tag (``users@v1.sql``): Sqitch's rule of choice.

        ``deployed`` are the registry's rows, for a change that the plan does not hold any more.
        """
        suffixes = self._suffixes(change, deployed)
        suffix = next((tag for tag in suffixes if self._path("deploy", change.name, tag).exists()), None)
        return self._path(kind, change.name, suffix or (suffixes[0] if suffixes else None))

    def _suffixes(self, change: Change | DeployedChange, deployed: Sequence[DeployedChange]) -> tuple[str, ...]:
        planned = self.plan.by_id.get(change.id) if self.plan else None
        if planned is not None and self.plan is not None:
            return rework_suffixes(self.plan, planned)
        names = [row.name for row in deployed]
        ids = [row.id for row in deployed]
        if change.id not in ids:
            return ()
        here = ids.index(change.id)
        if change.name not in names[here + 1 :]:
            return ()
        later = names.index(change.name, here + 1)
        return tuple(f"@{tag.name}" for row in reversed(deployed[here:later]) for tag in row.tags)

    def _path(self, kind: ScriptKind, name: str, suffix: str | None) -> Source:
        return Source(script_path(self.target, kind, name, suffix), self.root)


def script_path(target: Target, kind: str, name: str, suffix: str | None = None) -> str:
    """Where a change's script of a kind belongs; with ``suffix`` (``@v1``) that of an instance that was reworked.

    Kinds of one's own (``add`` makes them of templates) have folders beside the plan's.
    """
    directory = f"{target.top_dir}/{kind}" if target.top_dir != "." else kind
    if kind in SCRIPT_KINDS:
        directory = getattr(target, f"reworked_{kind}_dir" if suffix else f"{kind}_dir")
    relative = f"{name}{suffix or ''}.{target.extension}"
    return relative if directory in ("", ".") else f"{directory}/{relative}"


def script_hash(source: Source) -> str | None:
    """The SHA-1 of a script's bytes, as Sqitch records it; None when there is no such file."""
    return source.digest() if source.exists() else None
