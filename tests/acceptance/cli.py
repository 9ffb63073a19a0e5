"""Driving the command line: ``python -m sqitchpy`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "sqitchpy"]


class Result(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: this process's, with the package under test in front."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(
    directory: Path, *words: str, answers: str = "", environ: Mapping[str, str] | None = None, timeout: float = 60
) -> Result:
    """Run ``sqitchpy WORDS`` in a directory."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=directory,
        input=answers,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(**(environ or {})),
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
