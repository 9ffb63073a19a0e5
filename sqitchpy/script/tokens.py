r"""The patterns of psql's lexer (PostgreSQL's src/fe_utils/psqlscan.l says what they must match).

The long ones skip, in one go, text in which nothing begins or ends that the lexer has to know of. None of them can
backtrack (every repetition is possessive), so each reads its text once. Possessive groups end in ``|(?!)``, which
matches nothing: without it Python 3.11.0 to 3.11.4 takes what the group's last, failed turn had read, too.
"""

from __future__ import annotations

import re

from sqitchpy.patterns import lazy

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

SKIP = lazy(_SKIP)
"""Up to something special."""
SKIP_TO_WORD = lazy(rb"(?:" + _NO_WORD + rb"|(?!))*+")
"""Up to something special or a word: for the first words of a statement."""
SKIP_TO_BLOCK_WORD = lazy(
    rb"(?:(?:[ADF-Zadf-z_\x80-\xff]|(?!(?i:begin|case|end)" + _END_OF_WORD + rb")[BCEbce])"
    + rb"[$" + _WORD_BYTE + rb"]*+[ \t\r\n,.=]*+|" + _NO_WORD + rb"|" + _STRINGS + rb"|" + _GROUP + rb"|(?!))*+"
)  # fmt: skip
"""Up to something special or one of the words that open and close the body of a function."""
_FIRST_WORDS = (
    rb"(?P<function>(?i:create[ \t]++(?:or[ \t]++replace[ \t]++|(?!))?+(?:function|procedure))" + _END_OF_WORD
    + rb")|(?P<word>(?i:create)(?=[ \t]++(?!(?i:or|function|procedure)" + _END_OF_WORD + rb")[A-Za-z]{2})"
    + rb"|(?!(?i:create)" + _END_OF_WORD + rb")[A-Za-z]++)"
)  # fmt: skip
BEGINNING = lazy(rb"[ \t]*+(?:(?:--[^\r\n]*+)?[\r\n]*+\Z|" + _FIRST_WORDS + _SKIP + rb")")
"""How most statements begin: with a word; and up to something special. Or a line that holds nothing.

(A pattern that ignores case is slow; so only the words do.)
"""
ENDS = (b";\n", b";", b";\r\n")

BLANKS = lazy(rb"[ \t\r\n\f\v]*+")
_LEAD = rb"(?:[ \t\r\n\f\v]++|--[^\r\n]*+|(?!))*+"
LEAD = lazy(_LEAD)
"""What psql drops before a statement."""
STATEMENT = lazy(_LEAD + rb"(?:" + _FIRST_WORDS + _SKIP + rb")?")
"""That, the first words, and everything up to something special; for text of many lines."""
WORD = lazy(_IDENTIFIER)
WORD_BYTES = bytes(byte for byte in range(256) if byte > 0x7F or chr(byte).isalnum() or byte == ord("_"))
REST_OF_WORD = lazy(rb"[$" + _WORD_BYTE + rb"]*+")
WHOLE_NUMBER = lazy(rb"[0-9](?:_?[0-9]|(?!))*+\Z")
PARAMETER = lazy(rb"\$(?:" + _NUMBER + rb")?")
_DOLLAR_TAG = rb"\$(?:[A-Za-z_\x80-\xff][" + _WORD_BYTE + rb"]*+)?\$"
DOLLAR_TAG = lazy(_DOLLAR_TAG)
LONE_DOLLAR_TAG = lazy(rb"(?<![$" + _WORD_BYTE + rb"])" + _DOLLAR_TAG)
"""One that stands behind nothing which could make it part of a word."""
DATA_END = lazy(rb"\\\.\r?(?:\n|\Z)")
STRING_PREFIX = lazy(rb"(?<![$" + _WORD_BYTE + rb"])(?:(e)|[bx]|u&)\Z", re.IGNORECASE)
COMMENT_EDGE = lazy(rb"/\*|\*/")
ESCAPED = lazy(rb"[^\\']*+(?:\\.?[^\\']*+|(?!))*+'", re.DOTALL)
"""The rest of a string with backslash escapes, up to a quote that is not escaped."""
CONTINUATION = lazy(rb"(?:[ \t\f\v]|--[^\r\n]*+|(?!))*+[\r\n](?:[ \t\r\n\f\v]|--[^\r\n]*+[\r\n]|(?!))*+'")
"""What may stand between two parts of one string, when it is on one of psql's lines (a lone CR, a variable's value)."""
_NAME = rb"[" + _WORD_BYTE + rb"]++"
VARIABLE = lazy(
    rb":(?:(?P<plain>" + _NAME + rb")|'(?P<literal>" + _NAME + rb")'"
    rb'|"(?P<identifier>' + _NAME + rb')"|\{\?(?P<test>' + _NAME + rb")\})"
)
COMMAND_NAME = lazy(rb"[^ \t\r\n\f\v\\]*+")
