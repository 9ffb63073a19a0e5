r"""Parsing ``\copy``."""

from __future__ import annotations

import pytest

from sqitchpy.script.copying import CopyCommand, parse_copy


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"t from 'a b.txt'", CopyCommand(b"COPY t FROM STDIN", "from", "file", "a b.txt")),
        (b"t FROM a.txt", CopyCommand(b"COPY t FROM STDIN", "from", "file", "a.txt")),
        (
            b's.t (a, "from") from x csv header',
            CopyCommand(b'COPY s.t (a, "from") FROM STDIN csv header', "from", "file", "x"),
        ),
        (b"\"from\" from 'it''s'", CopyCommand(b'COPY "from" FROM STDIN', "from", "file", "it's")),
        (
            b"t from stdin with (format csv);",
            CopyCommand(b"COPY t FROM STDIN with (format csv)", "from", "script", None),
        ),
        (b"t from program 'cat \"x\"' csv", CopyCommand(b"COPY t FROM STDIN csv", "from", "program", 'cat "x"')),
        (
            b"(select 'to' from t where (a)) to stdout",
            CopyCommand(b"COPY (select 'to' from t where (a)) TO STDOUT", "to", "script", None),
        ),
        (
            b"(select f(g(((a))), ')') from t where b in ('from', \"to\")) to 'o'",
            CopyCommand(
                b"COPY (select f(g(((a))), ')') from t where b in ('from', \"to\")) TO STDOUT", "to", "file", "o"
            ),
        ),
        (b"t(a,b)from data(1).csv csv", CopyCommand(b"COPY t(a,b) FROM STDIN csv", "from", "file", "data(1).csv")),
        (b"t from x.csv;", CopyCommand(b"COPY t FROM STDIN", "from", "file", "x.csv")),
        (b"t to stdout ; ;", CopyCommand(b"COPY t TO STDOUT", "to", "script", None)),
        (b"t to o.txt", CopyCommand(b"COPY t TO STDOUT", "to", "file", "o.txt")),
    ],
)
def test_these_are_understood(line: bytes, expected: CopyCommand) -> None:
    assert parse_copy(line) == expected


@pytest.mark.parametrize(
    "line",
    [b"", b"t", b"t from", b"from x", b"t from pstdin", b"t to pstdout", b"t from program", b"t from program cat"],
)
def test_these_are_not(line: bytes) -> None:
    assert parse_copy(line) is None
