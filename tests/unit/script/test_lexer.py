r"""From bytes to statements and meta-commands. What psql makes of such scripts: tests/interop/test_lexer_psql.py."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqitchpy.script.lexer import Command, Lexer, Statement, UnterminatedArgument
from sqitchpy.script.reader import mask_for
from sqitchpy.script.statements import Kind


class Values:
    """Variables, and a shell that only repeats."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = {name.encode(): value.encode() for name, value in (values or {}).items()}

    def value(self, name: bytes) -> bytes | None:
        return self._values.get(name)

    def literal(self, name: bytes) -> bytes | None:
        return b"<literal of " + name + b">" if name in self._values else None

    def identifier(self, name: bytes) -> bytes | None:
        return b"<identifier of " + name + b">" if name in self._values else None

    def shell(self, command: bytes) -> bytes:
        return b"<" + command + b">"


def lines_of(script: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", script)


def lexer(script: str | bytes, values: Mapping[str, str] | None = None, *, standard_strings: bool = True) -> Lexer:
    text = script if isinstance(script, bytes) else script.encode()
    return Lexer(iter(lines_of(text)), Values(values), standard_strings=standard_strings)


def items(reading: Lexer) -> Iterator[Statement | Command]:
    while (item := reading.next()) is not None:
        yield item


def texts(script: str | bytes, values: Mapping[str, str] | None = None, *, standard_strings: bool = True) -> list[str]:
    r"""The statements' texts, and ``\name`` for each meta-command."""
    reading = lexer(script, values, standard_strings=standard_strings)
    return [rf"\{item.name}" if isinstance(item, Command) else item.text.decode() for item in items(reading)]


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (" \n\t\r\n", []),
        ("-- only\n/* comments */\n;;", []),
        ("SELECT 1; SELECT\n 2;SELECT 3", ["SELECT 1;", "SELECT\n 2;", "SELECT 3"]),
        ("  SELECT 1 ;  -- after\n", ["SELECT 1 ;"]),
        ("-- before\n/* before */ SELECT 1; /* between */ SELECT 2;", ["SELECT 1;", "SELECT 2;"]),
        ("SELECT /* ; /* ; */ ; */ 1 -- ;\n;", ["SELECT /* ; /* ; */ ; */ 1 -- ;\n;"]),
        ("/*+ SeqScan(t) */ SELECT 1;", ["/*+ SeqScan(t) */ SELECT 1;"]),
        ("SELECT 1; /* SELECT 2;", ["SELECT 1;", "/*"]),
        ("SELECT 1 -- ;\r; SELECT 2;", ["SELECT 1 -- ;\r;", "SELECT 2;"]),
        (
            "SELECT ';', ';;''', \";\"\"\", $$;$$, $a$;$$;$a$; SELECT 2",
            ["SELECT ';', ';;''', \";\"\"\", $$;$$, $a$;$$;$a$;", "SELECT 2"],
        ),
        ("SELECT 'a\\'; SELECT E'\\';'; SELECT 1;", ["SELECT 'a\\';", "SELECT E'\\';';", "SELECT 1;"]),
        (
            "SELECT U&'\\'; SELECT B'\\'; SELECT x'\\'; SELECT n'\\';",
            ["SELECT U&'\\';", "SELECT B'\\';", "SELECT x'\\';", "SELECT n'\\';"],
        ),
        ("SELECT te'\\'; SELECT 1;", ["SELECT te'\\';", "SELECT 1;"]),
        ("SELECT a$b$; SELECT $1; SELECT 1$a$;$a$;", ["SELECT a$b$;", "SELECT $1;", "SELECT 1$a$;$a$;"]),
        ("SELECT (1;(2;)); SELECT 3);SELECT (4;", ["SELECT (1;(2;));", "SELECT 3);", "SELECT (4;"]),
        ("SELECT 'a\n;\n\n'\n;", ["SELECT 'a\n;\n\n'\n;"]),
        ("SELECT 1\\; SELECT 2; SELECT a\\:b;", ["SELECT 1; SELECT 2;", "SELECT a:b;"]),
        ("\ufeffSELECT 1;", ["SELECT 1;"]),
        ("SELECT 1;\r\nSELECT 2\r\n;\r\n", ["SELECT 1;", "SELECT 2\r\n;"]),
        (
            "CREATE FUNCTION f() BEGIN ATOMIC 1; CASE 2 END; END; SELECT 3;",
            ["CREATE FUNCTION f() BEGIN ATOMIC 1; CASE 2 END; END;", "SELECT 3;"],
        ),
        (
            "create or replace procedure p(begin int)\nbegin atomic\n 1;\nend;\nend;",
            ["create or replace procedure p(begin int)\nbegin atomic\n 1;\nend;", "end;"],
        ),
        ("CREATE TABLE function (a int); BEGIN; END;", ["CREATE TABLE function (a int);", "BEGIN;", "END;"]),
    ],
)  # fmt: skip
def test_a_script_is_split_at_its_semicolons(script: str, statements: list[str]) -> None:
    assert texts(script) == statements


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("SELECT 'a\\'; SELECT 1;'; SELECT 2;", ["SELECT 'a\\'; SELECT 1;';", "SELECT 2;"]),
        ("SELECT N'\\';'; SELECT 1;", ["SELECT N'\\';';", "SELECT 1;"]),
        ("SELECT U&'\\'; SELECT b'\\'; SELECT X'\\';", ["SELECT U&'\\';", "SELECT b'\\';", "SELECT X'\\';"]),
        ("SELECT \"\\\"; SELECT $$\\$$; SELECT 1;", ['SELECT "\\";', "SELECT $$\\$$;", "SELECT 1;"]),
    ],
)  # fmt: skip
def test_old_strings_know_backslashes(script: str, statements: list[str]) -> None:
    assert texts(script, standard_strings=False) == statements


