r"""``\copy``: psql's own COPY, between the server and files, programs or the script itself."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

_STRING = rb"'(?:[^']++|''|(?!))*+'"
_NAME = rb'"(?:[^"]++|""|(?!))*+"'
_TOKEN = rb"""\s*+(""" + _STRING + rb"|" + _NAME + rb"""|[()]|[^\s()'"]++)"""
_END = rb"\s*+(" + _STRING + rb"|[^\s']\S*+)"


class CopyCommand(NamedTuple):
    r"""A parsed ``\copy``: the COPY statement to send and what stands at our end.

    ``end`` is a file's name, a program's command line, or None for the script's own input or output.
    """

    statement: bytes
    direction: Literal["from", "to"]
    kind: Literal["file", "program", "script"]
    end: str | None


def parse_copy(line: bytes) -> CopyCommand | None:
    r"""Parse what follows ``\copy``; None when it cannot be understood, or needs psql's own standard input."""
    line = line.rstrip(b"; \t\r")
    position = depth = 0
    token = re.compile(_TOKEN)
    while match := token.match(line, position):
        word = match[1].lower()
        if position and not depth and word in (b"from", b"to"):
            return _with_end(line[: match.start()].strip(), word == b"from", line[match.end() :])
        depth += (word == b"(") - (word == b")")
        position = match.end()
    return None


def _with_end(what: bytes, reads: bool, rest: bytes) -> CopyCommand | None:
    match = re.match(_END, rest)
    if match is None:
        return None
    word, after = match.group(1), rest[match.end() :]
    kind: Literal["file", "program", "script"] = "file"
    end: str | None = _unquoted(word)
    if word.lower() == b"program":
        match = re.match(_END, after)
        if match is None or not match.group(1).startswith(b"'"):
            return None
        kind, end, after = "program", _unquoted(match.group(1)), after[match.end() :]
    elif word.lower() in (b"stdin", b"stdout"):
        kind, end = "script", None
    elif word.lower() in (b"pstdin", b"pstdout"):
        return None
    stream = b"FROM STDIN" if reads else b"TO STDOUT"
    statement = b" ".join(part for part in (b"COPY", what, stream, after.strip()) if part)
    return CopyCommand(statement, "from" if reads else "to", kind, end)


def _unquoted(word: bytes) -> str:
    if word[:1] == b"'":
        word = word[1:-1].replace(b"''", b"'")
    return word.decode("utf-8", "surrogateescape")
