r"""From bytes to statements and client commands, by the rules of the mysql client.

The law of this module: it splits exactly where ``mariadb`` 10.11 splits in batch mode (MariaDB's client/mysql.cc; what
the real client sends is listened to in tests/integration/test_mysql_reader.py), and never needs to understand SQL. As
the client does, it leaves comments out, but for conditional ones, and takes ``delimiter`` for its command wherever it
stands outside of strings and comments.

Everything is bytes, in any encoding in which a byte below 0x80 is ASCII (not so gbk, big5 and sjis).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

BLANKS = b" \t\n\v\f\r"
_NOT_PRINTED = bytes(range(33)) + b"\x7f"
_MARK = b"\xef\xbb\xbf"
_DELIMITER_LENGTH = 15
_BY_SIGN = {
    b"?": "help",
    b"C": "charset",
    b"c": "clear",
    b"r": "connect",
    b"d": "delimiter",
    b"e": "edit",
    b"G": "ego",
    b"q": "exit",
    b"g": "go",
    b"h": "help",
    b"n": "nopager",
    b"t": "notee",
    b"w": "nowarning",
    b"P": "pager",
    b"p": "print",
    b"R": "prompt",
    b"#": "rehash",
    b"-": "sandbox",
    b".": "source",
    b"s": "status",
    b"!": "system",
    b"T": "tee",
    b"u": "use",
    b"W": "warnings",
}
_WITH_ARGUMENTS = frozenset(
    ("charset", "connect", "delimiter", "help", "pager", "prompt", "source", "system", "tee", "use")
)
_BY_NAME = {name.encode(): name for name in _BY_SIGN.values()} | {b"quit": "exit", b"?": "help"}


@dataclass(slots=True)
class Mode:
    """What of the session's ``sql_mode`` decides how text is read."""

    ansi_quotes: bool = False
    no_backslash_escapes: bool = False


class Sent(NamedTuple):
    r"""A statement for the server; ``upright`` when ``\G`` ends it."""

    text: bytes
    line: int
    upright: bool = False


class Command(NamedTuple):
    r"""A command of the client: its name, and the text that begins with it. Name ``""`` for one that does not exist."""

    name: str
    text: bytes
    line: int


