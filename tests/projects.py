"""Small projects for tests, written by hand: a plan with fixed times, a configuration, and scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

PLANNER = "Pat Planner <pat@example.com>"
CONF = "[core]\n\tengine = pg\n"


@dataclass(frozen=True)
class Scripts:
    """A change: its scripts (None: there is no such file) and what its line in the plan says."""

    deploy: str | bytes | None = None
    revert: str | bytes | None = None
    verify: str | bytes | None = None
    requires: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    note: str = ""


def table(name: str, *, requires: Sequence[str] = (), conflicts: Sequence[str] = (), note: str = "") -> Scripts:
    """A change that adds a table, as Sqitch's templates lay its scripts out."""
    return Scripts(
        deploy=f"-- Deploy {name}\nBEGIN;\nCREATE TABLE public.{name} (id integer);\nCOMMIT;\n",
        revert=f"-- Revert {name}\nBEGIN;\nDROP TABLE public.{name};\nCOMMIT;\n",
        verify=f"-- Verify {name}\nBEGIN;\nSELECT id FROM public.{name} WHERE false;\nROLLBACK;\n",
        requires=requires,
        conflicts=conflicts,
        note=note,
    )


def make_project(
    directory: Path,
    changes: Mapping[str, Scripts],
    *,
    tags: Mapping[str, str | Sequence[str]] | None = None,
    name: str = "app",
    uri: str | None = None,
    conf: str = CONF,
) -> Path:
    """A project in ``directory`` (which is made). ``tags`` are the tags after a change, by the change's name."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "sqitch.conf").write_text(conf, encoding="utf-8")
    pragmas = f"%syntax-version=1.0.0\n%project={name}\n" + (f"%uri={uri}\n" if uri else "")
    (directory / "sqitch.plan").write_text(pragmas + "\n", encoding="utf-8")
    for change, scripts in changes.items():
        add_change(directory, change, scripts)
        after = (tags or {}).get(change, ())
        for tag in [after] if isinstance(after, str) else after:
            add_tag(directory, tag)
    return directory


def add_change(directory: Path, name: str, scripts: Scripts) -> None:
    """Write a change at the end of the plan, and its scripts."""
    wanted = [*scripts.requires, *(f"!{conflict}" for conflict in scripts.conflicts)]
    line = name + (f" [{' '.join(wanted)}]" if wanted else "")
    _append(directory, line, scripts.note)
    for kind in ("deploy", "revert", "verify"):
        write_script(directory, kind, name, getattr(scripts, kind))


def add_tag(directory: Path, tag: str, note: str = "") -> None:
    """Tag the last change of the plan."""
    _append(directory, f"@{tag}", note)


def rework(directory: Path, name: str, tag: str, scripts: Scripts) -> None:
    """Rework a change as Sqitch does: what it was until ``tag`` moves to files of that name."""
    for kind in ("deploy", "revert", "verify"):
        old = directory / kind / f"{name}.sql"
        if old.exists():
            copyfile(old, directory / kind / f"{name}@{tag}.sql")
    wanted = Scripts(
        scripts.deploy,
        scripts.revert,
        scripts.verify,
        [f"{name}@{tag}", *scripts.requires],
        scripts.conflicts,
        scripts.note,
    )
    add_change(directory, name, wanted)


def write_script(directory: Path, kind: str, name: str, text: str | bytes | None) -> Path:
    """Write one script; None leaves what is there."""
    path = directory / kind / f"{name}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def remove_line(directory: Path, beginning: str) -> None:
    """Take the lines that begin so out of the plan."""
    plan = directory / "sqitch.plan"
    lines = plan.read_text("utf-8").splitlines(keepends=True)
    plan.write_text("".join(line for line in lines if not line.startswith(beginning)), encoding="utf-8")


def _append(directory: Path, line: str, note: str) -> None:
    plan = directory / "sqitch.plan"
    text = plan.read_text("utf-8")
    hour, minute = divmod(3 * 60 + text.count("\n"), 60)
    ending = f" # {note}" if note else ""
    plan.write_text(f"{text}{line} 2024-01-02T{hour:02}:{minute:02}:00Z {PLANNER}{ending}\n", encoding="utf-8")
