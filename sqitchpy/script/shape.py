"""A look at a whole script before anything of it runs: can it be one transaction, is there anything we cannot do?

A script *folds* when its effect is the same inside our transaction: it has no transaction of its own, or exactly one
BEGIN … COMMIT (or ROLLBACK) pair, and nothing that refuses a transaction block. Everything else runs statement by
statement, as it stands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from sqitchpy.script.actions import Action, Copy, CopyOut, Print, Sends
from sqitchpy.script.interpreter import Interpreter
from sqitchpy.script.lexer import Statement
from sqitchpy.script.outside import Unseen
from sqitchpy.script.settings import USUAL, Settings
from sqitchpy.script.source import Source, read_directives
from sqitchpy.script.statements import CALLS, INERT, OTHER, Kind
from sqitchpy.script.trace import Trace
from sqitchpy.script.variables import Variables, psql_variables

KEEP_UP_TO = 16 * 1024
"""Scripts whose statements take less memory than this are kept as read, so that they are read once. An engine may keep
thousands of them."""
OVERHEAD = 200
"""What a statement takes beside its text, in bytes."""


class Reason(NamedTuple):
    """Why a script cannot be part of our transaction, and where."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


class Shape(NamedTuple):
    """What a look at the script showed.

    ``reason`` is None when the script folds. ``rolls_back`` is true when its own transaction ends with ROLLBACK;
    ``left_open`` says where one begins that never ends.
    ``trace`` says what may have to be cleaned up after it.
    ``new_connection`` is true when it changes settings that only new sessions see (ALTER ROLE … SET).
    ``certain`` is true when it does the same at every run, whatever the database and the system say.
    ``settings`` are those of the session that it was read with. ``script_hash`` is the SHA-1 of the file.
    ``actions`` are the script's actions when they are few and do not depend on anything that happens at run time.
    """

    source: Source
    directives: Mapping[str, str]
    reason: Reason | None = None
    own_transaction: bool = False
    outside: bool = False
    rolls_back: bool = False
    left_open: Reason | None = None
    trace: Trace = Trace.NONE
    new_connection: bool = False
    certain: bool = True
    locks: int = 0
    """About how many locks it takes: what is created or dropped is locked until the transaction ends."""
    actions: tuple[Action, ...] | None = None
    settings: Settings = USUAL
    script_hash: str = ""

    @property
    def folds(self) -> bool:
        """Whether the script runs inside our transaction."""
        return self.reason is None

    @property
    def runner(self) -> str | None:
        """The runner that the script's first line asks for."""
        return self.directives.get("runner")


def trace_of(statement: Statement) -> Trace:
    """What one statement may leave behind."""
    if statement.kind in INERT and not statement.batch:
        return Trace.NONE
    return Trace.OF_FUNCTIONS if statement.kind in CALLS and not statement.batch else Trace.ANY


