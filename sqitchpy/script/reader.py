"""Where the lexer is: in a line, or in the value of a variable that is read in the place of its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

_SJIS = rb"[\x80-\xa0\xe0-\xff][^\n]"
_TWO = rb"[\x80-\xff][^\n]"
_LONG_CHARACTERS = {
    **dict.fromkeys(("sjis", "mskanji", "shiftjis", "win932", "windows932", "shiftjis2004"), _SJIS),
    **dict.fromkeys(("big5", "win950", "windows950", "gbk", "win936", "windows936"), _TWO),
    **dict.fromkeys(("uhc", "win949", "windows949", "johab"), _TWO),
    "gb18030": rb"[\x80-\xff](?:[0-9][^\n]{2}|[^\n])",
}
"""By the names and aliases of PostgreSQL's pg_encname_tbl, written as it compares them."""


@cache
def mask_for(encoding: str) -> Callable[[bytes], bytes] | None:
    r"""What to look at instead of a text in ``encoding``; None when the text itself will do.

    In some client encodings the second byte of a character may be an ASCII byte, a backslash say. As psql does, the
    lexer then looks at a copy of the text in which such bytes are ``\xff``, and takes what it keeps from the original.
    """
    pattern = _LONG_CHARACTERS.get(re.sub("[^0-9a-z]", "", encoding.lower()))
    if pattern is None:
        return None
    characters = re.compile(pattern)

    def hide(character: re.Match[bytes]) -> bytes:
        return character[0][:1] + b"\xff" * (len(character[0]) - 1)

    return lambda text: characters.sub(hide, text)


class _Place(NamedTuple):
    """A place to come back to: behind the name of a variable whose value is being read."""

    line: bytes
    text: bytes
    pos: int
    name: bytes


class Reader:
    """A position in a line and in the values being read in it, as in psql: no token goes from one into the other.

    ``line`` is what is looked at, ``text`` what is kept (the same, but for some encodings); what is before ``kept`` has
    been dealt with.
    """

    __slots__ = ("_outer", "kept", "line", "mask", "pos", "text")

    def __init__(self) -> None:
        self.line = self.text = b""
        self.pos = self.kept = 0
        self.mask: Callable[[bytes], bytes] | None = None
        self._outer: list[_Place] = []

    def begin(self, line: bytes, text: bytes, pos: int) -> None:
        """Go to a new line, at ``pos``; what is before it is still to be kept."""
        self.line, self.text, self.pos, self.kept = line, text, pos, 0

    def push(self, value: bytes, name: bytes) -> None:
        """Read a variable's value next, then go on from here."""
        self._outer.append(_Place(self.line, self.text, self.pos, name))
        self.begin(value if self.mask is None else self.mask(value), value, 0)

    def pop(self) -> bool:
        """Leave a value that is read to its end; false when we are in the line itself."""
        if not self._outer:
            return False
        self.line, self.text, self.pos, _ = self._outer.pop()
        self.kept = self.pos
        return True

    def is_inside(self, name: bytes) -> bool:
        """Whether the value of ``name`` is being read: it is not expanded in itself."""
        return any(place.name == name for place in self._outer)
