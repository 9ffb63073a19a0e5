"""Database URIs: ``db:pg://user@host/name`` and its relatives, as values. Nothing here connects to anything.

Sqitch's own form is ``db:{engine}:{rest}``, and the ``db:`` may be left out. Plain libpq URIs (``postgresql://…``) are
read by libpq's rules. ``embedded:`` or ``embedded:name`` is the project's own embedded PostgreSQL server.

A password is in ``password`` and in ``text``, and nowhere else: not in ``str``, not in ``repr``, not in an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote

from sqitchpy.errors import TargetError

ENGINES: Mapping[str, tuple[str, ...]] = {
    "pg": ("postgres", "postgresql", "pgsql", "pgxc", "postgresxc", "redshift", "yugabyte", "yugabytedb", "embedded"),
    "sqlite": ("sqlite3",),
    "mysql": ("maria", "mariadb"),
    "cockroach": ("cockroachdb",),
    "oracle": (),
    "firebird": (),
    "vertica": (),
    "exasol": (),
    "snowflake": (),
    "clickhouse": (),
}
"""The engines Sqitch knows, with the other names a URI may call them by (``embedded`` is ours)."""

_CANONICAL: Mapping[str, str] = {alias: engine for engine, aliases in ENGINES.items() for alias in (engine, *aliases)}
_SHAPE = re.compile(
    r"(?P<db>(?i:db:))?(?:(?P<dialect>[A-Za-z][A-Za-z0-9.+-]*):)?"
    r"(?://(?P<authority>[^/?#]*)(?P<slash>/?))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
)
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?")
_SECRETS = frozenset({"password", "sslpassword"})
_ENCODE_PASSWORD = "In a password write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25."


def redact(text: str) -> str:
    """The text without what looks like a password, for texts that could not be read as a URI."""
    text = re.sub(r"(//[^\s/:@]*:)\S*@", r"\1@", text)
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|[^\s&;]+)", r"\1", text)


@dataclass(frozen=True)
class DatabaseURI:
    """A database URI. ``str()`` is what Sqitch shows: the URI without its password, the colon before it left."""

    text: str = field(repr=False, compare=False)
    """The URI as it was given; it may hold the password."""
    scheme: str = field(compare=False)
    """What it begins with, as written and with the ``db:`` added: ``db:pg:``, ``db:Postgres:``, ``embedded:``."""
    dialect: str
    """The engine as the URI names it, in lower case: ``pg``, ``postgres``, ``mariadb``, …"""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    """A host, a socket's directory, or several of them separated by commas."""
    port: str | None = None
    """Only if the URI has one, so that PGPORT and the like work; a list, as libpq takes it, for several hosts."""
    dbname: str | None = None
    """The database's name or file."""
    params: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """The query parameters; where one is repeated, the last."""
    has_authority: bool = field(default=False, repr=False, compare=False)
    """Written with ``//``: the path then begins with a slash that is not part of the database name."""

    @property
    def engine(self) -> str:
        """The canonical engine key; an unknown dialect is its own."""
        return _CANONICAL.get(self.dialect, self.dialect)

    @property
    def is_yugabyte(self) -> bool:
        """Yugabyte is ``pg`` without reliable advisory locks."""
        return self.dialect in ("yugabyte", "yugabytedb")

    @property
    def is_embedded(self) -> bool:
        """The project's own embedded PostgreSQL server."""
        return self.dialect == "embedded"

    def place(self, directory: str) -> tuple[str | None, ...]:
        """Where the database is, whoever connects and how: two URIs of one database may still differ in it.

        A file's path goes from ``directory``; links are followed.
        """
        if self.engine == "sqlite" and self.dbname:
            return (self.engine, str(Path(directory, self.dbname).resolve()))
        named = {"host": self.host, "port": self.port, "dbname": self.dbname, "service": None}
        parts = {name: self.params.get(name) or value for name, value in named.items()}
        return (self.engine, "embedded" if self.is_embedded else None, *parts.values())

    @cached_property
    def display(self) -> str:
        """The URI without any password."""
        hidden = {name: "" if name in _SECRETS else value for name, value in self.params.items()}
        path = quote(self.dbname or "", safe="/:@&=+$,;!'()*~")
        if self.has_authority:
            path = f"//{self._authority}/{path}" if path else f"//{self._authority}"
        query = "&".join(f"{_quote_param(name)}={_quote_param(value)}" for name, value in hidden.items())
        return f"{self.scheme}{path}?{query}" if query else f"{self.scheme}{path}"

    def override(
        self, *, user: str | None = None, host: str | None = None, port: str | None = None, dbname: str | None = None
    ) -> DatabaseURI:
        """The URI with some parts replaced, as ``--db-user``, ``--db-host``, ``--db-port`` and ``--db-name`` ask.

        A query parameter of the same meaning is dropped: it would win over what the user has just typed.
        """
        parts = {"user": user, "host": host, "port": port, "dbname": dbname}
        given = {name: value for name, value in parts.items() if value is not None}
        return replace(
            self,
            user=given.get("user", self.user),
            host=given.get("host", self.host),
            port=given.get("port", self.port),
            dbname=given.get("dbname", self.dbname),
            params={name: value for name, value in self.params.items() if name not in given},
            has_authority=self.has_authority or bool(given.keys() - {"dbname"}),
        )

    def __str__(self) -> str:
        return self.display

    @property
    def _authority(self) -> str:
        userinfo = ""
        if self.user:
            userinfo = quote(self.user, safe="&=+$,;!'()*~") + ("@" if self.password is None else ":@")
        hosts = [
            f"[{host}]" if ":" in host else quote(host, safe="!$&'()*+;=~") for host in (self.host or "").split(",")
        ]
        ports = (self.port or "").split(",")
        if len(ports) < len(hosts):  # one port for all hosts stands after the last
            ports = [""] * (len(hosts) - 1) + ports[:1]
        return userinfo + ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))


