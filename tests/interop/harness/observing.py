"""What can be seen after a step: what the command said, the project's files, the registry's rows, the schema."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from .databases.sqlite import is_database

_RECENT = re.compile(r"\b(\d{4})-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?: [+-]\d{4}|Z)")
_TEMPORARY = re.compile(r"/tmp/(?!\.s\.)[\w./-]+")


class Observation(NamedTuple):
    """Everything that is compared after a step, as text."""

    stdout: str
    stderr: str
    exit: str
    files: str
    rows: str
    schema: str


def normalized(text: str, masks: Mapping[str, str]) -> str:
    """The text without what cannot be equal: what the masks say, temporary files, times of today."""
    return _RECENT.sub(_masked, _TEMPORARY.sub("TEMPORARY", masked(text, masks)))


def masked(text: str, masks: Mapping[str, str]) -> str:
    for found, instead in masks.items():
        text = text.replace(found, instead)
    return text


def settled(plan: str) -> str:
    """A plan with fixed times instead of today's, a minute apart: its ids are the same in every lane then."""
    minutes = count()

    def fixed(found: re.Match[str]) -> str:
        return f"2024-06-01T11:{next(minutes):02}:00Z" if _masked(found) == "NOW" else found[0]

    return _RECENT.sub(fixed, plan)


def _masked(found: re.Match[str]) -> str:
    return "NOW" if abs(int(found[1]) - datetime.now().year) <= 1 else found[0]


def files(directory: Path, masks: Mapping[str, str]) -> str:
    """The project's files, each with the hash of its bytes (once masked); databases by name; and empty folders.

    The journal that a killed sqlite3 leaves behind is the database's own business: the next connection reads it.
    """
    hidden = {".git", ".sqitchpy"}
    every = sorted(path for path in directory.rglob("*") if not hidden.intersection(path.parts))
    every = [path for path in every if not path.name.endswith((".db-journal", ".db-wal", ".db-shm"))]
    lines = []
    for path in every:
        name = path.relative_to(directory)
        if path.is_file():
            lines.append(f"{name} {'(a database)' if is_database(path) else _hash(path, masks)}")
        elif path.is_dir() and not any(path.iterdir()):
            lines.append(f"{name}/")
    return "\n".join(lines)


def _hash(path: Path, masks: Mapping[str, str]) -> str:
    text = masked(path.read_bytes().decode("utf-8", "surrogateescape"), masks)
    return hashlib.sha1(_RECENT.sub(_masked, text).encode("utf-8", "surrogateescape")).hexdigest()


def environ(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of the test, which is a clean one, with something added.

    Debian's psql is a program in Perl that looks for the real one; Sqitch is given that at once, which saves it time.
    """
    real = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))
    path = os.pathsep.join([*(str(psql.parent) for psql in real[-1:]), os.environ["PATH"]])
    return {**os.environ, "PATH": path, **extra}