@pytest.mark.parametrize(
    ("script", "read"),
    [
        ("SELECT :v, :'v', :\"v\", :{?v}, :{?no};", "SELECT 1 + 2, <literal of v>, <identifier of v>, TRUE, FALSE;"),
        ("SELECT :no, :'no', :\"no\", a::v, b[1::v], :=v;", "SELECT :no, :'no', :\"no\", a::v, b[1::v], :=v;"),
        ("SELECT ':v', \":v\", $$:v$$ /* :v */ -- :v\n;", "SELECT ':v', \":v\", $$:v$$ /* :v */ -- :v\n;"),
        ("SELECT :quote;' ;", "SELECT ';' ;"),
        ("SELECT :dash- 1;", "SELECT -- 1;"),
        ("SELECT :itself;", "SELECT 0 :itself 0;"),
        ("SELECT :ping;", "SELECT 1 2 :ping;"),
        (":empty SELECT:empty 1:empty;", "SELECT 1;"),
    ],
)
def test_variables_are_replaced_where_they_stand(script: str, read: str) -> None:
    values = {"v": "1 + 2", "quote": "'", "dash": "-", "itself": "0 :itself 0", "ping": "1 :pong", "pong": "2 :ping"}
    assert texts(script, values | {"empty": ""}) == [read]


def test_a_semicolon_in_a_value_ends_the_statement() -> None:
    assert texts("SELECT :v + 1;", {"v": "2; SELECT 3"}) == ["SELECT 2;", "SELECT 3 + 1;"]


def test_a_statement_knows_its_lines_kind_and_whether_it_is_a_batch() -> None:
    first, second, third = items(lexer("-- a\nSELECT 1;\n\n/* b\n */ DELETE\n\n FROM t\n;BEGIN\\;COMMIT;"))
    assert first == Statement(b"SELECT 1;", 2, 2, Kind.QUERY)
    assert second == Statement(b"DELETE\n\n FROM t\n;", 5, 8, Kind.QUERY)
    assert third == Statement(b"BEGIN;COMMIT;", 8, 8, Kind.BEGIN, batch=True)


