"""The templates that sqitchpy brings along, for every engine of Sqitch's. Pure.

The scripts they make are Sqitch's, line for line. What differs from engine to engine is how a script's transaction
begins and ends: some clients open one by themselves, and some databases commit every definition anyway.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

CoreScript = Literal["deploy", "revert", "verify"]
CORE_SCRIPTS: tuple[CoreScript, ...] = ("deploy", "revert", "verify")


class _Frame(NamedTuple):
    """What stands before and after a script's statements; nothing where it is empty."""

    begin: str = ""
    commit: str = ""
    rollback: str = ""


_PLAIN = _Frame()
_TRANSACTION = _Frame("BEGIN;", "COMMIT;", "ROLLBACK;")
_OPENED = _Frame("", "COMMIT;", "ROLLBACK;")

OTHER = "*"
"""Stands for the engines that other packages bring along: a transaction is what most of them have."""

_FRAMES = {
    OTHER: _TRANSACTION,
    "pg": _TRANSACTION,
    "cockroach": _TRANSACTION,
    "sqlite": _TRANSACTION,
    "mysql": _TRANSACTION,
    "firebird": _OPENED,
    "exasol": _OPENED,
    "snowflake": _Frame("USE WAREHOUSE &warehouse;"),
    "oracle": _PLAIN,
    "vertica": _PLAIN,
    "clickhouse": _PLAIN,
}

_DEPENDENCIES = "".join(
    f"[% FOREACH each IN {kind} -%]\n-- {kind}: [% each %]\n[% END -%]\n" for kind in ("requires", "conflicts")
)


def bundled_template(kind: CoreScript, engine: str) -> str | None:
    """The template of a deploy, revert or verify script for an engine; None for an engine that nobody knows."""
    frame = _FRAMES.get(engine)
    if frame is None:
        return None
    verb, preposition = {"deploy": ("Deploy", "to"), "revert": ("Revert", "from"), "verify": ("Verify", "on")}[kind]
    head = f"-- {verb} [% project %]:[% change %] {preposition} [% engine %]\n"
    if kind == "deploy":
        head += _DEPENDENCIES
    todo = "-- XXX Add verifications here." if kind == "verify" else "-- XXX Add DDLs here."
    end = frame.rollback if kind == "verify" else frame.commit
    return head + "".join(f"\n{part}\n" for part in (frame.begin, todo, end) if part)
