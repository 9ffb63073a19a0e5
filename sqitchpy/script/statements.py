"""What kind of statement a statement is, as far as running it needs to know. Pure text; no SQL is parsed.

Which statements refuse a transaction block was measured on PostgreSQL 12 to 18 and is listed, per statement, in
PostgreSQL's documentation ("cannot be executed inside a transaction block").
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache

from sqitchpy.patterns import lazy


class Kind(Enum):
    """The kinds that are treated differently."""

    __hash__ = object.__hash__  # there is one of each; Enum's own is a call into Python for every look-up

    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    CHAIN = "commit or rollback and chain"
    PREPARE_TRANSACTION = "prepare transaction"
    COPY_IN = "copy from stdin"
    COPY_OUT = "copy to stdout"
    REFUSES = "refuses a transaction block"
    SETS_ISOLATION = "sets the transaction's isolation level"
    SESSION = "sets something in the session"
    ROLE_OR_DATABASE_SETTING = "changes what new sessions see"
    CALL = "call or do"
    QUERY = "returns rows or runs functions"
    OTHER = "other"


OTHER = Kind.OTHER
"""What nearly every statement is: to ask an Enum for a member takes ten times as long as a name, in Python 3.11."""


def _comment(depth: int) -> bytes:
    inner = rb"|" + _comment(depth - 1) if depth else b""
    return rb"/\*(?:[^*/]++|\*(?!/)|/(?!\*)" + inner + rb"|(?!))*+\*/"


_COMMENT = rb"--[^\r\n]*+|" + _comment(3)
_COMMENTS = lazy(_COMMENT)
_ASIDE = lazy(_COMMENT + rb"|'(?:[^']|''|(?!))*+'|\"[^\"]*+\"|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_FIRST_WORD = lazy(rb"(?:[(\s]|" + _COMMENT + rb"|(?!))*+([A-Za-z]+)")
# The statements that are longest and most frequent, and mean nothing to us: a short way for them. (A table is another
# matter when it is made of a query, or a temporary one.)
_HARMLESS = lazy(
    rb"(?i:CREATE\s++(?:OR\s++REPLACE\s++|(?!))?+(?:FUNCTION|PROCEDURE|TRIGGER|VIEW|TYPE|DOMAIN|POLICY|SEQUENCE"
    rb"|(?:UNIQUE\s++|(?!))?+INDEX(?!\s++CONCURRENTLY)(?=\s++[A-Z\"])|(?:UNLOGGED\s++|(?!))?+(?P<table>TABLE)))\b"
)  # fmt: skip


def is_empty(text: bytes) -> bool:
    """Whether there is nothing in a text but blanks, comments and semicolons."""
    return text[:1] in (b"/", b"-", b";") and not _COMMENTS.sub(b"", text).strip(b"; \t\r\n\f\v")


def classify(text: bytes, first_word: bytes | None = None) -> Kind:
    """The kind of a statement; ``first_word`` saves looking for it behind comments and parentheses."""
    return _short(text, first_word) if len(text) <= 32 else _classify(text, first_word)


@lru_cache(maxsize=256)
def _short(text: bytes, first_word: bytes | None) -> Kind:
    """The same; a BEGIN and a COMMIT are in nearly every script."""
    return _classify(text, first_word)


def _classify(text: bytes, first_word: bytes | None) -> Kind:
    if first_word is None:
        match = _FIRST_WORD.match(text)
        if match is None:
            return OTHER
        first_word = match[1]
    first_word = first_word.upper()
    rules = _RULES.get(first_word)
    if rules is None:
        return OTHER
    if isinstance(rules, Kind):
        return rules
    if harmless := _HARMLESS.match(text):
        head = (text if harmless["table"] else text[:200]).lower()
        if b"pg_temp" not in head and not (harmless["table"] and b"as" in head):
            return OTHER
    head = _normal(text)
    return next((kind for pattern, kind in _compiled(first_word) if pattern.search(head)), OTHER)


def _normal(text: bytes) -> bytes:
    """Upper case, without comments and quoted parts, with single blanks. Only the ends of a long text matter."""
    if len(text) > 8000:
        text = text[:4000] + b" " + text[-4000:]
    if any(mark in text for mark in (b"--", b"/*", b"'", b'"', b"$")):
        text = _ASIDE.sub(_without, text)
    return b" ".join(text.upper().rstrip(b"; \t\r\n\f\v").split())


def _without(aside: re.Match[bytes]) -> bytes:
    """What stands for a comment or something quoted. A quoted false is false."""
    text = aside[0]
    if text[:1] in b"-/":
        return b" "
    return text[1:-1] if text.lower() in (b"'false'", b"'off'", b"'0'") else b" x "


@cache
def _compiled(first_word: bytes) -> tuple[tuple[re.Pattern[bytes], Kind], ...]:
    """The rules for a word that has some, compiled when the first statement begins with it."""
    rules = _RULES[first_word]
    return () if isinstance(rules, Kind) else tuple((re.compile(pattern), kind) for pattern, kind in rules)


def _rules(*pairs: tuple[bytes, Kind]) -> tuple[tuple[bytes, Kind], ...]:
    return pairs


_TX_END = _rules(
    (rb"^\w+ PREPARED\b", Kind.REFUSES),
    (rb"\bAND CHAIN$", Kind.CHAIN),
    (rb"^(COMMIT|END)\b", Kind.COMMIT),
    (rb"^ROLLBACK( (WORK|TRANSACTION))? TO\b", Kind.OTHER),
    (rb"^(ROLLBACK|ABORT)\b", Kind.ROLLBACK),
)
_NO_SLOT = rb"\b(CONNECT|CREATE_SLOT) ?= ?(FALSE|OFF|0)\b"
_RULES: dict[bytes, Kind | tuple[tuple[bytes, Kind], ...]] = {
    b"BEGIN": Kind.BEGIN,
    b"START": _rules((rb"^START TRANSACTION\b", Kind.BEGIN)),
    b"COMMIT": _TX_END,
    b"END": _TX_END,
    b"ROLLBACK": _TX_END,
    b"ABORT": _TX_END,
    b"PREPARE": _rules((rb"^PREPARE TRANSACTION\b", Kind.PREPARE_TRANSACTION), (rb".", Kind.SESSION)),
    b"COPY": _rules(  # either word is good for either direction
        (rb"^COPY ?\(.*\) ?TO STD(IN|OUT)\b", Kind.COPY_OUT),
        (rb"^COPY [^(].*\bFROM STD(IN|OUT)\b", Kind.COPY_IN),
        (rb"^COPY [^(].*\bTO STD(IN|OUT)\b", Kind.COPY_OUT),
    ),
    b"VACUUM": Kind.REFUSES,
    b"CREATE": _rules(
        (rb"^CREATE (DATABASE|TABLESPACE)\b", Kind.REFUSES),
        (rb"^CREATE (UNIQUE )?INDEX CONCURRENTLY\b", Kind.REFUSES),
        (rb"^CREATE SUBSCRIPTION\b.*" + _NO_SLOT, Kind.OTHER),
        (rb"^CREATE SUBSCRIPTION\b", Kind.REFUSES),
        (rb"^CREATE (OR REPLACE )?(GLOBAL |LOCAL )?(TEMP|TEMPORARY)\b", Kind.SESSION),
        (rb"^CREATE [^(]*\bPG_TEMP\b", Kind.SESSION),
        (rb"^CREATE [^(]*TABLE\b.*\bAS\b", Kind.QUERY),
        (rb"^CREATE (MATERIALIZED VIEW|EXTENSION|SCHEMA)\b", Kind.QUERY),
    ),
    b"DROP": _rules(
        (rb"^DROP (DATABASE|TABLESPACE|SUBSCRIPTION)\b", Kind.REFUSES),
        (rb"^DROP INDEX CONCURRENTLY\b", Kind.REFUSES),
    ),
    b"ALTER": _rules(
        (rb"^ALTER SYSTEM\b", Kind.REFUSES),
        (rb"^ALTER DATABASE\b.* SET TABLESPACE\b", Kind.REFUSES),
        (rb"^ALTER TABLE\b.*\bDETACH PARTITION\b.* CONCURRENTLY$", Kind.REFUSES),
        (rb"^ALTER SUBSCRIPTION\b.*\bREFRESH ?= ?(FALSE|OFF|0)\b", Kind.OTHER),
        (rb"^ALTER SUBSCRIPTION\b.*\b(REFRESH|SET|ADD|DROP) PUBLICATION\b", Kind.REFUSES),
        (rb"^ALTER SUBSCRIPTION\b.*\bSET ?\(.*\b(FAILOVER|TWO_PHASE)\b", Kind.REFUSES),
        (rb"^ALTER (ROLE|USER|DATABASE)\b.*\b(SET|RESET)\b", Kind.ROLE_OR_DATABASE_SETTING),
    ),
    b"REINDEX": _rules(
        (rb"^REINDEX\b( ?\([^)]*\))?( \w+)? CONCURRENTLY\b", Kind.REFUSES),
        (rb"^REINDEX ?\([^)]*\bCONCURRENTLY\b(?! (FALSE|OFF|0))", Kind.REFUSES),
        (rb"^REINDEX\b( ?\([^)]*\))? (SCHEMA|DATABASE|SYSTEM)\b", Kind.REFUSES),
    ),
    b"CLUSTER": _rules((rb"^CLUSTER( VERBOSE| ?\([^)]*\))?$", Kind.REFUSES)),
    b"DISCARD": _rules((rb"^DISCARD ALL\b", Kind.REFUSES), (rb".", Kind.SESSION)),
    b"SET": _rules(
        (rb"^SET (TRANSACTION|SESSION CHARACTERISTICS)\b", Kind.SETS_ISOLATION),
        (rb"^SET (LOCAL |SESSION )?TRANSACTION_(ISOLATION|READ_ONLY|DEFERRABLE)\b", Kind.SETS_ISOLATION),
        (rb"^SET CONSTRAINTS\b", Kind.OTHER),
        (rb".", Kind.SESSION),
    ),
    b"RESET": Kind.SESSION,
    b"DEALLOCATE": Kind.SESSION,
    b"LISTEN": Kind.SESSION,
    b"DECLARE": Kind.SESSION,
    b"LOAD": Kind.SESSION,
    b"CALL": Kind.CALL,
    b"DO": Kind.CALL,
    b"SELECT": Kind.QUERY,
    b"WITH": Kind.QUERY,
    b"VALUES": Kind.QUERY,
    b"TABLE": Kind.QUERY,
    b"INSERT": Kind.QUERY,
    b"UPDATE": Kind.QUERY,
    b"DELETE": Kind.QUERY,
    b"MERGE": Kind.QUERY,
    b"EXECUTE": Kind.QUERY,
    b"EXPLAIN": Kind.QUERY,
    b"SHOW": Kind.QUERY,
    b"FETCH": Kind.QUERY,
}

INERT = frozenset({Kind.OTHER, Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.COPY_IN})
"""Kinds after which the session is as it was: nothing to reset before other SQL runs in it."""
CALLS = frozenset({Kind.QUERY, Kind.CALL, Kind.COPY_OUT})
"""Kinds that change the session only if a function does that they call."""
