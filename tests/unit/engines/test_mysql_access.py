"""How a server of MySQL is reached: the URI, then the environment, then option files (as Sqitch has it)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.engines.mysql.access import Access, Tls, client_command, find_access
from sqitchpy.engines.mysql.optionfiles import read_options
from sqitchpy.errors import TargetError
from sqitchpy.uri import parse_uri


def access(uri: str, environ: Mapping[str, str] = {}, **options: str) -> Access:
    given_ = {name.replace("_", "-"): value for name, value in options.items()}
    return find_access(parse_uri(uri), environ, given_, system_user=lambda: "login")


def test_the_uri_beats_the_environment_and_that_the_option_files() -> None:
    environ = {"MYSQL_HOST": "e", "MYSQL_TCP_PORT": "2", "MYSQL_PWD": "ep"}
    options = {"host": "o", "port": "3", "user": "ou", "password": "op"}
    found = access("db:mysql://u:p@h:1/x", environ, **options)
    assert (found.user, found.password, found.host, found.port) == ("u", "p", "h", 1)
    found = access("db:mysql:x", environ, **options)
    assert (found.user, found.password, found.host, found.port) == ("ou", "ep", "e", 2)
    found = access("db:mysql:x", {}, **options)
    assert (found.user, found.password, found.host, found.port) == ("ou", "op", "o", 3)


def test_without_any_of_them_it_is_who_is_logged_in_on_this_machine() -> None:
    found = access("db:mysql:x")
    assert (found.user, found.password, found.host, found.port, found.tls) == ("login", None, None, None, None)


def test_sqitchs_own_variables_beat_the_uri() -> None:
    found = access("db:mysql://u:p@h/x", {"SQITCH_USERNAME": "s", "SQITCH_PASSWORD": "sp"})
    assert (found.user, found.password) == ("s", "sp")


def test_a_password_is_in_no_text() -> None:
    assert "geheim" not in repr(access("db:mysql://u:geheim@h/x"))


def test_a_port_that_is_no_number_is_said() -> None:
    with pytest.raises(TargetError, match="port of the database is not a number: x"):
        access("db:mysql:x", {"MYSQL_TCP_PORT": "x"})


@pytest.mark.parametrize(
    ("uri", "environ", "socket"),
    [
        ("db:mysql:x?mysql_socket=/tmp/a", {}, "/tmp/a"),
        ("db:mysql:x", {"MYSQL_UNIX_PORT": "/tmp/b"}, "/tmp/b"),
        ("db:mysql://localhost/x", {"MYSQL_UNIX_PORT": "/tmp/b"}, "/tmp/b"),
        ("db:mysql://127.0.0.1/x", {"MYSQL_UNIX_PORT": "/tmp/b"}, None),
        ("db:mysql://localhost:3306/x", {"MYSQL_UNIX_PORT": "/tmp/b"}, None),
    ],
)
def test_the_socket_is_for_this_machine_where_no_port_is_named(
    uri: str, environ: dict[str, str], socket: str | None
) -> None:
    assert access(uri, environ, socket="/tmp/c").socket == socket


@pytest.mark.parametrize(
    ("query", "tls"),
    [
        ("", None),
        ("?mysql_ssl=1", Tls()),
        ("?mysql_ssl=0&mysql_ssl_ca_file=/ca", None),
        ("?mysql_ssl_ca_file=/ca&mysql_ssl_ca_path=/cas", Tls(ca="/ca", capath="/cas")),
        ("?mysql_ssl_client_cert=/c&mysql_ssl_client_key=/k&mysql_ssl_cipher=X", Tls(cert="/c", key="/k", cipher="X")),
    ],
)
def test_encryption_is_the_uris_parameters(query: str, tls: Tls | None) -> None:
    assert access(f"db:mysql://h/x{query}").tls == tls


def test_encryption_may_come_from_an_option_file() -> None:
    assert access("db:mysql://h/x", {}, ssl_ca="/ca").tls == Tls(ca="/ca")


def test_the_client_is_called_as_sqitch_calls_it() -> None:
    uri = parse_uri("db:mysql://u:p@h:3307/x?mysql_ssl=1&mysql_socket=/tmp/a&mysql_connect_timeout=5&other=1")
    found = find_access(uri, {}, {}, system_user=lambda: "login")
    words = "mariadb --user u --database x --host h --port 3307 --skip-pager --silent --skip-column-names "
    words += "--skip-line-numbers --abort-source-on-error --ssl --socket /tmp/a --connect_timeout 5"
    assert " ".join(client_command(uri, {}, {}, found, "mariadb", True)) == words


def test_a_password_is_an_argument_only_where_an_option_file_would_win() -> None:
    uri = parse_uri("db:mysql://u:p@h/x")
    found = find_access(uri, {}, {"password": "o"}, system_user=lambda: "login")
    assert "--password=p" in client_command(uri, {}, {"password": "o"}, found, "mysql", False)
    assert not any(word == "p" or "password" in word for word in client_command(uri, {}, {}, found, "mysql", False))


# -- option files ----------------------------------------------------------------------------------------------------


def options(home: Path, text: str) -> dict[str, str]:
    (home / ".my.cnf").write_text(text)
    found = read_options({"HOME": str(home)})
    return {name: value for name, value in found.items() if name in ("user", "password", "host", "port", "ssl-ca")}


def test_the_clients_groups_are_read_and_the_last_word_counts(tmp_path: Path) -> None:
    text = (
        '[client]\nuser = a\npassword="x # y"\n# c\n; c\n[mysqld]\nuser=no\nport=1\n[mysql]\nuser = b # c\nssl_ca=/ca\n'
    )
    assert options(tmp_path, text) == {"user": "b", "password": "x # y", "ssl-ca": "/ca"}


def test_backslashes_in_values_are_escapes(tmp_path: Path) -> None:
    assert options(tmp_path, "[client]\npassword=a\\sb\\\\c\\d\n") == {"password": "a b\\c\\d"}


def test_files_include_others(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "b.cnf").write_text("[client]\nuser=b\n")
    (tmp_path / "d" / "a.cnf").write_text("[client]\nuser=a\nhost=h\n")
    (tmp_path / "d" / "c.txt").write_text("[client]\nuser=c\n")
    assert options(tmp_path, f"!includedir {tmp_path}/d\n") == {"user": "b", "host": "h"}


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    assert options(tmp_path, f"[client]\nuser=a\n!include {tmp_path}/.my.cnf\n") == {"user": "a"}


def test_a_file_that_everybody_may_write_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".my.cnf").touch()
    (tmp_path / ".my.cnf").chmod(0o666)
    assert options(tmp_path, "[client]\nuser=a\n") == {}


@given(st.text(max_size=80))
def test_no_file_is_too_strange(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.getbasetemp()
    (home / ".my.cnf").write_bytes(f"[client]\n{text}".encode("utf-8", "replace"))
    read_options({"HOME": str(home)})
    (home / ".my.cnf").unlink()
