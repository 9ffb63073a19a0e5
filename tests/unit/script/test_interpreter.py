"""The interpreter: what a script's meta-commands make of it. No database; the world outside is told what to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sqitchpy.errors import ScriptError, SqitchpyError
from sqitchpy.script.actions import Copy, CopyOut, Print, Query, Rows, Run
from sqitchpy.script.interpreter import Interpreter
from sqitchpy.script.outside import EndKind, Fail, Outside, Sink, Unseen
from sqitchpy.script.source import Source
from sqitchpy.script.variables import Variables

Said = list[str]


@dataclass
class World:
    """A world that answers what the test says, and remembers what it was asked."""

    known: bool = True
    asked: list[bytes] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=lambda: {"HOME": "/home/ann"})

    def shell(self, command: bytes) -> bytes | None:
        self.asked.append(command)
        return b"out of " + command + b"\n"

    def source(self, kind: EndKind, end: str, fail: Fail) -> Iterator[bytes]:
        yield b"1\n" if kind == "file" else self.shell(end.encode()) or b""

    def sink(self, kind: EndKind, end: str, fail: Fail) -> AbstractContextManager[Sink]:
        raise AssertionError("nothing is written here")

    def getenv(self, name: str) -> str | None:
        return self.environ.get(name)

    def setenv(self, name: str, value: str | None) -> None:
        self.environ[name] = value or ""

    def session(self, name: bytes) -> bytes | None:
        return {b"SERVER_VERSION_NUM": b"150004", b"ROW_COUNT": b"7"}.get(name)


@pytest.fixture
def say(tmp_path: Path) -> Callable[..., Said]:
    """Run a script and say what it wants done, one line for each thing."""

    def run(
        script: str,
        *,
        variables: dict[bytes, bytes] | None = None,
        outside: Outside | None = None,
        answers: list[Rows | None] | None = None,
        **files: str,
    ) -> Said:
        (tmp_path / "s.sql").write_text(script)
        for name, text in files.items():
            (tmp_path / f"{name}.sql").write_text(text)
        interpreter = Interpreter(Source("s.sql", tmp_path), Variables(variables or {}), outside or World())
        actions = interpreter.actions()
        said: Said = []
        replies = list(answers or [])
        reply: Rows | None = None
        while True:
            try:
                action = actions.send(reply)
            except StopIteration:
                return said
            reply = None
            if isinstance(action, Print):
                said.append(f"{action.stream}: {action.text.decode()}")
            elif isinstance(action, Copy):
                said.append(f"copy {action.statement.text.decode()} <- {b''.join(action.data)!r}")
            elif isinstance(action, CopyOut):
                said.append(f"copy {action.statement.text.decode()} ->")
            elif isinstance(action, Query):
                said.append(f"query {action.statement.text.decode()}")
                reply = replies.pop(0) if replies else None
            else:
                assert isinstance(action, Run)
                said.append(f"{action.file}:{action.statement.line}: {action.statement.text.decode()}")

    return run


def test_statements_come_in_order_with_their_lines(say: Callable[..., Said]) -> None:
    assert say("SELECT 1;\n\n-- no\nSELECT\n 2;\nSELECT 3") == [
        "s.sql:1: SELECT 1;",
        "s.sql:4: SELECT\n 2;",
        "s.sql:6: SELECT 3",
    ]


def test_set_joins_its_values_and_unset_forgets(say: Callable[..., Said]) -> None:
    assert say("\\set a one ' two' three\nSELECT :'a';\n\\unset a\nSELECT :a;\n\\set b\nSELECT :'b';") == [
        "s.sql:2: SELECT 'one twothree';",
        "s.sql:4: SELECT :a;",
        "s.sql:6: SELECT '';",
    ]


def test_a_variable_may_hold_statements(say: Callable[..., Said]) -> None:
    assert say(":both SELECT 3;", variables={b"both": b"SELECT 1; SELECT 2;"}) == [
        "s.sql:1: SELECT 1;",
        "s.sql:1: SELECT 2;",
        "s.sql:1: SELECT 3;",
    ]


@pytest.mark.parametrize(
    ("condition", "branch"), [("true", "yes"), ("0", "no"), ("off", "no"), ("T", "yes"), (":{?x}", "yes"), (":x", "no")]
)
def test_if_reads_one_branch(say: Callable[..., Said], condition: str, branch: str) -> None:
    script = f"\\if {condition}\nSELECT 'yes';\n\\else\nSELECT 'no';\n\\endif"
    lines = {"yes": "s.sql:2: SELECT 'yes';", "no": "s.sql:4: SELECT 'no';"}
    assert say(script, variables={b"x": b"false"}) == [lines[branch]]


def test_elif_is_tried_when_nothing_was_true_before(say: Callable[..., Said]) -> None:
    script = (
        "\\if false\nSELECT 1;\n\\elif true\nSELECT 2;\n\\elif true\nSELECT 3;\n\\else\nSELECT 4;\n\\endif\nSELECT 5;"
    )
    assert say(script) == ["s.sql:4: SELECT 2;", "s.sql:10: SELECT 5;"]


def test_a_branch_may_be_part_of_a_statement(say: Callable[..., Said]) -> None:
    assert say("SELECT\n\\if false\n 1\n\\else\n 2\n\\endif\n;") == ["s.sql:1: SELECT\n\n 2\n\n;"]


def test_nothing_in_a_branch_that_is_not_read_has_an_effect(say: Callable[..., Said]) -> None:
    world = World()
    script = "\\if false\n\\set x `date`\n\\! rm -rf /\n\\i nowhere.sql\n\\nonsense\n\\endif\nSELECT 1;"
    assert say(script, outside=world) == ["s.sql:7: SELECT 1;"]
    assert world.asked == []


def test_what_is_no_boolean_does_not_hold_and_is_said(say: Callable[..., Said]) -> None:
    assert say("\\if maybe\nSELECT 1;\n\\endif") == [
        'stderr: psql:s.sql:1: error: unrecognized value "maybe" for "\\if expression": Boolean expected\n'
    ]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("\\if true\nSELECT 1;", r"s.sql:1: \if without \endif: reached the end of the script"),
        ("\\endif", r"s.sql:1: \endif: no matching \if"),
        ("\\if true\n\\else\n\\else\n\\endif", r"s.sql:3: \else: cannot occur after \else"),
        ("\\frobnicate", r"s.sql:1: invalid command \frobnicate"),
        ("\\connect other", r"s.sql:1: \connect cannot be run by sqitchpy itself: it would leave the session"),
        ("SELECT 1 \\g out.txt", r"s.sql:1: \g cannot be run by sqitchpy itself: it writes query results somewhere"),
        ("\\o out.txt", r"s.sql:1: \o cannot be run by sqitchpy itself"),
        ("\\i", r"s.sql:1: \i: missing required argument"),
        ("\\i nowhere.sql", "s.sql:1: nowhere.sql: No such file or directory"),
        ("\\echo 'open", "s.sql:1: unterminated quoted string"),
        ("\\copy", r"s.sql:1: \copy cannot be run by sqitchpy itself"),
        ("\\copy t from pstdin", r"s.sql:1: \copy cannot be run by sqitchpy itself"),
        ("\\restrict a\n\\echo x", r"s.sql:2: backslash commands are restricted; only \unrestrict is allowed"),
        ("\\restrict a\n\\unrestrict b", r"s.sql:2: \unrestrict: wrong key"),
        ("\\unrestrict b", r"s.sql:1: \unrestrict: not currently in restricted mode"),
        ("SELECT 1;\nSELECT '\0';", "s.sql:2: a NUL byte, which no SQL can hold"),
        ("\\set x '\\000'\nSELECT :'x';", "s.sql:2: a NUL byte in a statement"),
        ("SELECT 1 \\; COPY t FROM stdin;", r"s.sql:1: COPY FROM STDIN cannot be joined with other statements by \;"),
    ],
)
def test_what_cannot_be_done_is_an_error_that_says_where(say: Callable[..., Said], script: str, words: str) -> None:
    with pytest.raises(ScriptError) as raised:
        say(script)
    assert str(raised.value).startswith(words)


def test_a_refusal_names_the_way_out(say: Callable[..., Said]) -> None:
    with pytest.raises(ScriptError) as raised:
        say("SELECT 1;\n\\password")
    assert "runner=psql" in (raised.value.hint or "")
    assert (raised.value.file, raised.value.line) == ("s.sql", 2)


def test_echo_prints_its_words(say: Callable[..., Said]) -> None:
    assert say("\\echo a  'b  c' \"d\" :x\n\\warn x\n\\qecho -n y", variables={b"x": b"v"}) == [
        'stdout: a b  c "d" v\n',
        "stderr: x\n",
        "stdout: y",
    ]


def test_included_files_are_found_from_the_directory_or_from_the_script(say: Callable[..., Said]) -> None:
    assert say("\\i a.sql\n\\ir a.sql\nSELECT :x;", a="\\set x 2\nSELECT 1;") == [
        "a.sql:2: SELECT 1;",
        "a.sql:2: SELECT 1;",
        "s.sql:3: SELECT 2;",
    ]


def test_a_file_that_includes_itself_is_stopped(say: Callable[..., Said]) -> None:
    with pytest.raises(ScriptError, match="files are included too deep"):
        say("\\i s.sql")


def test_quit_ends_the_included_file_only(say: Callable[..., Said]) -> None:
    assert say("\\i a.sql\nSELECT 2;\n\\q\nSELECT 3;", a="SELECT 1;\n\\q\nnonsense") == [
        "a.sql:1: SELECT 1;",
        "s.sql:2: SELECT 2;",
    ]


def test_gset_keeps_a_row_and_a_null_unsets(say: Callable[..., Said]) -> None:
    rows = Rows((b"a", b"b"), ((b"1", None),))
    script = "\\set p_b old\nSELECT 1 AS a, NULL AS b \\gset p_\nSELECT :p_a, :p_b;"
    assert say(script, answers=[rows]) == ["query SELECT 1 AS a, NULL AS b", "s.sql:3: SELECT 1, :p_b;"]


@pytest.mark.parametrize(("values", "words"), [((), "no rows returned"), (((b"1",), (b"2",)), "more than one row")])
def test_gset_wants_one_row(say: Callable[..., Said], values: tuple[tuple[bytes]], words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        say("SELECT 1 \\gset", answers=[Rows((b"a",), values)])


def test_gexec_runs_every_value_but_nulls(say: Callable[..., Said]) -> None:
    rows = Rows((b"x", b"y"), ((b"SELECT 1", b"VACUUM"), (None, b"SELECT 2")))
    assert say("SELECT x, y FROM z \\gexec", answers=[rows]) == [
        "query SELECT x, y FROM z",
        "s.sql:1: SELECT 1",
        "s.sql:1: VACUUM",
        "s.sql:1: SELECT 2",
    ]


def test_inline_data_belongs_to_its_copy(say: Callable[..., Said]) -> None:
    script = "COPY t FROM stdin;\n1\t:x;\n\\.\nSELECT 1;\n\\copy t from stdin\n2\n\\.\nSELECT 2;"
    assert say(script) == [
        "copy COPY t FROM stdin; <- b'1\\t:x;\\n'",
        "s.sql:4: SELECT 1;",
        "copy COPY t FROM STDIN <- b'2\\n'",
        "s.sql:8: SELECT 2;",
    ]


def test_copy_reads_files_and_programs(say: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_bytes(b"1\n")
    world = World()
    assert say("\\copy t (a, b) from d.txt with (format csv)\n\\copy t from program 'seq 2'", outside=world) == [
        "copy COPY t (a, b) FROM STDIN with (format csv) <- b'1\\n'",
        "copy COPY t FROM STDIN <- b'out of seq 2\\n'",
    ]
    assert world.asked == [b"seq 2"]


def test_backquotes_environment_and_session_are_asked_for(say: Callable[..., Said]) -> None:
    script = "\\set d `date`\n\\getenv h HOME\n\\getenv n NOTHING\nSELECT :'d', :'h', :n, :SERVER_VERSION_NUM;\n\\! ls"
    assert say(script) == [
        "s.sql:4: SELECT 'out of date', '/home/ann', :n, 150004;",
        "stdout: out of ls\n",
    ]


def test_the_shell_can_be_switched_off_and_that_is_known_beforehand(say: Callable[..., Said]) -> None:
    for script in ("\\! ls", "\\set x `ls`", "\\copy t from program 'ls'"):
        with pytest.raises(SqitchpyError, match=r"core\.shell is false"):
            say(script, outside=Unseen(allow_shell=False))


def test_looking_over_reads_every_branch_that_might_be_taken(say: Callable[..., Said]) -> None:
    script = "SELECT 1 AS a \\gset\n\\if :a\nSELECT 2;\n\\elif :a\nSELECT 3;\n\\else\nSELECT 4;\n\\endif"
    assert say(script, outside=Unseen()) == [
        "query SELECT 1 AS a",
        "s.sql:3: SELECT 2;",
        "s.sql:5: SELECT 3;",
        "s.sql:7: SELECT 4;",
    ]


def test_looking_over_runs_nothing(say: Callable[..., Said], tmp_path: Path) -> None:
    script = f"\\! touch {tmp_path}/ran\n\\set x `touch {tmp_path}/ran`\n\\copy t to '{tmp_path}/ran'\nSELECT 1;"
    assert say(script, outside=Unseen()) == ["copy COPY t TO STDOUT ->", "s.sql:4: SELECT 1;"]
    assert not (tmp_path / "ran").exists()


def test_the_buffer_can_be_printed_and_forgotten(say: Callable[..., Said]) -> None:
    assert say("SELECT 1 \\p \\r\nSELECT 2;") == ["stdout: SELECT 1 \n", "s.sql:2: SELECT 2;"]


def test_encoding_is_a_setting(say: Callable[..., Said]) -> None:
    assert say("\\encoding LATIN1") == ["s.sql:1: SET client_encoding TO 'LATIN1'"]


def test_without_a_statement_the_one_before_is_sent_again(say: Callable[..., Said]) -> None:
    rows = Rows((b"a",), ((b"5",),))
    assert say("SELECT 5 AS a; \\gset\nSELECT :a;\n\\g", answers=[rows]) == [
        "s.sql:1: SELECT 5 AS a;",
        "query SELECT 5 AS a;",
        "s.sql:2: SELECT 5;",
        "s.sql:2: SELECT 5;",
    ]
