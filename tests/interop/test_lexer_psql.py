r"""The lexer splits where psql splits: what it reads in ugly scripts, and what the real psql sends for them.

Four differences are on purpose. Three are taken out before comparing: comments and blanks before a statement and
statements of nothing else (psql sends block comments, the lexer only planner hints); ends of lines (psql drops empty
lines, and the end before a line that begins with a meta-command); and blanks at a statement's end. And the lexer
takes a ``\.`` at the very end of a file, with no end of line, for the end of the data, which psql sends to the server.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Mapping
from itertools import zip_longest

import pytest

from sqitchpy import embedded
from sqitchpy.script.conditions import Branches
from sqitchpy.script.lexer import Command, Lexer, UnterminatedArgument
from sqitchpy.script.statements import Kind, is_empty
from sqitchpy.script.variables import Variables, parse_boolean, quote_identifier, quote_literal
from tests.conftest import need
from tests.interop.listening import listen_to

VARIABLES = {
    "v": "a'b;c",
    "w": "$$ ; :v",
    "r": ":r ; x",
    "ping": "1 :pong",
    "pong": "2 :ping",
    "E": "E",
    "quote": "'",
    "open": "/* ",
    "dash": "-",
    "dashes": "--",
    "lines": "1\n2; 3",
    "paren": "(",
    "dollar": "$a",
    "backslash": "\\",
    "command": "\\echo a\\\\",
    "half": "\\echo 'a",
    "empty": "",
    "two": ":v:w",
    "semicolon": ";",
    "é": "accented",
}
SCRIPTS = {
    "nothing": "",
    "blank lines": "\n \t\n\r\n",
    "only comments": "-- a;\n/* b; */\n-- c",
    "nested comments": "SELECT /* a /* b; */ ; /**/ */ 1; /* /*/*;*/*/ */ SELECT 2;",
    "comment edges": "SELECT 1 /*/ ; */; SELECT 2 /***/; SELECT 3 /* * / ;*/; SELECT 4 */* ; */ 5;",
    "comment over lines": "SELECT 1 /* ;\n ; /* ;\n */ ;\n */ ;\n/* ;\n */ SELECT 2;",
    "comment that never ends": "SELECT 1; /* SELECT 2;\nSELECT 3;",
    "comment that never ends in a statement": "SELECT 1; SELECT /* 2;\nSELECT 3;",
    "line comments": "SELECT 1 -- ; '\n, 2 --\n; -- ; '\nSELECT 3--;\n;SELECT 4 - -1 ->> '--';",
    "comment ended by a carriage return": "SELECT 1 -- ;\r; SELECT 2; -- ;\rSELECT 3;",
    "planner hint": "/*+ SeqScan(t) */ SELECT 1;\n/* no */ /*+ hint */ SELECT 2;",
    "operators": "SELECT 1 +-- ;\n 2 */* ; */ 3 <-/* ; */ 4 @-@ 5 || 6 /7*8 - -9;",
    "strings": "SELECT 'a;b', 'a''b;', '', '''', ''';', 'a\\'; SELECT E'a\\';', E'\\\\', e'''\\';'; SELECT 'it''s\\';",
    "strings over lines": "SELECT 'a\n;\n\nb'\n'c;\\'; SELECT E'a\n\\'\n;\n\\\\'; SELECT E'a\\\n'; SELECT 1;",
    "string continued": "SELECT E'a'\n'\\';'; SELECT 1; SELECT 'b'\r'c;'; SELECT E'd;\\''\r-- e\n;",
    "string never closed": "SELECT 1; SELECT 'a; SELECT 2;\n\nSELECT 3;",
    "prefixes": (
        "SELECT U&'a\\;', u&'\\0041;' UESCAPE '!', N'a;\\'; SELECT B'01;', b'\\'; SELECT X'1F;', x'\\'; SELECT 1;"
    ),
    "no prefixes": (
        "SELECT te'a\\'; SELECT _e'a\\'; SELECT a$e'\\'; SELECT ée'\\'; SELECT 1e'\\'; SELECT $1e'\\'; SELECT 2;"
    ),
    "prefix apart": "SELECT E 'a\\'; SELECT E/**/'a\\'; SELECT U& 'a\\', u &'b;'; SELECT 1 ;",
    "identifiers": 'SELECT "a;b", "a""b;", "a\\", U&"a;\\0041", "\'"; SELECT """;"; SELECT "a\n;b"\n;',
    "dollar quotes": "SELECT $$;'$$, $a$ ; $$ ; $b$ ; $a$, $a_1$;$a_1$; SELECT $é$;$é$; SELECT $_$;$$;$_$;",
    "dollar quotes over lines": "SELECT $$\n;\n\n'\n$$;\nSELECT $a$\n$a\n$ a$\n;$b$a$;\nSELECT 1;",
    "dollar quotes that look alike": (
        "SELECT $a$;$A$;$a$; SELECT $a$;$$a$; SELECT $$ $ $a;$ $$; SELECT $a$$a$; SELECT 1;"
    ),
    "no dollar quotes": (
        "SELECT a$b$; SELECT a$$; SELECT $1; SELECT $1 + $2; SELECT $ a $; SELECT é$a$; SELECT _$$; SELECT $a-$;"
    ),
    "dollar quotes after numbers": (
        "SELECT 1$$;$$; SELECT 1$a$;$a$; SELECT $1$a$;$a$; SELECT 1.5$a$;$a$; SELECT 1e5+$a$;$a$;"
    ),
    "dollar quote never closed": "SELECT 1; SELECT $a$; SELECT 2; $$ $b$\n\n;",
    "parentheses": "SELECT (1;2); SELECT ((1);(2)\n;); SELECT (';', \"(\", $$($$, /* ( */ 1 -- (\n); SELECT 1;",
    "too many closed": "SELECT 1); SELECT )))(; ); SELECT 2;",
    "too many open": "SELECT 1; SELECT ((1); SELECT 2;\nSELECT 3;",
    "deep parentheses": "SELECT " + "(" * 9 + "';'" + ")" * 9 + "; SELECT (((((1;)))));",
    "function body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3;",
    "function body with case": (
        "create or replace procedure p()\nlanguage sql\nbegin atomic\n select case when a then 1; end;\n"
        " select case 1 when 2 then case when 3 then 4 end end;\nend;\nselect 5;"
    ),
    "function body and comments": (
        "CREATE /* or; */ OR -- replace\nREPLACE\n\n/**/FUNCTION f(begin int, a text DEFAULT 'begin') RETURNS int\n"
        "BEGIN ATOMIC SELECT 'end;'; SELECT \"end\"; SELECT /* end; */ 1; SELECT (CASE); END; SELECT 1;"
    ),
    "function bodies that are none": (
        "CREATE TABLE function (begin int); CREATE FUNCTION f() AS 'begin'; CREATE OR ALTER FUNCTION g() BEGIN; END;\n"
        'CREATE "x" FUNCTION h() BEGIN; END; CREATEFUNCTION BEGIN; CREATE FUNCTIONAL BEGIN; SELECT beginning, endless;'
    ),
    "function body in quotes and parentheses": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$; SELECT 1;\n"
        "CREATE FUNCTION g(begin int) RETURNS int RETURN (CASE WHEN a THEN 1 END); SELECT 2;"
    ),
    "prefixes are no words": (
        "CREATE e'x' FUNCTION f() BEGIN 1; END; CREATE u&'x' FUNCTION g() BEGIN 1; END; SELECT N'' 1;"
    ),
    "words on lines": "CREATE\nOR\nREPLACE\nFUNCTION\nf()\nBEGIN\n ATOMIC\n 1;\nEND\n;\nSELECT 1;",
    "only begin": "BEGIN; SELECT 1; END; CASE; BEGIN ATOMIC; COMMIT;",
    "joined": "SELECT 1\\; SELECT 2 \\; ;\\; SELECT 3; \\;\\; SELECT 4; CREATE \\; FUNCTION f BEGIN; SELECT 5 \\;",
    "joined functions": "SELECT 1 \\; CREATE FUNCTION f() BEGIN ATOMIC 1; END; SELECT 2; (\\;); SELECT 3;",
    "colon kept": "SELECT a\\:v, b\\:\\:int, \\:'v'; \\:v;",
    "casts and slices": "SELECT a::int, b :: text, c[1:2], c[:v], c[1::v], c[:], d := :v, e ::= 1, :: v, :::v, ::::v;",
    "variables": "SELECT :v, :'v', :\"v\", :{?v}, :{?no}, :no, :'no', :\"no\", :é, : v, :{v}, :{?v, :'v, :\"v;",
    "variables in quotes": "SELECT ':v', \":v\", $$:v$$, E':v\\'', /* :v */ 1 -- :v\n;",
    "variables that hold more": "SELECT :w; SELECT :two; SELECT :lines, 4; SELECT :empty;:empty\n:empty SELECT 1;",
    "variables in themselves": "SELECT :r; SELECT :ping; SELECT :r :r;",
    "variables and neighbours": (
        "SELECT :E'\\'; SELECT :dash- 1;\n; SELECT :dollar$;$a$; SELECT a:E, 1:E, :E:E'\\', :no'\\';"
    ),
    "variables that open quotes": (
        "SELECT :quote; ' :quote; SELECT :open ; */; SELECT :paren ; ); SELECT :dashes ; a\n; SELECT 1;"
    ),
    "variables with commands": "SELECT 1 :command + 2; SELECT 3 :half b' \\\\ ;\nSELECT 4 :backslash; + 5;\nSELECT 6;",
    "semicolon in a variable": "SELECT 1 :semicolon SELECT 2:semicolon\n:semicolon:v;",
    "empty statements": ";;; ; SELECT 1;; /* */; -- ;\n;",
    "commands in a line": (
        "SELECT 1 \\echo a 'b;' \"c;\" \\\\ + 2; SELECT 3 \\echo a\n + 4; \\echo b \\\\ SELECT 5;\\echo c\nSELECT "
        "6\\echo\n7;"
    ),
    "commands' arguments": (
        "\\echo 'a\\\\' 'b''\\'' \"\\\" ; \\\\ SELECT 1;\n\\echo 'never closed \\\\ SELECT 2;\nSELECT 3;"
    ),
    "commands in quotes": "SELECT '\\echo', \"\\echo\", $$\\echo$$ /* \\echo */ -- \\echo\n;",
    "sent": (
        "SELECT 1 \\g\nSELECT 2, 'a\n' \\g\nSELECT (3 \\g\n) ; SELECT 4; CREATE FUNCTION f() BEGIN 5; \\g\n "
        "SELECT 6; 7;"
    ),
    "forgotten": "SELECT 1 \\r\nSELECT (2 \\r\n3; SELECT 4 + /* */ \\r\n 5;",
    "set": "\\set n 'a;''b'\nSELECT :n, :'n'; \\set n 1 2 :v \\\\ SELECT :n;\n\\set n\nSELECT :n, :'n', :{?n};",
    "chosen": (
        "\\if true\nSELECT 1;\n\\else\nSELECT 2;\n\\endif\nSELECT 3 \\if no + (4; \\elif yes + 5 \\else + "
        "6; ' ;\n \\endif ;"
    ),
    "chosen in a statement": (
        "SELECT 1\n\\if off\n , (2; 'a;\n ';\n\\else\n , 3\n\\endif\n , 4; SELECT :v\\if 0\n:v; -- ;\n\\endif\n;"
    ),
    "chosen semicolon": "SELECT 1\n\\if 0\n;\n\\endif\n;\nSELECT 2\n;",
    "chosen within": "\\if 0\n\\if 1\n(\n\\else\n1;\n\\endif\n\\elif 1\nSELECT 1;\n\\endif\nSELECT 2;",
    "data": (
        "COPY t FROM STDIN;\n1;\n'\n\\.\nSELECT 1; COPY t FROM STDIN; SELECT 2;\n\\.x\n\\.\r\n SELECT 3;\ncopy "
        "t from stdin\n;\n\\.\n"
    ),
    "carriage returns": "SELECT 1;\r\nSELECT\r\n'a\r\n;'\r\n-- ;\r\n, $$\r\n;$$;\r\n\\echo a\r\nSELECT :v\r\n;\r\n",
    "other blanks": "\fSELECT\v1\f;\v\fSELECT\t2;\vSELECT 3",
    "byte order mark": "\ufeffSELECT 1;\n\ufeffSELECT 2;",
    "wide characters": "SELECT 'é;漢', é漢; SELECT \"漢;\"; 漢:v; SELECT '😀;'; été$a$;",
    "no last semicolon": "SELECT 1;\nSELECT 2\n",
    "blank lines within": "SELECT\n\n\n1\n\n;\n\n'a\n\n\nb'\n;",
    "numbers": "SELECT 1.;2; SELECT .5e3, 1..2, 0x1F, 1_000, 1.e5; SELECT 1.2.3;",
}
ENCODED = {
    "SJIS": (
        b"SELECT '\x95\x5c'; SELECT '\x83\x5c;'; SELECT \"\x95\x5c\" \\; \x83\x5c SELECT 1; SELECT '\xb1\\'; SELECT 2;"
    ),
    "BIG5": b"SELECT E'\xa5\x5c'; SELECT '\xb3\x5c;'; SELECT \xae\x5c, E'\xb3\x5c\\';'; SELECT 1;",
    "GBK": b"SELECT E'\x81\x5c;'; SELECT \x95\x5c; SELECT E'\x8e\x5c\\';'; SELECT '\xfe\x7c'; SELECT 1;",
    "UHC": b"SELECT E'\x81\x5a\xb0\xa1;'; SELECT \x90\x41$a$; SELECT 1;",
    "GB18030": (
        b"SELECT E'\x81\x5c;', E'\x81\x30\x81\x30'; SELECT \x81\x30\x81\x32$a$; SELECT E'\x81\x5c\\';'; SELECT 1;"
    ),
    "JOHAB": b"SELECT E'\x88\x5c;'; SELECT \x88\x5c; SELECT E'\xd9\x5c\\';'; SELECT 1;",
    "EUC_JP": b"SELECT '\xb0\xa1;\\'; SELECT \xb0\xa1 ; SELECT 1;",
}
CHOSEN_WORDS = {  # psql 15 forgets only the text and the parentheses of a branch that it does not take
    "first words": "CREATE \\if 0\nx; \\endif\nFUNCTION f() BEGIN 1; END;",
    "words before": "\\if 0\nCREATE\\endif\nFUNCTION f() BEGIN 1; END;",
    "begin": "CREATE FUNCTION f() \\if 0\n BEGIN \\endif\n; SELECT 1;",
    "end": "CREATE FUNCTION f() BEGIN \\if 0\n END \\endif\n; SELECT 1; END; SELECT 2;",
    "other branch": "CREATE \\if 0\nx; y \\else\n FUNCTION f() BEGIN 1; \\endif\nEND;",
    "whole": "\\if 0\n CREATE FUNCTION f() BEGIN; \\else\n SELECT 1; END; SELECT 2;\n\\endif\nSELECT 3;",
}
TOKENS = [
    *(
        "'",
        "'",
        "'",
        "''",
        '"',
        "\\'",
        "\\;",
        "\\:",
        ";",
        ";",
        "(",
        ")",
        "$$",
        "$a$",
        "$é$",
        "a",
        "e",
        "E",
        "b",
        "x",
        "n",
    ),
    *("u&", "--", "/*", "/*", "*/", "*/", "/", "*", "-", "+", "\n", "\n", "\r", "\t", "\f", ":", "::", ":=", ":'v'"),
    *(':"v"', ":{?v}", ":{?no}", ":no", ":'no'", ":'", ':"', ":{?", "1", "$1", "1.5", "1e5", "$", "{", "}", "create"),
    *(
        "function",
        "procedure",
        "or",
        "replace",
        "begin",
        "end",
        "case",
        "BEGIN ATOMIC",
        "é",
        "word",
        ",",
        "=",
        "[",
        "]",
    ),
    *("%", "&", "_", "\\g\n", "\\r\n", "\\\\", "\\echo a ", *(f":{name}" for name in VARIABLES)),
]


