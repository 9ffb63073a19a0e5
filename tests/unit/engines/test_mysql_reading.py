"""Scripts of MySQL as they are read without a client; tests/integration/test_mysql_reader.py compares with one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.engines.dbapi.statements import Kind, Print, Statement
from sqitchpy.engines.mysql.language import assignments, read_script
from sqitchpy.engines.mysql.modes import Modes
from sqitchpy.engines.mysql.scanner import Command, Mode, Scanner, Sent
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import ScriptError
from sqitchpy.script.source import Source
from tests.growth import grows_with_its_size

TOKENS = ["select", "é", "'", '"', "`", "\\", "''", "/*", "*/", "/*!40000 ", "--", "-- ", "#", ";", "//", "\\g", "\\G"]
TOKENS += [
    "\n",
    "\r\n",
    "\t",
    " ",
    "delimiter //\n",
    "\ndelimiter ;\n",
    "delimiter",
    "\\d //\n",
    "use a;",
    "\\N",
    "\\q",
]
PLAIN = ["select", "insert", "x1", "é", "1", "'a;b'", '"c"', "`d`", "\n", " ", ";", ",", "("]


def read(text: bytes, **mode: bool) -> list[Sent | Command]:
    return list(Scanner(Mode(**mode)).read(iter([text])))


def statements(text: bytes, **mode: bool) -> list[bytes]:
    return [item.text for item in read(text, **mode) if isinstance(item, Sent)]


def script(directory: Path, text: bytes, **variables: str) -> Script:
    (directory / "s.sql").write_bytes(text)
    return Script(Source("s.sql", directory), variables)


# -- the scanner -----------------------------------------------------------------------------------------------------


def test_statements_know_their_lines_and_are_without_comments() -> None:
    text = b"-- one\nselect 1 /* ; */ + 1;\n\nselect\n  2; # three\nselect 3\\G"
    assert read(text) == [
        Sent(b"select 1  + 1", 2),
        Sent(b"select\n  2", 4),
        Sent(b"select 3", 6, upright=True),
    ]


def test_a_routine_is_one_statement_under_another_delimiter() -> None:
    text = b"DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END$$\nDELIMITER ;\nCALL p();\n"
    assert statements(text) == [b"CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END", b"CALL p()"]


def test_backslashes_escape_unless_the_mode_says_that_they_do_not() -> None:
    text = b"select 'a\\';b';c"
    assert statements(text) == [b"select 'a\\';b'", b"c"]
    assert statements(text, no_backslash_escapes=True) == [b"select 'a\\'", b"b';c"]


def test_in_ansi_mode_a_double_quote_stands_around_a_name_in_which_a_backslash_is_itself() -> None:
    text = b'select "a\\";select "b'
    assert statements(text, ansi_quotes=True) == [b'select "a\\"', b'select "b']
    assert statements(text) == [b'select "a\\";select "b']


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map("".join), st.booleans(), st.booleans())
def test_whatever_is_read_ends_in_statements_that_stand_in_the_text(text: str, ansi: bool, literal: bool) -> None:
    lines = text.encode().count(b"\n") + 1
    for item in read(text.encode(), ansi_quotes=ansi, no_backslash_escapes=literal):
        assert item.text
        assert 1 <= item.line <= lines


@given(st.lists(st.sampled_from(PLAIN), max_size=40).map(" ".join))
def test_no_word_is_lost(text: str) -> None:
    words = [word for part in statements(text.encode()) for word in part.split()]
    assert words == [word for word in text.encode().split() if word != b";"]


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_read(text: bytes) -> None:
    read(text)


@pytest.mark.parametrize(
    "unit",
    [
        b"insert into a values ('x', 1);\n",
        b"'x\\'y', ",
        b"/* ",
        b"/*!1 ",
        b"-- c\n",
        b"\\N",
        b"(",
        b"\\\\",
        b"'",
        b"\n;",
    ],
    ids=repr,
)
def test_time_grows_with_the_text_and_no_faster(unit: bytes) -> None:
    assert grows_with_its_size(lambda size: read(b"select " + unit * size), 10_000)


# -- the language ----------------------------------------------------------------------------------------------------


def test_variables_come_first_and_arrive_as_they_are(tmp_path: Path) -> None:
    first, second = read_script(script(tmp_path, b"select @a;", a="it's \\n", b='"'))
    assert first == Statement(b"SET @\"a\" = 'it''s \\\\n', @\"b\" = '\"'", Kind.SESSION, "s.sql", 1)
    assert second == Statement(b"select @a", Kind.PLAIN, "s.sql", 1)
    assert assignments({"a": "\\"}, "NO_BACKSLASH_ESCAPES") == b"SET @\"a\" = '\\'"


def test_other_files_are_read_where_they_are_named_and_change_the_delimiter(tmp_path: Path) -> None:
    (tmp_path / "o.sql").write_bytes(b"select 2;\ndelimiter //\n")
    found = list(read_script(script(tmp_path, b"select 1;\nsource o.sql\nselect 3;//\nselect 4//")))
    assert [(item.text, item.file, item.line) for item in found if isinstance(item, Statement)] == [
        (b"select 1", "s.sql", 1),
        (b"select 2", "o.sql", 1),
        (b"select 3;", "s.sql", 3),
        (b"select 4", "s.sql", 4),
    ]


def test_a_file_that_includes_itself_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="nested more than 50 deep"):
        list(read_script(script(tmp_path, b"source s.sql\n")))


@pytest.mark.parametrize("command", ["system ls", "\\! ls", "tee out.txt", "\\T out.txt", "edit", "connect", "\\r"])
def test_commands_that_reach_outside_are_refused_with_a_way_out(command: str, tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as caught:
        list(read_script(script(tmp_path, f"select 1;\n{command}\n".encode())))
    assert (caught.value.file, caught.value.line) == ("s.sql", 2)
    assert "runner=mysql" in str(caught.value.hint)


def test_what_the_client_complains_of_and_passes_over_is_said(tmp_path: Path) -> None:
    found = list(read_script(script(tmp_path, b"delimiter\nuse\nselect 1;")))
    assert [item.text for item in found if isinstance(item, Print)] == [
        "ERROR at line 1 in file: 's.sql': DELIMITER must be followed by a 'delimiter' character or string\n",
        "ERROR at line 2 in file: 's.sql': USE must be followed by a database name\n",
    ]
    assert isinstance(found[-1], Statement)


def test_several_statements_under_another_delimiter_count_as_what_the_strictest_is(tmp_path: Path) -> None:
    text = b"delimiter //\nselect 1; create table a (x int)//\nselect 1; select 2//\n"
    found = [item.kind for item in read_script(script(tmp_path, text)) if isinstance(item, Statement)]
    assert found == [Kind.ALONE, Kind.PLAIN]


# -- sql_mode --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        ("", ["SET sql_mode = 'ANSI'"], (True, False)),
        ("", ["set @@session.sql_mode := 'no_backslash_escapes,ansi_quotes'"], (True, True)),
        ("ANSI_QUOTES", ["SET SESSION sql_mode = ''"], (False, False)),
        ("ANSI_QUOTES", ["SET sql_mode = ''", "SET sql_mode = DEFAULT"], (True, False)),
        ("", ["SET @old = @@sql_mode", "SET sql_mode = 'ansi'", "SET sql_mode = @old"], (False, False)),
        ("", ["/*!40101 SET @old=@@SQL_MODE, SQL_MODE='ANSI' */"], (True, False)),
        ("NO_BACKSLASH_ESCAPES", ["SET sql_mode = CONCAT(@@sql_mode, ',ANSI')"], (True, True)),
        ("ANSI,NO_BACKSLASH_ESCAPES", ["SET sql_mode = REPLACE(@@sql_mode, 'ANSI', '')"], (False, True)),
        ("", ["SET GLOBAL sql_mode = 'ANSI'"], (False, False)),
        ("", ["SELECT 'SET sql_mode = ANSI'", "SET @sql_mode = 'ANSI'"], (False, False)),
    ],
)
def test_the_mode_follows_what_the_script_sets(before: str, said: list[str], after: tuple[bool, bool]) -> None:
    modes = Modes(before)
    for statement in said:
        modes.follow(statement.encode())
    assert (modes.now.ansi_quotes, modes.now.no_backslash_escapes) == after
