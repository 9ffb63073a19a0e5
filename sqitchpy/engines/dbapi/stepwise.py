"""Scripts that are not one transaction: statement by statement, each completed step noted in a side table.

A statement that may be in a transaction commits together with its row. One that refuses has a row ``started`` before
it and ``done`` after it; a ``started`` alone means that the catalogue has to tell what became of it. Rows belong to the
hash of the script, and each holds one of the statements up to it: a script that was edited behind them goes on, too,
since mending the statement that failed is what everybody does next. (PostgreSQL has the same over its pipeline, but for
edited scripts: engines/pg.)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from sqitchpy.engines.dbapi.backend import Backend, Notes
from sqitchpy.engines.dbapi.recording import Recording
from sqitchpy.engines.dbapi.scripts import Scripts
from sqitchpy.engines.dbapi.statements import Kind, Statement
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import ConnectionLostError, EngineError, ScriptError

Doing = Literal["deploy", "revert"]


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier run has left: the last statement that is done, and one that was started after it (0: none)."""

    done: int = 0
    started: int = 0
    notes: Notes = field(default_factory=dict)


class Upto:
    """The digest of a script's statements up to the one that was added last, and the one before that."""

    def __init__(self) -> None:
        self._hash = hashlib.sha1(usedforsecurity=False)
        self.before = self.now = ""

    def add(self, statement: Statement) -> str:
        """Read on."""
        self._hash.update(statement.text + b"\0")
        self.before, self.now = self.now, self._hash.hexdigest()
        return self.now


def _left(rows: Iterable[Sequence[Any]]) -> Found:
    """What the rows (number, state, notes) of one text say."""
    rows = list(rows)
    done = max((number for number, state, _ in rows if state == "done"), default=0)
    started = [(number, notes) for number, state, notes in rows if state == "started" and number > done]
    return Found(done, started[0][0], json.loads(started[0][1] or "{}")) if started else Found(done)


class Journal:
    """The progress of one script of one change."""

    def __init__(self, backend: Backend, change_id: str, doing: Doing, script_hash: str) -> None:
        self._backend = backend
        self._key = {"id": change_id, "action": doing, "hash": script_hash}

    @property
    def _control(self) -> Recording:
        """In no transaction: a row is there as soon as the statement returns."""
        return Recording(self._backend.control, self._backend.dialect, self._backend.control_prefix)

    def find(self) -> Found:
        """What an earlier run has left of this text of the script. Rows of other texts are forgotten."""
        self._control.run("forget_other_progress", **self._key)
        return _left(self._control.run("progress", **self._key))

    def adopt(self, digests: Callable[[], Iterable[str]]) -> bool:
        """Take over the rows of another text that began with the same statements, ``digests`` being those of this one.

        Returns whether there are rows of another text that had to be left alone.
        """
        others = self._control.run("other_progress", **self._key)
        for text in {row[0] for row in others}:
            rows = [row[1:] for row in others if row[0] == text]
            left = _left(rows)
            last = left.done if left.notes.get("failed") else left.started or left.done
            upto = {number: json.loads(notes or "{}").get("upto") for number, _, notes in rows}.get(last)
            if upto and next(islice(digests(), last - 1, None), None) == upto:
                self._control.run("adopt_progress", **self._key, other=text)
                return False
        return any(not json.loads(notes or "{}").get("failed") for _, _, _, notes in others)

    def start(self, number: int, line: int, notes: Notes) -> None:
        """Note that a statement which refuses a transaction is about to run."""
        self._note(self._control, number, line, "started", notes)

    def finish(self, number: int) -> None:
        """Note that it is done: in one statement, so that there is no moment without a row."""
        self._control.run("finish_statement", **self._key, statement=number)

    def note_ended(self, number: int, line: int, notes: Notes) -> None:
        """Note that a statement has ended the script's own transaction."""
        self._note(self._control, number, line, "done", notes)

    def note_done(self, rows: Recording, number: int, line: int, notes: Notes) -> None:
        """Note, in the transaction that is open there, that a statement is done."""
        self._note(rows, number, line, "done", notes)

    def _note(self, rows: Recording, number: int, line: int, state: str, notes: Notes) -> None:
        rows.run("forget_statement", **self._key, statement=number)
        text = json.dumps(dict(notes))
        rows.run("note_statement", **self._key, statement=number, line=line, state=state, notes=text)

    def forget(self) -> None:
        """Forget the progress: what was done is going to be undone."""
        self._control.run("forget_progress", id=self._key["id"])


