"""Database URIs. What Sqitch makes of them was observed with Sqitch 1.3.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from sqitchpy.errors import TargetError
from sqitchpy.uri import libpq_params, parse_uri, password, psql_dbname_argument, redact, username


@pytest.mark.parametrize(
    ("text", "dbname", "host", "port", "user", "secret"),
    [
        ("db:pg:", None, None, None, None, None),
        ("db:pg:foo", "foo", None, None, None, None),
        ("db:pg:///foo", "foo", None, None, None, None),
        ("db:pg://host/foo", "foo", "host", None, None, None),
        ("db:pg://foo", None, "foo", None, None, None),
        ("db:pg://foo/", None, "foo", None, None, None),
        ("db:pg://host//foo", "/foo", "host", None, None, None),
        ("db:sqlite:foo.db", "foo.db", None, None, None, None),
        ("db:sqlite:///foo.db", "foo.db", None, None, None, None),
        ("db:sqlite:/abs/foo.db", "/abs/foo.db", None, None, None, None),
        ("db:sqlite:////abs/foo.db", "/abs/foo.db", None, None, None, None),
        ("db:sqlite:///abs/foo.db", "abs/foo.db", None, None, None, None),
        ("db:sqlite:../foo.db", "../foo.db", None, None, None, None),
        ("db:sqlite:a%20b.db", "a b.db", None, None, None, None),
        ("db:sqlite:C:/foo.db", "C:/foo.db", None, None, None, None),
        ("db:pg://u:p%40ss@h:5433/my%20db?sslmode=require", "my db", "h", "5433", "u", "p@ss"),
        ("db:pg://%2Ftmp/x", "x", "/tmp", None, None, None),
        ("db:pg://:pw@h/x", "x", "h", None, None, "pw"),
        ("db:pg://u:p@ss:q@h/x", "x", "h", None, "u", "p@ss:q"),
        ("db:pg://u%3Aa:b%3Ac@h/x", "x", "h", None, "u:a", "b:c"),
        ("db:pg://[::1]:5432/x", "x", "::1", "5432", None, None),
        ("db:pg://h1,h2:5433/x", "x", "h1,h2", "5433", None, None),
        ("db:pg://h1:1,h2:2/x", "x", "h1,h2", "1,2", None, None),
        ("db:pg:é", "é", None, None, None, None),
        ("  db:pg:x\n", "x", None, None, None, None),
        ("postgresql://u@h1:1,[::1],h3/x", "x", "h1,::1,h3", "1,,", "u", None),
        ("postgresql://h1,h2:5433/x", "x", "h1,h2", ",5433", None, None),
        ("embedded:", None, None, None, None, None),
        ("embedded:app", "app", None, None, None, None),
    ],
)
def test_parts(
    text: str, dbname: str | None, host: str | None, port: str | None, user: str | None, secret: str | None
) -> None:
    uri = parse_uri(text)
    assert (uri.dbname, uri.host, uri.port, uri.user, uri.password) == (dbname, host, port, user, secret)
    assert uri.text == text


@pytest.mark.parametrize(
    ("scheme", "engine"),
    [
        *((name, "pg") for name in ("pg", "PG", "postgres", "Postgres", "postgresql", "pgsql", "pgxc", "redshift")),
        *((name, "pg") for name in ("yugabyte", "yugabytedb", "embedded")),
        *((name, "sqlite") for name in ("sqlite", "sqlite3")),
        *((name, "mysql") for name in ("mysql", "maria", "mariadb")),
        *((name, "cockroach") for name in ("cockroach", "cockroachdb")),
        *((name, name) for name in ("oracle", "firebird", "vertica", "exasol", "snowflake", "clickhouse", "frob")),
    ],
)
def test_the_engine_by_any_of_its_names(scheme: str, engine: str) -> None:
    uri = parse_uri(f"db:{scheme}:x")
    assert uri.engine == engine
    assert uri.dialect == scheme.lower()
    assert uri.is_yugabyte == scheme.startswith("yugabyte")
    assert uri.is_embedded == (scheme == "embedded")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("db:pg:foo", "db:pg:foo"),
        ("db:pg:", "db:pg:"),
        ("db:Postgres:foo", "db:Postgres:foo"),
        ("DB:pg:foo", "DB:pg:foo"),
        ("pg:foo", "db:pg:foo"),
        ("postgres://u:p@h/x", "db:postgres://u:@h/x"),
        ("db:pg://u:@h/x", "db:pg://u:@h/x"),
        ("db:pg://:pw@h/x", "db:pg://h/x"),
        ("db:pg://u@h/x", "db:pg://u@h/x"),
        ("db:pg://u%3Aa:b%3Ac@h/x", "db:pg://u%3Aa:@h/x"),
        ("db:pg://u:p%40ss@h:5433/my%20db?sslmode=require", "db:pg://u:@h:5433/my%20db?sslmode=require"),
        ("db:pg://h1:1,h2:2/x", "db:pg://h1:1,h2:2/x"),
        ("db:pg://h1,h2:2/x", "db:pg://h1,h2:2/x"),
        ("db:pg://[::1]:5432/x", "db:pg://[::1]:5432/x"),
        ("db:pg://%2Ftmp/x", "db:pg://%2Ftmp/x"),
        ("db:pg:x?host=/tmp&port=5415", "db:pg:x?host=/tmp&port=5415"),
        ("db:sqlite:a b.db", "db:sqlite:a%20b.db"),
        ("db:sqlite:C:\\foo.db", "db:sqlite:C:%5Cfoo.db"),
        ("db:sqlite:////abs/foo.db", "db:sqlite:////abs/foo.db"),
        ("db:pg:é", "db:pg:%C3%A9"),
        ("db:snowflake://a/b", "db:snowflake://a/b"),
        ("embedded:app", "embedded:app"),
    ],
)
def test_the_display_is_that_of_sqitch(text: str, shown: str) -> None:
    assert str(parse_uri(text)) == shown


def test_a_password_among_the_parameters_is_not_displayed_either() -> None:
    uri = parse_uri("db:pg:x?password=hunter2&sslpassword=hunter3&sslmode=require")
    assert str(uri) == "db:pg:x?password=&sslpassword=&sslmode=require"


@given(st.text(min_size=1, max_size=8).map(lambda text: f"hunter2{text}hunter3"))
def test_no_password_shows_in_text_or_representation(secret: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in secret.encode("utf-8", "replace"))
    for text in (f"db:pg://u:{encoded}@h/x", f"postgresql://u:{encoded}@h,i:5/x", f"db:mysql:x?password={encoded}"):
        uri = parse_uri(text)
        assert "hunter" not in str(uri) + repr(uri)
        assert "%68" not in str(uri) + repr(uri)  # the h of hunter, encoded


def test_parameters_are_decoded_and_the_last_of_a_name_counts() -> None:
    assert parse_uri("db:pg:x?a=1&a=2;b=3+4&c&p%61=%41=").params == {"a": "2", "b": "3 4", "c": "", "pa": "A="}


@pytest.mark.parametrize(
    ("text", "shown"),
    [("db:", "db:"), ("db:foo", "db:foo"), ("foo", "db:foo"), (":x", "db::x"), ("db:0:x", "db:0:x"), ("", "db:")],
)
def test_a_uri_without_an_engine_has_the_words_of_sqitch(text: str, shown: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_uri(text)
    assert str(caught.value) == f'No engine specified by URI {shown}; URI must start with "db:$engine:"'
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "text", ["db:pg://u:hun/ter2@h/x", "db:pg://h:port/x", "db:pg://[::1/x", "db:pg://u:h#unter@h"]
)
def test_a_port_that_is_no_number_is_an_error_that_shows_nothing_of_the_uri(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_uri(text)
    assert str(caught.value) == "The database URI's port is not a number"
    assert caught.value.hint == "In a password write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25."


def test_an_error_shows_no_password() -> None:
    with pytest.raises(TargetError) as caught:
        parse_uri("db://u:hunter2@h/x?password=hunter3")
    assert str(caught.value) == 'No engine specified by URI db://u:@h/x?password=; URI must start with "db:$engine:"'


@pytest.mark.parametrize(
    ("text", "changes", "shown"),
    [
        ("db:pg:", {"dbname": "foo"}, "db:pg:foo"),
        ("db:pg:", {"dbname": "a b?c#d"}, "db:pg:a%20b%3Fc%23d"),
        ("db:pg://h", {"dbname": "foo"}, "db:pg://h/foo"),
        ("db:pg:x", {"host": "h"}, "db:pg://h/x"),
        ("db:pg:", {"host": "h"}, "db:pg://h"),
        ("db:pg:x", {"port": "5"}, "db:pg://:5/x"),
        ("db:pg:x", {"user": "bo b"}, "db:pg://bo%20b@/x"),
        ("db:pg:x", {"user": "a:b@c"}, "db:pg://a%3Ab%40c@/x"),
        ("db:pg:///x", {"user": "u"}, "db:pg://u@/x"),
        ("db:pg://u:p@h:1/x", {"user": "v"}, "db:pg://v:@h:1/x"),
        ("db:pg://u@h:1/x", {"host": "/tmp"}, "db:pg://u@%2Ftmp:1/x"),
        ("db:pg:x", {"host": "::1"}, "db:pg://[::1]/x"),
        ("db:pg:x", {"host": "h1,h2"}, "db:pg://h1,h2/x"),
        ("db:pg:x?a=b", {"host": "h", "port": "5", "user": "u", "dbname": "d"}, "db:pg://u@h:5/d?a=b"),
        ("db:sqlite:a/b.db", {"dbname": "/abs/c.db"}, "db:sqlite:/abs/c.db"),
        ("db:sqlite:///a/b.db", {"dbname": "/abs/c.db"}, "db:sqlite:////abs/c.db"),
        ("db:mysql:", {"dbname": "sqitch"}, "db:mysql:sqitch"),
    ],
)
def test_overrides(text: str, changes: dict[str, str], shown: str) -> None:
    assert str(parse_uri(text).override(**changes)) == shown


def test_an_override_beats_a_parameter_of_the_same_meaning() -> None:
    uri = parse_uri("db:pg:x?host=/tmp&port=5415").override(host="h")
    assert libpq_params(uri, {}) == {"dbname": "x", "host": "h", "port": "5415"}


def test_an_override_keeps_the_password() -> None:
    assert parse_uri("db:pg://u:p@h/x").override(user="v").password == "p"


def test_libpq_is_told_what_is_given_and_no_more() -> None:
    assert libpq_params(parse_uri("db:pg:"), {"PGHOST": "x", "PGUSER": "y"}) == {}
    uri = parse_uri("db:pg://u:p%40ss@h:5433/my%20db?sslmode=require&application_name=&port=5")
    expected = {"user": "u", "password": "p@ss", "dbname": "my db", "host": "h", "port": "5", "sslmode": "require"}
    assert libpq_params(uri, {}) == expected


def test_the_environment_of_sqitch_wins_over_the_uri() -> None:
    environ = {"SQITCH_USERNAME": "eu", "SQITCH_PASSWORD": "ep"}
    uri = parse_uri("db:pg://u:p@h/x?user=q&password=r")
    assert libpq_params(uri, environ) == {"user": "eu", "password": "ep", "dbname": "x", "host": "h"}
    assert (username(uri, {}), password(uri, {})) == ("q", "r")
    assert (username(parse_uri("db:pg:"), {}), password(parse_uri("db:pg:"), {})) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://",
        "postgresql://u:p%40@h1:1,h2:2/x?target_session_attrs=primary",
        "postgresql://h1,h2:5433/x",
        "postgresql://h1:5,h2/d",
        "postgres:///x?host=/tmp&port=5",
        "postgresql://[::1]:5,[::2]/d",
        "postgresql://u@h/d?application_name=a+b%20c",
        "postgresql://h/d?ssl=true",
        "postgresql://%2Ftmp/x",
        "postgresql://:pw@/x",
    ],
)
def test_a_uri_of_libpq_means_what_libpq_says(text: str) -> None:
    assert libpq_params(parse_uri(text), {}) == conninfo_to_dict(text)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("db:pg:", None),
        ("db:pg:x", "dbname=x"),
        (
            "db:pg://postgres:pw@%2Ftmp:5415/tv?sslmode=prefer&application_name=it",
            "user=postgres dbname=tv host=/tmp port=5415 application_name=it sslmode=prefer",
        ),
        (
            "db:pg:my%20db?application_name=it's+\"a\\b&connect_timeout=",
            r"dbname=my\ db application_name=it\'s\ \"a\\b",
        ),
        ("db:pg:x?password=hunter2", "dbname=x"),
    ],
)
def test_the_argument_of_psql(text: str, argument: str | None) -> None:
    assert psql_dbname_argument(parse_uri(text), {}) == argument


def test_psql_connects_as_sqitch_username() -> None:
    assert psql_dbname_argument(parse_uri("db:pg://u@/x"), {"SQITCH_USERNAME": "eu"}) == "user=eu dbname=x"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("see db:pg://u:a@b:c@h/x and go on", "see db:pg://u:@h/x and go on"),
        ("password = secret host=h", "password =  host=h"),
        ("password='a b' host=h", "password= host=h"),
        ("x?sslpassword=secret&a=b", "x?sslpassword=&a=b"),
        ("db:pg://u@h/x?a=b@c", "db:pg://u@h/x?a=b@c"),
    ],
)
def test_redaction_of_any_text(text: str, clean: str) -> None:
    assert redact(text) == clean
