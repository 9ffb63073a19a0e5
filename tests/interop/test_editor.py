"""What happens when a note is missing and nobody is there to write it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .harness import observing
from .harness.tools import PROGRAMS

ROW = "No note, no editor and no terminal"
"""The row of docs/compatibility.md that this shows."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project, and in bin/ a vi that leaves a file behind."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    (tmp_path / "sqitch.plan").write_text("%syntax-version=1.0.0\n%project=flipr\n\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vi").write_text("#!/bin/sh\ntouch vi-was-here\n")
    (tmp_path / "bin" / "vi").chmod(0o755)
    return tmp_path


def add(tool: tuple[str, ...], project: Path) -> subprocess.CompletedProcess[str]:
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environ = observing.environ({"PATH": path, "SQITCH_EDITOR": "", "VISUAL": "", "EDITOR": ""})
    return subprocess.run(
        [*tool, "add", "users"], cwd=project, env=environ, input="", capture_output=True, text=True, check=False
    )


def test_sqitch_starts_vi(sqitch: str, project: Path) -> None:
    done = add((sqitch,), project)
    assert (project / "vi-was-here").exists()
    assert (done.returncode, done.stdout) == (1, "Aborting due to empty note\n")


def test_sqitchpy_says_how_to_pass_the_note(project: Path) -> None:
    done = add(PROGRAMS["sqitchpy"], project)
    assert not (project / "vi-was-here").exists()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Cannot ask for a note: no editor is configured, and this is no terminal\n"
        "hint: Pass the note with --note, or set SQITCH_EDITOR or core.editor.\n"
    )