class _Lookup:
    """The variables, for the lexer."""

    def __init__(self, variables: Variables) -> None:
        self.value = variables.get

    def literal(self, name: bytes) -> bytes | None:
        value = self.value(name)
        return None if value is None else quote_literal(value)

    def identifier(self, name: bytes) -> bytes | None:
        value = self.value(name)
        return None if value is None else quote_identifier(value)

    def shell(self, command: bytes) -> bytes:
        raise AssertionError(f"no script here runs a command of the system: {command!r}")


class Reading:
    r"""What the lexer reads in a script, with as much of psql as the scripts above need."""

    def __init__(self, script: bytes, variables: Mapping[str, str], *, standard: bool, encoding: str) -> None:
        self._variables = Variables({name.encode(): value.encode() for name, value in variables.items()})
        self._lexer = Lexer(iter([script]), _Lookup(self._variables), standard_strings=standard)
        self._lexer.encoding = encoding
        self._branches = Branches(self._lexer)
        self.sent: list[bytes] = []
        self.data: list[bytes] = []
        while (item := self._lexer.next()) is not None:
            if isinstance(item, Command):
                self._command(item.name)
            else:
                self.sent.append(item.text)
                if item.kind is Kind.COPY_IN:
                    self.data.append(b"".join(self._lexer.data_lines()))

    def _command(self, name: str) -> None:
        if name in ("if", "elif"):
            self._lexer.active = self._lexer.active if name == "if" else self._branches.wants_condition
            truth = bool(parse_boolean(self._lexer.argument() or b""))
            self._branches.begin(0, truth) if name == "if" else self._branches.otherwise(truth, final=False)
        elif name == "else":
            self._branches.otherwise(True, final=True)
        elif name == "endif":
            self._branches.end()
        elif self._lexer.active:
            self._plain_command(name)

    def _plain_command(self, name: str) -> None:
        if name == "g":
            statement = self._lexer.take()
            self.sent += [statement.text] if statement else self.sent[-1:]
        elif name == "r":
            self._lexer.take()
        elif name == "set":
            try:
                words = list(iter(self._lexer.argument, None))
            except UnterminatedArgument:
                return
            self._variables.set(words[0], b"".join(words[1:]))
        elif name != "echo":
            self._lexer.rest_of_line()  # psql throws it away behind an error


