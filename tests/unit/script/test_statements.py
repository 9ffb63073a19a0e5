"""What kind of statement a statement is; tests/integration/test_statement_kinds.py asks real servers the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.script.statements import Kind, classify, is_empty

# In a database with: table t with index i, table p with partition p1, subscription s, materialized view m, type e.
REFUSED = [
    "VACUUM",
    "vacuum;",
    "VACUUM FULL t",
    "VACUUM (FULL) t",
    "VACUUM (ANALYZE, VERBOSE) t;",
    "VACUUM/* c */t",
    "/* first */ -- second\n VACUUM t",
    "CREATE DATABASE refused",
    "DROP DATABASE refused",
    "DROP DATABASE IF EXISTS refused WITH (FORCE)",
    "ALTER DATABASE postgres SET TABLESPACE pg_default",
    "CREATE TABLESPACE refused LOCATION '/nowhere'",
    "DROP TABLESPACE IF EXISTS refused",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "ALTER SYSTEM RESET ALL",
    "CREATE INDEX CONCURRENTLY ON t (id)",
    "create index concurrently other on t (id);",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS other ON t (id)",
    "CREATE /* a /* nested */ comment */ INDEX -- and 'another\n\tCONCURRENTLY other ON t (id)",
    "DROP INDEX CONCURRENTLY i",
    "DROP INDEX CONCURRENTLY IF EXISTS nothing",
    "REINDEX INDEX CONCURRENTLY i",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX (CONCURRENTLY) TABLE t",
    "REINDEX (VERBOSE, CONCURRENTLY) TABLE t",
    "REINDEX (CONCURRENTLY TRUE) TABLE t",
    "REINDEX (VERBOSE) TABLE CONCURRENTLY t",
    "REINDEX SCHEMA public",
    "REINDEX SCHEMA CONCURRENTLY public",
    "REINDEX DATABASE template0",
    "REINDEX (VERBOSE) SYSTEM template0",
    "CLUSTER",
    "CLUSTER VERBOSE;",
    "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;",
    "ALTER TABLE IF EXISTS public.p\n DETACH PARTITION public.p1\n CONCURRENTLY -- at last\n;",
    "CREATE SUBSCRIPTION other CONNECTION 'host=nowhere' PUBLICATION x",
    "CREATE SUBSCRIPTION other CONNECTION 'host=nowhere connect=false' PUBLICATION x",
    "CREATE SUBSCRIPTION other CONNECTION 'host=nowhere' PUBLICATION x WITH (connect = true)",
    "ALTER SUBSCRIPTION s SET PUBLICATION y",
    "ALTER SUBSCRIPTION s ADD PUBLICATION y",
    "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
    "ALTER SUBSCRIPTION s REFRESH PUBLICATION WITH (copy_data = false)",
    "DROP SUBSCRIPTION s",
    "COMMIT PREPARED 'x'",
    "rollback prepared 'x';",
    "DISCARD ALL",
]
ALLOWED = [
    "ANALYZE t",
    "ALTER DATABASE postgres SET work_mem = '4MB'",
    "ALTER DATABASE postgres CONNECTION LIMIT 10",
    'CREATE INDEX "concurrently" ON t (id)',
    "CREATE INDEX other ON t (id) /* not CONCURRENTLY */",
    "CREATE TABLE concurrently_later (index int)",
    "COMMENT ON TABLE t IS 'CREATE INDEX CONCURRENTLY'",
    "DROP INDEX i",
    "REINDEX TABLE t",
    "REINDEX (VERBOSE) INDEX i",
    "REINDEX (CONCURRENTLY FALSE) TABLE t",
    "REINDEX (CONCURRENTLY OFF, VERBOSE) TABLE t",
    "CLUSTER t USING i",
    "CLUSTER VERBOSE t USING i",
    "CLUSTER (VERBOSE) t USING i",
    "ALTER TABLE p DETACH PARTITION p1",
    "CREATE SUBSCRIPTION other CONNECTION 'host=nowhere' PUBLICATION x WITH (connect = false)",
    "CREATE SUBSCRIPTION other CONNECTION 'host=nowhere' PUBLICATION x WITH (connect = 'off')",
    "CREATE SUBSCRIPTION other CONNECTION 'host=nowhere' PUBLICATION x WITH (create_slot=0, enabled=false, connect=0)",
    "ALTER SUBSCRIPTION s SET PUBLICATION y WITH (refresh = false)",
    "ALTER SUBSCRIPTION s SET (binary = true)",
    "ALTER SUBSCRIPTION s CONNECTION 'host=elsewhere'",
    "DISCARD TEMP",
    "DISCARD PLANS",
    "DISCARD SEQUENCES",
    "TRUNCATE t",
    "CREATE EXTENSION IF NOT EXISTS plpgsql",
    "CREATE ROLE not_refused",
    "CREATE PUBLICATION q FOR TABLE t",
    "REFRESH MATERIALIZED VIEW m",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "LISTEN x",
    "CHECKPOINT",
    "LOCK TABLE t",
    "ALTER TYPE e ADD VALUE 'b'",
    "ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_default",
    "EXPLAIN CREATE TABLE z AS SELECT 1",
    "SET TRANSACTION READ ONLY",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_a_statement_that_refuses_a_transaction_block_is_known(statement: str) -> None:
    assert classify(statement.encode()) is Kind.REFUSES


@pytest.mark.parametrize("statement", ALLOWED)
def test_a_statement_that_looks_like_one_that_refuses_is_not_taken_for_it(statement: str) -> None:
    assert classify(statement.encode()) is not Kind.REFUSES


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("ALTER TABLE p DETACH PARTITION p1 FINALIZE", Kind.OTHER),
        ("ALTER SUBSCRIPTION s SET (failover = true)", Kind.REFUSES),  # 17 and later
        ("ALTER SUBSCRIPTION s SET (two_phase = false)", Kind.REFUSES),  # 18 and later
        ("CLUSTER (VERBOSE)", Kind.REFUSES),  # 17 and later
        ("BEGIN", Kind.BEGIN),
        ("begin isolation level serializable;", Kind.BEGIN),
        ("START TRANSACTION READ ONLY", Kind.BEGIN),
        ("COMMIT;", Kind.COMMIT),
        ("COMMIT WORK", Kind.COMMIT),
        ("END", Kind.COMMIT),
        ("end transaction;", Kind.COMMIT),
        ("COMMIT AND NO CHAIN;", Kind.COMMIT),
        ("COMMIT AND CHAIN;", Kind.CHAIN),
        ("commit work and /* and */ chain -- !\n;", Kind.CHAIN),
        ("ROLLBACK", Kind.ROLLBACK),
        ("ROLLBACK TRANSACTION AND NO CHAIN", Kind.ROLLBACK),
        ("ROLLBACK AND CHAIN", Kind.CHAIN),
        ("ABORT;", Kind.ROLLBACK),
        ("ABORT WORK AND CHAIN", Kind.CHAIN),
        ("ROLLBACK TO a", Kind.OTHER),
        ("ROLLBACK TO SAVEPOINT a", Kind.OTHER),
        ("rollback transaction to savepoint a;", Kind.OTHER),
        ("SAVEPOINT a", Kind.OTHER),
        ("RELEASE a", Kind.OTHER),
        ("PREPARE TRANSACTION 'x'", Kind.PREPARE_TRANSACTION),
        ("PREPARE transaction AS SELECT 1", Kind.PREPARE_TRANSACTION),
        ("PREPARE p AS SELECT 1", Kind.SESSION),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", Kind.SETS_ISOLATION),
        ("SET LOCAL transaction_read_only = on", Kind.SETS_ISOLATION),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Kind.SETS_ISOLATION),
        ("SET CONSTRAINTS ALL DEFERRED", Kind.OTHER),
        ("SET search_path = x", Kind.SESSION),
        ("SET SESSION AUTHORIZATION x", Kind.SESSION),
        ("CREATE TEMPORARY TABLE x ()", Kind.SESSION),
        ("DISCARD TEMP", Kind.SESSION),
        ("ALTER ROLE x IN DATABASE y SET search_path = z", Kind.ROLE_OR_DATABASE_SETTING),
        ("ALTER DATABASE y RESET ALL", Kind.ROLE_OR_DATABASE_SETTING),
        ("CALL p()", Kind.CALL),
        ("DO $$ BEGIN END $$", Kind.CALL),
        ("(SELECT 1) UNION (SELECT 2)", Kind.QUERY),
        ("/*+ SeqScan(t) */ select * from t", Kind.QUERY),
        ("CREATE TABLE x AS SELECT 1", Kind.QUERY),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'VACUUM'", Kind.OTHER),
        ("CREATE TABLE x (id int)", Kind.OTHER),
        ("'a string'", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_a_statement_is_of_its_kind(statement: str, kind: Kind) -> None:
    assert classify(statement.encode()) is kind


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("COPY t FROM STDIN", Kind.COPY_IN),
        ("copy t from stdin;", Kind.COPY_IN),
        ("COPY s.t (a, b) FROM stdin WITH (FORMAT csv, DELIMITER ';')", Kind.COPY_IN),
        ("COPY t(a,b)FROM STDIN", Kind.COPY_IN),
        ("COPY t FROM STDIN WHERE id > 1", Kind.COPY_IN),
        ("COPY BINARY t FROM STDIN", Kind.COPY_IN),
        ("COPY t FROM STDIN USING DELIMITERS '|' WITH NULL AS ''", Kind.COPY_IN),
        ("COPY t FROM STDIN CSV HEADER QUOTE '''' ESCAPE '\\'", Kind.COPY_IN),
        ("COPY -- from\n t /* to */ FROM -- the\n STDIN;", Kind.COPY_IN),
        ('COPY "FROM STDIN" FROM STDIN', Kind.COPY_IN),
        ("COPY t FROM STDOUT", Kind.COPY_IN),
        ("COPY t TO STDOUT", Kind.COPY_OUT),
        ("COPY t (a, b) TO STDOUT (FORMAT csv)", Kind.COPY_OUT),
        ("COPY t TO STDIN", Kind.COPY_OUT),
        ("COPY (SELECT 1) TO STDOUT", Kind.COPY_OUT),
        ("COPY(SELECT * FROM stdin)TO STDOUT", Kind.COPY_OUT),
        ("COPY (INSERT INTO t VALUES (')') RETURNING id) TO STDOUT WITH CSV", Kind.COPY_OUT),
        ("COPY t FROM 'stdin'", Kind.OTHER),
        ("COPY t FROM PROGRAM 'cat stdin'", Kind.OTHER),
        ("COPY t TO '/tmp/stdout'", Kind.OTHER),
        ("COPY (SELECT * FROM stdin) TO '/tmp/x'", Kind.OTHER),
    ],
)
def test_the_direction_of_a_copy_is_known(statement: str, kind: Kind) -> None:
    assert classify(statement.encode()) is kind


@pytest.mark.parametrize("text", [";", "/* a /* b */ c */", "-- a", "-- a\n ; /* b\n */ ; -- c\n"])
def test_blanks_comments_and_semicolons_are_nothing(text: str) -> None:
    assert is_empty(text.encode())


@pytest.mark.parametrize("text", ["/* not closed", "-- a\nSELECT 1", "; '/*'", "- 1", "/ 2"])
def test_anything_else_is_something(text: str) -> None:
    assert not is_empty(text.encode())


def test_the_end_of_a_very_long_statement_counts() -> None:
    long = "ALTER TABLE p /* " + "x" * 20_000 + " */ DETACH PARTITION p1 CONCURRENTLY"
    assert classify(long.encode()) is Kind.REFUSES


@given(st.binary(max_size=200), st.sampled_from([b"", b"CREATE ", b"COPY ", b"ALTER ", b"REINDEX (", b"SET ", b"/*"]))
def test_any_bytes_have_a_kind(text: bytes, first: bytes) -> None:
    assert classify(first + text) in Kind
    assert is_empty(first + text) in (True, False)
