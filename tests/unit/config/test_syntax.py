"""The dialect of sqitch.conf. Values and messages were observed with Sqitch 1.3.1."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqitchpy.config import Entry, parse_config
from sqitchpy.errors import ConfigError


def values(source: str | bytes) -> list[tuple[str, str | None]]:
    return [(entry.path, entry.value) for entry in parse_config(source, "sqitch.conf")]


def value(text: str) -> str | None:
    [(_, found)] = values(f"[core]\n\tkey = {text}\n")
    return found


def entries_or_error(source: str | bytes) -> tuple[Entry, ...] | ConfigError:
    try:
        return parse_config(source, "sqitch.conf")
    except ConfigError as error:
        return error


def test_an_entry_has_its_section_key_name_value_and_line() -> None:
    entries = parse_config('# top\n[core]\n\tengine = pg\n[deploy "variables"]\n\tFooBar = x\n', "sqitch.conf")
    assert entries == (
        Entry("core", None, "engine", "engine", "pg", 3),
        Entry("deploy", "variables", "foobar", "FooBar", "x", 5),
    )


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("[core]", "core.k"),
        ("[CORE]", "core.k"),
        ('[target "Prod"]', "target.Prod.k"),
        ('[TARGET "Prod"]', "target.Prod.k"),
        ("[target.Prod]", "target.prod.k"),
        ('[target.A "B.c"]', "target.a.B.c.k"),
        ('[target\t "x y"]', "target.x y.k"),
        ('[target"x"]', "target.x.k"),
        (r'[a "b\"c\\d"]', r'a.b"c\d.k'),
        ('[a ""]', "a.k"),
        ('[a "0"]', "a.k"),
        ("[a.b.c]", "a.b.c.k"),
    ],
)
def test_headers(header: str, path: str) -> None:
    assert values(f"{header}\nk = 1\n") == [(path, "1")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pg", "pg"),
        ("a   b\t c", "a b c"),
        ("a ", "a "),  # the blank at the end of a line stays
        ("a # note", "a"),
        ("a ; note", "a"),
        ("a#b;c", "a#b;c"),
        ("# note", ""),
        ("", ""),
        ('"a  b # c"', "a  b # c"),
        ('"a"# note', "a"),
        ('x"y  z"w', "xy  zw"),
        (r"a\#b", None),
        (r"\n\t\b\\\"\'", "\n\t\b\\\"'"),
        (r'"\n\t\b\\"', "\n\t\b\\"),
        (r'"a\"b"', r"a\"b"),
        (r'"a\\nb"', "a\\\nb"),
        ("a\\\nb", "ab"),
        ('"a\\\n  b"', "a  b"),
        ('"a\nb"', "a\nb"),
        ("'a  b'", "'a b'"),
        ("[x] = y", "[x] = y"),
        ("db:pg://u:p@h/d?a=b", "db:pg://u:p@h/d?a=b"),
    ],
)
def test_values(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ConfigError):
            value(text)
    else:
        assert value(text) == expected


def test_a_key_without_an_equals_sign_has_no_value() -> None:
    text = "[add]\nall\nopen_editor # note = x\n  two words\t\n"
    assert values(text) == [("add.all", None), ("add.open_editor", None), ("add.two words", None)]


def test_a_key_may_follow_its_header_on_the_line() -> None:
    assert values("[a]k=1\n[b] l = 2 # x\n[c][d]m=3\n") == [("a.k", "1"), ("b.l", "2"), ("d.m", "3")]


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_line_ends_of_every_system_are_read(newline: str) -> None:
    assert values(f"[core]{newline}a = 1{newline}b = 2{newline}") == [("core.a", "1"), ("core.b", "2")]


def test_a_file_without_a_last_line_end_is_read() -> None:
    assert values("[core]\na = 1") == [("core.a", "1")]
    assert values("[core]\na = 1\\") == [("core.a", "1")]


def test_a_byte_order_mark_is_skipped() -> None:
    assert values(b"\xef\xbb\xbf[core]\na = \xc3\xa9\n") == [("core.a", "é")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("foo = bar\n", "at line 2, position 0.\nBad line was: 'foo = bar'"),
        ("\n\n  bar = 1\n", "at line 4, position 2.\nBad line was: '  bar = 1'"),
        ('[core]\n\tengine = "unclosed\n', "at line 3, position 1.\nBad line was: '\tengine = \"unclosed'"),
        ("[core]\n[a b]\nx=1\n", "at line 3, position 0.\nBad line was: '[a b]'"),
        ("[core]\na = \\x\n", "at line 3, position 0.\nBad line was: 'a = \\x'"),
        ('[core]\na="x', "at line 3, position 0.\nBad line was: 'a=\"x'"),
        ('[a "x"y"]\n', 'at line 2, position 0.\nBad line was: \'[a "x"y"]\''),
        ("[core]\n= 1\n", "at line 3, position 0.\nBad line was: '= 1'"),
    ],
)
def test_errors_have_the_words_and_the_exit_code_of_sqitch(source: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(source, "/p/sqitch.conf")
    assert str(caught.value) == f"Error parsing /p/sqitch.conf {message}"
    assert caught.value.code == 255


def test_the_hint_has_the_true_line_and_column() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("[core]\n\ta = \\x\n", "sqitch.conf")
    expected = "sqitch.conf:2:2: this value has an unknown escape or a quote that is not closed"
    assert caught.value.hint == expected


def test_a_password_in_a_bad_line_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config('[target "x"]\nuri = "db:pg://u:hunter2@h/x?password=hunter3\n', "sqitch.conf")
    assert "hunter" not in str(caught.value) + str(caught.value.hint)
    assert "Bad line was: 'uri = \"db:pg://u:@h/x?password='" in str(caught.value)


def test_an_entry_does_not_show_its_value() -> None:
    [entry] = parse_config("[core]\nuri = hunter2", "sqitch.conf")
    assert "hunter2" not in repr(entry)


@given(st.binary() | st.text(alphabet='[]"\\=#; \t\r\nab0\x1c\xa0', max_size=40).map(lambda text: text.encode()))
@example(b"[core]\na=\xff\xfe b\n")
@example(b"[core]\na \x00= \x00\n")
def test_any_bytes_are_read_or_refused(source: bytes) -> None:
    found = entries_or_error(source)
    if isinstance(found, ConfigError):
        assert found.code == 255
        assert str(found).startswith("Error parsing sqitch.conf at line ")
    else:
        assert all(1 <= entry.line <= source.count(b"\n") + source.count(b"\r") + 1 for entry in found)


WORD = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters='"\r'), max_size=12)
PADDING = st.sampled_from(["", " ", "\t", "  \t "])
NOISE = st.sampled_from(["", "\n", "# comment\n", "  ; [x] y = z\n", "\t\n"])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[tuple[str, str | None]]]:
    """A configuration file, written with all the freedom there is, and what it says."""
    written: list[str] = []
    meant: list[tuple[str, str | None]] = []
    for section, subsection in draw(st.lists(st.tuples(WORD, st.none() | WORD.map(str.title)), max_size=4)):
        pad = draw(PADDING)
        header = section.upper() if draw(st.booleans()) else section
        written.append(draw(NOISE) + pad + (f'[{header}{pad}"{subsection}"]' if subsection else f"[{header}]") + "\n")
        for key, text in draw(st.lists(st.tuples(WORD, st.none() | TEXT), max_size=4)):
            pad = draw(PADDING)
            quoted = None if text is None else quote(text)
            written.append(f"{draw(NOISE)}{pad}{key}" + ("" if quoted is None else f"{pad}={pad}{quoted}"))
            written.append(draw(st.sampled_from(["\n", " # note\n", "\t; note = 1\n"])))
            meant.append((".".join(part for part in (section, subsection, key) if part), text))
    return "".join(written), meant


def quote(text: str) -> str:
    """In quotes, a backslash outside of them: inside, a backslash before an n would become a line feed."""
    return "".join(r"\\" if part == "\\" else f'"{part}"' for part in split_keeping(text, "\\"))


def split_keeping(text: str, mark: str) -> list[str]:
    parts: list[str] = []
    for part in text.split(mark):
        parts += [part, mark]
    return parts[:-1]


@given(files())
def test_what_is_written_is_read(file: tuple[str, list[tuple[str, str | None]]]) -> None:
    text, meant = file
    assert values(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "[a]" * 50_000,
        "[a]\n" + "k = v\n" * 50_000,
        '[a]\nk = "' + r"\n" * 100_000,
        "[a]\nk" + " " * 200_000 + "x",
        "[a]\nk = " + " x" * 50_000,
        '[a "' + 'x"' * 100_000,
        "[a]\nk = " + "\\\n" * 50_000,
        "\n" * 200_000 + "x",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_long_files_take_no_longer_than_their_length(text: str) -> None:
    started = time.perf_counter()
    entries_or_error(text)
    assert time.perf_counter() - started < 5  # a quadratic reading takes minutes
