"""Whether a statement refuses a transaction block: what we say, and what the server does."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sqitchpy.testing import Database
from tests.unit.script.test_statements import ALLOWED, REFUSED

SETUP = [
    "CREATE TABLE t (id int)",
    "CREATE INDEX i ON t (id)",
    "CREATE TABLE p (id int) PARTITION BY LIST (id)",
    "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
    "CREATE UNIQUE INDEX ON m (a)",
    "CREATE TYPE e AS ENUM ('a')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION x WITH (connect = false, slot_name = 'nothing')",
    "ALTER SUBSCRIPTION s ENABLE",
]
CLEARING = [
    "ALTER SUBSCRIPTION s DISABLE",
    "ALTER SUBSCRIPTION s SET (slot_name = NONE)",
    "DROP SUBSCRIPTION s",
]
ACTIVE_SQL_TRANSACTION = "25001"


@pytest.fixture
def connection(pg_database: Database) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with pg_database.connect() as connection:
        connection.autocommit = True
        try:
            for statement in SETUP:
                connection.execute(statement)
            yield connection
        finally:  # a database with a subscription cannot be dropped
            for statement in CLEARING:
                connection.execute(statement)


def answer(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> str | None:
    """The SQLSTATE that a statement ends with inside a transaction block."""
    connection.execute("BEGIN")
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    else:
        return None
    finally:
        connection.execute("ROLLBACK")


def test_the_server_refuses_what_we_say_it_refuses(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    answers = {statement: answer(connection, statement) for statement in REFUSED}
    assert answers == dict.fromkeys(REFUSED, ACTIVE_SQL_TRANSACTION)


def test_the_server_allows_what_we_say_it_allows(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    answers = {statement: answer(connection, statement) for statement in ALLOWED}
    assert answers == dict.fromkeys(ALLOWED)
