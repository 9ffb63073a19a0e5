"""The throw-away MariaDB of the tests: it is one, and the databases on it are gone when the test is."""

from __future__ import annotations

from tests.mariadb import MariaDatabase, MariaServer


def test_it_is_a_mariadb_or_mysql_that_answers(mysql_database: MariaDatabase) -> None:
    assert mysql_database.rows("SELECT DATABASE(), 1 + 1") == [(mysql_database.name, 2)]


def test_a_database_is_dropped_with_the_registry_beside_it(mysql_server: MariaServer) -> None:
    with mysql_server.database() as database:
        database.rows("CREATE DATABASE sqitch")
    with mysql_server.database() as other:
        names = {name for (name,) in other.rows("SELECT schema_name FROM information_schema.schemata")}
    assert not names & {database.name, "sqitch"}