class _Examiner:
    """Follows the script's own transaction statements."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.inside = False
        self.pairs = 0
        self.outside = self.rolls_back = self.new_connection = False
        self.trace = Trace.NONE
        self.locks = 0
        self.opened: Reason | None = None

    def see(self, action: Sends) -> None:
        statement = action.statement
        text, kind = statement.text, statement.kind
        self.locks += _locks(text)
        if kind is OTHER and not statement.batch:
            self.outside = self.outside or not self.inside
            return
        self.trace = max(self.trace, trace_of(statement))
        self.new_connection = self.new_connection or kind is Kind.ROLE_OR_DATABASE_SETTING
        if statement.batch:
            batch = statement.text.upper()
            if any(word in batch for word in (b"BEGIN", b"COMMIT", b"ROLLBACK", b"CONCURRENTLY", b"VACUUM")):
                self._refuse(action, r"transaction control joined with \;")
        elif kind is Kind.BEGIN:
            self._begin(action)
        elif kind in (Kind.COMMIT, Kind.ROLLBACK):
            self._end(action, kind)
        elif kind in _REFUSALS:
            self._refuse(action, _REFUSALS[kind].format(_first_words(statement.text)))
            self.inside = self.inside and kind is not Kind.PREPARE_TRANSACTION
        elif not self.inside and kind is not Kind.SESSION:
            self.outside = True

    def _begin(self, action: Sends) -> None:
        if self.inside:
            return  # PostgreSQL warns and goes on; so do we
        self.inside = True
        self.pairs += 1
        self.opened = Reason(action.file, action.statement.line, "transaction opened here")
        if self.pairs > 1:
            self._refuse(action, "more than one transaction")
        elif not _plain_begin(action.statement.text):
            self._refuse(action, "a transaction with characteristics of its own")

    def _end(self, action: Sends, kind: Kind) -> None:
        if not self.inside:
            self._refuse(action, f"{_first_words(action.statement.text, 1)} without BEGIN")
        self.inside = False
        self.rolls_back = kind is Kind.ROLLBACK

    def _refuse(self, action: Sends, why: str) -> None:
        if self.reason is None:
            self.reason = Reason(action.file, action.statement.line, why)


_REFUSALS = {
    Kind.REFUSES: "{} cannot run inside a transaction block",
    Kind.CHAIN: "COMMIT AND CHAIN",
    Kind.PREPARE_TRANSACTION: "PREPARE TRANSACTION",
    Kind.SETS_ISOLATION: "{} must come first in its transaction",
}


_TAKES_LOCKS = re.compile(rb"(?i:ALTER|(?:CREATE|DROP)(?:\s++(?:\w++\s++)??(TABLE)\b)?)")


def _locks(text: bytes) -> int:
    """About how many relations a statement locks; a table comes with its TOAST table and their indexes."""
    found = _TAKES_LOCKS.match(text)
    return 0 if found is None else 4 if found[1] else 1


def _first_words(text: bytes, count: int = 4) -> str:
    return " ".join(text[:200].decode("utf-8", "replace").removesuffix(";").split()[:count])


def _plain_begin(text: bytes) -> bool:
    words = text.upper().removesuffix(b";").split()
    return words in ([b"BEGIN"], [b"BEGIN", b"WORK"], [b"BEGIN", b"TRANSACTION"], [b"START", b"TRANSACTION"])


def examine(
    source: Source,
    variables: Mapping[str, str],
    settings: Settings = USUAL,
    *,
    allow_shell: bool = True,
) -> Shape:
    """Look a script over; ``settings`` are those of the session. Raises ScriptError for what could not be run."""
    file_digest = hashlib.sha1(usedforsecurity=False)
    lines = _hashed(source.lines(), file_digest)
    first = next(lines, b"")
    directives = read_directives(first.partition(b"\n")[0], source.name)
    runner = directives.get("runner", "native")
    if runner != "native":
        why = Reason(source.name, 1, f"runner={runner}")
        return Shape(source, directives, why, trace=Trace.ANY, script_hash=source.digest())
    examiner = _Examiner()
    bound = Variables(psql_variables(variables))
    interpreter = Interpreter(source, bound, Unseen(allow_shell), settings, lines=chain((first,), lines))
    kept = _look(examiner, interpreter)
    reason = examiner.reason
    if directives.get("transaction") == "off":
        reason = Reason(source.name, 1, "transaction=off")
    return Shape(
        source,
        directives,
        reason,
        own_transaction=examiner.pairs > 0,
        outside=examiner.outside,
        rolls_back=examiner.rolls_back,
        left_open=examiner.opened if examiner.inside else None,
        trace=examiner.trace if interpreter.certain else Trace.ANY,
        new_connection=examiner.new_connection,
        certain=interpreter.certain,
        locks=examiner.locks,
        actions=kept,
        settings=settings,
        script_hash=source.digest() if interpreter.ended else file_digest.hexdigest(),
    )


def read_anew(
    source: Source, variables: Mapping[str, str], settings: Settings = USUAL, *, allow_shell: bool = True
) -> Iterator[Action]:
    """What a script does, as far as that can be said without running it. Raises ScriptError."""
    return Interpreter(source, Variables(psql_variables(variables)), Unseen(allow_shell), settings).actions()


def fingerprint(actions: Iterable[Action]) -> str:
    """The SHA-1 over a script's statements as they are sent, those of included files too and with variables put in."""
    digest = hashlib.sha1(usedforsecurity=False)
    for action in actions:
        if not isinstance(action, Print):
            digest.update(action.statement.text + b"\0")
    return digest.hexdigest()


def _hashed(lines: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in lines:
        digest.update(piece)
        yield piece


def _look(examiner: _Examiner, interpreter: Interpreter) -> tuple[Action, ...] | None:
    """Show every statement to the examiner; keep the actions while they are few and certain."""
    kept: list[Action] | None = []
    size = 0
    for action in interpreter.actions():
        if isinstance(action, Print):
            size += len(action.text) + OVERHEAD
        else:
            examiner.see(action)
            size += len(action.statement.text) + OVERHEAD
        if kept is not None and size <= KEEP_UP_TO and not isinstance(action, (Copy, CopyOut)):
            kept.append(action)
        else:
            kept = None
    return tuple(kept) if kept is not None and interpreter.certain else None
