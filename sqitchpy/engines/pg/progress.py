"""How far a change that is not one transaction has come, in a side table, so that the next run goes on and not anew.

A statement that may be in a transaction commits together with its row. One that refuses has a row ``started`` before it
and ``done`` after it; a ``started`` alone means that the catalogue has to tell what became of it (judging.py). Rows
belong to the hash of the script: one that was edited is never resumed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg import errors

from sqitchpy.engines.pg.failures import ends_connection, lost
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.recording import RECORD
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.errors import EngineError

Notes = Mapping[str, Any]
Doing = Literal["deploy", "revert"]


class Found(NamedTuple):
    """What an earlier run has left: the last statement that is done, and one that was started after it (0: none)."""

    done: int
    started: int = 0
    notes: Notes | None = None


class Journal:
    """The progress of one script of one change."""

    def __init__(self, session: OwnSession, queries: Queries, change_id: str, doing: Doing, script_hash: str) -> None:
        self._session = session
        self._queries = queries
        self._key = (change_id, doing, script_hash)

    def _execute(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """On the control connection: it is in no transaction, so a row is there as soon as this returns."""
        cursor = psycopg.Cursor(self._session.control(), row_factory=psycopg.rows.tuple_row)
        try:
            cursor.execute(self._queries.cursor(name).encode(), parameters or None, prepare=False)
        except errors.UndefinedTable:
            raise
        except psycopg.Error as error:
            if ends_connection(error):
                raise lost(str(error)) from error
            raise EngineError(
                f"The progress of a change cannot be noted: {error.diag.message_primary or error}",
                sqlstate=error.sqlstate,
                hint=f"It is kept in {self._queries.table('sqitchpy_progress')}: the user needs CREATE on the schema.",
            ) from error
        return cursor.fetchall() if cursor.description else []

    def find(self) -> Found:
        """What an earlier run of the very same script has left. Rows of other texts of it are forgotten."""
        try:
            rows = self._execute("progress", *self._key)
        except errors.UndefinedTable:
            self._execute("create_progress")
            return Found(0)
        self._execute("forget_other_progress", *self._key)
        done = max((number for number, state, _ in rows if state == "done"), default=0)
        started = [(number, notes) for number, state, notes in rows if state == "started" and number > done]
        if not started:
            return Found(done)
        return Found(done, started[0][0], started[0][1] or {})

    def start(self, number: int, line: int, notes: Notes) -> None:
        """Note that a statement which refuses a transaction block is about to run."""
        self._execute("progress_started", *self._key, number, line, json.dumps(dict(notes)))

    def finish(self, number: int, line: int) -> None:
        """Note that it is done."""
        self._execute("progress_done", *self._key, number, line)

    def queue_done(self, wire: Wire, number: int, line: int) -> None:
        """Note, in the transaction that is open on the wire, that a statement is done."""
        values = [*self._key, str(number), str(line)]
        wire.queue(self._queries.wire("queue_progress_done"), [value.encode() for value in values], origin=RECORD)

    def forget(self) -> None:
        """Forget the progress: what was done is going to be undone."""
        self._execute("forget_other_progress", self._key[0], "", "")

    def queue_forget(self, wire: Wire) -> None:
        """Forget the progress of a change that is now recorded."""
        wire.queue(self._queries.wire("forget_progress"), [self._key[0].encode()], origin=RECORD)
