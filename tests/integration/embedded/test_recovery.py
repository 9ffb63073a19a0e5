"""Killed servers, killed commands, and process numbers that are somebody else's by now."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from sqitchpy import embedded
from sqitchpy.embedded import supervisor
from sqitchpy.errors import EmbeddedError

FAST = {"fsync": "off"}

Postmaster = Callable[[embedded.Server], int]
StartInChild = Callable[[Path], "subprocess.Popen[str]"]


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def servers_in(data: Path) -> set[int]:
    """The processes that work in a data folder."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == data:
                found.add(int(process.name))
    return found


def test_after_kill_9_of_the_server_the_next_command_recovers(
    project: Path, postmaster: Postmaster, ask: Callable[..., str]
) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    with psycopg.connect(**server.params()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    killed = postmaster(server)
    os.kill(killed, signal.SIGKILL)
    again = embedded.ensure_running(project, settings=FAST)
    assert ask(again, "SELECT answer FROM kept") == "42"
    assert postmaster(again) != killed
    assert again.socket_directory != server.socket_directory
    assert not server.socket_directory.exists()


def test_a_killed_servers_busy_orphan_is_waited_for(
    project: Path, postmaster: Postmaster, ask: Callable[..., str]
) -> None:
    server = embedded.ensure_running(project, settings=FAST)

    def be_busy() -> None:
        loop = "DO $$ DECLARE until timestamptz := clock_timestamp() + '1.5 s'; BEGIN "
        loop += "PERFORM pg_advisory_lock(1); WHILE clock_timestamp() < until LOOP END LOOP; END $$"
        with suppress(psycopg.OperationalError), psycopg.connect(**server.params()) as connection:
            connection.execute(loop)

    thread = threading.Thread(target=be_busy)
    thread.start()
    wait_until(lambda: ask(server, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1")
    began = time.monotonic()
    os.kill(postmaster(server), signal.SIGKILL)
    again = embedded.ensure_running(project, settings=FAST)
    assert time.monotonic() - began > 0.5, "the orphan was still there when the new server started"
    assert ask(again, "SELECT 1") == "1"
    thread.join()


def test_after_kill_9_of_the_command_within_initdb_the_next_one_begins_anew(
    project: Path, home: Path, start_in_child: StartInChild, ask: Callable[..., str]
) -> None:
    command = start_in_child(project)
    wait_until(lambda: [*home.glob("area-*/new-*/base"), *project.glob(".sqitchpy/postgres/new-*/base")])
    command.kill()
    command.wait()
    assert embedded.find_running(project) is None
    server = embedded.ensure_running(project, settings=FAST)
    assert ask(server, "SELECT 1") == "1"
    embedded.stop(project)
    wait_until(lambda: not any(b"/initdb" in command_line(pid) for pid in servers_in(server.data_directory.parent)))
    embedded.ensure_running(project)
    assert list(server.data_directory.parent.glob("new-*")) == []


def test_after_kill_9_of_the_command_within_the_start_there_is_one_server(
    project: Path, home: Path, start_in_child: StartInChild, postmaster: Postmaster, ask: Callable[..., str]
) -> None:
    embedded.ensure_running(project, settings=FAST)
    embedded.stop(project)
    command = start_in_child(project)
    wait_until(lambda: [*home.glob("area-*/socket"), *project.glob(".sqitchpy/postgres/socket")])
    command.kill()
    command.wait()
    server = embedded.ensure_running(project, settings=FAST)
    assert ask(server, "SELECT 1") == "1"
    assert len([pid for pid in servers_in(server.data_directory) if is_postmaster(pid)]) == 1
    assert is_postmaster(postmaster(server))


def is_postmaster(pid: int) -> bool:
    return b"config_file=server.conf" in command_line(pid)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended meanwhile
        return b""


def test_a_process_number_that_became_a_strangers_harms_nobody(
    project: Path, stranger: subprocess.Popen[bytes], ask: Callable[..., str]
) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    lines = (server.data_directory / "postmaster.pid").read_text().splitlines()
    embedded.stop(project)
    stale = "\n".join([str(stranger.pid), *lines[1:], ""])
    (server.data_directory / "postmaster.pid").write_text(stale)

    assert embedded.find_running(project) is None
    assert embedded.stop(project) is False
    assert ask(embedded.ensure_running(project, settings=FAST), "SELECT 1") == "1"
    assert embedded.stop(project) is True
    assert stranger.poll() is None


def test_a_strangers_number_in_a_running_servers_file_is_not_signalled(
    project: Path, stranger: subprocess.Popen[bytes]
) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    file = server.data_directory / "postmaster.pid"
    true = file.read_text()
    file.write_text(true.replace(true.split()[0], str(stranger.pid), 1))
    try:
        with pytest.raises(EmbeddedError, match="nothing was stopped"):
            embedded.stop(project)
        assert stranger.poll() is None
        assert embedded.find_running(project) == server
    finally:
        file.write_text(true)


def test_a_process_number_that_is_none_is_no_server(project: Path, ask: Callable[..., str]) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    embedded.stop(project)
    for text in ("", "abc\n", "-1\n", "0\n", "1\n", "99999999999999999999\n"):
        (server.data_directory / "postmaster.pid").write_text(text)
        assert embedded.find_running(project) is None
        assert embedded.stop(project) is False


def test_a_lost_socket_folder_is_replaced(
    project: Path, monkeypatch: pytest.MonkeyPatch, postmaster: Postmaster, ask: Callable[..., str]
) -> None:
    monkeypatch.setattr(supervisor, "QUIET_SECONDS", 0.2)
    server = embedded.ensure_running(project, settings=FAST)
    before = postmaster(server)
    shutil.rmtree(server.socket_directory)
    assert embedded.find_running(project) is None
    again = embedded.ensure_running(project, settings=FAST)
    assert ask(again, "SELECT 1") == "1"
    assert postmaster(again) != before
    wait_until(lambda: not Path(f"/proc/{before}").exists() or not servers_in(again.data_directory) & {before})


def test_a_server_that_lost_its_socket_can_be_stopped(project: Path, postmaster: Postmaster) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    shutil.rmtree(server.socket_directory)
    assert embedded.stop(project) is True
    assert servers_in(server.data_directory) == set()


def test_a_socket_folder_that_is_not_ours_is_neither_used_nor_touched(
    project: Path, tmp_path: Path, ask: Callable[..., str]
) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    embedded.stop(project)
    for foreign in foreign_folders(tmp_path):
        (foreign / "keep").touch()
        (server.data_directory.parent / "socket").write_bytes(os.fsencode(foreign))
        with socket.socket(socket.AF_UNIX) as fake:
            fake.bind(str(foreign / ".s.PGSQL.5432"))
            fake.listen()
            fake.setblocking(False)
            assert embedded.find_running(project) is None
            again = embedded.ensure_running(project, settings=FAST)
            with pytest.raises(BlockingIOError):  # nobody called
                fake.accept()
        assert ask(again, "SELECT 1") == "1"
        assert not again.socket_directory.samefile(foreign)
        assert (foreign / "keep").exists()
        embedded.stop(project)


def foreign_folders(parent: Path) -> Iterator[Path]:
    """One that others may enter, a link to a private one, and (only root can make it) one of somebody else."""
    for name in ("sqpy-open", "sqpy-linked", "sqpy-daemons"):
        (parent / name).mkdir(mode=0o700)
        if os.geteuid() == 0 and name != "sqpy-daemons":
            shutil.chown(parent / name, "nobody")  # as the server's own is
    (parent / "sqpy-open").chmod(0o755)
    yield parent / "sqpy-open"
    (parent / "sqpy-link").symlink_to(parent / "sqpy-linked")
    yield parent / "sqpy-link"
    if os.geteuid() == 0:
        shutil.chown(parent / "sqpy-daemons", "daemon")
        yield parent / "sqpy-daemons"


def test_a_server_of_another_project_behind_our_socket_is_not_ours(
    project: Path, make_project: Callable[[str], Path], ask: Callable[..., str]
) -> None:
    ours = embedded.ensure_running(project, settings=FAST)
    embedded.stop(project)
    other = embedded.ensure_running(make_project("other"), settings=FAST)
    (ours.data_directory.parent / "socket").write_bytes(os.fsencode(other.socket_directory))

    assert embedded.find_running(project) is None
    assert embedded.stop(project) is False
    again = embedded.ensure_running(project, settings=FAST)
    assert ask(again, "SHOW data_directory") == str(ours.data_directory)
    assert ask(other, "SHOW data_directory") == str(other.data_directory)


def test_a_project_that_is_moved_while_its_server_runs_keeps_its_data(
    project: Path, monkeypatch: pytest.MonkeyPatch, make_project: Callable[[str], Path], ask: Callable[..., str]
) -> None:
    monkeypatch.setattr(supervisor, "QUIET_SECONDS", 0.2)
    server = embedded.ensure_running(project, settings=FAST)
    embedded.ensure_database(server, "kept")
    moved = make_project("moved") / "deeper"
    project.rename(moved)
    try:
        again = embedded.ensure_running(moved, settings=FAST)
        assert ask(again, "SELECT current_database()", "kept") == "kept"
    finally:
        embedded.remove(moved)


def test_a_copy_of_a_project_gets_a_server_of_its_own(
    project: Path, make_project: Callable[[str], Path], ask: Callable[..., str]
) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    copy = make_project("copy")
    ignore = shutil.ignore_patterns("*.sock", "pg_wal_lock")
    shutil.copytree(project, copy, dirs_exist_ok=True, symlinks=True, ignore=ignore)
    assert embedded.find_running(copy) is None
    assert embedded.stop(copy) is False
    other = embedded.ensure_running(copy, settings=FAST)
    assert ask(other, "SHOW data_directory") != ask(server, "SHOW data_directory")
    assert embedded.stop(copy) is True
    assert embedded.find_running(project) == server
