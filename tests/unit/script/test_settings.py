"""What a script says of the settings that decide how it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.script.actions import Print
from sqitchpy.script.settings import Settings
from sqitchpy.script.shape import examine
from sqitchpy.script.source import Source

INITIAL = Settings(standard_strings=False, encoding="LATIN1")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (b"SET standard_conforming_strings = off;", Settings(False, "UTF8")),
        (b"set session standard_conforming_strings to 'false'", Settings(False, "UTF8")),
        (b"SET LOCAL standard_conforming_strings TO on;", Settings(True, "UTF8")),
        (b"SET standard_conforming_strings TO DEFAULT;", Settings(False, "UTF8")),
        (b"RESET standard_conforming_strings;", Settings(False, "UTF8")),
        (b"SET client_encoding = 'SJIS';", Settings(True, "SJIS")),
        (b'SET client_encoding TO "Shift_JIS";', Settings(True, "Shift_JIS")),
        (b"SET NAMES 'BIG5';", Settings(True, "BIG5")),
        (b"RESET client_encoding;", Settings(True, "LATIN1")),
        (b"SET client_encoding TO DEFAULT;", Settings(True, "LATIN1")),
        (b"RESET ALL;", INITIAL),
        (b"SET search_path = 'SET client_encoding = SJIS';", Settings(True, "UTF8")),
        (b"SELECT 1;", Settings(True, "UTF8")),
    ],
)
def test_a_statement_changes_what_it_names(statement: bytes, expected: Settings) -> None:
    assert Settings().after(statement, INITIAL) == expected


def sent(folder: Path, script: bytes, settings: Settings) -> list[bytes]:
    (folder / "s.sql").write_bytes(script)
    shape = examine(Source("s.sql", folder), {}, settings)
    assert shape.actions is not None
    return [action.statement.text for action in shape.actions if not isinstance(action, Print)]


def test_a_backslash_escapes_a_quote_while_strings_are_not_standard(tmp_path: Path) -> None:
    script = b"SELECT 'it\\'s; one';\nSET standard_conforming_strings = on;\nSELECT '\\';\nSELECT ';';"
    assert sent(tmp_path, script, Settings(standard_strings=False)) == [
        b"SELECT 'it\\'s; one';",
        b"SET standard_conforming_strings = on;",
        b"SELECT '\\';",
        b"SELECT ';';",
    ]


def test_the_second_byte_of_a_character_is_no_backslash(tmp_path: Path) -> None:
    """0x83 0x5C is the katakana SO in Shift JIS; 0x5C alone is a backslash."""
    script = b"SET client_encoding = 'SJIS';\nSELECT a\x83\x5c FROM t; SELECT 2;"
    assert sent(tmp_path, script, Settings()) == [
        b"SET client_encoding = 'SJIS';",
        b"SELECT a\x83\x5c FROM t;",
        b"SELECT 2;",
    ]


def test_an_included_file_is_read_as_the_script_says_and_says_so_itself(tmp_path: Path) -> None:
    (tmp_path / "inner.sql").write_bytes(b"SELECT 'a\\'; b';\nSET standard_conforming_strings = on;\n")
    script = b"SET standard_conforming_strings = off;\n\\i inner.sql\nSELECT '\\';\nSELECT 3;"
    assert sent(tmp_path, script, Settings())[1::2] == [b"SELECT 'a\\'; b';", b"SELECT '\\';"]