def test_lines_are_counted_through_strings_and_data() -> None:
    reading = lexer("SELECT '\n\n\n';\nCOPY t FROM STDIN;\n1\n2\n\\.\nSELECT $$\n\n$$, 'a\n\n")
    assert [(item.line, item.end_line) for item in (reading.next(), reading.next()) if isinstance(item, Statement)] == [
        (1, 4),
        (5, 5),
    ]
    assert list(reading.data_lines()) == [b"1\n", b"2\n"]
    last = reading.next()
    assert isinstance(last, Statement)
    assert (last.line, last.end_line) == (9, 12)


@pytest.mark.parametrize("end", ["\\.\n", "\\.\r\n", "\\."])
def test_data_ends_with_its_mark_alone(end: str) -> None:
    reading = lexer("COPY t FROM STDIN; SELECT 1;\n\\.x\n \\.\n\\. \n" + end)
    reading.next()
    assert list(reading.data_lines()) == [b"\\.x\n", b" \\.\n", b"\\. \n"]
    assert [item.text for item in items(reading) if isinstance(item, Statement)] == [b"SELECT 1;"]


@pytest.mark.parametrize(
    ("script", "read"),
    [
        ("SELECT 1 \\echo a\n + 2;", [r"\echo", "SELECT 1 \n + 2;"]),
        ("SELECT 1 \\echo 'a;\\\\' \"\\\\\" \\\\ + 2;", [r"\echo", "SELECT 1  + 2;"]),
        ("SELECT 1\\echo\nFROM t;", [r"\echo", "SELECT 1\nFROM t;"]),
        ("\\echo 'never closed \\\\ SELECT 1;\nSELECT 2;", [r"\echo", "SELECT 2;"]),
        ("\\a\\b\\\\\\c\r\n\\!x", [r"\a", r"\b", r"\c", r"\!x"]),
        ("SELECT '\\a', \"\\a\", $$\\a$$ /* \\a */ -- \\a\n;", ["SELECT '\\a', \"\\a\", $$\\a$$ /* \\a */ -- \\a\n;"]),
        ("SELECT 1 :c + 2;", [r"\echo", "SELECT 1  + 2;"]),
        ("SELECT 1 :half b' \\\\ + 2;", [r"\echo", "SELECT 1  + 2;"]),
    ],
)
def test_a_command_may_stand_anywhere_outside_quotes(script: str, read: list[str]) -> None:
    assert texts(script, {"c": "\\echo a\\\\", "half": "\\echo 'a"}) == read


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("", []),
        (" a  b\tc\r\n", ["a", "b", "c"]),
        (" 'a b' 'it''s' 'a\\tb\\n\\\\\\'\\q' '\\101\\x42\\X43' ''", ["a b", "it's", "a\tb\n\\'q", "ABC", ""]),
        (' "a b" x"y z"\'q\' "a""b"', ['"a b"', 'x"y z"q', '"a""b"']),
        (
            " :v a:v:v ':v' \":v\" :no :'v' :\"v\" :{?v}",
            ["1 'x'", "a1 'x'1 'x'", ":v", '":v"', ":no", "<literal of v>", "<identifier of v>", "TRUE"],
        ),
        (" `echo a b`c `` `:v :'v' :no`", ["<echo a b>c", "<>", "<1 'x' '1 '\"'\"'x'\"'\"'' :no>"]),
        (" a;b; ; :", ["a;b;", ";", ":"]),
        (" a\\\\ b", ["a"]),
        (" a\\b", ["a"]),
        (" é '漢 ' :half", ["é", "漢 ", "\\echo 'a"]),
    ],
)  # fmt: skip
def test_arguments_are_read_as_psql_reads_them(line: str, arguments: list[str]) -> None:
    reading = lexer("\\x" + line, {"v": "1 'x'", "half": "\\echo 'a"})
    assert reading.next() == Command("x", 1)
    assert [argument.decode() for argument in iter(reading.argument, None)] == arguments


