"""What became of a statement that was started and not seen to end: the catalogue tells.

Only statements that refuse a transaction block come here; each of them is either repeatable, or leaves a mark. What can
be told neither way stops the run and asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sqitchpy.engines.pg.names import quoted
from sqitchpy.engines.pg.progress import Notes

Ask = Callable[..., list[tuple[Any, ...]]]
"""Runs one of the named queries on the work connection, where names mean what the script means by them."""

# ASCII characters that are none of a name's, rather than all others: wide sets take Python long to compile.
_NAME = r'(?:[^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*|"(?:[^"]|"")+")'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_CREATE_INDEX = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>(?!ON\b){_NAME})\s+)?"
    rf"ON\s+(?:ONLY\s+)?(?P<table>{_QUALIFIED})",
    re.I,
)
_DROP_INDEX = re.compile(rf"DROP\s+INDEX\s+CONCURRENTLY\s+(?:IF\s+EXISTS\s+)?(?P<name>{_QUALIFIED})", re.I)
_REINDEX = re.compile(r"REINDEX\b.*\bCONCURRENTLY\b", re.I | re.S)
_DETACH = re.compile(
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<parent>{_QUALIFIED})\s+DETACH\s+PARTITION\s+(?P<partition>{_QUALIFIED})",
    re.I,
)
_OBJECT = re.compile(
    rf"(?P<verb>CREATE|DROP)\s+(?P<kind>DATABASE|TABLESPACE|SUBSCRIPTION)\s+(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})", re.I
)
_REPEATABLE = re.compile(r"(VACUUM|CLUSTER|REINDEX|ALTER\s+SYSTEM|DISCARD)\b", re.I)


class Verdict(NamedTuple):
    """What to do: ``done`` when the statement was completed, else run ``first`` and then the statement again.

    ``found`` says what was seen, for the user; ``instead`` takes the statement's place. ``stuck``: nobody can tell.
    """

    found: str
    done: bool = False
    first: tuple[str, ...] = ()
    instead: str | None = None
    stuck: bool = False


def note(statement: str, ask: Ask) -> Notes:
    """What has to be known before a statement runs, in order to tell later what became of it."""
    if match := _CREATE_INDEX.match(statement):
        ((known,),) = ask("indexes_of", table=match["table"])
        return {"indexes": known}
    if _REINDEX.match(statement):
        ((known,),) = ask("invalid_copies")
        return {"indexes": known}
    return {}


def judge(statement: str, notes: Notes, ask: Ask) -> Verdict:
    """What became of a statement that was started with these notes."""
    for pattern, rule in _RULES:
        if match := pattern.match(statement):
            return rule(match, notes, ask)
    if _REPEATABLE.match(statement):
        return Verdict("it can be repeated")
    return Verdict("nobody can tell whether it was completed", stuck=True)


def _created_index(match: re.Match[str], notes: Notes, ask: Ask) -> Verdict:
    rows = ask("new_indexes", known=notes.get("indexes", []), table=match["table"])
    wanted = _plain(match["name"]) if match["name"] else None
    ours = [row for row in rows if wanted is None or row[1] == wanted]
    if any(building for *_, building in ours):
        return Verdict("somebody is building that index at this moment", stuck=True)
    if any(valid for _, _, valid, _ in ours):
        return Verdict("the index is there and valid", done=True)
    drops = tuple(f"DROP INDEX CONCURRENTLY {quoted(schema)}.{quoted(name)}" for schema, name, *_ in ours)
    return Verdict("it left an INVALID index, which is dropped" if drops else "it left nothing", first=drops)


def _dropped_index(match: re.Match[str], notes: Notes, ask: Ask) -> Verdict:
    ((there,),) = ask("relation_exists", name=match["name"])
    return Verdict("the index is still there") if there else Verdict("the index is gone", done=True)


def _reindexed(match: re.Match[str], notes: Notes, ask: Ask) -> Verdict:
    rows = ask("new_indexes", known=notes.get("indexes", []), table=None)
    left = [row for row in rows if not row[3]]
    drops = tuple(f"DROP INDEX CONCURRENTLY {quoted(schema)}.{quoted(name)}" for schema, name, *_ in left)
    return Verdict("it left invalid copies, which are dropped" if drops else "it left nothing", first=drops)


def _detached(match: re.Match[str], notes: Notes, ask: Ask) -> Verdict:
    parent, partition = match["parent"], match["partition"]
    rows = ask("partition_state", parent=parent, partition=partition)
    if not rows:
        return Verdict("the partition is detached", done=True)
    if rows[0][0]:
        return Verdict(
            "it is half done and is finished now", instead=f"ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE"
        )
    return Verdict("the partition is still attached")


def _object(match: re.Match[str], notes: Notes, ask: Ask) -> Verdict:
    kind, creates = match["kind"].lower(), match["verb"].upper() == "CREATE"
    ((there,),) = ask(f"{kind}_exists", name=_plain(match["name"]))
    return Verdict(f"the {kind} is {'there' if there else 'not there'}", done=there is creates)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Notes, Ask], Verdict]], ...] = (
    (_CREATE_INDEX, _created_index),
    (_DROP_INDEX, _dropped_index),
    (_REINDEX, _reindexed),
    (_DETACH, _detached),
    (_OBJECT, _object),
)
