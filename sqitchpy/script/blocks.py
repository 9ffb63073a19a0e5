"""The lines of a source, in blocks: what can be taken in one go is, and everything else goes line by line."""

from __future__ import annotations

from collections.abc import Iterator

from sqitchpy.script import tokens

_MARK = b"\xef\xbb\xbf"
_ENDS = (b";\n", b";\r\n")


class Blocks:
    """A position between two lines of a source. ``blocks`` are pieces of it, each of one or more whole lines."""

    __slots__ = ("_block", "_blocks", "_pos", "number")

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block: bytes | None = None
        self._pos = 0
        self.number = 0
        """How many lines are behind us."""

    def _more(self) -> bytes:
        """The block that the position is in, with something left of it; empty at the end of the source."""
        block = self._block
        if block is None:
            block = next(self._blocks, b"")
            self.number += block == _MARK  # a line, too
            block = self._block = block.removeprefix(_MARK)
        while self._pos >= len(block):
            block, self._pos = next(self._blocks, b""), 0
            self._block = block
            if not block:
                break
        return block

    def _go(self, end: int) -> int:
        """Go to a line further down in the block; where we come from."""
        start, self._pos = self._pos, end
        if self._block:
            self.number += self._block.count(b"\n", start, end)
            self.number += end == len(self._block) and not self._block.endswith(b"\n")
        return start

    @property
    def at_end(self) -> bool:
        """Whether the source is known to have no more lines."""
        return self._block == b""

    def line(self) -> bytes:
        """The next line, with its end; empty at the end of the source."""
        block, start = self._more(), self._pos
        if not block:
            return b""
        end = block.find(b"\n", start) + 1 or len(block)
        self._pos = end
        self.number += 1
        return block if end - start == len(block) else block[start:end]

    def lines_without(self, sign: bytes) -> bytes:
        """The lines before the next one that holds ``sign``, or some of them; empty when the next line holds it."""
        block = self._more()
        found = block.find(sign, self._pos)
        end = len(block) if found < 0 else block.rfind(b"\n", self._pos, found) + 1 or self._pos
        return block[self._go(end) : end]

    def statement(self) -> tuple[bytes, int, int, bytes] | None:
        """The next statement, if it is whole and simple; or come a bit nearer to it, past blanks and comments.

        Simple are statements of words, strings without backslashes, parentheses and dollar quotes, which begin and end
        with a line, and hold no meta-command and no variable. They mean the same whatever the variables are. Comes
        with the lines in which it begins and ends, and with its first word; that of CREATE FUNCTION is FUNCTION.
        """
        block, pos = self._block, self._pos
        if block is None or pos >= len(block):
            block, pos = self._more(), self._pos
        match = tokens.STATEMENT.match(block, pos)
        if match is None or (group := match.lastgroup) is None:
            self._skip_lines(match.end() if match else pos)
            return None
        start, end = match.start(group), match.end()
        if not block.startswith(_ENDS, end):
            end = _through_bodies(block, end, is_function=group == "function")
            if not block.startswith(_ENDS, end):
                self._skip_lines(start)
                return None
        line = self.number + 1
        if start > pos:
            line += block.count(b"\n", pos, start)
        self.number = line + block.count(b"\n", start, end)
        self._pos = block.index(b"\n", end) + 1
        return block[start : end + 1], line, self.number, match["word"] or b"FUNCTION"

    def _skip_lines(self, end: int) -> None:
        """Go to the beginning of the line of a place further down in the block."""
        if self._block:
            self._go(self._block.rfind(b"\n", self._pos, end) + 1 or self._pos)

    def data(self) -> Iterator[bytes]:
        r"""The lines up to one that holds only ``\.``, in pieces of whole lines."""
        while block := self._more():
            start = end = self._pos
            while not (mark := tokens.DATA_END.match(block, end)):
                end = block.find(b"\n\\.", end) + 1
                if not end:
                    break
            end = end if mark else len(block)
            self._go(mark.end() if mark else end)
            if end > start:
                yield block[start:end]
            if mark:
                return


def _through_bodies(text: bytes, pos: int, *, is_function: bool) -> int:
    """Read on, and through dollar quotes that end in ``text``, to something else that is special.

    In CREATE FUNCTION also to where a BEGIN may stand: behind it semicolons would not end the statement.
    """
    while skipped := tokens.SKIP.match(text, pos):
        if is_function and b"begin" in skipped[0].lower():
            return pos
        pos = skipped.end()
        tag = tokens.LONE_DOLLAR_TAG.match(text, pos) if text.startswith(b"$", pos) else None
        closing = text.find(tag[0], tag.end()) if tag else -1
        if tag is None or closing < 0:
            break
        pos = closing + len(tag[0])
    return pos
