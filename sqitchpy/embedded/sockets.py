"""The folder with the server's socket: fresh for each start, private, and with a short name.

Whoever can enter the folder can connect, as superuser and without a password. So it is the folder that guards the
server, and a recorded folder is believed only while it is a true folder, belongs to the server's account, and is
closed to everybody else: in a shared temporary folder somebody else could have put one there.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqitchpy.embedded.account import can_reach, own_uid, private_folder
from sqitchpy.embedded.area import Area, read_path, write_path
from sqitchpy.errors import EmbeddedError

PORT = 5432  # only a part of the socket's name: the folder holds one socket
NAME = f".s.PGSQL.{PORT}"
LIMIT = 103  # bytes: what the smallest sun_path holds (macOS; Linux has 107), see unix(7)
PREFIX = "sqpy-"


def recorded(area: Area) -> Path | None:
    """Return the folder of the server's socket, ``None`` when there is none that can be trusted."""
    folder = read_path(area.socket_record)
    return folder if folder and private_folder(folder, area.server_uid) else None


def renew(area: Area) -> Path:
    """Make a fresh folder, record it, and remove the former one. Raises EmbeddedError when there is no place for it.

    A socket that a killed server left in the former folder would stand in the way: its lock file may name a process
    that is a stranger by now.
    """
    remove(area)
    parent = next((folder for folder in _parents() if _fits(folder, area)), None)
    if parent is None:
        raise EmbeddedError(
            f"There is no folder for the server's socket: its path is limited to {LIMIT} bytes",
            hint="set TMPDIR to a folder with a short path that only you can write to",
        )
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # mode 0700
    if area.account:
        os.chown(folder, area.account.uid, area.account.gid)
    write_path(area.socket_record, folder)
    return folder


def remove(area: Area) -> None:
    """Remove the server's socket folder, if it can be trusted to be that, and its record.

    Where something listens it stays: this project is then a copy of another one, its record included.
    """
    folder = recorded(area)
    if folder and folder.name.startswith(PREFIX) and not listens(folder):
        shutil.rmtree(folder, ignore_errors=True)
    area.socket_record.unlink(missing_ok=True)


def listens(folder: Path) -> bool:
    """Tell whether something listens on the socket in a folder."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None:  # Python on Windows knows no such sockets; libpq does
        return (folder / NAME).exists()
    with socket.socket(family, socket.SOCK_STREAM) as caller:
        caller.settimeout(1)
        try:
            caller.connect(str(folder / NAME))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def _parents() -> Iterator[Path]:
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime)
    yield Path(tempfile.gettempdir()).absolute()
    if os.name == "posix":
        yield from (Path("/tmp"), Path("/var/tmp"))


def _fits(folder: Path, area: Area) -> bool:
    length = len(os.fsencode(folder / f"{PREFIX}12345678" / NAME))
    if length > LIMIT or set(",\n") & set(str(folder)):  # libpq takes a comma for a list of hosts
        return False
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return False
    return _nobody_else_renames_in(folder) and can_reach(area.account, folder)


def _nobody_else_renames_in(folder: Path) -> bool:
    facts = folder.stat()
    if own_uid() is None:
        return True
    return facts.st_uid in (0, own_uid()) and (not facts.st_mode & 0o022 or bool(facts.st_mode & stat.S_ISVTX))