@pytest.mark.parametrize("line", [" 'a", ' "a', " `a", " 'a\\'", " a'"])
def test_an_argument_that_never_ends_is_an_error_that_knows_its_line(line: str) -> None:
    reading = lexer(f"SELECT 1;\n\\x{line}\nSELECT 2;")
    reading.next()
    reading.next()
    with pytest.raises(UnterminatedArgument) as caught:
        reading.argument()
    assert caught.value.line == 2
    assert [item.text for item in items(reading) if isinstance(item, Statement)] == [b"SELECT 2;"]


def test_the_rest_of_a_line_is_taken_as_it_is() -> None:
    reading = lexer("SELECT 1 \\! echo 'a :v \\\\ ; \r\n + 2;", {"v": "x"})
    reading.next()
    assert reading.rest_of_line() == b"echo 'a :v \\\\ ;"
    assert [item.text for item in items(reading) if isinstance(item, Statement)] == [b"SELECT 1 \n + 2;"]


def test_what_was_read_can_be_looked_at_taken_and_forgotten() -> None:
    reading = lexer("SELECT 1, (2 \\g a b\nSELECT 3 \\r\n4; (5")
    reading.next()
    assert reading.argument() == b"a"
    assert reading.peek() == b"SELECT 1, (2 "
    assert reading.take() == Statement(b"SELECT 1, (2", 1, 1, Kind.QUERY)
    assert reading.next() == Command("r", 2)
    reading.take()
    assert [item.text for item in items(reading) if isinstance(item, Statement)] == [b"4;", b"(5"]


def test_what_is_read_while_inactive_is_forgotten_words_and_all() -> None:
    reading = lexer("CREATE \\if\n x; ( 'a;' \\endif\nFUNCTION f() BEGIN 1; END;\nSELECT 2;")
    reading.next()
    reading.end_command()
    mark = reading.mark()
    reading.active = False
    assert reading.next() == Command("endif", 2)
    reading.reset(mark)
    reading.active = True
    assert [item.text for item in items(reading) if isinstance(item, Statement)] == [
        b"CREATE \nFUNCTION f() BEGIN 1; END;",
        b"SELECT 2;",
    ]


def test_variables_and_backquotes_are_left_alone_while_inactive() -> None:
    reading = lexer("\\x :v `a`\n", {"v": "1"})
    reading.active = False
    reading.next()
    assert (reading.argument(), reading.argument()) == (b":v", b"")


@pytest.mark.parametrize("encoding", ["SJIS", "BIG5", "GBK", "UHC", "JOHAB", "GB18030", "gbk"])
def test_a_backslash_that_is_half_of_a_character_is_none(encoding: str) -> None:
    script = b"SELECT E'\x95\\'; SELECT \x95\\; SELECT \x95;"
    reading = Lexer(iter([script]))
    reading.encoding = encoding
    assert [item.text for item in items(reading) if isinstance(item, Statement)] == [
        b"SELECT E'\x95\\';",
        b"SELECT \x95\\;",
        b"SELECT \x95;",
    ]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "EUC_JP", "SQL_ASCII"])
def test_other_encodings_need_no_mask(encoding: str) -> None:
    assert mask_for(encoding) is None


def test_a_mask_hides_no_end_of_line_and_changes_no_length() -> None:
    masks = [mask_for(name) for name in ("SJIS", "GB18030")]
    assert [mask(b"a\x95\n\x81\x30\x81\x30\xff") for mask in masks if mask] == [
        b"a\x95\n\x81\xff\x81\xff\xff",
        b"a\x95\n\x81\xff\xff\xff\xff",
    ]


# -- properties -----------------------------------------------------------------------------------------------------