def _comment(depth: int) -> str:
    return r"/\*(?!\+)(?:[^*/]|\*(?!/)|/(?!\*)" + ("|" + _comment(depth - 1) if depth else "") + r")*+\*/"


LEAD = re.compile((r"(?:\s|--[^\r\n]*|" + _comment(5) + r")*+").encode())


def bare(statements: list[bytes]) -> list[bytes]:
    """Statements without what may differ; a comment that never ends is one, whatever it swallowed."""
    bare = (LEAD.sub(b"", statement, count=1).replace(b"\n", b"").rstrip() for statement in statements)
    return [b"/*" if re.match(rb"/\*(?!\+)", text) else text for text in bare if text and not is_empty(text)]


Psql = Callable[..., list[list[bytes]]]


@pytest.fixture(scope="module", params=["system", "embedded"])
def psql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Psql:
    """One of the psqls: the installed one, or PostgreSQL 18's of the embedded server."""
    found = shutil.which("psql") if request.param == "system" else str(embedded.psql_path())
    need("psql", found is not None)

    def send(*arguments: object, **options: object) -> list[list[bytes]]:
        return listen_to(found or "", tmp_path_factory.mktemp("psql"), *arguments, **options)  # type: ignore[arg-type]

    return send


@pytest.mark.parametrize("standard", [True, False], ids=["standard strings", "old strings"])
def test_ugly_scripts_are_split_as_psql_splits_them(psql: Psql, standard: bool) -> None:
    data: list[bytes] = []
    settings = {"standard_conforming_strings": "on" if standard else "off"}
    heard = psql([script.encode() for script in SCRIPTS.values()], VARIABLES, settings, data)
    readings = {
        name: Reading(script.encode(), VARIABLES, standard=standard, encoding="UTF8")
        for name, script in SCRIPTS.items()
    }
    ours = {name: bare(reading.sent) for name, reading in readings.items()}
    assert ours == dict(zip(SCRIPTS, map(bare, heard), strict=True))
    without_end = [re.sub(rb"\\\.\r?\n\Z", b"", chunk) for chunk in data]  # psql 15 sends it as well
    assert [chunk for reading in readings.values() for chunk in reading.data] == without_end


