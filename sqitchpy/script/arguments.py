r"""The arguments of meta-commands, by psql's rules (PostgreSQL's src/bin/psql/psqlscanslash.l and psql's manual)."""

from __future__ import annotations

import re
from typing import Protocol

from sqitchpy.patterns import lazy
from sqitchpy.script.reader import Reader
from sqitchpy.script.tokens import BLANKS, VARIABLE


class Lookup(Protocol):
    """How the lexer asks for variables."""

    def value(self, name: bytes) -> bytes | None:
        """The value of ``:name``, None when there is no such variable (the text is then left as it is)."""

    def literal(self, name: bytes) -> bytes | None:
        """The value as a quoted SQL literal, for ``:'name'``."""

    def identifier(self, name: bytes) -> bytes | None:
        """The value as a quoted SQL identifier, for ``:"name"``."""

    def shell(self, command: bytes) -> bytes:
        """The output of a command in backquotes, less its last newline."""


class UnterminatedArgument(Exception):
    """A quoted argument of a meta-command does not end on its line."""

    def __init__(self, line: int) -> None:
        super().__init__("unterminated quoted string")
        self.line = line


class _Unterminated(Exception):
    """The same, where the line's number is not known."""


_PLAIN = lazy(rb"[^ \t\r\n\f\v\\'\"`:]++")
_ENDS = b" \t\r\n\f\v\\"
_INSIDE = {
    b"'": lazy(rb"(?:[^'\\]++|\\.?|''|(?!))*+", re.DOTALL),
    b'"': lazy(rb'[^"]*+'),
    b"`": lazy(rb"[^`:]*+"),
}


def expand(match: re.Match[bytes], lookup: Lookup | None) -> bytes | None:
    """What a variable stands for; None when it stays as it is."""
    if lookup is None:
        return None
    name = match[match.lastgroup or 0]
    if match.lastgroup == "literal":
        return lookup.literal(name)
    if match.lastgroup == "identifier":
        return lookup.identifier(name)
    value = lookup.value(name)
    if match.lastgroup == "test":
        return b"FALSE" if value is None else b"TRUE"
    return value


def read_argument(at: Reader, lookup: Lookup | None, line_number: int) -> bytes | None:
    r"""The next argument, None when there is none left.

    ``'…'`` knows C's escapes, ``"…"`` is kept with its quotes, ``:name`` and backquotes are replaced (not at all
    without a ``lookup``), a backslash ends the arguments. Raises UnterminatedArgument.
    """
    while True:
        blanks = BLANKS.match(at.line, at.pos)
        at.pos = blanks.end() if blanks else at.pos
        if at.pos < len(at.line):
            break
        if not at.pop():
            return None
    if at.line[at.pos] == 0x5C:
        return None
    parts: list[bytes] = []
    try:
        while (part := _part(at, lookup)) is not None:
            parts.append(part)
    except _Unterminated:
        raise UnterminatedArgument(line_number) from None
    return b"".join(parts)


def rest_of_line(at: Reader) -> bytes:
    """Everything up to the end of the line, as it is."""
    parts = [at.text[at.pos :]]
    while at.pop():
        parts.append(at.text[at.pos :])
    at.pos = at.kept = len(at.line)
    return b"".join(parts).strip()


def _part(at: Reader, lookup: Lookup | None) -> bytes | None:
    """The next piece of an argument: plain, quoted or a variable. None where the argument ends."""
    if at.pos >= len(at.line):
        return b"" if at.pop() else None
    if plain := _PLAIN.match(at.line, at.pos):
        return _take(at, plain.end())
    char = at.line[at.pos : at.pos + 1]
    if char in _ENDS:
        return None
    if char == b":":
        return _variable(at, lookup)
    at.pos += 1
    if char == b"`":
        command = _backquoted(at, lookup)
        return b"" if lookup is None else lookup.shell(command)
    inside = _until(at, char)
    return _unescape(inside) if char == b"'" else b'"' + inside + b'"'


def _take(at: Reader, end: int) -> bytes:
    start, at.pos = at.pos, end
    return at.text[start:end]


def _variable(at: Reader, lookup: Lookup | None) -> bytes:
    match = VARIABLE.match(at.line, at.pos)
    value = expand(match, lookup) if match else None
    if match is None or value is None:
        return _take(at, match.end() if match else at.pos + 1)
    at.pos = match.end()
    return value


def _until(at: Reader, quote: bytes) -> bytes:
    """What stands before the next ``quote``, and go behind it."""
    parts: list[bytes] = []
    while True:
        inside = _INSIDE[quote].match(at.line, at.pos)
        parts.append(_take(at, inside.end() if inside else at.pos))
        if at.pos < len(at.line):
            at.pos += 1
            return b"".join(parts)
        if not at.pop():
            raise _Unterminated


def _backquoted(at: Reader, lookup: Lookup | None) -> bytes:
    """The command in backquotes, with variables; ``:'name'`` is quoted for the shell there."""
    parts: list[bytes] = []
    while True:
        inside = _INSIDE[b"`"].match(at.line, at.pos)
        parts.append(_take(at, inside.end() if inside else at.pos))
        char = at.line[at.pos : at.pos + 1]
        if char == b"`":
            at.pos += 1
            return b"".join(parts)
        if char == b":":
            parts.append(_shell_variable(at, lookup))
        elif not at.pop():
            raise _Unterminated


def _shell_variable(at: Reader, lookup: Lookup | None) -> bytes:
    match = VARIABLE.match(at.line, at.pos)
    if match is None or lookup is None or match.lastgroup not in ("plain", "literal"):
        return _take(at, at.pos + 1)
    value = lookup.value(match[match.lastgroup])
    if value is None:
        return _take(at, match.end())
    at.pos = match.end()
    return value if match.lastgroup == "plain" else b"'" + value.replace(b"'", b"'\"'\"'") + b"'"


_ESCAPES = {b"n": b"\n", b"t": b"\t", b"b": b"\b", b"r": b"\r", b"f": b"\f"}
_ESCAPE = lazy(rb"''|\\(?:([0-7]{1,3})|[xX]([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)


def _unescape(text: bytes) -> bytes:
    def replace(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, char = match.groups()
        if octal:
            return bytes([int(octal, 8) & 0xFF])
        if hexadecimal:
            return bytes([int(hexadecimal, 16)])
        return b"'" if char is None else _ESCAPES.get(char, char)

    return _ESCAPE.sub(replace, text)