class Scanner:
    """Reads one file, line by line. The ``delimiter`` lasts beyond it, as in the client."""

    def __init__(self, mode: Mode, delimiter: bytes = b";") -> None:
        self._mode = mode
        self.delimiter = delimiter
        self._buffer: list[bytes] = []
        self._quote = b""
        self._in_comment = False
        self._in_condition = False
        self._need_blank = False
        self._number = 0
        self._since = 0
        self._flushed = 0
        self._ended = False

    def read(self, blocks: Iterator[bytes]) -> Iterator[Sent | Command]:
        """What the file holds; ``blocks`` are pieces of it, each of one or more whole lines."""
        for line in _lines(blocks):
            self._number += 1
            free = not (self._buffer or self._quote or self._in_comment)
            if free and (name := _named(line, self.delimiter)):
                yield from self._obey(name, line)
            else:
                yield from self._add(line)
            if self._ended:
                break
        yield from self._send()

    # -- one line -------------------------------------------------------------------------------------------------

    def _add(self, line: bytes) -> Iterator[Sent | Command]:
        """Read a line that is no command as a whole (``add_line`` of the client)."""
        at, end = 0, len(line)
        self._in_condition = self._need_blank = False
        self._flush()
        while at < end and not self._ended:
            if self._in_comment:
                at = self._skip_comment(line, at)
            elif self._quote:
                at = self._read_string(line, at)
            else:
                plain = _plain(self.delimiter).match(line, at if self._buffer else _behind_blanks(line, at))
                assert plain is not None, "it matches the empty text, too"
                self._keep(plain[0])
                at = plain.end()
                if at < end:
                    at = yield from self._read_special(line, at)
        if self._buffer and not self._in_comment and (self._quote or not self._is_delimiter_command(line)):
            self._buffer.append(b"\n")

    def _flush(self) -> None:
        """What was read of the line so far is beyond recall (``is_delimiter_command`` looks at what is not)."""
        self._flushed = len(self._buffer)

    def _forget(self) -> None:
        self._buffer.clear()
        self._flush()

    def _is_delimiter_command(self, line: bytes) -> bool:
        retained = b"".join(self._buffer[self._flushed :])[:9]
        looked_at = retained + b"\n" + line[len(retained) + 1 :]  # the client has put the line's end there
        return looked_at[:9].lower() == b"delimiter"

    def _keep(self, text: bytes) -> None:
        if not text:
            return
        if self._need_blank and text[:1] not in BLANKS:
            text = b" " + text
        self._need_blank = False
        if not self._buffer:
            self._since = self._number
        self._buffer.append(text)

    def _skip_comment(self, line: bytes, at: int) -> int:
        found = _IN_COMMENT.search(line, at)
        if found is None:
            return len(line)
        if found[0] == b"/*!":  # in a comment, too
            self._in_condition = True
        elif found[0] == b"*/":
            if self._in_condition:  # begun on this line: the client takes this for its end
                self._in_condition = False
                return found.start() + 1
            self._in_comment, self._need_blank = False, True
            self._flush()
        return found.end()

    def _read_string(self, line: bytes, at: int) -> int:
        literal = (
            self._mode.no_backslash_escapes or self._quote == b"`" or (self._quote == b'"' and self._mode.ansi_quotes)
        )
        found = _STRING_END[self._quote, literal].match(line, at)
        assert found is not None, "it matches the empty text, too"
        self._keep(found[0])
        at = found.end()
        if found["end"]:
            self._quote = b""
        elif at < len(line):  # a backslash ends the line
            at += 1
        return at

    def _read_special(self, line: bytes, at: int) -> Generator[Sent | Command, None, int]:
        """Read something that is more than text; where to go on."""
        if line[at] == _BACKSLASH:
            return (yield from self._read_backslash(line, at))
        if line.startswith(self.delimiter, at):
            at += len(self.delimiter)
            self._flush()
            yield from self._delimited()
            return at
        if _LINE_COMMENT.match(line, at) or (not self._buffer and line.startswith(b"--", at)):
            self._flush()
            return len(line)
        if line.startswith(b"/*", at) and not line.startswith((b"/*!", b"/*M!"), at):
            self._flush()
            self._in_comment = True
            return at + 2
        if line.startswith(b"/*!", at):
            self._in_condition = True
        elif line.startswith(b"*/", at):
            self._in_condition = False
        character = line[at : at + 1]
        if character in (b"'", b'"', b"`"):
            self._quote = character
        self._keep(character)
        return at + 1

    # -- commands -------------------------------------------------------------------------------------------------

    def _read_backslash(self, line: bytes, at: int) -> Generator[Sent | Command, None, int]:
        sign = line[at + 1 : at + 2]
        if not sign:
            return len(line)
        if sign == b"N":  # short for NULL
            need_blank, self._need_blank = self._need_blank, False
            self._keep(b"\\N")
            self._need_blank = need_blank
            return at + 2
        self._flush()
        name = _BY_SIGN.get(sign, "")
        if name not in _WITH_ARGUMENTS:
            yield from self._obey(name, line[at : at + 2])
            return at + 2
        yield from self._obey(name, line[at:])
        if self._in_condition:
            found = line.find(b"*/", at + 2)
            return found if found >= 0 else len(line)
        found = line.find(self.delimiter, at + 2)
        return found + len(self.delimiter) if found >= 0 else len(line)

    def _delimited(self) -> Iterator[Sent | Command]:
        """At a delimiter: what was read is a statement, or a command after all."""
        text = b"".join(self._buffer[:3])
        if (name := _named(text, self.delimiter)) and (name := _named(b"".join(self._buffer), self.delimiter)):
            yield from self._obey(name, b"".join(self._buffer))
        else:
            yield from self._send()
        if not self._ended:
            self._forget()

    def _obey(self, name: str, text: bytes) -> Iterator[Sent | Command]:
        if name in ("go", "ego"):
            yield from self._send(upright=name == "ego")
        elif name == "exit":
            self._ended = True
        elif name == "delimiter" and not _UNCLOSED.match(text) and (wanted := argument(text)) and b"\\" not in wanted:
            self.delimiter = wanted[:_DELIMITER_LENGTH]
        else:
            if name in ("clear", "source"):
                self._forget()
            yield Command(name, text, self._number)

    def _send(self, *, upright: bool = False) -> Iterator[Sent]:
        text = b"".join(self._buffer).rstrip(_NOT_PRINTED)
        self._forget()
        if text:
            yield Sent(text, self._since, upright)


