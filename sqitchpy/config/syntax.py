"""The syntax of ``sqitch.conf``: git's configuration dialect, as Sqitch's parser reads it, oddities included.

What Sqitch reads here sqitchpy reads to the same value, since both use one file. That holds for what looks like a flaw
too: a blank at the end of a line is part of the value, ``\\"`` inside quotes keeps its backslash, and in an error
message the line number is one too high (the error's hint has the true one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqitchpy.errors import ConfigError
from sqitchpy.uri import redact

# Perl's \s, which is what the dialect means by white space between entries; within a line only blank and tab count.
_SPACE = r"\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

_BETWEEN = re.compile(rf"(?:[{_SPACE}]++|[#;][^\n]*+|(?!))*+")
_HEADER = re.compile(rf'\[([^{_SPACE}\[\]"]++)(?:[\t ]*"([^\n]*?)")?\]')
_KEY = re.compile(r"([^\[=\n][^=\n#;]*+)(?:(=)[\t ]*|(?:[#;][^\n]*)?)")
_VALUE = re.compile(
    r"""(?P<end>(?:[\t ]*[#;][^\n]*)?(?=\n|\Z))
    |   (?P<blank>[\t ]+)
    |   (?P<joined>\\\r?\n)
    |   \\(?P<escape>[\\'"ntb])
    |   "(?P<quoted>[^"\\]*+(?:\\[\ntbn"\\][^"\\]*+|(?!))*+)"
    |   (?P<plain>[^\t\ \\\n"]+)""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


class Entry(NamedTuple):
    """One key of a configuration file. ``value`` is ``None`` for a key without ``=``; ``repr`` does not show it."""

    section: str
    subsection: str | None
    key: str
    """The key in lower case."""
    name: str
    """The key as it is written, which is what names a variable."""
    value: str | None
    line: int

    def __repr__(self) -> str:
        return f"Entry({self.path!r}, line={self.line})"

    @property
    def path(self) -> str:
        """``section.subsection.key``, by which the configuration is asked."""
        return ".".join(part for part in (self.section, self.subsection, self.key) if part)


class Piece(NamedTuple):
    """A section's header (``name`` is None) or a key, and from where to where it stands in the text."""

    section: str
    subsection: str | None
    name: str | None
    value: str | None
    line: int
    start: int
    end: int
    """For a key where its line ends: a comment behind the value is part of it."""

    @property
    def place(self) -> str:
        """The section with its subsection."""
        return self.section if self.subsection is None else f"{self.section}.{self.subsection}"


def parse_config(source: str | bytes, path: object) -> tuple[Entry, ...]:
    """Read the text of a configuration file; ``path`` is only for the messages.

    Raises:
        ConfigError: a line cannot be read (Sqitch's words, exit code 255).
    """
    pieces = scan(_decode(source), str(path))
    return tuple(
        Entry(piece.section, piece.subsection, piece.name.lower(), piece.name, piece.value, piece.line)
        for piece in pieces
        if piece.name is not None
    )


def unified(text: str) -> tuple[str, str]:
    """The text with line feeds alone, one of them at its end; and what its lines did end with."""
    newline = "\n"
    if "\r\n" in text:
        newline, text = "\r\n", text.replace("\r\n", "\n")
    elif "\n" not in text and "\r" in text:
        newline, text = "\r", text.replace("\r", "\n")
    return text.rstrip("\n") + "\n", newline


def _decode(source: str | bytes) -> str:
    if isinstance(source, bytes):  # bytes that are not UTF-8 turn into escapes, which a value refuses as unknown
        source = source.decode("utf-8-sig", "backslashreplace")
    return unified(source)[0]


def scan(text: str, path: str) -> Iterator[Piece]:
    """The headers and keys of a :func:`unified` text, in order. Raises ConfigError as :func:`parse_config`."""
    section: tuple[str, str | None] | None = None
    position, line, counted = 0, 1, 0
    while (position := _skip(text, position)) < len(text):
        line += text.count("\n", counted, position)
        counted = position
        if header := _HEADER.match(text, position):
            section = _section(header)
            if section is None:
                raise _error(text, path, position, line, r'in a quoted name write \" for " and \\ for \ ')
            position = header.end()
            yield Piece(*section, None, None, line, counted, position)
            continue
        key = _KEY.match(text, position)
        if key is None or section is None:
            raise _error(text, path, position, line, "a section header or a key below one is expected here")
        name = key[1].rstrip("\t ")
        value, position = _value(text, key.end()) if key[2] else (None, key.end())
        if position < 0:
            raise _error(text, path, counted, line, "this value has an unknown escape or a quote that is not closed")
        yield Piece(*section, name, value, line, counted, position)


def _skip(text: str, position: int) -> int:
    between = _BETWEEN.match(text, position)
    return between.end() if between else position


def _section(header: re.Match[str]) -> tuple[str, str | None] | None:
    """Section and subsection of a header; ``None`` if the quoted part holds a bare quote or backslash."""
    section, _, dotted = header[1].lower().partition(".")
    quoted = header[2]
    if not quoted or quoted == "0":  # Sqitch takes a subsection named 0 for none
        return section, dotted or None
    if re.search(r'[\\"]', quoted.replace(r"\\", "").replace(r"\"", "")):
        return None
    quoted = quoted.replace(r"\\", "\\").replace(r"\"", '"')
    return section, f"{dotted}.{quoted}" if dotted else quoted


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins at a position, and where it ends; an end below zero if it cannot be read."""
    pieces: list[str] = []
    while match := _VALUE.match(text, position):
        position = match.end()
        piece = match[match.lastgroup or 0]
        if match.lastgroup == "end":
            return "".join(pieces), position
        if match.lastgroup == "blank":
            pieces.append(" ")
        elif match.lastgroup == "escape":
            pieces.append(_ESCAPES.get(piece, piece))
        elif match.lastgroup == "quoted":
            pieces.append(_unquoted(piece))
        elif match.lastgroup == "plain":
            pieces.append(piece)
    return "", -1


def _unquoted(text: str) -> str:
    # One replacement after the other, as in Sqitch: so "\\n" becomes a backslash and a line feed, and \" stays.
    for written, meant in (("\\\n", ""), (r"\n", "\n"), (r"\t", "\t"), (r"\b", "\b"), (r"\\", "\\")):
        text = text.replace(written, meant)
    return text


def _error(text: str, path: str, position: int, line: int, reason: str) -> ConfigError:
    start = text.rfind("\n", 0, position) + 1
    bad = text[start:].partition("\n")[0]
    return ConfigError(
        f"Error parsing {path} at line {line + 1}, position {position - start}.\nBad line was: '{redact(bad)}'",
        hint=f"{path}:{line}:{position - start + 1}: {reason.strip()}",
        exit_code=255,
    )