SOUP = st.lists(
    st.sampled_from(
        [
            *"'\"\\;:()$/-*+ \n\r\taEx1_,é",
            *(
                "--",
                "/*",
                "*/",
                "$$",
                "$a$",
                "\\;",
                "\\:",
                "\\x ",
                "\\\\",
                ":v",
                ":w",
                ":'v'",
                ":{?v}",
                "''",
                "U&'",
                "e'",
                "`",
            ),
            *("create ", "function ", "or replace ", "begin ", "case ", "end ", "copy t from stdin;"),
        ]
    ),
    max_size=40,
).map(lambda tokens: "".join(tokens).encode())


def drain(reading: Lexer) -> list[bytes]:
    """Read everything, arguments too."""
    read: list[bytes] = []
    while (item := reading.next()) is not None:
        if isinstance(item, Statement):
            read.append(item.text)
            continue
        try:
            read += iter(reading.argument, None)
        except UnterminatedArgument:
            read.append(reading.rest_of_line())
    return read


@given(st.one_of(st.binary(max_size=300), SOUP), st.booleans(), st.sampled_from(["UTF8", "SJIS", "GB18030"]))
@example(b"\\", True, "UTF8")
@example(b"\x95", False, "SJIS")
@example(b"\xef\xbb\xbf", True, "UTF8")
def test_any_bytes_are_read_to_their_end(script: bytes, standard: bool, encoding: str) -> None:
    reading = lexer(script, {"v": "a'b;", "w": ":v \\x 'c"}, standard_strings=standard)
    reading.encoding = encoding
    drain(reading)
    assert reading.next() is None
    assert reading.line_number == len(re.findall(rb"[^\n]*\n|[^\n]+", script))


STATEMENTS = st.lists(
    st.sampled_from(
        [
            "SELECT 1;\n",
            "  select 'it''s;', \"a;b\" -- ;\n , (1; 2) ;\r\n",
            "SELECT E'\\'';\n",
            "SELECT 'a\n;\n\n';\n",
            "SELECT :v, a::int, b[1:2];\n",
            "CREATE FUNCTION f() RETURNS int AS $$ BEGIN; $ $a$ END $$ LANGUAGE plpgsql;\n",
            "create or replace procedure p(a int)\n as $a$\n;$$;\n$a$\n;\n",
            "CREATE FUNCTION g() BEGIN ATOMIC SELECT 1; END;\n",
            "CREATE FUNCTION h(beginning int) RETURN 1; END;\n",
            "CREATE\nFUNCTION i() BEGIN 1; END;\n",
            "DO $do$\n'\n$do$;\n",
            "DO $do$ $do$$x$;$x$;\n",
            "SELECT a$b$; SELECT 1$$;$$;\n",
            "SELECT (((((((1;)))))));\n",
            "SELECT ((1;\n",
            "COPY t FROM stdin;\n1;\t2\n\\.x\n\\.\n",
            "COPY t FROM stdin;\n\\.\r\n",
            "-- comment ;\n\n \t\n",
            "/* comment\n; */\n",
            "\\x 'a' ; b\n",
            "INSERT INTO t VALUES ('$a$;', 2); -- $a$\n",
            "SELECT 1\\;\n",
            "begin;\n",
            ";\n",
        ]
    ),
    max_size=12,
).map(lambda parts: "".join(parts).encode())


def record(reading: Lexer) -> list[object]:
    """What is read, with its lines, and data as they are."""
    found: list[object] = []
    for item in items(reading):
        found.append((item, reading.line_number))
        if isinstance(item, Statement) and item.kind is Kind.COPY_IN:
            found.append((b"".join(reading.data_lines()), reading.line_number))
    return found


