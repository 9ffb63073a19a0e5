"""Start, find and stop a project's server.

``postmaster.pid`` alone proves nothing: after a crash its number may be a stranger's. A server is believed to run only
when the socket answers and the server that answers names our data folder, and a process is signalled only when its
command line or its working folder proves that it is the server of our data folder.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqitchpy.embedded import area as areas
from sqitchpy.embedded import binaries, cluster, process, sockets
from sqitchpy.embedded.area import Area
from sqitchpy.embedded.lock import exclusive
from sqitchpy.embedded.process import Owner
from sqitchpy.embedded.server import Server, Silence, probe
from sqitchpy.errors import EmbeddedError

PAUSE = 0.02
START_SECONDS = 90.0
"""How long a start may take, crash recovery and the end of a killed server's orphans included."""
STOP_SECONDS = 60
QUIET_SECONDS = 5.0
"""How long a server of ours may run with no socket that we can reach, before it is stopped."""
# What PostgreSQL says while processes of a killed server are still in the data folder, or somebody else starts one.
PASSING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists', 'postmaster.pid" is empty')


def ensure_running(project_dir: Path, *, settings: Mapping[str, str] | None = None) -> Server:
    """Return the project's server, made and started first when it is not running.

    ``settings`` are PostgreSQL's (``{"fsync": "off"}``); they take effect when the server starts, and for that run.
    Any number of commands may call this at once. The server outlives the command. Raises EmbeddedError.
    """
    chosen = dict(settings or {})
    cluster.require_free(chosen)
    with _explained(project_dir):
        project = project_dir.resolve(strict=True)
        if found := _running(project):
            return found
        with _lock(project):
            return _running(project) or _start(areas.create(project), chosen)


def find_running(project_dir: Path) -> Server | None:
    """Return the project's server if it runs. Raises EmbeddedError when it refuses us, or belongs to somebody else."""
    with _explained(project_dir):
        return _running(project_dir.resolve())


def exists(project_dir: Path) -> bool:
    """Whether the project has a server, running or not. Raises EmbeddedError when it belongs to somebody else."""
    with _explained(project_dir):
        return areas.find(project_dir.resolve()) is not None


def stop(project_dir: Path) -> bool:
    """Stop the project's server, ending its sessions; tell whether it ran. Raises EmbeddedError when it does not stop.

    PostgreSQL's "fast" shutdown: transactions are rolled back, data are written.
    """
    with _explained(project_dir):
        project = project_dir.resolve()
        if areas.find(project) is None:
            return False
        with _lock(project):
            area = areas.find(project)
            return area is not None and _stop(area)


def remove(project_dir: Path) -> bool:
    """Stop the project's server and delete its data for ever; tell whether there were any. Raises EmbeddedError."""
    with _explained(project_dir):
        project = project_dir.resolve()
        if areas.find(project) is None:
            return False
        with _lock(project):
            area = areas.find(project)
            if area is None:
                return False
            _stop(area)
            areas.discard(area)
            return True


@contextmanager
def _explained(project_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"The embedded server of {project_dir}: {error}") from error


@contextmanager
def _lock(project: Path) -> Iterator[None]:
    with exclusive(areas.project_folder(project) / "postgres.lock"):
        yield


def _running(project: Path) -> Server | None:
    area = areas.find(project)
    found = probe(area) if area else None
    return found if isinstance(found, Server) else None


def _start(area: Area, settings: Mapping[str, str]) -> Server:
    programs = binaries.server_bin_dir(area.account)
    cluster.initialise(area, programs, settings)
    if area.log.exists():
        area.log.replace(area.log.with_name("server.log.old"))
    deadline = time.monotonic() + START_SECONDS
    while True:
        if other := _settle(area, deadline):
            return other
        written = _launch(area, programs, settings)
        found = probe(area)
        if isinstance(found, Server):
            return found
        if time.monotonic() > deadline or not any(words in written for words in PASSING):
            sockets.remove(area)
            raise _start_failed(area, written)
        time.sleep(PAUSE)


def _settle(area: Area, deadline: float) -> Server | None:
    """Deal with what ``postmaster.pid`` names: wait for a server of ours, and clear a stranger's number away.

    Without the latter PostgreSQL would not start, since it takes any process of its own account for a server. Should
    processes of a killed server remain after all, PostgreSQL knows them by their shared memory, and does not start.
    """
    pid = process.recorded_pid(area.data)
    if pid is None:
        return None
    whose = process.owner(pid, area.data)
    if whose is Owner.STRANGER:
        (area.data / "postmaster.pid").unlink(missing_ok=True)
    return _await_other(area, pid, deadline) if whose is Owner.OURS else None


def _await_other(area: Area, pid: int, deadline: float) -> Server | None:
    """Wait while a server that we did not start is starting or stopping; stop it when it stays out of reach."""
    quiet_until = time.monotonic() + QUIET_SECONDS
    while process.owner(pid, area.data) is Owner.OURS:
        found = probe(area)
        if isinstance(found, Server):
            return found
        if found is Silence.FOREIGN or (found is Silence.ABSENT and time.monotonic() > quiet_until):
            _shut_down(area)
        elif time.monotonic() > deadline:
            raise EmbeddedError(
                f"The embedded server (process {pid}) does not answer; its log is {area.log}", hint=f"kill {pid}"
            )
        time.sleep(PAUSE)
    return None


def _launch(area: Area, programs: Path, settings: Mapping[str, str]) -> str:
    """Start the server and wait until it is ready or has failed; return what was written to its log meanwhile."""
    cluster.write_config(area, sockets.renew(area), settings)
    options = process.server_options(area.data)
    command = (binaries.program(programs, "pg_ctl"), "start", "--silent", "--wait", "--options", options)
    area.log.touch(mode=0o600)
    begin = area.log.stat().st_size
    with area.log.open("ab") as log:
        process.run(command, area, data=area.data, output=log)
    return area.log.read_bytes()[begin:].decode(errors="replace")


def _stop(area: Area) -> bool:
    pid = process.recorded_pid(area.data)
    whose = process.owner(pid, area.data) if pid else Owner.NOBODY
    if whose is not Owner.OURS:
        if not isinstance(probe(area), Server):
            sockets.remove(area)  # what a killed server left
            return False
        if whose is not Owner.UNKNOWN:
            raise EmbeddedError(
                f"The embedded server runs, but {area.data / 'postmaster.pid'} does not name it: nothing was stopped",
                hint="PostgreSQL notices this within a minute or so, and stops by itself",
            )
    _shut_down(area)
    sockets.remove(area)
    return True


def _shut_down(area: Area) -> None:
    """End the server that ``postmaster.pid`` names, which the caller knows to be ours. Raises EmbeddedError."""
    programs = binaries.server_bin_dir(area.account)
    command = (binaries.program(programs, "pg_ctl"), "stop", "--silent", "--wait", "--mode=fast")
    done = process.run((*command, f"--timeout={STOP_SECONDS}"), area, data=area.data, output=subprocess.PIPE)
    if done.returncode != 0 and process.recorded_pid(area.data) is not None:
        raise EmbeddedError(f"The embedded server does not stop: {done.stdout.decode(errors='replace').strip()}")


def _start_failed(area: Area, written: str) -> EmbeddedError:
    last = "\n".join(written.strip().splitlines()[-15:])
    return EmbeddedError(
        f"The embedded server did not start. The end of its log:\n{last}",
        hint=f"the whole log is {area.log}; to begin anew, without the data: rm -r {area.root}",
    )