def parse_uri(text: str) -> DatabaseURI:
    """Read a database URI.

    Raises:
        TargetError: it names no engine (Sqitch's words), or the port is not a number.
    """
    shape = _SHAPE.match(text.strip())
    assert shape is not None, "every part of the shape is optional"
    dialect = shape["dialect"]
    if not dialect:
        written = redact(text if shape["db"] else f"db:{text}")
        raise TargetError(
            f'No engine specified by URI {written}; URI must start with "db:$engine:"',
            hint="For PostgreSQL: db:pg:NAME, db:pg://USER@HOST/NAME or postgresql://USER@HOST/NAME",
        )
    libpq = not shape["db"] and shape["authority"] is not None and dialect.lower() in ("postgres", "postgresql")
    userinfo, _, hosts = (shape["authority"] or "").rpartition("@")
    user, colon, password = userinfo.partition(":")
    host, port = _read_hosts(hosts, libpq=libpq)
    prefix = shape["db"] or ("" if dialect.lower() == "embedded" else "db:")
    return DatabaseURI(
        text=text,
        scheme=f"{prefix}{dialect}:",
        dialect=dialect.lower(),
        user=unquote(user) or None,
        password=unquote(password) if colon else None,
        host=host,
        port=port,
        dbname=unquote(shape["path"]) or None,
        params=_read_params(shape["query"] or "", libpq=libpq),
        has_authority=shape["authority"] is not None,
    )


def username(uri: DatabaseURI, environ: Mapping[str, str]) -> str | None:
    """The user to connect as: SQITCH_USERNAME wins over the URI's."""
    return environ.get("SQITCH_USERNAME") or uri.params.get("user") or uri.user or None


def password(uri: DatabaseURI, environ: Mapping[str, str]) -> str | None:
    """The password to connect with: SQITCH_PASSWORD wins over the URI's."""
    return environ.get("SQITCH_PASSWORD") or uri.params.get("password") or uri.password or None


def libpq_params(uri: DatabaseURI, environ: Mapping[str, str]) -> dict[str, str]:
    """Keyword arguments for ``psycopg.connect``: what is given and no more, so that libpq's own rules fill the rest.

    Source: https://www.postgresql.org/docs/current/libpq-connect.html (PGHOST, PGSERVICE, ``.pgpass`` and so on).
    """
    given = _connection_string_parts(uri, environ)
    secret = password(uri, environ)
    return {**given, "password": secret} if secret else given


def psql_dbname_argument(uri: DatabaseURI, environ: Mapping[str, str]) -> str | None:
    """What Sqitch gives psql as ``--dbname``; ``None`` where nothing is known and the option is left out.

    The password is never in it, since a command line can be read by everybody: it goes to psql as PGPASSWORD.
    """
    given = _connection_string_parts(uri, environ)
    return " ".join(f"{name}=" + re.sub(r"([\s\"'\\])", r"\\\1", value) for name, value in given.items()) or None


def _connection_string_parts(uri: DatabaseURI, environ: Mapping[str, str]) -> dict[str, str]:
    parts = {"user": uri.user, "dbname": uri.dbname, "host": uri.host, "port": uri.port}
    parts |= dict(sorted(uri.params.items()))  # a parameter wins, as the later of two does in a connection string
    parts["user"] = username(uri, environ)
    return {name: value for name, value in parts.items() if value and name != "password"}


def _read_hosts(text: str, *, libpq: bool) -> tuple[str | None, str | None]:
    """Hosts and ports, each as libpq's keywords take them: separated by commas.

    In ``db:pg://a,b:5433/`` the port is for both hosts, since Sqitch hands it to libpq so; libpq reads it in a URI of
    its own as the second host's.
    """
    hosts, ports = [], []
    for item in text.split(","):
        match = _HOST_AND_PORT.fullmatch(item)
        if match is None:
            raise TargetError("The database URI's port is not a number", hint=_ENCODE_PASSWORD)
        hosts.append(unquote(match[1].strip("[]")))
        ports.append(match[2] or "")
    if not libpq and not any(ports[:-1]):
        ports = ports[-1:]
    return ",".join(hosts) or None, ",".join(ports) if any(ports) else None


def _read_params(query: str, *, libpq: bool) -> dict[str, str]:
    text = query if libpq else query.replace("+", " ").replace(";", "&")
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    params = {unquote(name): unquote(value) for name, _, value in pairs}
    if libpq and params.get("ssl") == "true":  # libpq reads JDBC's ssl=true so, in URIs alone
        del params["ssl"]
        params["sslmode"] = "require"
    return params


def _quote_param(text: str) -> str:
    return quote(text, safe="/:@!$'()*,?~[]=")
