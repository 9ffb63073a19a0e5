"""Identity: the text that is hashed into the id of a change or a tag, and the hashes.

``sqitch show change X`` prints exactly the text of ``change_info``. The id is Git's kind of hash: SHA-1 over a kind, a
length in bytes, a NUL and the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha1

from sqitchpy.model import Change, Dependency, Plan, Tag
from sqitchpy.plan.drafts import Section, TagDraft
from sqitchpy.plan.uri import canonical_uri


def change_info(plan: Plan, change: Change) -> str:
    """Return the text that identifies a change."""
    head = _head(plan.project, plan.uri)
    return _change_text(
        head, change.name, change.parent_id, _tail(change), change.requires, change.conflicts, change.note
    )


def tag_info(plan: Plan, change: Change, tag: Tag) -> str:
    """Return the text that identifies a tag of a change."""
    return _tag_text(_head(plan.project, plan.uri), tag.name, change.id, _tail(tag), tag.note)


def change_id(info: str) -> str:
    """Hash the text of ``change_info`` into the change's id."""
    return _hashed(b"change", info)


def tag_id(info: str) -> str:
    """Hash the text of ``tag_info`` into the tag's id."""
    return _hashed(b"tag", info)


def script_hash(data: bytes) -> str:
    """Hash a deploy script's bytes, as they are: no line end is normalised."""
    return sha1(data, usedforsecurity=False).hexdigest()


def identify(project: str, uri: str | None, sections: Iterable[Section]) -> tuple[Change, ...]:
    """Turn drafts, in their final order, into changes: each id depends on the id before it."""
    head = _head(project, uri)
    changes: list[Change] = []
    parent: str | None = None
    for section in sections:
        last = len(section.changes) - 1
        for position, (line, name, operator, requires, conflicts, planner, when, note, _) in enumerate(section.changes):
            tail = f"planner {planner.name} <{planner.email}>\ndate {when}"
            id_ = _hashed(b"change", _change_text(head, name, parent, tail, requires, conflicts, note))
            tags = _tags(head, id_, section) if position == last and section.tags else ()
            index = len(changes)
            changes.append(
                Change(name, id_, parent, operator, requires, conflicts, planner, when, note, tags, index, line)
            )
            parent = id_
    return tuple(changes)


def _tags(head: str, change: str, section: Section) -> tuple[Tag, ...]:
    tags = []
    for tag in section.tags:
        id_ = tag_id(_tag_text(head, tag.name, change, _tail(tag), tag.note))
        tags.append(Tag(tag.name, id_, tag.planner, tag.planned_at, tag.note, tag.line))
    return tuple(tags)


def _head(project: str, uri: str | None) -> str:
    return f"project {project}\nuri {canonical_uri(uri)}\n" if uri else f"project {project}\n"


def _tail(item: Change | Tag | TagDraft) -> str:
    return f"planner {item.planner}\ndate {item.planned_at}"


def _change_text(
    head: str,
    name: str,
    parent: str | None,
    tail: str,
    requires: Sequence[Dependency],
    conflicts: Sequence[Dependency],
    note: str,
) -> str:
    text = f"{head}change {name}\nparent {parent}\n{tail}" if parent else f"{head}change {name}\n{tail}"
    if requires:
        text += "\nrequires\n  + " + "\n  + ".join([required.text for required in requires])
    if conflicts:
        text += "\nconflicts\n  - " + "\n  - ".join([conflict.text for conflict in conflicts])
    return f"{text}\n\n{note}" if note and note != "0" else text


def _tag_text(head: str, name: str, change: str, tail: str, note: str) -> str:
    return f"{head}tag @{name}\nchange {change}\n{tail}{_note(note)}"


def _note(note: str) -> str:
    """A note of ``0`` does not count: Sqitch asks Perl whether it is true."""
    return f"\n\n{note}" if note not in ("", "0") else ""


def _hashed(kind: bytes, info: str) -> str:
    data = info.encode()
    return sha1(b"%b %d\0%b" % (kind, len(data), data), usedforsecurity=False).hexdigest()
