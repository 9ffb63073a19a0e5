"""Where a change's scripts are: paths from a target's directories, and what is on disk under the project's root."""

from __future__ import annotations

import hashlib
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
        return self._path(kind, change.name, self.suffix(change, deployed))

    def suffix(self, change: Change | DeployedChange, deployed: Sequence[DeployedChange] = ()) -> str | None:
        """The tag that the names of a change's files carry; None when they carry none."""
        suffixes = self._suffixes(change, deployed)
        found = next((tag for tag in suffixes if self._path("deploy", change.name, tag).exists()), None)
        return found or (suffixes[0] if suffixes else None)

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


class Digests(NamedTuple):
    """The SHA-1 of a script's bytes as they are, and as they were with other line ends; None without a file."""

    now: str | None
    lf: str | None
    crlf: str | None

    def line_ends(self, recorded: str | None) -> Literal["LF", "CRLF"] | None:
        """With which line ends the script is what was recorded; None when it is that anyway, or never is."""
        if recorded is None or recorded == self.now:
            return None
        return "LF" if recorded == self.lf else "CRLF" if recorded == self.crlf else None


def digests(source: Source) -> Digests:
    """Hash a script with its own line ends, and with those of each kind. Raises ScriptError when it cannot be read."""
    if not source.exists():
        return Digests(None, None, None)
    now, lf, crlf = (hashlib.sha1(usedforsecurity=False) for _ in range(3))
    for line in source.raw_lines():
        now.update(line)
        unix = line[:-2] + b"\n" if line.endswith(b"\r\n") else line
        lf.update(unix)
        crlf.update(unix[:-1] + b"\r\n" if unix.endswith(b"\n") else unix)
    return Digests(now.hexdigest(), lf.hexdigest(), crlf.hexdigest())
