"""A server of a test's own, which may be restarted, and whose disk may be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqitchpy.embedded.account import Account, server_account
from sqitchpy.embedded.binaries import server_bin_dir
from sqitchpy.testing import DatabaseServer
from tests.conftest import need

SETTINGS = "fsync = off\nlisten_addresses = ''\nunix_socket_directories = '{folder}'\nmax_connections = 50\n"


@dataclass(frozen=True)
class OwnServer:
    """A server in ``folder``, run by ``account`` (None: by whoever runs the test)."""

    programs: Path
    folder: Path
    account: Account | None

    @property
    def server(self) -> DatabaseServer:
        """To make databases on."""
        params = {"host": str(self.folder), "port": "5432", "user": "postgres", "dbname": "postgres"}
        return DatabaseServer(params, embedded=False)

    def run(self, program: str, *words: str) -> None:
        """Run one of PostgreSQL's programs; what it writes goes to a file, since a server would keep a pipe open."""
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

    def restart(self, mode: Literal["fast", "immediate"]) -> None:
        """End the server, and with it what it is doing, and start it again."""
        self.run("pg_ctl", "restart", "--wait", "--silent", f"--mode={mode}", f"--log={self.folder / 'log'}")

    def own(self, path: Path) -> None:
        """Give a folder to the server's account."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)


def programs_like(server: DatabaseServer, account: Account | None) -> Path:
    """PostgreSQL's programs of the version of ``server``."""
    if server.embedded:
        return server_bin_dir(account)
    folder = Path(f"/usr/lib/postgresql/{server.version() // 10000}/bin")
    need(f"postgresql-{server.version() // 10000}", (folder / "initdb").exists())
    return folder


@contextmanager
def own_server(like: DatabaseServer) -> Iterator[OwnServer]:
    """A server of the same version, stopped and deleted at the end."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="sqitchpy-torture-"))
    server = OwnServer(programs_like(like, account), folder, account)
    server.own(folder)
    try:
        server.run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS.format(folder=folder))
        server.run("pg_ctl", "start", "--wait", "--silent", f"--log={folder / 'log'}")
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.run("pg_ctl", "stop", "--silent", "--mode=immediate")
        shutil.rmtree(folder)
