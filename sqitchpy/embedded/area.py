"""Where a project's server keeps its files.

::

    <project>/.sqitchpy/.gitignore          holds *
    <project>/.sqitchpy/postgres.lock       held while a server is made, started or stopped
    <project>/.sqitchpy/postgres/           the area, or only:
    <project>/.sqitchpy/postgres/elsewhere  the path of the area, when root runs the command

    <area>/data/          PostgreSQL's data folder
    <area>/server.conf    our settings; includes data/postgresql.conf
    <area>/server.log     what the server wrote since its last start; server.log.old since the one before
    <area>/socket         the path of the folder with the socket
    <area>/project        (only elsewhere) the project that the area belongs to

When root runs the command, the server runs as an unprivileged account that cannot reach a project under ``/root``, and
giving it a folder inside a project that somebody else may own would let that person steer what root writes. So root's
areas are always in a folder of their own, ``/var/lib/sqitchpy`` (it outlives a reboot, unlike ``/tmp``), and the
project only records which one is its own. Root owns the area; the server's account owns only the data folder in it.
``SQITCHPY_EMBEDDED_HOME`` names another folder to use in place of ``/var/lib/sqitchpy``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqitchpy.embedded.account import Account, can_reach, own_uid, owner_name, server_account
from sqitchpy.errors import EmbeddedError

FOLDER = ".sqitchpy"


@dataclass(frozen=True, slots=True)
class Area:
    """The files of one project's server. ``account`` is whom the server runs as, when not as ourselves."""

    project: Path
    root: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.root / "data"

    @property
    def config(self) -> Path:
        """The configuration file that the server is started with."""
        return self.root / "server.conf"

    @property
    def log(self) -> Path:
        """What the server wrote since its last start."""
        return self.root / "server.log"

    @property
    def socket_record(self) -> Path:
        """The file that holds the path of the socket's folder."""
        return self.root / "socket"

    @property
    def server_uid(self) -> int | None:
        """Whom the server's own files belong to."""
        return self.account.uid if self.account else own_uid()


def home() -> Path:
    """Return the folder for what cannot be inside a project: root's areas, and private copies of the programs."""
    if chosen := os.environ.get("SQITCHPY_EMBEDDED_HOME"):
        return Path(chosen).absolute()
    if own_uid() == 0:
        return Path("/var/lib/sqitchpy")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sqitchpy"


def make_home() -> Path:
    """Return home(), made when it is absent. Raises EmbeddedError when somebody else could write there."""
    folder = home()
    if not folder.is_dir():
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.chmod(0o755)  # ours from a moment ago: undo a narrow umask, the server's account must get through
    _require_own(folder)
    if own_uid() is not None and folder.stat().st_mode & 0o022:
        raise EmbeddedError(f"Others can write to {folder}", hint=f"chmod go-w {folder}")
    return folder


def find(project: Path) -> Area | None:
    """Return the project's area, or ``None`` when it has none yet.

    Raises EmbeddedError when the project's ``.sqitchpy`` belongs to somebody else.
    """
    folder = project / FOLDER
    if not os.path.lexists(folder):
        return None
    _require_own(folder)
    account = server_account()
    inside = folder / "postgres"
    root = _recorded(project) if account else inside
    return Area(project, root, account) if root and root.is_dir() else None


def create(project: Path) -> Area:
    """Return the project's area, made when it is absent. Call it with the lock held. Raises EmbeddedError, OSError."""
    inside = project_folder(project) / "postgres"
    if found := find(project):
        if found.account and read_path(found.root / "project") != project:  # the project was moved here
            write_path(found.root / "project", project)
        return found
    inside.mkdir(mode=0o700, exist_ok=True)
    account = server_account()
    root = _create_elsewhere(project, account) if account else inside
    return Area(project, root, account)


def discard(area: Area) -> None:
    """Remove the area and everything in it. Call it with the lock held, and the server stopped."""
    shutil.rmtree(area.root)
    if area.account:
        shutil.rmtree(area.project / FOLDER / "postgres")


def project_folder(project: Path) -> Path:
    """Return the project's ``.sqitchpy`` folder, made when it is absent, with a ``.gitignore`` that hides all of it.

    Raises EmbeddedError for a path that PostgreSQL's line-wise files cannot hold, and for somebody else's folder.
    """
    if "\n" in str(project):
        raise EmbeddedError(f"A line break cannot be in the path of an embedded server: {str(project)!r}")
    folder = project / FOLDER
    if not os.path.lexists(folder):
        folder.mkdir(mode=0o755, exist_ok=True)
    _require_own(folder)
    ignore = folder / ".gitignore"
    if not os.path.lexists(ignore):
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def write_path(file: Path, path: Path) -> None:
    """Write a path into a file, in one step: a reader sees the old one or the new one."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.write_bytes(os.fsencode(path))
    unfinished.replace(file)


def read_path(file: Path) -> Path | None:
    """Return the path that a file holds, ``None`` when there is no such file."""
    try:
        return Path(os.fsdecode(file.read_bytes()))
    except FileNotFoundError:
        return None


def _require_own(folder: Path) -> None:
    owner = folder.lstat().st_uid  # of a link: whoever made the link decided where it leads
    if own_uid() not in (None, owner):
        name = owner_name(owner)
        raise EmbeddedError(f"{folder} belongs to {name}", hint=f"run the command as {name}, or remove {folder}")


def _recorded(project: Path) -> Path | None:
    root = read_path(project / FOLDER / "postgres" / "elsewhere")
    if root is None or not root.is_dir():
        return None
    _require_own(root)
    return root if _is_owner(project, root) else None


def _is_owner(project: Path, root: Path) -> bool:
    """Tell a project that was moved, which keeps its area, from a copy of a project, which gets one of its own."""
    former = read_path(root / "project")
    if former is None or former == project:
        return True
    return read_path(former / FOLDER / "postgres" / "elsewhere") != root


def _create_elsewhere(project: Path, account: Account) -> Path:
    parent = make_home()
    if not can_reach(account, parent):
        raise EmbeddedError(
            f"PostgreSQL must run as {account.name!r} here, which cannot read {parent}",
            hint="set SQITCHPY_EMBEDDED_HOME to a folder that everybody can enter",
        )
    root = Path(tempfile.mkdtemp(prefix="area-", dir=parent))
    root.chmod(0o755)
    write_path(root / "project", project)
    write_path(project / FOLDER / "postgres" / "elsewhere", root)
    return root
