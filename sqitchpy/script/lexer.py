r"""From bytes to statements and meta-commands, by psql's rules.

The law of this module: it splits exactly where psql splits (PostgreSQL's src/fe_utils/psqlscan.l and
src/bin/psql/mainloop.c; tests/interop/test_lexer_psql.py listens to what the real psql sends), and never needs to
understand SQL. It reads line by line, because psql does: a variable's value is read in the place of ``:name``, so it
may hold quotes, semicolons, even meta-commands, and whether ``\if`` is true decides what is read at all.

Everything is bytes, in any client encoding that psql has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqitchpy.script import tokens
from sqitchpy.script.arguments import Lookup, UnterminatedArgument, expand, read_argument, rest_of_line
from sqitchpy.script.blocks import Blocks
from sqitchpy.script.nesting import Nesting
from sqitchpy.script.reader import Reader, mask_for
from sqitchpy.script.statements import Kind, classify, is_empty

__all__ = ["Command", "Lexer", "Lookup", "Mark", "Statement", "UnterminatedArgument"]


class Statement(NamedTuple):
    r"""SQL text to be sent, with its semicolon, as psql sends it, but for comments that stand before it.

    ``line`` is where its text begins; ``end_line``, the line of the semicolon, is where psql says the statement is.
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


class Mark(NamedTuple):
    """What was read of a statement at some moment."""

    length: int = 0
    started: bool = False
    start_line: int = 0
    parens: int = 0
    blocks: int = 0
    words: str = ""


