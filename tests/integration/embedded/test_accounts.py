"""Who runs the server: root's is an unprivileged account's, an ordinary user's is his own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sqitchpy import embedded
from sqitchpy.embedded.account import can_reach, server_account
from sqitchpy.errors import EmbeddedError

FAST = {"fsync": "off"}
FOR_ORDINARY_USERS = "keeps_the_data or commands_at_once or any_name or kill_9 or became_a_strangers or copy_of"
ROOT_OF_PACKAGE = Path(embedded.__file__).parents[2]

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def modes_above(path: Path) -> dict[Path, int]:
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in path.parents}


@only_root
def test_as_root_the_server_is_unprivileged_its_data_are_elsewhere_and_no_folder_above_is_changed(
    project: Path, home: Path, account_arguments: dict[str, int], postmaster: Callable[..., int]
) -> None:
    project.chmod(0o700)
    before = modes_above(project / "x") | modes_above(home / "x")
    accounts = Path("/etc/passwd").read_bytes()
    server = embedded.ensure_running(project, settings=FAST)
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid == account_arguments["user"]
    assert modes_above(project / "x") | modes_above(home / "x") == before
    assert Path("/etc/passwd").read_bytes() == accounts

    area = server.data_directory.parent
    assert area.parent == home
    assert (project / ".sqitchpy" / "postgres" / "elsewhere").read_text() == str(area)
    assert area.stat().st_uid == 0
    assert stat.S_IMODE(server.log.stat().st_mode) == 0o600


@only_root
def test_as_root_a_folder_that_the_servers_account_cannot_enter_is_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQITCHPY_EMBEDDED_HOME", str(tmp_path / "closed"))
    with pytest.raises(EmbeddedError, match="must run as 'nobody' here, which cannot read"):
        embedded.ensure_running(project)


@only_root
def test_a_home_that_others_can_write_to_is_refused(project: Path, home: Path) -> None:
    home.chmod(0o777)
    with pytest.raises(EmbeddedError, match="Others can write to"):
        embedded.ensure_running(project)


@only_root
@pytest.mark.parametrize("link", [False, True])
def test_root_does_not_follow_a_folder_that_somebody_else_made(project: Path, tmp_path: Path, link: bool) -> None:
    target = tmp_path / "target"
    target.mkdir()
    folder = project / ".sqitchpy"
    if link:
        folder.symlink_to(target)
        os.chown(folder, 1, 1, follow_symlinks=False)
    else:
        folder.mkdir()
        os.chown(folder, 1, 1)
    for call in (embedded.ensure_running, embedded.find_running, embedded.stop, embedded.remove):
        with pytest.raises(EmbeddedError, match="belongs to daemon"):
            call(project)
    assert list(target.iterdir()) == []
    folder.unlink() if link else folder.rmdir()


@dataclass
class OrdinaryUser:
    """How to run something as an ordinary user: a folder of his, a Python that he can read, who he is."""

    folder: Path
    python: Path
    environment: dict[str, str]
    arguments: dict[str, Any]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.python), "-B", *words]
        options = {"env": self.environment, "capture_output": True, "text": True, "timeout": 300}
        return subprocess.run(command, cwd=ROOT_OF_PACKAGE, **options, **self.arguments)


@pytest.fixture
def ordinary_user(account_arguments: dict[str, Any]) -> Iterator[OrdinaryUser]:
    if not account_arguments:
        pytest.skip("not root: all the other tests ran as an ordinary user already")
    folder = Path(tempfile.mkdtemp(prefix="sqitchpy-nobody-"))
    os.chown(folder, account_arguments["user"], account_arguments["group"])
    user = OrdinaryUser(folder, Path(sys.executable), {"PATH": os.environ["PATH"]}, account_arguments)
    try:
        if not can_reach(server_account(), user.python):
            copy_python(user)
        done = user.run("-c", "import sqitchpy.embedded, psycopg, pytest")
        if done.returncode != 0:
            pytest.skip(f"an ordinary user cannot read the package or its environment: {done.stderr[-300:]}")
        yield user
    finally:
        shutil.rmtree(folder)


def copy_python(user: OrdinaryUser) -> None:
    """Give the user a copy of an interpreter that is closed to him (pyenv's under /root)."""
    original = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    copy = user.folder / "python"
    skipped = shutil.ignore_patterns("site-packages", "test", "config-*", "idlelib", "lib2to3", "ensurepip")
    shutil.copytree(library, copy / library.relative_to(library.parents[1]), ignore=skipped)
    (copy / "bin").mkdir()
    shutil.copy2(original, copy / "bin")
    for shared in library.parent.glob("libpython*.so*"):
        shutil.copy2(shared, copy / "lib")
    user.python = copy / "bin" / original.name
    user.environment |= {
        "PYTHONHOME": str(copy),
        "LD_LIBRARY_PATH": str(copy / "lib"),
        "PYTHONPATH": f"{ROOT_OF_PACKAGE}{os.pathsep}{sysconfig.get_path('purelib')}",
    }


def test_it_holds_for_an_ordinary_user_too(ordinary_user: OrdinaryUser) -> None:
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={ordinary_user.folder / 'tmp'}", "-k", FOR_ORDINARY_USERS]
    done = ordinary_user.run("-m", "pytest", *options, str(Path(__file__).parent))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