@pytest.mark.parametrize("psql", ["embedded"], indirect=True)
def test_a_branch_not_taken_leaves_no_trace(psql: Psql) -> None:
    heard = psql([script.encode() for script in CHOSEN_WORDS.values()], VARIABLES)
    ours = {
        name: bare(Reading(script.encode(), VARIABLES, standard=True, encoding="UTF8").sent)
        for name, script in CHOSEN_WORDS.items()
    }
    assert ours == dict(zip(CHOSEN_WORDS, map(bare, heard), strict=True))


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("standard", [True, False], ids=["standard strings", "old strings"])
def test_characters_whose_last_byte_is_ascii_are_characters(psql: Psql, encoding: str, standard: bool) -> None:
    script = ENCODED[encoding]
    settings = {"client_encoding": encoding, "standard_conforming_strings": "on" if standard else "off"}
    heard = psql([script], {}, settings)
    assert bare(Reading(script, {}, standard=standard, encoding=encoding).sent) == bare(heard[0])


def test_a_new_setting_of_strings_counts_from_the_next_line_on(psql: Psql) -> None:
    first = b"SET standard_conforming_strings = off; SELECT 'a\\'; SELECT 1;\n"
    second = b"SELECT 'b\\'; SELECT 2;'; SELECT 3;\n"

    def lines(lexer: list[Lexer]) -> list[bytes]:
        lexer.append(Lexer(iter([first, second])))
        read = []
        while (item := lexer[0].next()) is not None:
            assert not isinstance(item, Command)
            read.append(item.text)
            lexer[0].standard_strings = False
        return read

    assert lines([]) == psql([first + second])[0]


@pytest.mark.parametrize("standard", [True, False], ids=["standard strings", "old strings"])
@pytest.mark.parametrize("seed", range(4))
def test_random_soups_of_tokens_are_split_as_psql_splits_them(psql: Psql, standard: bool, seed: int) -> None:
    chance = random.Random(seed)
    soups = [
        "".join(chance.choice(TOKENS) + chance.choice(("", "", " ")) for _ in range(chance.randint(2, 25))).encode()
        for _ in range(50)
    ]
    heard = psql(soups, VARIABLES, {"standard_conforming_strings": "on" if standard else "off"})
    for soup, sent in zip_longest(soups, heard):
        reading = Reading(soup, VARIABLES, standard=standard, encoding="UTF8")
        assert (soup, bare(reading.sent)) == (soup, bare(sent))
