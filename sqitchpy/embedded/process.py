"""Running PostgreSQL's programs, and telling our processes from strangers."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import IO

from sqitchpy.embedded.area import Area
from sqitchpy.errors import EmbeddedError

# The server outlives the command, and COPY … FROM PROGRAM sees its environment: no secrets, and no PG… variables.
PASSED_ON = (
    "PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "TEMP", "TMP", "USERPROFILE", "APPDATA",
)  # fmt: skip


class Owner(Enum):
    """Whose process a number names."""

    NOBODY = auto()
    OURS = auto()
    STRANGER = auto()
    UNKNOWN = auto()


def run(
    command: Sequence[str | Path], area: Area, *, data: Path, output: int | IO[bytes] = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    """Run one of PostgreSQL's programs as the server's account, in the area's folder; no shell.

    ``data`` goes by the environment, not by an option, since pg_ctl passes its options through a shell. Raises
    EmbeddedError when the account cannot be switched to (a container that knows no account but root).
    """
    account = area.account
    try:
        return subprocess.run(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=area.root,
            env=environment(data),
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        whom = f" as {account.name!r}" if account else ""
        raise EmbeddedError(f"Cannot run {command[0]}{whom}: {error}") from error


def environment(data: Path) -> dict[str, str]:
    """Return the environment of PostgreSQL's programs: little of ours, messages in English, and the data folder."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "LC_ALL": "C",
        "PGDATA": str(data),
    }


def server_options(data: Path) -> str:
    """Return the options that the server of a data folder is started with.

    By the name in them we know its process again. pg_ctl passes them to a shell: they hold nothing that comes from a
    path, or needs a quote.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(data))).hexdigest()
    return f"-c config_file=server.conf -c cluster_name=sqitchpy-{digest[:24]}"


def recorded_pid(data: Path) -> int | None:
    """Return the process number in ``postmaster.pid``; ``None`` when there is no such file, or no number in it."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(data / "postmaster.pid", flags)
    except OSError:
        return None
    try:
        first = os.read(descriptor, 64).split(b"\n")[0].strip()
    finally:
        os.close(descriptor)
    return int(first) if first.isdigit() and int(first) > 1 else None


def owner(pid: int, data: Path) -> Owner:
    """Tell whether a process is the server of our data folder.

    It is when its command line ends as we wrote it, or when it works in our data folder (so does a server whose project
    was moved while it ran). UNKNOWN is for systems where command lines cannot be seen: Windows, where PostgreSQL
    itself does not mistake a stranger for a server.
    """
    if os.name != "posix":
        return Owner.UNKNOWN
    if not _exists(pid):
        return Owner.NOBODY
    words = _command_line(pid)
    if words is None:
        return Owner.UNKNOWN
    if words.endswith(f"postgres {server_options(data)}") or _works_in(pid, data):
        return Owner.OURS
    return Owner.STRANGER


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # sends nothing
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _command_line(pid: int) -> str | None:
    """Return the command line, empty for a process that ended and that nobody has waited for."""
    if Path("/proc/self/cmdline").exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ").rstrip()
        except OSError:
            return ""  # it ended just now
    try:
        done = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False)
    except OSError:
        return None
    return os.fsdecode(done.stdout).rstrip()


def _works_in(pid: int, data: Path) -> bool:
    try:
        program = Path(f"/proc/{pid}/exe").readlink().name
        return program.startswith("postgres") and Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False
