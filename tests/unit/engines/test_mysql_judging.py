"""What became of a statement that was not seen to end, as the definitions before and after it tell."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.engines.dbapi.backend import Verdict
from sqitchpy.engines.mysql.judging import Untold, judge, note
from sqitchpy.engines.mysql.output import rendered


class World:
    """What is there: definitions by kind and name."""

    def __init__(self, *, hidden: bool = False, **there: str) -> None:
        self.there = there
        self.hidden = hidden
        self.asked: list[tuple[str, str]] = []

    def define(self, kind: str, name: str) -> str | None:
        self.asked.append((kind, name))
        if self.hidden:
            raise Untold
        return self.there.get(name.strip("`"))


def verdict(statement: str, before: World, after: World) -> Verdict:
    notes = json.loads(json.dumps(dict(note(statement.encode(), before.define))))
    return judge(statement.encode(), notes, after.define)


@pytest.mark.parametrize(
    ("statement", "asked"),
    [
        ("CREATE TABLE a (x int)", [("TABLE", "a")]),
        ("create table if not exists `a b`.c (x int)", [("TABLE", "`a b`.c")]),
        ("CREATE OR REPLACE ALGORITHM = MERGE DEFINER=`u`@`h` SQL SECURITY INVOKER VIEW v AS SELECT 1",
         [("VIEW", "v")]),
        ("CREATE UNIQUE INDEX i ON a (x)", [("TABLE", "a")]),
        ("DROP INDEX i ON a", [("TABLE", "a")]),
        ("ALTER TABLE a ADD y int", [("TABLE", "a")]),
        ("DROP TABLE IF EXISTS a, b", [("TABLE", "a"), ("TABLE", "b")]),
        ("RENAME TABLE a TO b", [("TABLE", "a")]),
        ("TRUNCATE a", [("ROWS", "a")]),
        ("CREATE SCHEMA s", [("DATABASE", "s")]),
        ("CREATE USER 'u'@'%' IDENTIFIED BY 'p'", [("USER", "'u'@'%'")]),
        ("/*!50003 CREATE*/ /*!50017 DEFINER=`u`@`h`*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a=1 */",
         [("TRIGGER", "t")]),
        ("CALL p()", []),
        ("ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b", []),
    ],
)  # fmt: skip
def test_a_statement_is_about_these_objects(statement: str, asked: list[tuple[str, str]]) -> None:
    world = World()
    note(statement.encode(), world.define)
    assert world.asked == asked


@pytest.mark.parametrize(
    ("statement", "before", "after", "expected"),
    [
        ("CREATE TABLE a (x int)", World(), World(a="A"), Verdict("table a is there, so it was completed", done=True)),
        ("DROP TABLE a", World(a="A"), World(), Verdict("table a is gone, so it was completed", done=True)),
        ("ALTER TABLE a ADD y int", World(a="A"), World(a="B"),
         Verdict("table a has changed, so it was completed", done=True)),
        ("ALTER TABLE a ADD y int", World(a="A"), World(a="A"),
         Verdict("table a is as it was before, so the statement runs again")),
        ("INSERT INTO a VALUES (1)", World(), World(), Verdict("nobody can tell whether it was completed", stuck=True)),
        ("CALL p()", World(), World(), Verdict("nobody can tell whether it was completed", stuck=True)),
        ("GRANT ALL ON a TO b", World(), World(), Verdict("it runs again, which does no harm")),
        ("DROP TABLE a, b", World(a="A", b="B"), World(b="B"),
         Verdict("it was completed for table a and not for the rest", stuck=True)),
        ("CREATE TABLE a (x int)", World(), World(hidden=True),
         Verdict("what became of table a cannot be seen", stuck=True)),
        ("CREATE TABLE a (x int)", World(hidden=True), World(a="A"),
         Verdict("nobody can tell whether it was completed", stuck=True)),
    ],
)  # fmt: skip
def test_what_became_of_it(statement: str, before: World, after: World, expected: Verdict) -> None:
    assert verdict(statement, before, after) == expected


def test_a_counter_that_has_moved_is_no_change() -> None:
    before, after = World(a="x ENGINE=InnoDB AUTO_INCREMENT=3"), World(a="x ENGINE=InnoDB AUTO_INCREMENT=9")
    assert not verdict("ALTER TABLE a ADD y int", before, after).done


@given(st.binary(max_size=100))
def test_no_statement_is_too_strange(text: bytes) -> None:
    world = World()
    judge(text, note(text, world.define), world.define)


# -- output ----------------------------------------------------------------------------------------------------------


def test_rows_are_lines_with_tabs_between_their_values() -> None:
    assert rendered([(b"a\tb", None, b"c\\d\n"), (b"", b"\0", b"\xc3\xa9")], upright=False) == (
        "a\\tb\tNULL\tc\\\\d\\n\n\t\\0\té\n"
    )


def test_upright_each_value_has_a_line_of_its_own() -> None:
    stars = "*" * 27
    assert rendered([(b"a\tb", None)], upright=True) == f"{stars} 1. row {stars}\na\tb\nNULL\n"
