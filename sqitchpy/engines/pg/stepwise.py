"""Scripts that are not one transaction, statement by statement, each completed step noted (progress.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from sqitchpy.engines.pg.failures import ServerFailure, ends_connection, lost
from sqitchpy.engines.pg.judging import Verdict, judge, note
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.progress import Found, Journal
from sqitchpy.engines.pg.scripts import Writer, drive, run_action
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.errors import EngineError, ScriptError
from sqitchpy.script.actions import Action, Actions, Print, Rows, Sends
from sqitchpy.script.statements import Kind

NO_BLOCK = frozenset({"25001", "2D000"})
"""Said by a statement that refuses a transaction block after all."""


class Stepwise:
    """One run of one script. ``begin`` opens a transaction that fails when the deployment lock is lost."""

    def __init__(
        self,
        wire: Wire,
        journal: Journal,
        queries: Queries,
        writer: Writer,
        *,
        guard: Callable[[Wire], None],
        tell: Callable[[str], None],
    ) -> None:
        self._wire = wire
        self._journal = journal
        self._queries = queries
        self._writer = writer
        self._guard = guard
        self._tell = tell
        self._number = 0
        self._own_block = False
        self._found = Found(0)

    def run(self, actions: Actions) -> None:
        """Run the script from where an earlier run has left it. Raises ServerFailure, ScriptError."""
        self._found = self._journal.find()
        drive(actions, self._do)

    def _do(self, action: Action) -> Rows | None:
        if isinstance(action, Print):
            if self._number >= self._found.done:
                run_action(self._wire, action, "script", self._writer)
            return None
        self._number += 1
        kind = action.statement.kind
        if kind is Kind.SESSION and not self._own_block:
            run_action(self._wire, action, "script", self._writer)  # what follows needs it, on a resumed run too
            self._wire.sync()
        elif self._number > self._found.done:
            if self._number == self._found.done + 1 and self._found.done:
                self._tell(f"{action.file}:{action.statement.line}: going on here, where an earlier run has ended")
            self._run(action, kind)
        return None

    def _run(self, action: Sends, kind: Kind) -> None:
        if self._own_block or kind in (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.CHAIN):
            self._run_in_own_block(action, kind)
        elif kind in (Kind.REFUSES, Kind.CALL) or action.statement.batch:
            self._run_bare(action)
        else:
            try:
                self._run_noted(action)
            except ServerFailure as failure:
                if failure.sqlstate not in NO_BLOCK:
                    raise
                self._wire.abandon(b"ROLLBACK")
                self._run_bare(action)

    def _send(self, action: Sends) -> None:
        run_action(self._wire, action, "script", self._writer)

    def _run_noted(self, action: Sends) -> None:
        """A statement and its row, in one transaction."""
        self._wire.queue(b"BEGIN")
        self._guard(self._wire)
        self._send(action)
        self._journal.queue_done(self._wire, self._number, action.statement.line)
        self._wire.queue(b"COMMIT")
        self._wire.sync()

    def _run_in_own_block(self, action: Sends, kind: Kind) -> None:
        """A statement of the script's own transaction; the row goes in with its COMMIT."""
        ends = kind in (Kind.COMMIT, Kind.CHAIN)
        if ends:
            self._guard(self._wire)
            self._journal.queue_done(self._wire, self._number, action.statement.line)
        self._send(action)
        self._wire.sync()
        self._own_block = self._wire.in_transaction
        if not self._own_block and not ends:
            self._journal.finish(self._number, action.statement.line)

    def _run_bare(self, action: Sends) -> None:
        """A statement that refuses a transaction block."""
        text = action.statement.text.decode("utf-8", "replace").rstrip(";")
        if self._number == self._found.started:
            verdict = judge(text, self._found.notes or {}, self._ask)
            if self._settle(action, verdict):
                return
        self._guard(self._wire)
        self._wire.sync()
        notes = note(text, self._ask)
        self._journal.start(self._number, action.statement.line, notes)
        try:
            self._send(action)
            self._wire.sync()
        except ServerFailure:
            # Seen to fail: the next run may clean up behind it, but must not take it for done.
            self._journal.start(self._number, action.statement.line, {**notes, "failed": True})
            raise
        self._journal.finish(self._number, action.statement.line)

    def _settle(self, action: Sends, verdict: Verdict) -> bool:
        """Act on what became of a statement that an earlier run had started; true when nothing is left to do."""
        where = f"{action.file}:{action.statement.line}"
        if verdict.stuck:
            raise ScriptError(
                f"{where}: an earlier run was interrupted in this statement, and {verdict.found}",
                file=action.file,
                line=action.statement.line,
                hint=f"Look at the database. If it was completed: UPDATE {self._queries.table('sqitchpy_progress')} "
                f"SET state = 'done' WHERE state = 'started'; if not: DELETE FROM "
                f"{self._queries.table('sqitchpy_progress')} WHERE state = 'started'. Then run the command again.",
            )
        self._tell(f"{where}: an earlier run was interrupted in this statement: {verdict.found}")
        for statement in verdict.first:
            self._wire.run(statement.encode())
        if verdict.instead:
            self._wire.run(verdict.instead.encode())
        failed = bool((self._found.notes or {}).get("failed"))
        if (verdict.done and not failed) or verdict.instead:
            self._journal.finish(self._number, action.statement.line)
            return True
        return False

    def _ask(self, query: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """A question about the catalogue, on the work connection: there names mean what the script means by them."""
        self._wire.sync()
        cursor = psycopg.Cursor(self._wire.connection, row_factory=psycopg.rows.tuple_row)
        try:
            return cursor.execute(self._queries.cursor(query).encode(), parameters or None, prepare=False).fetchall()
        except psycopg.Error as error:
            words = f"The catalogue could not be asked: {error.diag.message_primary or error}"
            raise lost(str(error)) if ends_connection(error) else EngineError(words, sqlstate=error.sqlstate) from error
