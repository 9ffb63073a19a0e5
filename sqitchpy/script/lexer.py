r"""From bytes to statements and meta-commands, by psql's rules.

The law of this module: it splits exactly where psql splits (PostgreSQL's documentation of psql; the rules were checked
against psql itself, see tests/unit/script), and never needs to understand SQL. It reads line by line, because psql
does: a variable's value is read in the place of ``:name``, so it may hold quotes, semicolons, even meta-commands, and
whether ``\if`` is true decides what is read at all.

Everything is bytes. Only ASCII bytes have a meaning here, so any encoding in which ASCII bytes mean ASCII works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from sqitchpy.script.statements import Kind, classify


class Statement(NamedTuple):
    r"""SQL text to be sent, with its semicolon, as psql sends it.

    ``end_line``, the line of the semicolon, is where psql says the statement is.
    ``batch`` is true when parts of it were joined with ``\;`` and so must go to the server in one message.
    """

    text: bytes
    line: int
    end_line: int
    kind: Kind
    batch: bool = False


class Command(NamedTuple):
    r"""A meta-command; its arguments are still to be read with :meth:`Lexer.argument`."""

    name: str
    line: int


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


# Runs of text in which nothing begins or ends: words, numbers, operators; whole strings that hold no backslash (so
# that it does not matter which kind of string they are), and whole groups of parentheses that hold only such.
_PLAIN = rb"[^'\"$;:\\()/\-]++|-(?!-)|/(?!\*)"
_SIMPLE = _PLAIN + rb"|'[^'\\]*+'(?!')|\"[^\"]*+\"(?!\")"
_SKIP = re.compile(rb"(?:" + _SIMPLE + rb"|\((?:" + _SIMPLE + rb")*+\))*+")
# The same up to the next word, for as long as the words matter (see _Words).
_SKIP_TO_WORD = re.compile(rb"(?:[^'\"$;:\\()/\-A-Za-z_0-9\x80-\xff]++|-(?!-)|/(?!\*)|[0-9][0-9A-Za-z_.\x80-\xff]*+)*+")
_WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+")

_SPACE = re.compile(rb"[ \t\r\n\f\v]*+")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_ESCAPED = re.compile(rb"[^\\']*+(?:\\.?[^\\']*+)*+'", re.S)
_DOLLAR_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$")
_WORD_BEFORE = re.compile(rb"[A-Za-z0-9_$\x80-\xff]*\Z")
_VARIABLE = re.compile(
    rb"""::|:=|:(?:\{\?(?P<test>[A-Za-z0-9_\x80-\xff]+)\}|(?P<plain>[A-Za-z0-9_\x80-\xff]+)"""
    rb"""|'(?P<literal>[A-Za-z0-9_\x80-\xff]+)'|"(?P<identifier>[A-Za-z0-9_\x80-\xff]+)")"""
)
_COMMAND_NAME = re.compile(rb"[^ \t\r\n\f\v\\]*+")
_SPLIT = {b"c", b"cf", b"cp", b"co", b"cor", b"corf", b"corp"}


class _Words:
    """Recognises the bodies of SQL-standard functions, in which semicolons do not end the statement.

    As psql does: only the first words of a statement are looked at (CREATE [OR REPLACE] FUNCTION | PROCEDURE); then
    BEGIN, CASE and END outside parentheses are counted.
    """

    __slots__ = ("depth", "seen", "watching")

    def __init__(self) -> None:
        self.seen = b""
        self.watching = True
        self.depth = 0

    def word(self, word: bytes, parens: int) -> None:
        word = word.lower()
        if self.seen in (b"cf", b"cp", b"corf", b"corp"):
            if parens == 0:
                self._count(word)
            return
        known = word in (b"create", b"or", b"replace", b"function", b"procedure")
        self.seen += word[:1] if known else b"?"
        self.watching = self.seen in _SPLIT

    def _count(self, word: bytes) -> None:
        if word == b"begin" or (word == b"case" and self.depth):
            self.depth += 1
        elif word == b"end" and self.depth:
            self.depth -= 1


class Lexer:
    r"""Reads one source of lines. Call :meth:`next` until it returns None.

    After a :class:`Command` its arguments may be read with :meth:`argument` or :meth:`rest_of_line`; what is not read
    is skipped. ``active`` is for ``\if``: while false, text is read but neither kept nor expanded.

    >>> lexer = Lexer(iter([b"SELECT 1; SELECT", b" 2;"]))
    >>> lexer.next().text, lexer.next().text, lexer.next()
    (b'SELECT 1;', b'SELECT\n 2;', None)
    """

    def __init__(self, lines: Iterator[bytes], lookup: Lookup | None = None, *, standard_strings: bool = True) -> None:
        self._lines = lines
        self._lookup = lookup
        self.standard_strings = standard_strings
        self.active = True
        self.line_number = 0
        self._line = b""
        self._pos = 0
        self._kept_to = 0  # where in the line the text not yet in the buffer begins
        self._expansions: list[tuple[bytes, int]] = []
        self._in_command = False
        self._quote: bytes | None = None  # the delimiter of the string or identifier we are in
        self._escapes = False
        self._comment = 0
        self._new_statement()

    def _new_statement(self) -> None:
        self._buffer: list[bytes] = []
        self._started = False
        self._start_line = 0
        self._parens = 0
        self._batch = False
        self._words = _Words()

    # -- what the interpreter uses ------------------------------------------------------------------------------

    def next(self) -> Statement | Command | None:
        """The next statement or meta-command; None at the end of the source."""
        if self._in_command:
            self.end_command()
        while True:
            if self._pos >= len(self._line):
                self._keep(len(self._line))
                if not self._read_line():
                    return self.take()
            item = self._scan()
            if item is not None:
                return item

    def take(self) -> Statement | None:
        r"""What has been read of an unfinished statement, as a statement: for ``\g`` and the end of the source."""
        self._keep(self._pos)
        text = b"".join(self._buffer).rstrip()
        statement = None
        if text:
            kind = classify(text.removesuffix(b";"))
            statement = Statement(text, self._start_line, self.line_number, kind, self._batch)
        self._quote, self._comment = None, 0
        self._new_statement()
        return statement

    def peek(self) -> bytes:
        r"""What has been read of an unfinished statement, for ``\p``."""
        self._keep(self._pos)
        return b"".join(self._buffer)

    def mark(self) -> tuple[int, bool, int, int]:
        r"""The state of the buffer, for ``\if``: what an inactive branch added is forgotten with :meth:`reset`."""
        self._keep(self._pos)
        return len(self._buffer), self._started, self._start_line, self._parens

    def reset(self, mark: tuple[int, bool, int, int]) -> None:
        """Forget what was added to the buffer since ``mark``."""
        length, self._started, self._start_line, self._parens = mark
        del self._buffer[length:]
        self._kept_to = self._pos

    def data_lines(self) -> Iterator[bytes]:
        r"""The lines that follow, up to one that holds only ``\.``: the data of ``COPY … FROM STDIN``."""
        for line in self._lines:
            self.line_number += 1
            if line.startswith(b"\\.") and line.strip() == b"\\.":
                return
            yield line

    # -- lines and the buffer -----------------------------------------------------------------------------------

    def _read_line(self) -> bool:
        line = next(self._lines, None)
        if line is None:
            return False
        self.line_number += 1
        if self.line_number == 1 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        if line.endswith(b"\n"):
            line = line[:-1]
        if self._started and self._buffer:
            self._buffer.append(b"\n")
        self._line, self._pos, self._kept_to = line, 0, 0
        self._expansions.clear()
        return True

    def _keep(self, end: int) -> None:
        if self._started and end > self._kept_to and self.active:
            self._buffer.append(self._line[self._kept_to : end])
        self._kept_to = end

    def _start(self) -> bool:
        """Skip blanks before a statement; true when something else stands at the position."""
        match = _SPACE.match(self._line, self._pos)
        self._pos = self._kept_to = match.end() if match else self._pos
        if self._pos >= len(self._line):
            return False
        if self._line.startswith(b"--", self._pos):
            self._pos = self._kept_to = len(self._line)
            return False
        if self._line.startswith(b"/*", self._pos):
            self._comment = 1
            self._pos += 2
            return False
        if self._line[self._pos] not in b"\\:;":
            self._started, self._start_line = True, self.line_number
        return True

    # -- one line -----------------------------------------------------------------------------------------------

    def _scan(self) -> Statement | Command | None:
        while self._pos < len(self._line):
            if self._comment:
                self._scan_comment()
            elif self._quote is not None:
                self._scan_quoted()
            else:
                if not self._started and not self._start():
                    continue
                item = self._scan_plain()
                if item is not None:
                    return item
        return None

    def _scan_plain(self) -> Statement | Command | None:
        line = self._line
        if self._words.watching:
            match = _SKIP_TO_WORD.match(line, self._pos)
            pos = match.end() if match else self._pos
            word = _WORD.match(line, pos)
            if word and not (line[word.end() : word.end() + 1] in (b"'", b"&") and word.end() - pos == 1):
                self._words.word(word.group(), self._parens)
                self._pos = word.end()
                return None
            if word:
                pos = word.end()
                if line[pos : pos + 1] == b"&":
                    pos += 1
        else:
            match = _SKIP.match(line, self._pos)
            pos = match.end() if match else self._pos
        self._pos = pos
        if pos >= len(line):
            return None
        return self._special(line[pos : pos + 1])

    def _special(self, char: bytes) -> Statement | Command | None:
        if char in (b"'", b'"'):
            self._open_quote(char)
        elif char == b";":
            return self._semicolon()
        elif char == b"\\":
            return self._backslash()
        elif char == b":":
            self._colon()
        elif char == b"$":
            self._dollar()
        elif char == b"-":  # only ever reached as the first of --
            self._pos = len(self._line)
        elif char == b"/":  # likewise of /*
            self._comment = 1
            self._pos += 2
        else:
            self._parens = max(0, self._parens + (1 if char == b"(" else -1))
            self._pos += 1
        return None

    def _semicolon(self) -> Statement | None:
        if self._parens or self._words.depth:
            self._pos += 1
            return None
        self._pos += 1
        statement = self.take() if self._started else None
        self._kept_to = self._pos
        return statement

    def _backslash(self) -> Command | None:
        self._keep(self._pos)
        following = self._line[self._pos + 1 : self._pos + 2]
        if following in (b";", b":"):
            # \; keeps collecting, \: is a colon that is no variable
            self._batch = self._batch or following == b";"
            self._kept_to = self._pos + 1
            self._pos += 2
            return None
        match = _COMMAND_NAME.match(self._line, self._pos + 1)
        end = match.end() if match else self._pos + 1
        name = self._line[self._pos + 1 : end]
        self._pos = self._kept_to = end
        self._in_command = True
        return Command(name.decode("utf-8", "replace"), self.line_number)

    # -- quotes and comments ------------------------------------------------------------------------------------

    def _open_quote(self, char: bytes) -> None:
        before = self._line[max(0, self._pos - 2) : self._pos]
        prefix = before[-1:].lower()
        alone = not _WORD.match(before[:1]) and before[:1] not in b"0123456789$" if len(before) == 2 else True
        self._quote = char
        if char == b"'":
            own_kind = prefix in (b"b", b"x") and alone
            unicode_kind = before.lower() == b"u&"
            plain_escapes = not self.standard_strings and not own_kind and not unicode_kind
            self._escapes = (prefix == b"e" and alone) or plain_escapes
        else:
            self._escapes = False
        self._pos += 1

    def _scan_quoted(self) -> None:
        quote = self._quote
        assert quote is not None
        if self._escapes:
            match = _ESCAPED.match(self._line, self._pos)
            end = match.end() - 1 if match else -1
        else:
            end = self._line.find(quote, self._pos)
        if end < 0:
            self._pos = len(self._line)
            return
        self._pos = end + len(quote)
        if len(quote) == 1 and self._line[self._pos : self._pos + 1] == quote:
            self._pos += 1  # doubled: still inside
            return
        self._quote = None

    def _scan_comment(self) -> None:
        match = _COMMENT_EDGE.search(self._line, self._pos)
        if match is None:
            self._pos = len(self._line)
        else:
            self._comment += 1 if match.group() == b"/*" else -1
            self._pos = match.end()
        if not self._started:
            self._kept_to = self._pos

    def _dollar(self) -> None:
        tag = _DOLLAR_TAG.match(self._line, self._pos)
        if tag is None or self._inside_word():
            self._pos += 1
            return
        self._quote, self._escapes = tag.group(), False
        self._pos = tag.end()

    def _inside_word(self) -> bool:
        """Whether the ``$`` at the position belongs to an identifier (``a$b$``) and so opens nothing."""
        before = _WORD_BEFORE.search(self._line, max(0, self._pos - 128), self._pos)
        word = before.group() if before else b""
        return bool(word) and word[:1] not in b"0123456789$"

    # -- variables ----------------------------------------------------------------------------------------------

    def _colon(self) -> None:
        match = _VARIABLE.match(self._line, self._pos)
        if match is None or match.lastgroup is None:
            self._begin_if_needed()
            self._pos += len(match.group()) if match else 1
            return
        value = self._expand(match) if self.active else None
        if value is None:
            self._begin_if_needed()
            self._pos += 1
            return
        self._keep(self._pos)
        if match.lastgroup == "plain":
            self._expansions.append((match.group("plain"), len(self._line) - match.end()))
            self._line = value + self._line[match.end() :]
            self._pos = self._kept_to = 0
            return
        self._begin_if_needed()
        self._buffer.append(value)
        self._pos = self._kept_to = match.end()

    def _begin_if_needed(self) -> None:
        if not self._started:
            self._started, self._start_line = True, self.line_number

    def _expand(self, match: re.Match[bytes]) -> bytes | None:
        if self._lookup is None:
            return None
        kind = match.lastgroup
        if kind == "test":
            return b"TRUE" if self._lookup.value(match.group("test")) is not None else b"FALSE"
        if kind == "literal":
            return self._lookup.literal(match.group("literal"))
        if kind == "identifier":
            return self._lookup.identifier(match.group("identifier"))
        name = match.group("plain")
        left = len(self._line) - self._pos
        while self._expansions and self._expansions[-1][1] >= left:
            self._expansions.pop()
        if any(name == outer for outer, _ in self._expansions):
            return None  # psql: "skipping recursive expansion of variable"
        return self._lookup.value(name)

    # -- arguments of meta-commands -----------------------------------------------------------------------------

    def argument(self) -> bytes | None:
        r"""The next argument of the current command, by psql's rules; None when there is none left.

        ``'…'`` knows C's escapes, ``"…"`` is kept with its quotes, ``:name`` and backquotes are replaced, ``\\`` ends
        the arguments.
        """
        match = _SPACE.match(self._line, self._pos)
        self._pos = match.end() if match else self._pos
        if self._pos >= len(self._line) or self._line.startswith(b"\\", self._pos):
            return None
        parts: list[bytes] = []
        while self._pos < len(self._line):
            char = self._line[self._pos : self._pos + 1]
            if char in b" \t\r\f\v\\":
                break
            parts.append(self._argument_part(char))
        return b"".join(parts)

    def _argument_part(self, char: bytes) -> bytes:
        if char == b"'":
            return self._quoted_argument()
        if char == b'"':
            return self._through(b'"')
        if char == b"`":
            text = self._through(b"`")[1:-1]
            return self._lookup.shell(text) if self._lookup and self.active else b""
        if char == b":":
            match = _VARIABLE.match(self._line, self._pos)
            value = self._expand(match) if match and match.lastgroup and self.active else None
            if match and value is not None:
                self._pos = match.end()
                return value
        self._pos += 1
        return char

    def _through(self, delimiter: bytes) -> bytes:
        end = self._line.find(delimiter, self._pos + 1)
        if end < 0:
            raise UnterminatedArgument(self.line_number)
        text = self._line[self._pos : end + 1]
        self._pos = end + 1
        return text

    def _quoted_argument(self) -> bytes:
        match = re.compile(rb"'((?:[^'\\]|\\.|'')*)'", re.S).match(self._line, self._pos)
        if match is None:
            raise UnterminatedArgument(self.line_number)
        self._pos = match.end()
        return _unescape(match.group(1))

    def rest_of_line(self) -> bytes:
        r"""Everything after the command, as it is: for commands that take a whole line (``\!``, ``\copy``)."""
        rest = self._line[self._pos :].strip()
        self._pos = self._kept_to = len(self._line)
        self._in_command = False
        return rest

    def end_command(self) -> None:
        r"""Skip what was not read of the current command's arguments, up to ``\\`` or the end of the line."""
        end = self._line.find(b"\\", self._pos)
        if end < 0:
            self._pos = len(self._line)
        else:
            self._pos = end + 2 if self._line.startswith(b"\\\\", end) else end
        self._kept_to = self._pos
        self._in_command = False


class UnterminatedArgument(Exception):
    """A quoted argument of a meta-command does not end on its line."""

    def __init__(self, line: int) -> None:
        super().__init__("unterminated quoted string")
        self.line = line


_ESCAPES = {b"n": b"\n", b"t": b"\t", b"b": b"\b", b"r": b"\r", b"f": b"\f"}
_ESCAPE = re.compile(rb"''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.S)


def _unescape(text: bytes) -> bytes:
    def replace(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, char = match.groups()
        if octal:
            return bytes([int(octal, 8) & 0xFF])
        if hexadecimal:
            return bytes([int(hexadecimal, 16)])
        return b"'" if char is None else _ESCAPES.get(char, char)

    return _ESCAPE.sub(replace, text)
