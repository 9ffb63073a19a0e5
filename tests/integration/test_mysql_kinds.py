"""Whether a statement commits the transaction it is in: what we say, and what the server does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pymysql
import pytest

from sqitchpy.engines.dbapi.statements import Kind
from sqitchpy.engines.mysql.kinds import kind_of
from tests.mariadb import MariaDatabase

SETUP = [
    "CREATE TABLE t (id INT PRIMARY KEY, a INT) ENGINE InnoDB",
    "INSERT INTO t VALUES (1, 1)",
    "CREATE TABLE gone (id INT)",
    "CREATE TABLE parted (id INT) PARTITION BY HASH (id)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE PROCEDURE p() SELECT 1",
    "CREATE FUNCTION f() RETURNS INT RETURN 1",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
    "CREATE SEQUENCE s",
]
COMMITS = [
    "CREATE TABLE n (id INT)",
    "CREATE OR REPLACE TABLE n (id INT)",
    "CREATE TABLE n AS SELECT 1 AS a",
    "CREATE INDEX i ON t (a)",
    "CREATE VIEW w AS SELECT 1",
    "CREATE OR REPLACE VIEW v AS SELECT 2",
    "CREATE PROCEDURE q() SELECT 1",
    "CREATE FUNCTION h() RETURNS INT RETURN 1",
    "CREATE TRIGGER k AFTER INSERT ON t FOR EACH ROW SET @a = 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "CREATE SEQUENCE r",
    "/*!40101 CREATE TABLE n (id INT) */",
    "ALTER TABLE t ADD b INT",
    "ALTER VIEW v AS SELECT 2",
    "ALTER PROCEDURE p COMMENT 'x'",
    "DROP TABLE gone",
    "DROP VIEW v",
    "DROP PROCEDURE p",
    "DROP FUNCTION f",
    "DROP TRIGGER g",
    "DROP SEQUENCE s",
    "RENAME TABLE gone TO back",
    "TRUNCATE gone",
    "TRUNCATE TABLE gone",
    "ANALYZE TABLE t",
    "CHECK TABLE t",
    "OPTIMIZE TABLE t",
    "REPAIR TABLE t",
    "FLUSH TABLES",
    "LOCK TABLES t READ",
    "SET PASSWORD FOR root@localhost = PASSWORD('')",
    "GRANT SELECT ON t TO root@localhost",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
]
"""After each of them what was done before it is there."""
STAYS = [
    "INSERT INTO t VALUES (3, 3)",
    "REPLACE INTO t VALUES (1, 2)",
    "UPDATE t SET a = 2",
    "DELETE FROM t",
    "SELECT 1",
    "(SELECT 1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "VALUES (1)",
    "DO 1",
    "SHOW TABLES",
    "DESCRIBE t",
    "EXPLAIN SELECT 1",
    "ANALYZE SELECT 1",
    "SAVEPOINT a",
    "SET @a = 1",
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = ''",
    "SET STATEMENT max_statement_time = 10 FOR SELECT 1",
    "SELECT 1 INTO @a",
    "USE {db}",
    "PREPARE x FROM 'SELECT 1'",
    "CREATE TEMPORARY TABLE tt (id INT)",
    "DROP TEMPORARY TABLE IF EXISTS tt",
    "KILL QUERY 0",
]
"""They may be in a transaction, and do not end it."""
NEVER_TOLD = [
    "CALL p()",
    "EXECUTE IMMEDIATE 'SELECT 1'",
    "BEGIN NOT ATOMIC SELECT 1; END",
    "IF 1 THEN SELECT 1; END IF",
]
"""What may hold any statement counts as committing, whatever it holds."""


@pytest.fixture
def connection(mysql_database: MariaDatabase) -> Iterator[pymysql.Connection[Any]]:
    with closing(mysql_database.connect()) as connection:
        for statement in SETUP:
            connection.cursor().execute(statement)
        yield connection


def commits(connection: pymysql.Connection[Any], database: MariaDatabase, statement: str) -> bool:
    """Whether a row that is inserted before the statement is seen from elsewhere after it."""
    cursor = connection.cursor()
    cursor.execute("START TRANSACTION")
    cursor.execute("INSERT INTO t VALUES (2, 2)")
    with suppress(pymysql.err.MySQLError):
        cursor.execute(statement.replace("{db}", database.name))
    cursor.execute("ROLLBACK")
    cursor.execute("UNLOCK TABLES")
    return database.rows("SELECT id FROM t WHERE id = 2") == [(2,)]


@pytest.mark.parametrize("statement", COMMITS)
def test_what_commits_counts_so(
    statement: str, connection: pymysql.Connection[Any], mysql_database: MariaDatabase
) -> None:
    assert kind_of(statement.encode()) in (Kind.ALONE, Kind.BEGIN, Kind.COMMIT)
    assert commits(connection, mysql_database, statement)


@pytest.mark.parametrize("statement", STAYS)
def test_what_stays_in_its_transaction_counts_so(
    statement: str, connection: pymysql.Connection[Any], mysql_database: MariaDatabase
) -> None:
    assert kind_of(statement.encode()) in (Kind.PLAIN, Kind.SESSION, Kind.LOCAL)
    assert not commits(connection, mysql_database, statement)


@pytest.mark.parametrize("statement", NEVER_TOLD)
def test_what_may_hold_anything_counts_as_committing(statement: str) -> None:
    assert kind_of(statement.encode()) is Kind.ALONE


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("ROLLBACK", Kind.ROLLBACK),
        ("ROLLBACK WORK TO SAVEPOINT a", Kind.PLAIN),
        ("COMMIT AND CHAIN", Kind.ALONE),
        ("COMMIT AND NO CHAIN", Kind.COMMIT),
        ("SET @a = LAST_INSERT_ID()", Kind.LOCAL),
        ("SET GLOBAL max_connections = 10", Kind.PLAIN),
        ("SET STATEMENT max_statement_time = 1 FOR ALTER TABLE t ADD b INT", Kind.ALONE),
        ("DROP PREPARE x", Kind.SESSION),
        ("", Kind.PLAIN),
    ],
)
def test_the_kind_of_a_statement(statement: str, kind: Kind) -> None:
    assert kind_of(statement.encode()) is kind
