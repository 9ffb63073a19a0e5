r"""The grammar of a plan's lines: what a name, a timestamp, a dependency and a note look like.

The rules are Sqitch's (``sqitchchanges`` and its plan parser, version 1.5 and later). Every expression here takes time
proportional to the length of the line: runs are possessive (``++``, ``*+``), so that a hostile line of ten megabytes
is refused as fast as it is read. Names may not hold blanks nor ``@ : # \``, so a line needs no look-ahead to be cut.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from typing import NamedTuple

from sqitchpy.model import Dependency
from sqitchpy.patterns import lazy

BLANKS = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Horizontal white space: what separates the parts of a line. A line feed is the only line end."""

SPACES = BLANKS + "\n\v\f\r\x85\u2028\u2029"
"""All white space: what is trimmed off notes. Not ``str.strip()``'s set, which has \\x1c to \\x1f as well."""

PUNCTUATION = "-!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"
"""ASCII punctuation less the underscore: no name begins or ends with one of these."""

B = re.escape(BLANKS)
P = re.escape(PUNCTUATION)
"""The same two sets, for use inside the brackets of an expression."""


def _name(blanks: str) -> str:
    return rf"[^{blanks}{P}][^{blanks}:@\#\\\[]*+(?:\[(?!!?@)[^{blanks}:@\#\\\[]*+|(?!))*+"


NAME = _name(B)
"""What may be a name, by its first character and up to where it must end; ``is_name`` judges the rest.

Sqitch wants a blank between a name and its dependencies only because ``[`` may be part of a name. It never is before
``@tag``, which no name can hold, so ``name[@v1]`` is read as ``name [@v1]``.
"""

TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_USUAL_TIME = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
"""One that is a moment in every month of every year."""


class Patterns(NamedTuple):
    """What the lines of a plan look like, with the blanks that a line can have."""

    line: re.Pattern[str]
    """A change line or a tag line that says everything it must."""
    comment: re.Pattern[str]
    """A comment or a blank line. A lone ``#`` is neither: Sqitch refuses it."""
    pragma: re.Pattern[str]
    """A line of the header: ``%name`` or ``%name=value``."""


@cache
def _patterns(b: str) -> Patterns:
    line = rf"""
        ([{b}]*+)                                 # 1 indentation
        (?: (@) | ([+-]) ([{b}]*+) )?             # 2 the mark of a tag; or 3 an operator and 4 blanks
        ({_name(b)})                                 # 5 name; is_name() judges its end
        ( [{b}]++ | (?=\[!?@) )                  # 6 blanks
        (?: \[ ([^\]\#]++) \] [{b}]*+ )?          # 7 dependencies
        (?= ({_USUAL_TIME})? )                     # 8 timestamp if it surely is a moment
        ({TIME})                                   # 9 timestamp
        (?: [{b}]*+ (?=[^<{b}])                  #   blanks before the planner are skipped,
          | [{b}]* (?=[{b}]{{2}}<) )             #   all but two when there is nothing else (a planner named " ")
        ([^<\#]*+) (?<=[{b}]) <                   # 10 planner and ONE blank: further blanks belong to the name
        ([^>\#]++) >                               # 11 email
        ([{b}]*+) (?: \# [{b}]*+ (.*+) )? \Z     # 12 blanks, 13 note
    """
    comment = rf"([{b}]*+)(?:#[{b}]*(.+)|\Z)"
    pragma = rf"""
        ([{b}]*+) % ([{b}]*+)                                # 1 indentation, 2 blanks after the %
        ( [^{P}{b}] (?: [^={b}\#]*? [^{P}{b}] )? )          # 3 name
        (?: ([{b}]*+) = ([{b}]*+) ([^\#]*[^\#{b}]) )?       # 4 and 5 blanks around the =, 6 value
        ([{b}]*+) (?: \# [{b}]*+ (.*+) )? \Z                 # 7 blanks, 8 note
    """
    return Patterns(re.compile(line, re.VERBOSE), re.compile(comment), re.compile(pragma, re.VERBOSE))


def patterns_for(line: str) -> Patterns:
    """The patterns for a line. Most are ASCII: without the other blanks they are compiled in a fifth of the time."""
    return _patterns(r"\ \t" if line.isascii() else B)


_SYMBOLIC_END = lazy(r"[~/=%^\[\]]\d+\Z")
_SHA1 = lazy(r"[0-9a-f]{40}")
_CLOCK = lazy(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)Z"
)
_ESCAPE = lazy(r"\\([\\nr])")
_UNESCAPED = {"n": "\n", "r": "\r", "\\": "\\"}
_WORD_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})
_NEVER = BLANKS + ":@#\\"
_RUN = lazy(f"[{B}]+")
_RESERVED = frozenset({"HEAD", "ROOT"})

