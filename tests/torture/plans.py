"""A plan with every kind of change, and what the oracle has to know of each. The numbers of statements are psql's."""

from __future__ import annotations

from collections.abc import Mapping

from tests.projects import Scripts, table
from tests.torture.oracle import Known, Part

ROWS = 20_000
PAUSE = "SELECT FROM pg_sleep(0.03);"
"""Makes changes that take no time at all last long enough to be interrupted."""
PREPARED = "CREATE TABLE marks (mark text)"
"""Is in the database before anything is deployed: a row that a script adds shows how often it did."""


def whole(name: str, *sights: str) -> Known:
    """A change whose scripts are one transaction each."""
    return Known(name, (Part(None, sights),), (Part(None, sights),))


def index(statement: int, name: str) -> Part:
    """A statement that creates or drops an index CONCURRENTLY."""
    return Part(statement, (f"index {name}",), (f"invalid {name}",))


BASE = Scripts(
    f"""BEGIN;
CREATE TABLE t AS SELECT i AS a, md5(i::text) AS b FROM generate_series(1, {ROWS}) i;
INSERT INTO marks VALUES ('base');
COMMIT;
""",
    f"BEGIN;\nDROP TABLE t;\n{PAUSE}\nDELETE FROM marks WHERE mark = 'base';\nCOMMIT;\n",
    "SELECT a, b FROM t WHERE false;\n",
)
LOADED = Scripts(
    f"""BEGIN;
CREATE TABLE loaded (n integer, words text);
COPY loaded FROM stdin;
1\tone
2\ttwo
3\tthree
\\.
INSERT INTO marks SELECT 'loaded ' || count(*) FROM loaded;
{PAUSE}
COMMIT;
""",
    f"DROP TABLE loaded;\n{PAUSE}\nDELETE FROM marks WHERE mark = 'loaded 3';\n",
    "SELECT 1 / count(*) FROM loaded;\n",
)
INDEXED = Scripts(
    """CREATE INDEX CONCURRENTLY t_a ON t (a);
SET search_path = public;
CREATE TABLE extra (x integer);
CREATE INDEX CONCURRENTLY t_b ON t (b);
BEGIN;
INSERT INTO marks VALUES ('indexed');
COMMIT;
CREATE INDEX CONCURRENTLY ON t (b, a);
VACUUM t;
""",
    """DROP INDEX CONCURRENTLY t_a;
DROP INDEX CONCURRENTLY t_b;
DROP INDEX CONCURRENTLY t_b_a_idx;
DROP TABLE extra;
SELECT FROM pg_sleep(0.03);
DELETE FROM marks WHERE mark = 'indexed';
""",
    "SELECT 't_a'::regclass, 't_b'::regclass;\n",
)
KINDS = Scripts("CREATE TYPE kind AS ENUM ('a');\n", "DROP TYPE kind;\n", "SELECT 'a'::kind;\n")
WIDENED = Scripts(
    f"ALTER TYPE kind ADD VALUE 'c';\nINSERT INTO marks SELECT 'used ' || 'c'::kind;\n{PAUSE}\n",
    f"""BEGIN;
ALTER TYPE kind RENAME TO wide;
CREATE TYPE kind AS ENUM ('a');
DROP TYPE wide;
{PAUSE}
DELETE FROM marks WHERE mark = 'used c';
COMMIT;
""",
)
SPLIT = Scripts(
    f"""BEGIN;
CREATE TABLE filled (n integer);
COMMIT;
{PAUSE}
COPY filled FROM stdin;
1
2
\\.
INSERT INTO marks SELECT 'filled ' || count(*) FROM filled;
""",
    f"BEGIN;\nDROP TABLE filled;\nCOMMIT;\n{PAUSE}\nDELETE FROM marks WHERE mark LIKE 'filled %';\n",
)

CHANGES: Mapping[str, Scripts] = {
    "base": BASE,
    "loaded": LOADED,
    "indexed": INDEXED,
    "kinds": KINDS,
    "widened": WIDENED,
    "split": SPLIT,
    "last": table("last"),
}
KNOWN = (
    whole("base", "table t", "mark base"),
    whole("loaded", "table loaded", "mark loaded 3"),
    Known(
        "indexed",
        (
            index(1, "t_a"),
            Part(3, ("table extra",)),
            index(4, "t_b"),
            Part(7, ("mark indexed",)),
            index(8, "t_b_a_idx"),
        ),
        (
            index(1, "t_a"),
            index(2, "t_b"),
            index(3, "t_b_a_idx"),
            Part(4, ("table extra",)),
            Part(6, ("mark indexed",)),
        ),
    ),
    whole("kinds", "value kind.a"),
    Known(
        "widened",
        (Part(1, ("value kind.c",)), Part(2, ("mark used c",))),
        (Part(None, ("value kind.c", "mark used c")),),
    ),
    Known(
        "split",
        (Part(3, ("table filled",)), Part(6, ("mark filled 2",))),
        (Part(3, ("table filled",)), Part(5, ("mark filled 2",))),
    ),
    whole("last", "table last"),
)
WHOLE = ("base", "loaded", "kinds", "last")
"""Those of the changes that are one transaction."""
