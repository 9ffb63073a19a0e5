"""Where statements end in a text for SQLite. Pure.

A statement ends at a semicolon outside quotes and comments; one that creates a trigger at ``; END ;`` (the rule is that
of sqlite3_complete(), https://www.sqlite.org/c3ref/complete.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_TOKEN = re.compile(
    rb"(?P<blank>[ \t\r\n\f\v]+|--[^\n]*)|(?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*)"
    rb"|(?P<open>'|\"|`|\[|/\*)|(?P<end>;)|."
)
_CLOSES = {b"'": b"'", b'"': b'"', b"`": b"`", b"[": b"]", b"/*": b"*/"}

State = Literal["start", "normal", "explain", "create", "trigger", "semicolon", "end"]

_AFTER_WORD: dict[State, dict[bytes, State]] = {
    "start": {b"EXPLAIN": "explain", b"CREATE": "create"},
    "explain": {b"CREATE": "create", b"QUERY": "explain", b"PLAN": "explain"},
    "create": {b"TEMP": "create", b"TEMPORARY": "create", b"TRIGGER": "trigger"},
    "semicolon": {b"END": "end"},
}
_AFTER_SEMICOLON: dict[State, State] = {"trigger": "semicolon", "semicolon": "semicolon"}


class Piece(NamedTuple):
    """The text of a statement without its semicolon, and the line on which it begins."""

    text: bytes
    line: int


class Splitter:
    """Splits a script that is fed line by line."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._line = 0
        self._state: State = "start"
        self._closing: bytes | None = None

    @property
    def between(self) -> bool:
        """Whether no statement has begun: here the shell takes a line for a command of its own."""
        return not self._parts and self._closing is None

    def feed(self, line: bytes, number: int) -> Iterator[Piece]:
        """Take a line; the statements that end on it."""
        begin = position = 0
        while position < len(line):
            if self._closing is not None:
                position = self._close(line, position)
                continue
            token = _TOKEN.match(line, position)
            assert token is not None, "every byte is a token"
            position = token.end()
            if token["open"]:
                self._closing = _CLOSES[token["open"]]
            if token["blank"] or token["open"] == b"/*":
                continue
            if token["end"] and self._ends():
                if self._line:
                    yield Piece(b"".join([*self._parts, line[begin : token.start()]]), self._line)
                self._parts, self._line, begin = [], 0, position
                continue
            if not self._line:
                self._line, begin = number, token.start()
            self._follow(token["word"], end=bool(token["end"]))
        if self._line:
            self._parts.append(line[begin:])

    def finish(self) -> Iterator[Piece]:
        """At the end of the file: what has no semicolon is run all the same."""
        if self._line:
            yield Piece(b"".join(self._parts).rstrip(), self._line)

    def _close(self, line: bytes, position: int) -> int:
        assert self._closing is not None
        found = line.find(self._closing, position)
        if found < 0:
            return len(line)
        position = found + len(self._closing)
        self._closing = None
        return position

    def _ends(self) -> bool:
        """Whether a semicolon ends the statement here."""
        if self._state in _AFTER_SEMICOLON:
            return False
        self._state = "start"
        return True

    def _follow(self, word: bytes | None, *, end: bool) -> None:
        if end:
            self._state = _AFTER_SEMICOLON[self._state]
            return
        usual: State = "trigger" if self._state in ("trigger", "semicolon", "end") else "normal"
        self._state = _AFTER_WORD.get(self._state, {}).get(word.upper(), usual) if word else usual
