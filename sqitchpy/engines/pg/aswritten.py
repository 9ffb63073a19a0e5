"""Scripts that are not part of a transaction of ours: run as they are written, or in psql.

How far a script has come is noted when it does the same at every run (progress.py, stepwise.py).
"""

from __future__ import annotations

from collections.abc import Callable

from sqitchpy.engines.pg.progress import Doing, Journal
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.engines.protocol import Script, TaskFailed
from sqitchpy.errors import SqitchpyError


class AsWritten:
    """Runs scripts outside our transactions, while the deployment lock is ours."""

    def __init__(
        self, session: OwnSession, scripts: ScriptRunner, registry: PgRegistry, transactions: Transactions
    ) -> None:
        self._session = session
        self._scripts = scripts
        self._registry = registry
        self._transactions = transactions

    def run(
        self, script: Script | None, doing: Doing, change_id: str, project: str, after: str | None
    ) -> Journal | None:
        """Run a script from where an earlier run has left it. Returns its journal, if its progress can be noted.

        Raises TaskFailed, and leaves no session behind then that the script has changed.
        """
        if script is None:
            return None
        if self._scripts.looks.uses_psql(script) or not self._scripts.looks.shape(script).certain:
            self.run_unnoted(script, project, after)
            return None
        queries = self._registry.queries
        try:
            fingerprint = self._scripts.looks.fingerprint(script)
        except SqitchpyError as error:  # a file that it includes has changed meanwhile
            raise TaskFailed("script", error, kept=False) from error
        journal = Journal(self._session, queries, change_id, doing, fingerprint)
        self._registry.expect_progress()

        def guard(wire: Wire) -> None:
            self._transactions.queue_guard(wire, project, after, lock_table=False)

        def run() -> None:
            wire = self._session.work()
            self._scripts.run_noted(script, journal, guard)
            self._unmark(wire)

        self._attempt(run)
        return journal

    def run_unnoted(self, script: Script, project: str, after: str | None) -> None:
        """Run a script from its beginning. Raises TaskFailed."""

        def run() -> None:
            wire = self._session.work()
            self._transactions.queue_guard(wire, project, after, lock_table=False)
            wire.sync()
            self._scripts.run_alone(script, "script")
            self._unmark(wire)

        self._attempt(run)

    def _unmark(self, wire: Wire) -> None:
        """Nothing is under way here any more; the session may be a lent one, which lives on."""
        if self._session.opened is wire:
            wire.run(self._registry.queries.wire("unmark_session"))

    def _attempt(self, run: Callable[[], None]) -> None:
        try:
            self._transactions.attempt("script", run, kept=True)
        except BaseException:
            self._session.drop_work()
            raise
