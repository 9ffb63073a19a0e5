"""A whole file of pg_dump's as a deploy script: everything arrives, and the registry is as for any other change."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator

import pytest

from sqitchpy.errors import DeployError, ScriptError
from sqitchpy.events import ScriptMessage
from sqitchpy.testing import Database, DatabaseServer, named_server
from tests.conftest import need
from tests.dumps import pg_program
from tests.integration.conftest import Build
from tests.projects import Scripts, write_script

EVERYTHING = r"""
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'It''s; a $$schema$$
-- with \echo lines and :variables';
CREATE TYPE shop.mood AS ENUM ('sad', 'so; so', 'it''s ok', 'back\slash');
CREATE TYPE shop.pair AS (a integer, b text);
CREATE DOMAIN shop.positive AS integer DEFAULT 1 CHECK (VALUE > 0);
CREATE SEQUENCE shop.numbers START 100 INCREMENT 5;
CREATE TABLE shop.people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL DEFAULT 'a:b ::c \d' UNIQUE,
    "Odd ""name;" shop.mood DEFAULT 'so; so',
    number integer DEFAULT nextval('shop.numbers'),
    pair shop.pair,
    tags text[] DEFAULT '{a,"b;c"}',
    twice integer GENERATED ALWAYS AS (2 * 21) STORED,
    raw bytea,
    doc jsonb CHECK (doc IS NULL OR jsonb_typeof(doc) = 'object'),
    boss bigint REFERENCES shop.people DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON COLUMN shop.people.name IS E'two\nlines\n\\.\nand a \\ backslash';
CREATE INDEX "an index; :x" ON shop.people (lower(name), number DESC) WHERE number > 0;
CREATE TABLE shop.events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- it's ; not 'closed
    NEW.number := coalesce(NEW.number, 0) + 1; /* $$ */
    PERFORM $$;$$, $a$ $$ ; $a$, ':v', E'\\';
    RETURN NEW;
END;
$body$;
CREATE FUNCTION shop.plain(a integer DEFAULT 1) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN a > 0 THEN 1 ELSE 2 END;
    SELECT a + 1;
END;
CREATE PROCEDURE shop.work(INOUT n integer) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
CREATE TRIGGER "touch; it" BEFORE UPDATE ON shop.people FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE VIEW shop.names AS SELECT name, 'it''s; ' || name AS greeting FROM shop.people WHERE name LIKE '%:%' OR id >= 0;
CREATE MATERIALIZED VIEW shop.counted AS SELECT count(*) AS n FROM shop.people;
CREATE RULE quiet AS ON DELETE TO shop.events DO INSTEAD NOTHING;
ALTER TABLE shop.people ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON shop.people USING (name <> 'nobody; '':x''');
CREATE AGGREGATE shop.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE OPERATOR shop.<-> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4mi);
CREATE TABLE public.plain (id serial PRIMARY KEY, t text);
INSERT INTO shop.people (name, pair, raw, doc) VALUES
    (E'tab\there', ROW(1, 'x,y"z'), '\x00ff5c', '{"a": "it''s; \\. \u00e9"}'),
    (E'\\.', NULL, NULL, NULL),
    (E'\\.\n\\.\n', ROW(NULL, ''), '', NULL),
    (E'line\n\\echo not a command\n:v; ''quoted'' "too" $$x$$ -- no /* comment', NULL, NULL, NULL),
    ('漢字 ✓ é', NULL, NULL, NULL),
    ('', NULL, NULL, NULL);
UPDATE shop.people SET boss = 1;
INSERT INTO shop.events SELECT date '2024-06-01' + 100 * n, 'event ' || n FROM generate_series(1, 20) AS n;
INSERT INTO public.plain (t) SELECT repeat('x', n) FROM generate_series(1, 500) AS n;
REFRESH MATERIALIZED VIEW shop.counted;
SELECT lo_from_bytea(424242, 'large; \\000object'), lo_from_bytea(424243, '');
COMMENT ON LARGE OBJECT 424242 IS 'it''s large';
"""


@pytest.fixture(params=["pg_server", "PostgreSQL of the system"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """The tests' server, and the one (an older one, as a rule) that has PostGIS: each has a pg_dump of its version."""
    if request.param == "pg_server":
        found: DatabaseServer = request.getfixturevalue("pg_server")
        return found
    dsn = os.environ.get("SQITCHPY_POSTGIS_DSN")
    need("postgis", dsn is not None)
    return named_server(dsn or "")


