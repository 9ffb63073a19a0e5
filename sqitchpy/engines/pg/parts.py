"""What runs scripts and writes the registry, put together. Imported when the first script is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from sqitchpy.engines.pg.ahead import Ahead
from sqitchpy.engines.pg.aswritten import AsWritten
from sqitchpy.engines.pg.blocking import Blocking
from sqitchpy.engines.pg.changes import Changes
from sqitchpy.engines.pg.deploying import Deploying
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.registry import PgRegistry
from sqitchpy.engines.pg.reverting import Reverting
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.pg.verifying import Verifying
from sqitchpy.engines.protocol import Task
from sqitchpy.events import OnEvent


class Parts:
    """One of each, on one session."""

    def __init__(
        self, session: OwnSession, facts: Facts, registry: PgRegistry, blocking: Blocking, on_event: OnEvent
    ) -> None:
        self._session = session
        self.scripts = ScriptRunner(session, facts, registry.queries, on_event)
        self.transactions = Transactions(session, self.scripts, registry, facts, blocking)
        self.changes = Changes(session, self.scripts, registry, self.transactions)
        self.verifying = Verifying(session, self.scripts, self.transactions)
        as_written = AsWritten(session, self.scripts, registry, self.transactions)
        self.deploying = Deploying(
            session, self.scripts, registry, self.transactions, self.changes, as_written, self.verifying
        )
        self.reverting = Reverting(session, self.scripts, self.transactions, self.changes, as_written)

    def ahead(self, tasks: Sequence[Task]) -> Ahead:
        """Send changes before it is known what became of those before them, where that is safe."""
        return Ahead(tasks, self._session, self.scripts, self.transactions, self.changes)
