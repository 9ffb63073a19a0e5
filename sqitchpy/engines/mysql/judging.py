"""What became of a statement that was started and not seen to end: what it is about tells.

A statement that commits by itself is done as a whole or not at all (MariaDB 10.6 and MySQL 8.0, "atomic DDL"), so the
definitions of the objects that it names, as they were before it and as they are now, tell whether it was done. Where it
leaves them as they were it does no harm to run it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

from sqitchpy.engines.dbapi.backend import Notes, Verdict

Define = Callable[[str, str], str | None]
"""The definition of an object of that kind (``TABLE``) and name; None where there is none. Raises Untold."""


class Untold(Exception):
    """A definition cannot be seen."""


_NAME = r"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|'(?:[^']|'')*'|[\w$\x80-\uffff]+)"
_QUALIFIED = rf"{_NAME}(?:\s*[.@]\s*{_NAME})?"
_NOISE = (
    rf"(?:(?:OR\s+REPLACE|ONLINE|OFFLINE|IGNORE|UNIQUE|FULLTEXT|SPATIAL|VECTOR|AGGREGATE|UNDO|"
    rf"DEFINER\s*=\s*(?:CURRENT_USER(?:\s*\(\s*\))?|CURRENT_ROLE|{_QUALIFIED})|ALGORITHM\s*=\s*\w+|"
    rf"SQL\s+SECURITY\s+\w+)\s+)*"
)
_IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
_INDEX = re.compile(
    rf"(?:CREATE|DROP)\s+{_NOISE}INDEX\s+{_IF}{_NAME}(?:\s+USING\s+\w+)?\s+ON\s+(?P<names>{_QUALIFIED})", re.I
)
_OBJECT = re.compile(
    rf"(?:CREATE|ALTER|DROP)\s+{_NOISE}(?P<kind>TABLE|VIEW|PROCEDURE|FUNCTION|TRIGGER|EVENT|DATABASE|SCHEMA|SEQUENCE|USER|"
    rf"ROLE|PACKAGE\s+BODY|PACKAGE)S?\s+{_IF}(?P<names>{_QUALIFIED}(?:\s*,\s*{_QUALIFIED})*)",
    re.I,
)
_RENAME = re.compile(rf"RENAME\s+TABLES?\s+{_IF}(?P<names>{_QUALIFIED})", re.I)
_TRUNCATE = re.compile(rf"TRUNCATE\s+(?:TABLE\s+)?(?P<names>{_QUALIFIED})", re.I)
_REPEATABLE = re.compile(
    r"(?:ANALYZE|CACHE|CHECK|FLUSH|GRANT|LOAD\s+INDEX|LOCK|OPTIMIZE|REPAIR|SET\s+(?:PASSWORD|DEFAULT)|UNLOCK)\b", re.I
)
_SILENT = re.compile(r"\b(?:EXCHANGE\s+PARTITION|(?:DISCARD|IMPORT)\s+(?:PARTITION\b.*)?TABLESPACE)\b", re.I | re.S)
"""Parts of ALTER TABLE that change a table's rows and not its definition."""
_MARKS = re.compile(r"/\*M?!\d*|\*/")
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")


def note(statement: bytes, define: Define) -> Notes:
    """What has to be known before a statement runs, in order to tell later what became of it."""
    found = _named(_plain(statement))
    if found is None:
        return {}
    kind, names = found
    try:
        return {"kind": kind, "was": {name: _digest(define(kind, name)) for name in names}}
    except Untold:
        return {}


def judge(statement: bytes, notes: Notes, define: Define) -> Verdict:
    """What became of a statement that was started with these notes."""
    if "was" not in notes:
        if _REPEATABLE.match(_plain(statement)):
            return Verdict("it runs again, which does no harm")
        return Verdict("nobody can tell whether it was completed", stuck=True)
    kind, was = notes["kind"], notes["was"]
    try:
        now = {name: _digest(define(kind, name)) for name in was}
    except Untold:
        return Verdict(f"what became of {_listed(kind, was)} cannot be seen", stuck=True)
    changed = [name for name in was if now[name] != was[name]]
    if changed and len(changed) < len(was):
        return Verdict(f"it was completed for {_listed(kind, changed)} and not for the rest", stuck=True)
    if not changed:
        return Verdict(f"{_listed(kind, was)} is as it was before, so the statement runs again")
    what = _what(was[changed[0]], now[changed[0]])
    return Verdict(f"{_listed(kind, changed)} {what}, so it was completed", done=True)


def _what(was: str | None, now: str | None) -> str:
    if was is None:
        return "is there"
    return "is gone" if now is None else "has changed"


def _listed(kind: str, names: Iterable[str]) -> str:
    return f"{'table' if kind == 'ROWS' else kind.lower()} {', '.join(names)}"


def _plain(statement: bytes) -> str:
    """The statement with what stands in its conditional comments, without the comments' marks."""
    text = _MARKS.sub(" ", statement[:8192].decode("utf-8", "replace"))
    return text.strip()


def _named(text: str) -> tuple[str, list[str]] | None:
    """The kind of the objects that a statement is about, and their names; None where that cannot be told."""
    if _SILENT.search(text):
        return None
    for pattern, kind in ((_INDEX, "TABLE"), (_RENAME, "TABLE"), (_TRUNCATE, "ROWS"), (_OBJECT, "")):
        if match := pattern.match(text):
            kind = kind or " ".join(match["kind"].upper().split()).replace("SCHEMA", "DATABASE")
            return kind, re.findall(_QUALIFIED, match["names"])
    return None


def _digest(definition: str | None) -> str | None:
    if definition is None:
        return None
    return hashlib.sha1(_COUNTER.sub("", definition).encode(), usedforsecurity=False).hexdigest()
