"""How a server is reached: URI, environment and option files put together, as Sqitch and its client do it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqitchpy.errors import TargetError
from sqitchpy.uri import DatabaseURI, password, username

SOCKETS = ("/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")
"""Where distributions put the server's socket."""
_CLIENT_OPTIONS: Mapping[str, str] = {
    "mysql_connect_timeout": "--connect_timeout",
    "mysql_init_command": "--init-command",
    "mysql_socket": "--socket",
    "mysql_ssl_client_key": "--ssl-key",
    "mysql_ssl_client_cert": "--ssl-cert",
    "mysql_ssl_ca_file": "--ssl-ca",
    "mysql_ssl_ca_path": "--ssl-capath",
    "mysql_ssl_cipher": "--ssl-cipher",
}
"""The URI's parameters that are an option of the client with a value."""
_SWITCHES = {"mysql_compression": "--compress", "mysql_ssl": "--ssl"}
_OFF = ("", "0", "off", "false", "disabled")


@dataclass(frozen=True)
class Tls:
    """How the connection is encrypted; the certificate is looked at where there is something to check it by."""

    ca: str | None = None
    capath: str | None = None
    cert: str | None = None
    key: str | None = None
    cipher: str | None = None


@dataclass(frozen=True)
class Access:
    """Everything that it takes to connect."""

    user: str
    password: str | None = field(repr=False)
    host: str | None
    port: int | None
    socket: str | None
    charset: str
    init_command: str | None
    connect_timeout: int | None
    tls: Tls | None


def find_access(
    uri: DatabaseURI, environ: Mapping[str, str], options: Mapping[str, str], *, system_user: Callable[[], str]
) -> Access:
    """What leads to the server of a URI; ``options`` are those of the option files. Raises TargetError."""
    params = uri.params
    host = uri.host or environ.get("MYSQL_HOST") or options.get("host")
    port = _number("port", uri.port or environ.get("MYSQL_TCP_PORT") or options.get("port"))
    timeout = params.get("mysql_connect_timeout") or options.get("connect-timeout")
    return Access(
        user=username(uri, environ) or options.get("user") or system_user(),
        password=password(uri, environ) or environ.get("MYSQL_PWD") or options.get("password") or None,
        host=host,
        port=port,
        socket=_socket(uri, host, environ, options),
        charset=_charset(options.get("default-character-set")),
        init_command=params.get("mysql_init_command") or options.get("init-command") or None,
        connect_timeout=_number("mysql_connect_timeout", timeout),
        tls=_tls(params, options),
    )


def client_command(
    uri: DatabaseURI,
    environ: Mapping[str, str],
    options: Mapping[str, str],
    access: Access,
    client: str,
    is_mariadb: bool,
) -> list[str]:
    """The client's argument vector, word for word Sqitch's, but for ``--execute``.

    A password goes to the client as MYSQL_PWD; it is an argument, as with Sqitch, only where an option file has another
    one, which would win.
    """
    words = [client, "--user", access.user]
    host = uri.host or environ.get("MYSQL_HOST")
    port = uri.port or environ.get("MYSQL_TCP_PORT")
    for option, value in (("--database", uri.dbname), ("--host", host), ("--port", port)):
        words += [option, value] if value else []
    if access.password and options.get("password", access.password) != access.password:
        words.append(f"--password={access.password}")
    words += ["--skip-pager", "--silent", "--skip-column-names", "--skip-line-numbers"]
    return [*words, *(["--abort-source-on-error"] if is_mariadb else []), *_parameters(uri)]


def _parameters(uri: DatabaseURI) -> Iterator[str]:
    for name, value in uri.params.items():
        if name in _CLIENT_OPTIONS:
            yield from (_CLIENT_OPTIONS[name], value)
        elif name in _SWITCHES and value not in ("", "0"):
            yield _SWITCHES[name]


def _socket(uri: DatabaseURI, host: str | None, environ: Mapping[str, str], options: Mapping[str, str]) -> str | None:
    """The socket, where the server is on this machine and no port says otherwise."""
    given = uri.params.get("mysql_socket")
    if given or host not in (None, "localhost") or uri.port:
        return given or None
    named = environ.get("MYSQL_UNIX_PORT") or options.get("socket")
    return named or next((place for place in SOCKETS if Path(place).exists()), None)


def _charset(name: str | None) -> str:
    return "utf8mb4" if name in (None, "", "auto") else str(name)


def _number(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise TargetError(f"The {name} of the database is not a number: {text}")
    return int(text)


def _tls(params: Mapping[str, str], options: Mapping[str, str]) -> Tls | None:
    def given(parameter: str, option: str) -> str | None:
        return params.get(f"mysql_ssl_{parameter}") or options.get(f"ssl-{option}") or None

    tls = Tls(
        ca=given("ca_file", "ca"),
        capath=given("ca_path", "capath"),
        cert=given("client_cert", "cert"),
        key=given("client_key", "key"),
        cipher=given("cipher", "cipher"),
    )
    wanted = params.get("mysql_ssl")
    if wanted is not None and wanted.lower() in _OFF:
        return None
    return tls if wanted or tls != Tls() else None