class Lexer:
    r"""Reads one source of lines, given in pieces of one or more. Call :meth:`next` until it returns None.

    After a :class:`Command` its arguments may be read with :meth:`argument` or :meth:`rest_of_line`; what is not read
    is skipped. ``active`` is for ``\if``: while false, text is read but neither kept nor expanded.
    ``standard_strings`` and ``encoding`` are the session's standard_conforming_strings and client_encoding; as in
    psql, a change counts from the next line on.

    >>> lexer = Lexer(iter([b"SELECT 1; SELECT\n", b" 2;"]))
    >>> lexer.next().text, lexer.next().text, lexer.next()
    (b'SELECT 1;', b'SELECT\n 2;', None)
    """

    def __init__(self, lines: Iterator[bytes], lookup: Lookup | None = None, *, standard_strings: bool = True) -> None:
        self._blocks = Blocks(lines)
        self._lookup = lookup
        self.standard_strings = standard_strings
        self.encoding = "UTF8"
        self.active = True
        self._at = Reader()
        self._nesting = Nesting()
        self._in_command = False
        self._between_lines = True
        self._new_statement()

    def _new_statement(self) -> None:
        self._buffer: list[bytes] = []
        self._started = False
        self._start_line = 0
        self._batch = False
        self._nesting.leave()

    @property
    def encoding(self) -> str:
        """The session's client_encoding."""
        return self._encoding

    @encoding.setter
    def encoding(self, name: str) -> None:
        self._encoding, self._mask = name, mask_for(name)

    @property
    def line_number(self) -> int:
        """The line that was read last."""
        return self._blocks.number

    # -- what the interpreter uses ------------------------------------------------------------------------------

    def next(self) -> Statement | Command | None:
        """The next statement or meta-command; None at the end of the source."""
        if self._between_lines and self.active and not self._mask:
            if found := self._blocks.statement():
                return _simple(*found)
            if self._blocks.at_end:
                return None
        self._between_lines = False
        if self._in_command:
            self.end_command()
        at = self._at
        while True:
            if at.pos < len(at.line):
                item = self._scan()
                if item is not None:
                    return item
            self._keep(at.pos)
            if at.pop():
                continue
            read = self._read_lines()
            if isinstance(read, Statement):
                return read
            if not read:
                return self.take()

    def _next_simple(self) -> Statement | None:
        """The next statement if it begins with a line, ends with one and is simple. Only between statements."""
        found = None if self._mask else self._blocks.statement()
        self._between_lines = found is not None
        return _simple(*found) if found else None

    def take(self) -> Statement | None:
        r"""What has been read of an unfinished statement, as a statement: for ``\g`` and the end of the source."""
        text = self.peek().rstrip()
        if self._nesting.comment and not self._started and self.active:
            text, self._start_line = b"/*", self.line_number  # the server complains of it, as it does to psql
        statement = None
        if text and not is_empty(text):
            statement = Statement(text, self._start_line, self.line_number, classify(text), self._batch)
        self._new_statement()
        return statement

    def peek(self) -> bytes:
        r"""What has been read of an unfinished statement, for ``\p``."""
        self._keep(self._at.pos)
        return b"".join(self._buffer)

    def mark(self) -> Mark:
        r"""The state of the buffer, for ``\if``: what an inactive branch added is forgotten with :meth:`reset`."""
        self._keep(self._at.pos)
        nesting = self._nesting
        return Mark(len(self._buffer), self._started, self._start_line, nesting.parens, nesting.blocks, nesting.words)

    def reset(self, mark: Mark) -> None:
        """Forget what was added to the buffer since ``mark``, as psql does from version 18 on."""
        length, self._started, self._start_line, self._nesting.parens, self._nesting.blocks, words = mark
        self._nesting.watch(words)
        del self._buffer[length:]
        self._at.kept = self._at.pos

    def data_lines(self) -> Iterator[bytes]:
        r"""The lines that follow, up to one that holds only ``\.``: the data of ``COPY … FROM STDIN``, in pieces."""
        return self._blocks.data()

    def argument(self) -> bytes | None:
        """The next argument of the current command, None when there is none left. Raises UnterminatedArgument."""
        return read_argument(self._at, self._lookup if self.active else None, self.line_number)

    def rest_of_line(self) -> bytes:
        r"""Everything after the command, as it is: for commands that take a whole line (``\!``, ``\copy``)."""
        rest = rest_of_line(self._at)
        self._leave_command()
        return rest

    def end_command(self) -> None:
        r"""Skip what was not read of the current command's arguments, up to ``\\`` or the end of the line."""
        at = self._at
        try:
            while read_argument(at, None, self.line_number) is not None:
                pass
        except UnterminatedArgument:
            rest_of_line(at)
        if at.line.startswith(b"\\\\", at.pos):
            at.pos += 2
        self._leave_command()

    def _leave_command(self) -> None:
        at = self._at
        self._in_command = False
        if at.pos == len(at.line) and at.line.endswith(b"\n"):  # the line's end is none of the command's
            at.pos -= 1
        at.kept = at.pos

    # -- lines and the buffer -----------------------------------------------------------------------------------

    def _read_lines(self) -> Statement | bool:
        """Read on to a line that needs a closer look, and say True; False at the end.

        A statement on the way is returned, if it begins and ends with a line.
        """
        at, nesting, append, blocks = self._at, self._nesting, self._buffer.append, self._blocks
        mask = at.mask = self._mask
        nesting.plain_escapes = not self.standard_strings
        closer_look = not self.active or (nesting.comment > 0 and not self._started)
        while True:
            if not self._started and not closer_look and (statement := self._next_simple()):
                return statement
            if not (text := blocks.line()):
                return False
            if nesting.quote is not None and not closer_look:
                text = self._through_quoted_lines(text, nesting.quote)
            line = text if mask is None else mask(text)
            begin = end = 0
            if self._started and not closer_look:
                end = nesting.through(line, 0)
                if end < len(line):
                    break
                append(text)
                continue
            match = None if closer_look else tokens.BEGINNING.match(line)
            if match is None:
                break
            if match.lastgroup is None:  # nothing in it
                continue
            begin, end = match.start(match.lastgroup), match.end()
            self._begin()
            end = nesting.begin(line, begin, end, match.lastgroup)
            if end < len(line):
                break
            append(text[begin:])
        if self._started and not closer_look and line[end:] in tokens.ENDS:
            append(text[begin : end + 1])
            return self.take() or True
        at.begin(line, text, end)
        at.kept = begin
        return True

    def _through_quoted_lines(self, text: bytes, quote: bytes) -> bytes:
        """Keep ``text`` and the lines behind it in which a quote cannot end; the line in which it may."""
        if quote in text:
            return text
        self._buffer.append(text)
        while lines := self._blocks.lines_without(quote):
            self._buffer.append(lines)
        return self._blocks.line()

    def _keep(self, end: int) -> None:
        at = self._at
        if self._started and end > at.kept and self.active and not self._in_command:
            self._buffer.append(at.text[at.kept : end])
        at.kept = end

    def _begin(self) -> None:
        if not self._started:
            self._started, self._start_line = True, self.line_number

    def _begins(self) -> bool:
        """Skip blanks and comments before a statement; true when something else stands at the position."""
        at = self._at
        lead = tokens.LEAD.match(at.line, at.pos)
        at.pos = at.kept = lead.end() if lead else at.pos
        if at.pos >= len(at.line):
            return False
        if at.line.startswith(b"/*", at.pos) and not at.line.startswith(b"/*+", at.pos):  # that is a planner's hint
            self._nesting.comment = 1
            at.pos += 2
            return False
        if at.line[at.pos] not in b"\\;" and not tokens.VARIABLE.match(at.line, at.pos):
            self._begin()
        return True

    # -- one line -----------------------------------------------------------------------------------------------

    def _scan(self) -> Statement | Command | None:
        """Read on in the line, to its end or that of a statement, or to a meta-command."""
        at, nesting = self._at, self._nesting
        while at.pos < len(at.line):
            if not self._started:
                if nesting.comment:
                    at.pos = at.kept = nesting.through_comment(at.line, at.pos)
                    continue
                if not self._begins():
                    continue
            at.pos = nesting.through(at.line, at.pos)
            char = at.line[at.pos : at.pos + 1]
            item: Statement | Command | None = None
            if char == b";":
                item = self._semicolon()
            elif char == b"\\":
                item = self._backslash()
            elif char:
                self._colon()
            if item is not None:
                return item
        return None

    def _semicolon(self) -> Statement | None:
        at = self._at
        at.pos += 1
        if not self.active:
            self._nesting.watch("")
            return None
        statement = self.take() if self._started else None
        if at.pos + 1 == len(at.line) and at.line.endswith(b"\n"):
            at.pos += 1
        at.kept = at.pos
        return statement

    def _backslash(self) -> Command | None:
        at = self._at
        following = at.line[at.pos + 1 : at.pos + 2]
        self._keep(at.pos)
        if following in (b";", b":"):  # \; goes on collecting, \: is a colon that is no variable
            self._begin()
            at.kept = at.pos + 1
            at.pos += 2
            if following == b";":
                self._batch = self._batch or self.active
                self._nesting.watch("")
            return None
        name = tokens.COMMAND_NAME.match(at.line, at.pos + 1)
        end = name.end() if name else at.pos + 1
        text = at.text[at.pos + 1 : end]
        at.pos = at.kept = end
        self._in_command = True
        return Command(text.decode("utf-8", "replace"), self.line_number)

    # -- variables ----------------------------------------------------------------------------------------------

    def _colon(self) -> None:
        at = self._at
        match = tokens.VARIABLE.match(at.line, at.pos)
        value = expand(match, self._lookup) if match and self.active else None
        if match is None or value is None or (match["plain"] and at.is_inside(match["plain"])):
            self._begin()
            at.pos = match.end() if match else at.pos + 1
            return
        self._keep(at.pos)
        at.pos = at.kept = match.end()
        if match["plain"]:
            at.push(value, match["plain"])
        elif value:
            self._begin()
            if self.active:
                self._buffer.append(value)


def _simple(text: bytes, line: int, end_line: int, first_word: bytes) -> Statement:
    return Statement(text, line, end_line, classify(text, first_word))