_BACKSLASH = ord("\\")
_LINE_COMMENT = re.compile(rb"#|--(?=[ \t\n\v\f\r]|\Z)")
_IN_COMMENT = re.compile(rb"/\*!|/\*(?!M!)|\*/")
_STRING_END = {
    (quote, literal): re.compile(rb"[^%b]*+(?P<end>%b)?" % (quote, quote))
    if literal
    else re.compile(rb"[^%b\\]*+(?:\\[\s\S][^%b\\]*+|(?!))*+(?P<end>%b)?" % (quote, quote, quote))
    for quote in (b"'", b'"', b"`")
    for literal in (True, False)
}


@lru_cache(maxsize=64)
def _plain(delimiter: bytes) -> re.Pattern[bytes]:
    """What is nothing but text, up to something special; strings without backslashes are in it."""
    signs = set(b"\\'\"`#-/*") | {delimiter[0]}
    other = b"".join(re.escape(bytes([sign])) for sign in sorted(signs))
    return re.compile(
        rb"(?:(?!%b)(?:[^%b]+|'[^'\\]*'|\"[^\"\\]*\"|`[^`]*`|-(?!-)|/(?!\*)|\*(?!/)|%b)|(?!))*+"
        % (re.escape(delimiter), other, _first_of(delimiter))
    )


def _first_of(delimiter: bytes) -> bytes:
    """The delimiter's first byte, where it is none of the special ones and does not begin a delimiter."""
    return rb"(?!)" if delimiter[:1] in b"\\'\"`#-/*" else re.escape(delimiter[:1])


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, without their ends."""
    first = True
    for block in blocks:
        if first:
            block, first = block.removeprefix(_MARK), False
        *whole, last = block.split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
        if last:
            yield last


def _behind_blanks(line: bytes, at: int) -> int:
    found = _BLANK.match(line, at)
    return found.end() if found else at


def _named(text: bytes, delimiter: bytes) -> str:
    r"""The command that a line, or a whole statement, is (``find_command`` of the client); empty when it is none."""
    found = _FIRST_WORD.match(text)
    name = _BY_NAME.get(found["word"].lower(), "") if found else ""
    if not name or found is None:
        return ""
    if b"\\g" in text or (delimiter in text and name != "delimiter"):
        return ""
    return name if name in _WITH_ARGUMENTS or not text[found.end() :].strip(BLANKS) else ""


_BLANK = re.compile(rb"[ \t\n\v\f\r]*")
_FIRST_WORD = re.compile(rb"[ \t\n\v\f\r]*(?P<word>[^ \t]+)")


def argument(text: bytes) -> bytes:
    """The first argument of a command (``get_arg`` of the client): up to a blank, or in quotes; a backslash goes."""
    found = _ARGUMENT.match(text)
    if found is None:
        return b""
    word = found["quoted"] if found["quote"] else found["bare"]
    return re.sub(rb"\\([\s\S])", rb"\1", word)


_UNCLOSED = re.compile(rb"[ \t\n\v\f\r]*(?:\\.|[^ \t\n\v\f\r]*)[ \t\n\v\f\r]*(?P<quote>['\"`])(?![\s\S]+(?P=quote))")
"""A quote that is not closed, or has nothing in it: the client does not take such a line for a command."""
_ARGUMENT = re.compile(
    rb"[ \t\n\v\f\r]*(?:\\.|[^ \t\n\v\f\r]*)[ \t\n\v\f\r]*"
    rb"(?:(?P<quote>['\"`])(?P<quoted>(?:(?!(?P=quote))(?:\\[\s\S]|[\s\S]))*)|(?P<bare>(?:\\[\s\S]|[^ ])*))"
)


def file_name(text: bytes) -> bytes:
    """The file that ``source`` names: all that follows the first blank."""
    return text.strip(BLANKS).partition(b" ")[2].lstrip(BLANKS).rstrip(_NOT_PRINTED)
