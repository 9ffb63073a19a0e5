r"""Whatever the bytes: actions or one of our errors, in time proportional to their number."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sqitchpy.errors import SqitchpyError
from sqitchpy.script.actions import Action, Copy, Query, Rows
from sqitchpy.script.interpreter import Interpreter
from sqitchpy.script.shape import Shape, examine
from sqitchpy.script.source import Source
from sqitchpy.script.variables import Variables
from tests.growth import grows_with_its_size

COMMANDS = (
    *("set", "unset", "getenv", "setenv", "echo", "echo -n", "warn", "if", "elif", "else", "endif", "g", "g (x=y)"),
    *("gset", "gset p_", "gexec", "gdesc", "crosstabview", "crosstabview 1 2 3", "p", "r", "q", "encoding", "pset"),
    *("i", "ir", "i s.sql", "ir .", "i ~nobody/x", f"i {'x' * 300}", "restrict", "restrict k", "unrestrict k", "o"),
)
PIECES = st.one_of(
    st.sampled_from([f"\\{command} " for command in COMMANDS]),
    st.sampled_from(
        ["\n", "\n", ";\n", ";", " ", "'", '"', "`", "$$", "$a$", "(", ")", "--", "/*", "*/", "\\", "\\\\"]
    ),
    st.sampled_from(
        [":v", ":'v'", ':"v"', ":{?v}", ":ROW_COUNT", ":", "::", "v", "a=b", "1", "true", "off", "é", "\r"]
    ),
    st.sampled_from(["SELECT 1", "BEGIN;\n", "COMMIT;\n", "COPY t FROM stdin;\n", "\\.\n", "VACUUM", "SET x = 1;\n"]),
    st.sampled_from(["CREATE FUNCTION f() ", "BEGIN ATOMIC ", "END", "SET client_encoding = 'SJIS';\n", "\ufeff"]),
)
SCRIPTS = st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripts")


class World:
    """A world that answers, but in which nothing is run."""

    known = True

    def shell(self, command: bytes) -> bytes | None:
        return command + b"\n"

    def getenv(self, name: str) -> str | None:
        return name or None

    def setenv(self, name: str, value: str | None) -> None:
        """Forget it."""

    def session(self, name: bytes) -> bytes | None:
        return b"1"


def look(folder: Path, script: bytes) -> Shape | SqitchpyError:
    (folder / "s.sql").write_bytes(script)
    try:
        return examine(Source("s.sql", folder), {"v": "a; 'b"})
    except SqitchpyError as error:
        return error


def run(folder: Path, script: bytes, answer: Rows | None) -> list[Action] | SqitchpyError:
    """Interpret a script; every query has the same result."""
    (folder / "s.sql").write_bytes(script)
    actions = Interpreter(Source("s.sql", folder), Variables({b"v": b"a; 'b"}), World()).actions()
    done: list[Action] = []
    try:
        action = next(actions)
        while True:
            done.append(action)
            if isinstance(action, Copy):
                assert all(isinstance(lines, bytes) for lines in action.data)
            action = actions.send(answer if isinstance(action, Query) else None)
    except StopIteration:
        return done
    except SqitchpyError as error:
        return error


@settings(deadline=None)
@given(script=st.binary(max_size=400) | SCRIPTS)
@example(script=b"\\i ~nobody/x\n")
@example(script=b"\\i " + b"x" * 5000 + b"\n")
@example(script=b"\\copy (select " + b"''" * 40)
@example(script=b"\\copy t from 'x' with '")
def test_any_bytes_can_be_looked_over_or_are_refused(folder: Path, script: bytes) -> None:
    shape = look(folder, script)
    assert isinstance(shape, SqitchpyError) or shape.locks >= 0
    if isinstance(shape, SqitchpyError):
        assert shape.message


@settings(deadline=None)
@given(
    script=SCRIPTS,
    values=st.lists(
        st.tuples(*[st.none() | st.sampled_from([b"", b"1", b"true", b":v", b"'", b"\\q"])] * 3), max_size=3
    ),
)
@example(script=b"\\setenv A=B c\n", values=[])
def test_any_script_is_interpreted_or_refused(
    folder: Path, script: bytes, values: list[tuple[bytes | None, ...]]
) -> None:
    done = run(folder, script, Rows((b"a", b"b", b"v"), tuple(values)))
    assert isinstance(done, SqitchpyError) or all(action is not None for action in done)


def of(unit: str, before: str = "", after: str = "") -> object:
    return pytest.param(before, unit, after, id=f"{before[:20]} {unit[:24]!r} {after[:12]}".replace("\n", "|"))


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        of("/*\n"),
        of("/*"),
        of("/*", "SELECT 1 "),
        of("*/\n"),
        of("/**/\n"),
        of("-- a\n"),
        of("\n", after="\\x"),
        of("-- a\n", after=":v"),
        of("'\n"),
        of("'a\n", "SELECT "),
        of("''", "SELECT '"),
        of("\\'", "SELECT E'"),
        of("\\\\", "SELECT E'"),
        of("\\\\", "\\echo '"),
        of("\\\\", "\\echo "),
        of('"', "SELECT "),
        of("$", "SELECT "),
        of("$$\n", "SELECT "),
        of("$a$ $b$\n", "SELECT "),
        of("a$"),
        of("$a$;\n", "SELECT a"),
        of("(", "SELECT "),
        of("((((\n", "SELECT "),
        of(")", "SELECT "),
        of("(1;)\n", "SELECT "),
        of("x", "SELECT 1 "),
        of("x = '1', ", "UPDATE t SET "),
        of(";"),
        of(";\n"),
        of("SELECT 1; "),
        of("SELECT 1;\n"),
        of("SELECT 1\\; "),
        of("SELECT 1\n\\;\n"),
        of("COPY ", "SELECT 1\\; "),
        of("COPY FROM ", "SELECT 1\\; "),
        of(":v "),
        of(":'v'\n"),
        of(":{?v"),
        of("a:"),
        of("\\echo :v\n"),
        of("\\set v :v\n"),
        of("\\if 1\n"),
        of("\\if 0\n'\n"),
        of("\\if 0\n\\elif 1\n(\\endif\n"),
        of("SELECT 1\\if 0\n,2\\endif\n"),
        of("\\if 1\n\\endif\n"),
        of("\\gset\n", "SELECT 1;"),
        of("SELECT 1 \\gexec\n"),
        of("a ", "\\copy "),
        of("(", "\\copy "),
        of("'a' ", "\\copy (select "),
        of("''", "\\copy t to "),
        of(" ", "SET client_encoding = a", "x;"),
        of(" ", "RESET all", "x;"),
        of("SET client_encoding = 'SJIS';\n\x95\\\n"),
        of("BEGIN ", "CREATE FUNCTION f() "),
        of("BEGIN ATOMIC\n", "CREATE FUNCTION f() "),
        of("CREATE FUNCTION f() BEGIN\n"),
        of("CREATE FUNCTION f() AS $$\n;$$;\n"),
        of("CREATE FUNCTION f() AS $$\n"),
        of("x\n", "CREATE FUNCTION f() AS $$"),
        of("create or "),
        of("1\t2\n", "COPY t FROM stdin;\n"),
        of("\\.x\n", "COPY t FROM stdin;\n"),
        of("COPY t FROM stdin;\n\\.\n"),
        of("BEGIN;\nCOMMIT;\n"),
        of("ALTER SUBSCRIPTION s SET (\n", after=";"),
        of("\r"),
        of("--\r"),
        of("\ufeff"),
        of("\x00"),
    ],
)
def test_time_grows_with_length_and_no_faster(folder: Path, before: str, unit: str, after: str) -> None:
    def work(size: int) -> Shape | SqitchpyError:
        return look(folder, (before + unit * (size // len(unit)) + after).encode())

    assert grows_with_its_size(work, 8_000)
