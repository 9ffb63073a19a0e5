"""Where SQLite's statements end: sqlite3_complete() is the judge."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.engines.dbapi.statements import Kind
from sqitchpy.engines.sqlite.kinds import kind_of
from sqitchpy.engines.sqlite.splitting import Piece, Splitter
from tests.growth import grows_with_its_size

WORDS = [
    "create",
    "TEMP",
    "temporary",
    "trigger",
    "explain",
    "query",
    "plan",
    "end",
    "END",
    "begin",
    "select",
    "x1",
    "é",
]
TOKENS = [*WORDS, ";", "; ", "\n", " ", "'", '"', "`", "[", "]", "/*", "*/", "--", "''", "(", ",", "1"]


def pieces(text: str) -> list[Piece]:
    splitter = Splitter()
    found = [
        piece
        for number, line in enumerate(text.encode().splitlines(keepends=True), 1)
        for piece in splitter.feed(line, number)
    ]
    return [*found, *splitter.finish()]


def test_statements_are_split_at_semicolons_and_know_their_lines() -> None:
    text = (
        "-- first\nCREATE TABLE a (x TEXT DEFAULT ';');  INSERT INTO a\nVALUES ('b;\nc');\n\n/* ;\n */ SELECT 1 -- ;\n;"
    )
    assert pieces(text) == [
        Piece(b"CREATE TABLE a (x TEXT DEFAULT ';')", 2),
        Piece(b"INSERT INTO a\nVALUES ('b;\nc')", 2),
        Piece(b"SELECT 1 -- ;\n", 7),
    ]


def test_a_trigger_ends_at_its_end() -> None:
    trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM b; END"
    assert pieces(f"{trigger};SELECT 1;") == [Piece(trigger.encode(), 1), Piece(b"SELECT 1", 1)]


def test_what_has_no_semicolon_at_the_end_is_a_statement_all_the_same() -> None:
    assert pieces("SELECT 1;\nSELECT 2\n") == [Piece(b"SELECT 1", 1), Piece(b"SELECT 2", 2)]


@pytest.mark.parametrize("text", ["", ";", " ; ;\n", "-- nothing\n", "/* nothing */", "/* not closed"])
def test_nothing_is_no_statement(text: str) -> None:
    assert pieces(text) == []


@given(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
def test_a_text_ends_between_statements_exactly_where_sqlite_says_so(text: str) -> None:
    splitter = Splitter()
    for number, line in enumerate(text.encode().splitlines(keepends=True), 1):
        list(splitter.feed(line, number))
    ends = splitter.between
    assert sqlite3.complete_statement(f"SELECT 1; {text}") == ends


@given(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
def test_splitting_loses_no_word(text: str) -> None:
    plain = text.replace("/*", "").replace("--", "")
    together = b" ".join(piece.text for piece in pieces(plain)).decode()
    assert [word for word in WORDS if word in plain] == [word for word in WORDS if word in together]


def test_time_grows_with_the_text_and_no_faster() -> None:
    assert grows_with_its_size(lambda size: pieces("INSERT INTO a VALUES ('" + "x;\n" * size + "');\n" * 3), 5000)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("BEGIN", Kind.BEGIN),
        ("begin immediate transaction", Kind.BEGIN),
        ("/* so */ COMMIT", Kind.COMMIT),
        ("END TRANSACTION", Kind.COMMIT),
        ("ROLLBACK", Kind.ROLLBACK),
        ("ROLLBACK TO here", Kind.PLAIN),
        ("rollback transaction to savepoint here", Kind.PLAIN),
        ("VACUUM INTO 'copy.db'", Kind.ALONE),
        ("PRAGMA main . journal_mode = WAL", Kind.ALONE),
        ("PRAGMA foreign_keys=OFF", Kind.SETTING),
        ("PRAGMA defer_foreign_keys = ON", Kind.PLAIN),
        ("PRAGMA user_version = 3", Kind.PLAIN),
        ("ATTACH 'b.db' AS b", Kind.SETTING),
        ("DETACH b", Kind.ALONE),
        ("CREATE TABLE a (x)", Kind.PLAIN),
        ("WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a", Kind.PLAIN),
    ],
)
def test_the_kind_of_a_statement(text: str, kind: Kind) -> None:
    assert kind_of(text.encode()) is kind
