"""What the statements of MySQL and MariaDB mean for the transaction they are in. Pure.

Source: https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/ and MySQL's page of that name; the
tests try each of them on a server. A procedure, a prepared statement and a compound statement may hold any other
statement, so they count as committing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqitchpy.engines.dbapi.statements import Kind

_LOOKED_AT = 400
_MARKS = re.compile(rb"/\*M?!\d*|\*/|^\(+")
_WORD = re.compile(rb"[A-Za-z_]+|[^\s\w]")
_COMMITS = frozenset(
    b"ALTER BACKUP CACHE CALL CHANGE CHECK CLONE EXECUTE FLUSH GRANT IMPORT INSTALL LOCK OPTIMIZE PURGE RENAME REPAIR "
    b"RESET RESTART REVOKE SHUTDOWN STOP TRUNCATE UNINSTALL UNLOCK XA IF CASE LOOP WHILE REPEAT FOR".split()
)
_LOST = re.compile(rb"\b(?:LAST_INSERT_ID|ROW_COUNT|FOUND_ROWS)\s*\(", re.I)
_INTO_VARIABLE = re.compile(rb"\bINTO\s+@", re.I)
_WITH_SETTINGS = re.compile(rb"\s*SET\s+STATEMENT\b.*?\bFOR\b", re.I | re.S)


def kind_of(text: bytes) -> Kind:
    """The kind of a statement."""
    words: list[bytes] = [*_words(text), b"", b"", b""]
    first, rest = words[0], words[1:]
    rule = _RULES.get(first)
    if rule is not None:
        return rule(rest, text)
    return Kind.ALONE if first in _COMMITS else Kind.PLAIN


def _words(text: bytes) -> list[bytes]:
    """The first words, in capitals; what stands in a conditional comment counts as if it were without."""
    found: list[bytes] = _WORD.findall(_MARKS.sub(b" ", text[:_LOOKED_AT]))
    return [word.upper() for word in found[:8]]


def _create(words: list[bytes], text: bytes) -> Kind:
    if words[0] == b"OR" and words[1] == b"REPLACE":
        words = words[2:]
    if words[0] == b"PREPARE":  # DROP PREPARE is DEALLOCATE PREPARE
        return Kind.SESSION
    return Kind.LOCAL if words[0] == b"TEMPORARY" else Kind.ALONE


def _set(words: list[bytes], text: bytes) -> Kind:
    if words[0] == b"STATEMENT" and (prefix := _WITH_SETTINGS.match(text)):
        return kind_of(text[prefix.end() :])
    if words[0] == b"PASSWORD" or words[:2] == [b"DEFAULT", b"ROLE"]:
        return Kind.ALONE
    if words[0] in (b"GLOBAL", b"TRANSACTION"):
        return Kind.PLAIN
    return Kind.LOCAL if _LOST.search(text) else Kind.SESSION


def _select(words: list[bytes], text: bytes) -> Kind:
    if not _INTO_VARIABLE.search(text):
        return Kind.PLAIN
    return Kind.LOCAL if _LOST.search(text) else Kind.SESSION


def _begin(words: list[bytes], text: bytes) -> Kind:
    return Kind.ALONE if words[0] == b"NOT" else Kind.BEGIN


def _start(words: list[bytes], text: bytes) -> Kind:
    return Kind.BEGIN if words[0] == b"TRANSACTION" else Kind.ALONE


def _commit(words: list[bytes], text: bytes) -> Kind:
    return Kind.ALONE if b"CHAIN" in words and b"NO" not in words else Kind.COMMIT


def _rollback(words: list[bytes], text: bytes) -> Kind:
    if b"TO" in words[:2]:
        return Kind.PLAIN
    return Kind.ALONE if b"CHAIN" in words and b"NO" not in words else Kind.ROLLBACK


def _analyze(words: list[bytes], text: bytes) -> Kind:
    """``ANALYZE TABLE`` commits, ``ANALYZE SELECT`` explains."""
    tables = {b"TABLE", b"TABLES", b"NO_WRITE_TO_BINLOG", b"LOCAL"}
    return Kind.ALONE if words[0] in tables else Kind.PLAIN


def _session(words: list[bytes], text: bytes) -> Kind:
    return Kind.SESSION


def _load(words: list[bytes], text: bytes) -> Kind:
    return Kind.ALONE if words[0] == b"INDEX" else Kind.PLAIN


_RULES: dict[bytes, Callable[[list[bytes], bytes], Kind]] = {
    b"CREATE": _create,
    b"DROP": _create,
    b"SET": _set,
    b"SELECT": _select,
    b"BEGIN": _begin,
    b"START": _start,
    b"COMMIT": _commit,
    b"ROLLBACK": _rollback,
    b"ANALYZE": _analyze,
    b"USE": _session,
    b"PREPARE": _session,
    b"DEALLOCATE": _session,
    b"LOAD": _load,
}
