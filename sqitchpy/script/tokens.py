r"""The patterns of psql's lexer (PostgreSQL's src/fe_utils/psqlscan.l says what they must match).

The long ones skip, in one go, text in which nothing begins or ends that the lexer has to know of. None of them can
backtrack (every repetition is possessive), so each reads its text once. Possessive groups end in ``|(?!)``, which
matches nothing: without it Python 3.11.0 to 3.11.4 takes what the group's last, failed turn had read, too.
"""

from __future__ import annotations

import re

_WORD_BYTE = rb"A-Za-z0-9_\x80-\xff"
_IDENTIFIER = rb"[A-Za-z_\x80-\xff][$" + _WORD_BYTE + rb"]*+"
_NUMBER = rb"[0-9](?:_?[0-9]|(?!))*+(?:" + _IDENTIFIER + rb")?"

_END_OF_WORD = rb"(?![$" + _WORD_BYTE + rb"])"

# Numbers, operators, blanks, comments to the end of the line; ``::``, ``:=`` and colons that begin no variable.
_MARKS = rb"-(?:-[^\r\n]*+)?|/(?!\*)|:(?:[:=]|(?![" + _WORD_BYTE + rb"'\"{:=]))"
# Whole strings without a backslash, so that it does not matter which kind of string they are; quoted identifiers.
_STRINGS = rb"'[^'\\]*+(?:''[^'\\]*+|(?!))*+'|\"[^\"]*+\""
_FLAT = rb"[^'\"$;:\\()/\-]++|" + _MARKS + rb"|" + _STRINGS


def _group(depth: int) -> bytes:
    inner = rb"|" + _group(depth - 1) if depth > 1 else b""
    return rb"\((?:" + _FLAT + inner + rb"|(?!))*+\)"


_GROUP = _group(6)
_SKIP = rb"(?:" + _FLAT + rb"|" + _GROUP + rb"|(?!))*+"
_NO_WORD = rb"[^'\"$;:\\()/\-" + _WORD_BYTE + rb"]++|" + _MARKS + rb"|" + _NUMBER

SKIP: re.Pattern[bytes]
"""Up to something special."""
SKIP_TO_WORD = re.compile(rb"(?:" + _NO_WORD + rb"|(?!))*+")
"""Up to something special or a word: for the first words of a statement."""
SKIP_TO_BLOCK_WORD: re.Pattern[bytes]
_SKIP_TO_BLOCK_WORD = (
    rb"(?:(?:[ADF-Zadf-z_\x80-\xff]|(?!(?i:begin|case|end)" + _END_OF_WORD + rb")[BCEbce])"
    + rb"[$" + _WORD_BYTE + rb"]*+[ \t\r\n,.=]*+|" + _NO_WORD + rb"|" + _STRINGS + rb"|" + _GROUP + rb"|(?!))*+"
)  # fmt: skip
"""Up to something special or one of the words that open and close the body of a function."""
_FIRST_WORDS = (
    rb"(?P<function>(?i:create[ \t]++(?:or[ \t]++replace[ \t]++|(?!))?+(?:function|procedure))" + _END_OF_WORD
    + rb")|(?P<word>(?i:create)(?=[ \t]++(?!(?i:or|function|procedure)" + _END_OF_WORD + rb")[A-Za-z]{2})"
    + rb"|(?!(?i:create)" + _END_OF_WORD + rb")[A-Za-z]++)"
)  # fmt: skip
BEGINNING: re.Pattern[bytes]
_BEGINNING = rb"[ \t]*+(?:(?:--[^\r\n]*+)?[\r\n]*+\Z|" + _FIRST_WORDS + _SKIP + rb")"
"""How most statements begin: with a word; and up to something special. Or a line that holds nothing.

(A pattern that ignores case is slow; so only the words do.)
"""
ENDS = (b";\n", b";", b";\r\n")

BLANKS = re.compile(rb"[ \t\r\n\f\v]*+")
_LEAD = rb"(?:[ \t\r\n\f\v]++|--[^\r\n]*+|(?!))*+"
LEAD = re.compile(_LEAD)
"""What psql drops before a statement."""
STATEMENT: re.Pattern[bytes]
_STATEMENT = _LEAD + rb"(?:" + _FIRST_WORDS + _SKIP + rb")?"
"""That, the first words, and everything up to something special; for text of many lines."""
WORD = re.compile(_IDENTIFIER)
WORD_BYTES = bytes(byte for byte in range(256) if re.match(rb"[" + _WORD_BYTE + rb"]", bytes([byte])))
REST_OF_WORD = re.compile(rb"[$" + _WORD_BYTE + rb"]*+")
WHOLE_NUMBER = re.compile(rb"[0-9](?:_?[0-9]|(?!))*+\Z")
PARAMETER = re.compile(rb"\$(?:" + _NUMBER + rb")?")
DOLLAR_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][" + _WORD_BYTE + rb"]*+)?\$")
LONE_DOLLAR_TAG = re.compile(rb"(?<![$" + _WORD_BYTE + rb"])" + DOLLAR_TAG.pattern)
"""One that stands behind nothing which could make it part of a word."""
DATA_END = re.compile(rb"\\\.\r?(?:\n|\Z)")
STRING_PREFIX = re.compile(rb"(?<![$" + _WORD_BYTE + rb"])(?:(e)|[bx]|u&)\Z", re.IGNORECASE)
COMMENT_EDGE = re.compile(rb"/\*|\*/")
ESCAPED = re.compile(rb"[^\\']*+(?:\\.?[^\\']*+|(?!))*+'", re.DOTALL)
"""The rest of a string with backslash escapes, up to a quote that is not escaped."""
CONTINUATION = re.compile(rb"(?:[ \t\f\v]|--[^\r\n]*+|(?!))*+[\r\n](?:[ \t\r\n\f\v]|--[^\r\n]*+[\r\n]|(?!))*+'")
"""What may stand between two parts of one string, when it is on one of psql's lines (a lone CR, a variable's value)."""
_NAME = rb"[" + _WORD_BYTE + rb"]++"
VARIABLE = re.compile(
    rb":(?:(?P<plain>" + _NAME + rb")|'(?P<literal>" + _NAME + rb")'"
    rb'|"(?P<identifier>' + _NAME + rb')"|\{\?(?P<test>' + _NAME + rb")\})"
)
COMMAND_NAME = re.compile(rb"[^ \t\r\n\f\v\\]*+")


_LONG = {
    "SKIP": _SKIP,
    "SKIP_TO_BLOCK_WORD": _SKIP_TO_BLOCK_WORD,
    "BEGINNING": _BEGINNING,
    "STATEMENT": _STATEMENT,
}


def __getattr__(name: str) -> re.Pattern[bytes]:
    """Compile a long pattern when it is first used: each takes a millisecond, and most scripts need one of them."""
    if name not in _LONG:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    pattern = globals()[name] = re.compile(_LONG[name])
    return pattern