@given(st.one_of(STATEMENTS, SOUP), st.lists(st.integers(1, 8)), st.sampled_from(["UTF8", "SJIS"]), st.booleans())
def test_it_does_not_matter_in_what_pieces_a_script_comes(
    script: bytes, sizes: list[int], encoding: str, standard: bool
) -> None:
    lines = lines_of(script)
    pieces, rest = [], lines
    for size in sizes:
        pieces, rest = [*pieces, b"".join(rest[:size])], rest[size:]
    pieces = [piece for piece in [*pieces, b"".join(rest)] if piece]
    readings = [Lexer(iter(way), Values({"v": "1; 2"}), standard_strings=standard) for way in (lines, pieces)]
    for reading in readings:
        reading.encoding = encoding
    assert record(readings[0]) == record(readings[1])


@given(SOUP.filter(lambda soup: b"\\" not in soup and b":" not in soup))
def test_nothing_is_lost_but_blanks_comments_and_semicolons_between_statements(soup: bytes) -> None:
    position = 0
    for text in drain(lexer(soup)):
        found = soup.find(text, position)
        assert found >= 0
        between = re.sub(rb"--[^\r\n]*", b"", soup[position:found])
        assert not re.sub(rb"/\*(?s:.)*\*/", b"", between).strip(b"; \t\r\n")
        position = found + len(text)


@given(SOUP.filter(lambda soup: not re.search(rb"\\|--|\n|\r|'|copy", soup)))
def test_it_does_not_matter_where_lines_end(soup: bytes) -> None:
    in_one_line = [text.replace(b"\n", b" ") for text in drain(lexer(soup, {"v": "1", "w": "2"}))]
    in_many = [text.replace(b"\n", b" ") for text in drain(lexer(soup.replace(b" ", b"\n"), {"v": "1", "w": "2"}))]
    assert in_one_line == in_many


# -- linear work ----------------------------------------------------------------------------------------------------


class Line(bytes):
    """A line that counts how many bytes are copied out of it."""

    copied = 0

    def __getitem__(self, key: object) -> object:  # type: ignore[override]
        part = super().__getitem__(key)  # type: ignore[call-overload]
        if isinstance(part, bytes):
            Line.copied += len(part)
        return part


def work(pattern: bytes, length: int) -> tuple[int, int]:
    """Function calls made and bytes copied while one long line is read."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    Line.copied = 0
    reading = Lexer(iter([Line(pattern * (length // len(pattern)))]), Values({"v": "1", "s": "SELECT 1;"}))
    before: Callable[..., object] | None = sys.getprofile()
    sys.setprofile(count)
    try:
        drain(reading)
    finally:
        sys.setprofile(before)
    return calls, Line.copied


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            "((a) ",
            "/*",
            "/*a*/",
            "$",
            "$a ",
            "$a$b",
            "a$",
            "1$",
            "$1",
            ":v ",
            ":v;",
            ":s",
            ":'v'",
            ":no ",
            ":'",
            ";",
        ),
        *(
            "a;",
            "'",
            "E'\\''",
            "'\\' ",
            '"',
            "\\;",
            "\\:",
            "\\a\\\\",
            "\\a 'b ",
            "\r--",
            "'a'\r ",
            "create or ",
            "u&",
            "e'",
        ),
        *("begin ", "create function f() begin 1; end;", "(e'\\'", "/*+ a */"),
    ],
)
def test_the_work_grows_as_the_line_does(pattern: str) -> None:
    calls, copied = work(pattern.encode(), 4_000)
    calls_4, copied_4 = work(pattern.encode(), 16_000)
    assert calls_4 <= 4.5 * calls + 100
    assert copied_4 <= 4.5 * copied + 1_000
    assert copied_4 <= 200_000


def test_reading_a_long_script_keeps_none_of_it() -> None:
    chance = random.Random(1)
    lines = (b"INSERT INTO t VALUES (%d, 'x');\n" % chance.randint(1, 9) for _ in range(1_000))
    reading = Lexer(lines)
    for item in items(reading):
        assert isinstance(item, Statement)
        assert reading.peek() == b""
        assert reading.line_number == item.line
