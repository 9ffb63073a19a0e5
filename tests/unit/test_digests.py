"""Hashes of scripts, as they are and as they were with other line ends."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.files import Digests, digests
from sqitchpy.script.source import Source


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def digests_of(data: bytes) -> Digests:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.sql").write_bytes(data)
        return digests(Source("a.sql", Path(folder)))


@given(st.binary().filter(lambda data: b"\r" not in data))
def test_a_script_with_line_feeds_is_known_by_what_it_was_with_carriage_returns(data: bytes) -> None:
    crlf = data.replace(b"\n", b"\r\n")
    assert digests_of(data) == Digests(sha1(data), sha1(data), sha1(crlf))
    assert digests_of(crlf) == Digests(sha1(crlf), sha1(data), sha1(crlf))


@pytest.mark.parametrize(
    ("data", "lf", "crlf"),
    [
        (b"a\r\nb\nc", b"a\nb\nc", b"a\r\nb\r\nc"),
        (b"a\r\r\n\rb\r", b"a\r\n\rb\r", b"a\r\r\n\rb\r"),
        (b"", b"", b""),
    ],
)
def test_a_carriage_return_counts_only_before_a_line_feed(data: bytes, lf: bytes, crlf: bytes) -> None:
    assert digests_of(data) == Digests(sha1(data), sha1(lf), sha1(crlf))


def test_line_ends_are_named_only_when_nothing_else_differs() -> None:
    found = digests_of(b"a\nb\n")
    assert found.line_ends(sha1(b"a\r\nb\r\n")) == "CRLF"
    assert digests_of(b"a\r\nb\r\n").line_ends(sha1(b"a\nb\n")) == "LF"
    assert found.line_ends(sha1(b"a\nb\n")) is None
    assert found.line_ends(sha1(b"a\r\nb\n")) is None
    assert found.line_ends(None) is None


def test_a_script_that_does_not_exist_has_none(tmp_path: Path) -> None:
    assert digests(Source("a.sql", tmp_path)) == Digests(None, None, None)