@pytest.fixture
def full(server: DatabaseServer) -> Iterator[Database]:
    """A database with some of everything in it."""
    with server.database() as database:
        with database.connect() as connection:
            connection.execute(EVERYTHING.encode())
        yield database


@pytest.fixture
def empty(server: DatabaseServer) -> Iterator[Database]:
    with server.database() as database:
        yield database


def pg_dump(database: Database, *options: str) -> bytes:
    with database.connect() as connection:
        program = pg_program("pg_dump", connection.info.server_version)
    environ = {**os.environ, **database.environ}
    return subprocess.run([program, *options], env=environ, capture_output=True, check=True).stdout


def comparable(dump: bytes) -> list[bytes]:
    """A dump without the key that newer versions draw at random."""
    return [line for line in dump.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict"))]


@pytest.mark.parametrize("options", [(), ("--inserts",), ("--column-inserts", "--rows-per-insert=4")], ids=" ".join)
def test_a_dump_deploys_and_the_result_dumps_the_same(
    build: Build, full: Database, empty: Database, options: tuple[str, ...]
) -> None:
    dump = pg_dump(full, *options)
    assert b"set_config('search_path', '', false)" in dump
    # names without their schemas: the verification and what comes next see the session as it was before the dump
    verify = "SELECT 1/(count(*) = 500)::int FROM plain;\nSELECT 1/(count(*) = 6)::int FROM shop.people;\n"
    app = build({"dump": Scripts(dump, verify=verify), "next": Scripts("CREATE TABLE next ();")}, database=empty)
    app.deploy(verify=True)
    assert app.text_of(ScriptMessage) == ""
    assert comparable(pg_dump(empty, *options, "--exclude-schema=sqitch", "--exclude-table=public.next")) == comparable(
        dump
    )
    assert app.history() == ["deploy dump", "deploy next"]
    assert app.value("SELECT script_hash FROM sqitch.changes WHERE change = 'dump'") == hashlib.sha1(dump).hexdigest()
    assert app.tables() == ["next", "plain"]


def test_a_dump_that_fails_in_its_middle_leaves_nothing(build: Build, full: Database, empty: Database) -> None:
    app = build({"dump": Scripts(pg_dump(full) + b"\nSELECT 1/0;\n")}, database=empty)
    with pytest.raises(DeployError):
        app.deploy()
    assert (app.tables(), app.history()) == ([], ["fail dump"])
    assert app.rows("SELECT nspname FROM pg_namespace WHERE nspname = 'shop'") == []


@pytest.mark.parametrize("form", ["custom", "tar"])
def test_an_archive_of_pg_dump_is_refused_with_the_command_that_makes_sql_of_it(
    build: Build, full: Database, empty: Database, form: str
) -> None:
    app = build({"a": Scripts(pg_dump(full, f"--format={form}"))}, database=empty)
    with pytest.raises(ScriptError) as refused:
        app.deploy()
    assert refused.value.message == f"deploy/a.sql is an archive of pg_dump's, in its {form} format, not SQL"
    assert "pg_restore --file=script.sql deploy/a.sql" in (refused.value.hint or "")
    assert app.history() == []


def test_what_pg_restore_makes_of_an_archive_deploys(build: Build, full: Database, empty: Database) -> None:
    app = build({"a": Scripts()}, database=empty)
    archive = write_script(app.path, "deploy", "archive", pg_dump(full, "--format=custom"))
    with full.connect() as connection:
        program = pg_program("pg_restore", connection.info.server_version)
    subprocess.run([program, "--file", app.path / "deploy" / "a.sql", archive], check=True)
    app.deploy()
    assert app.value("SELECT count(*) FROM shop.people") == 6
