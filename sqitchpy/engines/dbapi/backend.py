"""What a database with a DB-API driver must offer; ``DbapiEngine`` (engine.py) does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqitchpy.engines.dbapi.dialect import Dialect
from sqitchpy.engines.dbapi.statements import Language, Statement
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import LockHolder

Rows = list[tuple[Any, ...]]
Notes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a statement that an earlier run had started and was not seen to complete."""

    found: str
    """What the catalogue shows, in words: ``table a is there``."""
    done: bool = False
    stuck: bool = False
    """It cannot be told: the user has to look."""


class Connection(Protocol):
    """A connection for statements of our own."""

    def query(self, text: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run a statement; its rows, if it has any. Raises EngineError, or ConnectionLostError."""


class Backend(Protocol):
    """One database, over two connections that are opened when they are first needed.

    The *control* connection reads the registry and holds the lock; it is in no transaction but within
    ``transaction()``. The *work* connection runs scripts, and writes the registry in the transaction of the change.
    """

    @property
    def dialect(self) -> Dialect:
        """What is special about the database's SQL."""

    @property
    def language(self) -> Language:
        """How scripts are read."""

    @property
    def control(self) -> Connection:
        """The control connection."""

    @property
    def control_prefix(self) -> str:
        """What stands before the registry's tables on the control connection."""

    @property
    def work_prefix(self) -> str:
        """What stands before them on the work connection, once it is joined."""

    # -- the registry --------------------------------------------------------------------------------------------

    def has_table(self, name: str) -> bool:
        """Whether the registry has a table. Where there is no registry, none is made by asking."""

    def prepare_registry(self) -> None:
        """Make the place that registry tables are created in, if it is not there."""

    def own_script(self, name: str) -> Script:
        """A script of ours: ``registry.sql`` makes the registry, ``upgrade-1.0.sql`` … upgrade it."""

    def run_own(self, statement: str) -> None:
        """Run a statement of such a script, on the control connection."""

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction on the control connection."""

    # -- scripts -------------------------------------------------------------------------------------------------

    @property
    def work(self) -> Connection:
        """The work connection, for statements of our own."""

    @property
    def in_transaction(self) -> bool:
        """Whether the work connection is in a transaction."""

    def begin(self) -> None:
        """Begin a transaction on the work connection."""

    def join(self, *, in_script: bool = False) -> None:
        """Make the registry's tables reachable there, under ``work_prefix``, whatever the script has set.

        ``in_script`` when the script goes on afterwards, so that what it has set must stay.
        """

    def commit(self) -> None:
        """Commit."""

    def rollback(self) -> None:
        """Roll back whatever is open; no error if nothing is, or if the connection is gone."""

    def send(self, statement: Statement) -> str:
        """Run a script's statement; what the client would print of it. Raises StatementError, ConnectionLostError."""

    def forget_session(self) -> None:
        """Inside a transaction: take away what a new session would not have, temporary tables for example."""

    def renew(self) -> None:
        """Outside a transaction: the next script gets a session as good as new."""

    def cancel(self) -> None:
        """Stop what the work connection is doing. Called from another thread; no error if there is nothing to stop."""

    def run_client(self, script: Script, out: Callable[[str], None], err: Callable[[str], None]) -> None:
        """Run a script in the database's client program, as Sqitch does. Raises EngineError."""

    def note(self, statement: Statement) -> Notes:
        """What to remember of the database before a statement that refuses a transaction runs, for ``judge``."""

    def judge(self, statement: Statement, notes: Notes) -> Verdict:
        """What became of such a statement that was started and not seen to complete."""

    # -- locking -------------------------------------------------------------------------------------------------

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock. Raises LockTimeoutError after ``timeout`` seconds (0: never)."""

    def holds_lock(self) -> bool:
        """Whether it is still ours; true also where it was never taken."""

    def unlock(self) -> None:
        """Give it back."""

    def read_only(self) -> AbstractContextManager[None]:
        """A context in which the database itself refuses changes over the control connection."""

    def close(self) -> None:
        """Disconnect, and give the lock back."""
