"""Editing sqitch.conf as text. The expected texts are what Sqitch 1.3.1 writes, but where they say otherwise."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sqitchpy.config import parse_config
from sqitchpy.config.editing import Mode, append_comment, remove_section, rename_section, set_value, unset, write_value
from sqitchpy.errors import ConfigError

CONF = """\
; ours
[core]
	engine = pg	; not sqlite
	# between
	client = /opt/psql

[target "Dev"]
	uri = db:pg:dev

# above many
[many]
	x = 1
	y = 2
	X = 3
"""


def test_a_value_is_replaced_in_its_place_and_takes_the_comment_behind_it_along() -> None:
    expected = CONF.replace("engine = pg\t; not sqlite", "Engine = mysql")
    assert set_value(CONF, "Core.Engine", "mysql") == expected


def test_a_new_key_goes_behind_the_last_of_its_section() -> None:
    expected = CONF.replace("client = /opt/psql\n", "client = /opt/psql\n\ttop_dir = sql\n")
    assert set_value(CONF, "core.top_dir", "sql") == expected


def test_a_new_section_goes_to_the_end() -> None:
    assert set_value(CONF, "deploy.verify", "true") == CONF + "[deploy]\n\tverify = true\n"


def test_a_new_file_begins_with_the_section() -> None:
    assert set_value(None, "engine.pg.target", "db:pg:x") == '[engine "pg"]\n\ttarget = db:pg:x\n'


def test_an_empty_file_keeps_its_empty_line() -> None:
    assert set_value("", "a.b", "c") == "\n[a]\n\tb = c\n"


def test_a_subsection_has_small_and_large_letters() -> None:
    assert set_value(CONF, "target.dev.uri", "db:pg:x") == CONF + '[target "dev"]\n\turi = db:pg:x\n'
    assert set_value(CONF, "TARGET.Dev.uri", "db:pg:x") == CONF.replace("db:pg:dev", "db:pg:x")


def test_quotes_and_backslashes_in_a_name_are_escaped() -> None:
    assert set_value(None, 'target.a"b\\c.uri', "x") == '[target "a\\"b\\\\c"]\n\turi = x\n'


def test_several_values_are_not_overwritten_by_one() -> None:
    with pytest.raises(ConfigError, match="Cannot overwrite multiple values with a single value"):
        set_value(CONF, "many.x", "4")


def test_a_value_is_added_beside_the_others() -> None:
    assert set_value(CONF, "many.x", "4", mode="add") == CONF + "\tx = 4\n"


def test_one_value_takes_the_place_of_the_last_of_those_that_match() -> None:
    expected = CONF.replace("\tx = 1\n", "").replace("\tX = 3\n", "\tx = 4\n")
    assert set_value(CONF, "many.x", "4", mode="replace-all") == expected


def test_of_several_values_the_one_that_matches_is_replaced() -> None:
    assert set_value(CONF, "many.x", "4", matches=lambda value: value == "1") == CONF.replace("\tx = 1", "\tx = 4")


def test_a_key_on_the_line_of_its_header_is_removed_alone() -> None:
    assert unset("[a] b = c\n", "a.b", "f") == "[a]\n"


def test_a_value_is_removed_with_its_line() -> None:
    assert unset(CONF, "many.y", "f") == CONF.replace("\ty = 2\n", "")


def test_all_values_are_removed() -> None:
    assert unset(CONF, "many.x", "f", every=True) == CONF.replace("\tx = 1\n", "").replace("\tX = 3\n", "")


def test_several_values_are_not_removed_by_chance() -> None:
    with pytest.raises(ConfigError, match="Cannot unset key with multiple values"):
        unset(CONF, "many.x", "f")


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(ConfigError, match=r"No occurrence of many\.z found to unset in sqitch\.conf"):
        unset(CONF, "many.z", "sqitch.conf")


def test_a_section_is_removed_up_to_the_next_with_the_comments_between() -> None:
    assert remove_section(CONF, "target.dev") == CONF.replace(
        '[target "Dev"]\n\turi = db:pg:dev\n\n# above many\n[many]', "[many]"
    )


def test_the_last_section_is_removed_to_the_end() -> None:
    assert remove_section(CONF, "many") == CONF[: CONF.index("[many]")]


def test_every_header_of_a_section_is_renamed() -> None:
    text = "[a]\n\tx = 1\n[b]\n[A] y = 2\n"
    assert rename_section(text, "a", "target.new one") == '[target "new one"]\n\tx = 1\n[b]\n[target "new one"] y = 2\n'


@pytest.mark.parametrize("edit", [lambda: remove_section(CONF, "no"), lambda: rename_section(CONF, "no", "yes")])
def test_a_section_that_is_not_there_is_said(edit: object) -> None:
    with pytest.raises(ConfigError, match="No such section!"):
        edit()  # type: ignore[operator]


def test_a_comment_keeps_its_indentation() -> None:
    assert append_comment("[a]\n", ['[engine "pg"]', "\tclient = x"]) == '[a]\n# [engine "pg"]\n\t# client = x\n'


def test_line_ends_of_windows_stay() -> None:
    assert set_value("[a]\r\n\tb = c\r\n", "a.d", "e") == "[a]\r\n\tb = c\r\n\td = e\r\n"


def test_a_header_that_shares_its_line_gets_one_of_its_own() -> None:
    """Sqitch writes the key below the second header."""
    assert set_value("[a] [b]\n\tx = 1\n", "a.y", "2") == "[a]\n\ty = 2\n[b]\n\tx = 1\n"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nodot", "No section given in key or invalid key nodot"),
        (".b", "No section given in key or invalid key .b"),
        ("a.", "Invalid variable name "),
        ("a.b ", "Invalid variable name b "),
        ("a.b=c", "Invalid variable name b=c"),
        ("a.b#c", "Invalid variable name b#c"),
        ("a b.c", "Invalid section name a b"),
        ("a.b\nc.d", "Invalid section name a.b\nc"),
    ],
)
def test_a_key_that_no_file_can_hold_is_refused(key: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        set_value(None, key, "x")
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("two words", "two words"),
        ("a;b", '"a;b"'),
        (" a", '" a"'),
        ('say "hi"', r"say \"hi\""),
        ("C:\\dir", r"C:\\dir"),
        ("a\tb\n", '"a\\tb\\n"'),
        ("", ""),
        ("a  b", 'a"  "b'),  # Sqitch: a  b, which is read as one blank
        ('"a;b"', r'\"a";"b\"'),  # Sqitch: "\"a;b\"", which is read with backslashes
    ],
)
def test_a_value_is_quoted_where_it_has_to_be(value: str, written: str) -> None:
    assert write_value(value) == written


LINES = st.sampled_from(
    ["", "# a comment [core]", "  ; another", "[core]", "[a]", '[a "b"]', "[a.b] ; c", "[core] x = 1", "\tx = 1", "\ty",
     "  z = two words ; comment", '\tx = "q ; r" # ]', "\tl = one\\\n\ttwo", "\tÜ = ü"]
)  # fmt: skip
TEXTS = st.builds(
    lambda lines, end, newline: newline.join(["[core]", *lines]) + end,
    st.lists(LINES, max_size=8),
    st.sampled_from(["", "\n"]),
    st.just("\n"),
)
KEYS = st.sampled_from(["core.x", "a.y", "a.b.z", "a.B.x", "new.k", 'odd.s"u\\b.k'])
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)


def entries(text: str) -> list[tuple[str, str | None]]:
    return [(entry.path, entry.value) for entry in parse_config(text, "f")]


@given(TEXTS, KEYS, VALUES, st.sampled_from(["set", "add", "replace-all"]))
def test_what_is_set_is_read_and_nothing_else_changes(text: str, key: str, value: str, mode: Mode) -> None:
    canonical = key.lower() if "odd" not in key and "B" not in key else key
    before = [value for path, value in entries(text) if path == canonical]
    assume(mode != "set" or len(before) < 2)
    edited = set_value(text, key, value, mode=mode)
    now = [found for path, found in entries(edited) if path == canonical]
    assert now == ([*before, value] if mode == "add" else [value])
    others = [entry for entry in entries(text) if entry[0] != canonical]
    assert [entry for entry in entries(edited) if entry[0] != canonical] == others


@given(TEXTS, KEYS, VALUES)
def test_setting_keeps_every_other_line(text: str, key: str, value: str) -> None:
    edited = set_value(text, key, value, mode="add").split("\n")
    rest = iter(edited)
    assert all(line in rest for line in text.rstrip("\n").split("\n"))


@given(TEXTS, KEYS)
def test_what_was_added_and_removed_has_never_been_there(text: str, key: str) -> None:
    assume(not any(path == key.lower() or path == key for path, _ in entries(text)))
    added = set_value(text, key, "value")
    assert entries(unset(added, key, "f")) == entries(text)


@given(TEXTS, st.sampled_from(["core", "a", "a.b"]))
def test_a_section_that_is_removed_is_gone_and_no_other(text: str, name: str) -> None:
    found = entries(text)
    assume(f"[{name}]" in text or name == "core" or (name == "a.b" and '[a "b"]' in text))
    kept = [(path, value) for path, value in found if path.rpartition(".")[0] != name]
    assert entries(remove_section(text, name)) == kept


@given(VALUES)
def test_every_value_is_read_back(value: str) -> None:
    (entry,) = parse_config(f"[a]\n\tb = {write_value(value)}\n", "f")
    assert entry.value == value
