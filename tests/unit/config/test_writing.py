"""The file on the disk: replaced in one step, under Sqitch's lock, with its mode, its links and its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.config.editing import set_value
from sqitchpy.config.writing import edit_file
from sqitchpy.errors import ConfigError


def add(text: str | None) -> str:
    return set_value(text, "a.b", "c")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_new_file_is_written(tmp_path: Path) -> None:
    edit_file(tmp_path / "x.conf", add)
    assert (tmp_path / "x.conf").read_text() == "[a]\n\tb = c\n"
    assert names(tmp_path) == ["x.conf"]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.conf", tmp_path / "link.conf"
    real.write_text("[a]\n")
    real.chmod(0o640)
    link.symlink_to(real)
    edit_file(link, add)
    assert link.is_symlink()
    assert real.read_text() == "[a]\n\tb = c\n"
    assert real.stat().st_mode & 0o777 == 0o640


def test_bytes_that_are_not_utf_8_and_the_mark_at_the_beginning_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_bytes(b"\xef\xbb\xbf# M\xfcller\n[z]\n")
    edit_file(path, add)
    assert path.read_bytes() == b"\xef\xbb\xbf# M\xfcller\n[z]\n[a]\n\tb = c\n"


def test_a_lock_of_another_process_is_respected_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[a]\n")
    lock = tmp_path / "x.conf.lock"
    lock.write_text("another's")
    with pytest.raises(ConfigError, match=r"Can't open .*x.conf.lock for writing: File exists"):
        edit_file(path, add)
    assert path.read_text() == "[a]\n"
    assert lock.read_text() == "another's"


def test_the_file_is_locked_while_it_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"

    def edit(text: str | None) -> str:
        assert (tmp_path / "x.conf.lock").exists()
        return add(text)

    edit_file(path, edit)
    assert names(tmp_path) == ["x.conf"]


def test_an_edit_that_fails_leaves_the_file_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[a]\n\tb = 1\n\tb = 2\n")
    with pytest.raises(ConfigError, match="Cannot overwrite"):
        edit_file(path, add)
    assert path.read_text() == "[a]\n\tb = 1\n\tb = 2\n"
    assert names(tmp_path) == ["x.conf"]


def test_a_file_that_cannot_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[a\n")
    with pytest.raises(ConfigError, match="Error parsing"):
        edit_file(path, add)
    assert path.read_text() == "[a\n"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        edit_file(tmp_path / "nowhere" / "x.conf", add)