# International Earth Rotation Service, Bulletin C: the days whose last minute had 61 seconds.
_LEAP_SECONDS = frozenset(
    {"1972-06-30", "1972-12-31", "1973-12-31", "1974-12-31", "1975-12-31", "1976-12-31", "1977-12-31", "1978-12-31",
     "1979-12-31", "1981-06-30", "1982-06-30", "1983-06-30", "1985-06-30", "1987-12-31", "1989-12-31", "1990-12-31",
     "1992-06-30", "1993-06-30", "1994-06-30", "1995-12-31", "1997-06-30", "1998-12-31", "2005-12-31", "2008-12-31",
     "2012-06-30", "2015-06-30", "2016-12-31"}
)  # fmt: skip


def is_word(char: str) -> bool:
    r"""Whether Perl's ``\w`` matches: letters, marks, decimal digits, ``_``, joiners. (Python's has no marks.)"""
    if char.isascii():
        return char.isalnum() or char == "_"
    return unicodedata.category(char) in _WORD_CATEGORIES or char in "\u200c\u200d" or "Ⓐ" <= char <= "ⓩ"


def is_name(text: str) -> bool:
    """Whether a change, tag or project may be called so, apart from the reserved names.

    An end like ``~1`` or ``/10`` would read as a symbolic reference and is refused; since Sqitch 1.5 ``[1`` as well.
    """
    if text.isascii() and text.isidentifier():
        return True
    return _is_name_inside(text) and not _SYMBOLIC_END.search(text)


def _is_name_inside(text: str) -> bool:
    """As ``is_name``, for a name that something follows: ``a/1`` is one in ``a/1@v1``, as in Sqitch."""
    if not text or text[0] in PUNCTUATION or not is_word(text[-1]):
        return False
    return not any(char in text for char in _NEVER)


def is_reserved(name: str) -> bool:
    """Whether the name means something in references."""
    return name in _RESERVED


def is_sha1_like(name: str) -> bool:
    """Whether the name begins like an id. Upper-case digits are no id."""
    return len(name) >= 40 and _SHA1.match(name) is not None


def is_timestamp(text: str) -> bool:
    """Whether a text of the shape ``YYYY-MM-DDThh:mm:ssZ`` is a moment that was or will be.

    Second 60 is accepted where there was a leap second, as Sqitch does. The year 0000 is not: neither PostgreSQL nor
    ``datetime`` has it.
    """
    if not _CLOCK.fullmatch(text):
        return False
    if text[17] == "6":
        return text[10:] == "T23:59:60Z" and text[:10] in _LEAP_SECONDS
    return text[8:10] < "29" or _is_date(text[:10])


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_dependency(text: str, project: str) -> Dependency | None:
    """Read one entry of a dependency list; ``None`` when it is none.

    A prefix that names the plan's own project is dropped. A bare change id is refused: Sqitch accepts it and then
    recurses until the memory is exhausted.
    """
    if text.isascii() and text.isidentifier() and len(text) != 40:
        return Dependency(False, None, text, None)
    conflict = text.startswith("!")
    prefix, colon, key = text[conflict:].rpartition(":")
    if colon and not _is_name_inside(prefix):
        return None
    foreign = prefix if prefix != project else None
    if _SHA1.fullmatch(key):
        # Within the own project an id can be no requirement (check.py says so in Sqitch's words), nor a conflict.
        return Dependency(conflict, foreign, None, None, key) if foreign or (colon and not conflict) else None
    change, at, tag = key.partition("@")
    if not key or (at and not is_name(tag)) or (change and not (_is_name_inside if at else is_name)(change)):
        return None
    return Dependency(conflict, foreign or None, change or None, tag or None)


def split_blanks(text: str) -> list[str]:
    """Cut at runs of blanks. An empty first entry is kept, empty last ones are not."""
    entries = text.split(" ")
    if "" not in entries and "\t" not in text and text.isascii():
        return entries  # what nearly every plan has: single blanks
    return _RUN.split(text.rstrip(BLANKS))


def read_note(raw: str) -> str:
    r"""Take a note out of a line: trimmed first, then ``\n``, ``\r`` and ``\\`` unescaped, so escaped ends survive.

    The note ``0`` is kept, and written again; only ids look through it, as Sqitch's do.
    """
    note = raw.strip(SPACES)
    return _ESCAPE.sub(lambda found: _UNESCAPED[found[1]], note) if "\\" in note else note


def write_note(note: str) -> str:
    r"""Bring a note into the form a line holds: the inverse of ``read_note``."""
    return note.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
