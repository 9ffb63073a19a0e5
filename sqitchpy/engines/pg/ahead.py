"""A run that is one transaction: changes are sent before it is known what became of those before them.

That is safe there and nowhere else. When one fails, its transaction is aborted, and the server refuses what was sent
behind it; and until the run's COMMIT, which waits for every answer, nothing lasts whatever happens to us.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.protocol import DeployTask
from sqitchpy.model import Person

WINDOW = 16
"""How many changes are on their way at most."""


class Ahead:
    """The changes of one such run, which are deployed in this order. ``queue`` queues what one consists of."""

    def __init__(
        self,
        tasks: Sequence[DeployTask],
        session: OwnSession,
        scripts: ScriptRunner,
        transactions: Transactions,
        queue: Callable[[DeployTask, Person], None],
    ) -> None:
        self._waiting = deque(tasks)
        self._sent: deque[DeployTask] = deque()
        self._session = session
        self._scripts = scripts
        self._transactions = transactions
        self._queue = queue

    def deploy(self, task: DeployTask, committer: Person) -> bool:
        """Deploy a change; false when it must be run by itself, because it is not known beforehand what it does.

        Raises TaskFailed.
        """
        self._transactions.attempt("script", lambda: self._send(committer))
        if not self._sent:
            self._waiting.popleft()
            return False
        self._sent.popleft()
        self._transactions.attempt("script", self._session.work().read_part)
        return True

    def _send(self, committer: Person) -> None:
        wire = self._session.work()
        while self._waiting and len(self._sent) < WINDOW and wire.has_room and self._may_follow(self._waiting[0]):
            self._sent.append(self._waiting.popleft())
            self._queue(self._sent[-1], committer)
            wire.send_part()

    def _may_follow(self, task: DeployTask) -> bool:
        """Whether a change can be sent now. Behind a tag there may come a savepoint, for ``mode="tag"``."""
        if self._sent and self._sent[-1].change.tags:
            return False
        return (task.script is None or self._scripts.sends_only(task.script, "script")) and (
            task.verify is None or self._scripts.sends_only(task.verify, "verify")
        )