class Stepwise:
    """One run of one script. ``guard`` fails when the deployment lock is lost, or the registry has moved."""

    def __init__(
        self,
        backend: Backend,
        scripts: Scripts,
        journal: Journal,
        *,
        guard: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._scripts = scripts
        self._journal = journal
        self._guard = guard
        self._tell = tell
        self._number = 0
        self._upto = Upto()
        self._found = Found()

    def run(self, script: Script) -> None:
        """Run the script from where an earlier run has left it. Raises StatementError, ScriptError."""
        if self._journal.adopt(lambda: self._digests(script)):
            self._tell(
                f"{script.source.name}: edited within the statements that an earlier run had begun: it starts from "
                "its beginning, and what they did stays"
            )
        self._found = self._journal.find()
        for item in self._scripts.items(script):
            if isinstance(item, Statement):
                self._number += 1
                self._upto.add(item)
                self._step(item)
            elif self._number >= self._found.done:
                self._scripts.send(item)
        if self._backend.in_transaction:
            raise ScriptError(
                f"{script.source.name}: a transaction of the script's own is never committed",
                file=script.source.name,
                line=0,
                hint="What was done in it was rolled back; the rest of the script is done. End it with COMMIT;.",
            )

    def _digests(self, script: Script) -> Iterator[str]:
        upto = Upto()
        yield from (upto.add(item) for item in self._scripts.items(script) if isinstance(item, Statement))

    def _step(self, statement: Statement) -> None:
        if statement.kind is Kind.SESSION or (statement.kind is Kind.SETTING and not self._backend.in_transaction):
            self._scripts.send(statement)  # what follows needs it, on a resumed run too
        elif statement.kind is Kind.LOCAL and self._number <= self._found.done:
            raise self._lost(statement)
        elif self._number > self._found.done:
            if self._number == self._found.done + 1 and self._found.done:
                self._tell(f"{statement.file}:{statement.line}: going on here, where an earlier run has ended")
            self._run(statement)

    def _lost(self, statement: Statement) -> ScriptError:
        """What an earlier run had in its session, and what the rest of the script may need, is gone."""
        where = f"{statement.file}:{statement.line}"
        last = f"the first {self._found.done} of its statements are done"
        return ScriptError(
            f"{where}: an earlier run was interrupted after this statement, whose effect has ended with its session",
            file=statement.file,
            line=statement.line,
            hint=f"Nothing was run now; {last}. Run the rest by hand and record it with “sqitchpy deploy --log-only”; "
            f"or undo them by hand and DELETE FROM {self._backend.control_prefix}sqitchpy_progress, then deploy again.",
        )

    def _run(self, statement: Statement) -> None:
        if statement.kind is Kind.ALONE and (
            self._backend.dialect.implicit_commits or not self._backend.in_transaction
        ):
            if self._backend.in_transaction:
                self._commit(
                    self._number - 1, statement.line, self._upto.before
                )  # as the statement would, but with its row
            self._run_bare(statement)
        elif self._backend.in_transaction:
            self._run_in_own_block(statement)
        elif statement.kind in (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK):
            self._scripts.send(statement)
        else:
            self._backend.begin()
            self._guard()
            self._scripts.send(statement)
            self._commit(self._number, statement.line, self._upto.now)

    def _commit(self, number: int, line: int, upto: str) -> None:
        self._backend.join(in_script=True)
        self._journal.note_done(self._joined, number, line, {"upto": upto})
        self._backend.commit()

    @property
    def _joined(self) -> Recording:
        return Recording(self._backend.work, self._backend.dialect, self._backend.work_prefix)

    def _run_in_own_block(self, statement: Statement) -> None:
        """A statement of the script's own transaction; the row goes in with its COMMIT."""
        if statement.kind is Kind.COMMIT:
            self._guard()
            self._commit(self._number, statement.line, self._upto.now)
        else:
            self._scripts.send(statement)
            if not self._backend.in_transaction:
                self._journal.note_ended(self._number, statement.line, {"upto": self._upto.now})

    def _run_bare(self, statement: Statement) -> None:
        """A statement that refuses a transaction, or ends one."""
        if self._number == self._found.started and self._settled(statement):
            return
        self._guard()
        notes = {**self._backend.note(statement), "upto": self._upto.now}
        self._journal.start(self._number, statement.line, notes)
        try:
            self._scripts.send(statement)
        except ConnectionLostError:  # nobody knows what became of it
            raise
        except EngineError:
            # Seen to fail: the next run may clean up behind it, but must not take it for done.
            self._journal.start(self._number, statement.line, {**notes, "failed": True})
            raise
        self._journal.finish(self._number)

    def _settled(self, statement: Statement) -> bool:
        """Whether a statement that an earlier run had started is done. Raises ScriptError if nobody knows."""
        notes: dict[str, Any] = dict(self._found.notes)
        failed = bool(notes.pop("failed", False))
        if failed:
            return False
        verdict = self._backend.judge(statement, notes)
        where = f"{statement.file}:{statement.line}"
        if verdict.stuck:
            table = f"{self._backend.control_prefix}sqitchpy_progress"
            raise ScriptError(
                f"{where}: an earlier run was interrupted in this statement, and {verdict.found}",
                file=statement.file,
                line=statement.line,
                hint=f"Look at the database. If it was completed: UPDATE {table} SET state = 'done' WHERE state = "
                f"'started'; if not: DELETE FROM {table} WHERE state = 'started'. Both on the registry, "
                "then run the command again.",
            )
        self._tell(f"{where}: an earlier run was interrupted in this statement: {verdict.found}")
        if verdict.done:
            self._journal.finish(self._number)
        return verdict.done
