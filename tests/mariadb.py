"""A throw-away MariaDB server for the tests, and databases on it. It listens on a socket alone."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql

from sqitchpy.uri import parse_uri
from tests.waiting import until

PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class MariaDatabase:
    """A database that exists for one test. ``params`` are PyMySQL's connection parameters."""

    name: str
    params: Mapping[str, Any] = field(repr=False)

    @property
    def uri(self) -> str:
        """The target to give to sqitchpy, or to Sqitch."""
        return self.uri_of(self.name)

    def uri_of(self, name: str) -> str:
        """The URI of another database of the same server."""
        secret = self.params.get("password")
        login = quote(self.params["user"], safe="") + (f":{quote(secret, safe='')}@" if secret else "@")
        port = f":{self.params['port']}" if "port" in self.params else ""
        address = self.params.get("unix_socket")
        query = f"?mysql_socket={quote(address, safe='/')}" if address else ""
        return f"db:mysql://{login}{self.params.get('host') or ''}{port}/{quote(name, safe='')}{query}"

    def connect(self, **settings: Any) -> pymysql.Connection[Any]:
        """A new connection, in autocommit mode unless asked otherwise."""
        return pymysql.connect(**{"autocommit": True, "charset": "utf8mb4", **self.params, **settings})

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one query, over a connection of its own."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return list(cursor.fetchall())

    @property
    def client_options(self) -> list[str]:
        """Options that lead MariaDB's programs (mariadb, mariadb-dump) to this server."""
        names = {"host": "host", "port": "port", "user": "user", "password": "password", "unix_socket": "socket"}
        return [f"--{option}={self.params[name]}" for name, option in names.items() if self.params.get(name)]

    def dump(self, *databases: str) -> list[str]:
        """The schema and rows of databases (this one, if none is named), less what is not theirs and blank lines."""
        command = ["mariadb-dump", "--no-defaults", *self.client_options, "--routines", "--events", "--skip-comments"]
        options = ["--skip-extended-insert", "--order-by-primary", "--databases", *(databases or [self.name])]
        text = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
        return [line for line in text.splitlines() if line and not line.startswith("/*M!999999")]


@dataclass(frozen=True)
class MariaServer:
    """A server on which databases can be made."""

    params: Mapping[str, Any] = field(repr=False)
    log: Path | None = None

    def execute(self, *statements: str) -> None:
        """Run statements on the server."""
        with closing(pymysql.connect(**{"autocommit": True, **self.params})) as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def version(self) -> str:
        """The server's version as it says it: ``10.11.6-MariaDB-…``."""
        with closing(pymysql.connect(**dict(self.params))) as connection:
            return connection.get_server_info().removeprefix("5.5.5-")

    @contextmanager
    def database(self, name: str | None = None, *, registry: str = "sqitch") -> Iterator[MariaDatabase]:
        """A new database, dropped at the end, and with it the registry that runs on it have made."""
        name = name or f"sqitchpy_{os.getpid()}_{next(_numbers)}_{uuid.uuid4().hex[:6]}"
        self.execute(f"CREATE DATABASE `{name}`")
        try:
            yield MariaDatabase(name, {**self.params, "database": name})
        finally:
            self.execute(f"DROP DATABASE IF EXISTS `{name}`", f"DROP DATABASE IF EXISTS `{registry}`")


def found() -> bool:
    """Whether what it takes to start a server is installed."""
    return all(shutil.which(program) for program in PROGRAMS)


def named_server(uri: str) -> MariaServer:
    """The server of a database URI (``db:mysql://user:password@host:port/``)."""
    read = parse_uri(uri)
    port = int(read.port) if read.port else None
    params = {"user": read.user, "password": read.password, "host": read.host, "port": port}
    params["unix_socket"] = read.params.get("mysql_socket")
    return MariaServer({name: value for name, value in params.items() if value})


@contextmanager
def throwaway_server(**settings: str) -> Iterator[MariaServer]:
    """A server in a new folder with a short name, gone afterwards; as root it runs as the user mysql or nobody."""
    directory = Path(tempfile.mkdtemp(prefix="sqitchpy-maria-", dir="/tmp"))
    account = _account()
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
    identity: dict[str, Any] = (
        {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account is not None else {}
    )
    try:
        _install(directory, identity)
        with _running(directory, identity, settings) as params:
            yield MariaServer(params, directory / "error.log")
    finally:
        shutil.rmtree(directory)


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as: None for whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("mysql") or names["nobody"]


def _install(directory: Path, identity: Mapping[str, Any]) -> None:
    command = ["mariadb-install-db", "--no-defaults", f"--datadir={directory}/data", "--skip-test-db"]
    options = ["--auth-root-authentication-method=normal", "--skip-name-resolve", "--innodb-flush-method=nosync"]
    done = subprocess.run([*command, *options], cwd="/", capture_output=True, text=True, **identity)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(directory: Path, identity: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    address = directory / "s"
    options = {
        "datadir": f"{directory}/data",
        "socket": str(address),
        "pid-file": f"{directory}/pid",
        "innodb-flush-method": "nosync",
        "innodb-buffer-pool-size": "32M",
        "innodb-log-file-size": "8M",
        "max-connections": "300",
        **settings,
    }
    command = ["mariadbd", "--no-defaults", "--skip-networking"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (directory / "error.log").open("wb") as log:
        server = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stderr=log, **identity)
    params = {"user": "root", "unix_socket": str(address)}
    try:
        until(lambda: server.poll() is not None or _listens(address), "MariaDB to answer", seconds=60)
        assert server.poll() is None, (directory / "error.log").read_text()
        yield params
    finally:
        server.terminate()
        server.wait(60)


def _listens(path: Path) -> bool:
    """Not asked with PyMySQL, which leaves a socket behind where nobody listens."""
    with closing(socket.socket(socket.AF_UNIX)) as attempt:
        return attempt.connect_ex(str(path)) == 0
