"""Files are written whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sqitchpy.errors import SqitchpyError
from sqitchpy.writing import write_files


def test_files_and_the_folders_they_need_are_made(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/b/c.sql": b"one", "d.sql": b"two"})
    assert (tmp_path / "a/b/c.sql").read_bytes() == b"one"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "c.sql", "d.sql"]


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes(b"old")
    (tmp_path / "plan").chmod(0o640)
    write_files(tmp_path, {"plan": b"new"})
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_files(tmp_path, {"link": b"new"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_when_one_cannot_be_written_none_is_changed(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(SqitchpyError, match="Cannot write file/script: "):
        write_files(tmp_path, {"plan": b"new", "file/script": b"new"})
    assert (tmp_path / "plan").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "plan"]


def test_an_interruption_while_files_are_prepared_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plan").write_bytes(b"old")
    synced = iter((None, KeyboardInterrupt()))

    def interrupted(descriptor: int) -> None:
        if (error := next(synced)) is not None:
            raise error

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, {"plan": b"new", "script": b"new"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("plan", b"old")]
