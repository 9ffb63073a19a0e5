"""Changes that are sent before it is known what became of those before them.

The server refuses what stands behind a failed change. If the change's transaction is aborted, that ends only when the
failure was read here; and if its COMMIT has failed, the guard of the next change sees it: a deployment does not find
the change that it stands on, a revert still finds the one that was to go before it. So what is sent ahead either
follows what it was planned to follow, or does nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sqitchpy.engines.pg.changes import Changes
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.engines.protocol import DeployTask, RevertTask, Task, TaskFailed
from sqitchpy.model import Person

RUN_WINDOW = 16
"""How many changes are on their way at most in a run that is one transaction: nothing lasts there before its COMMIT."""
COMMITTING_WINDOW = 4
"""How many of those that commit by themselves: enough to keep the server busy, few where they go on unseen."""
REVERTING_WINDOW = 2
"""How many of those that are reverted: what they drop does not come back."""


class Ahead:
    """Changes that are deployed, or reverted, in this order, unless one fails."""

    def __init__(
        self,
        tasks: Sequence[Task],
        session: OwnSession,
        scripts: ScriptRunner,
        transactions: Transactions,
        changes: Changes,
    ) -> None:
        self._waiting = deque(tasks)
        self._sent: deque[Task] = deque()
        self._session = session
        self._scripts = scripts
        self._transactions = transactions
        self._changes = changes

    def do(self, task: Task, committer: Person) -> bool:
        """Deploy or revert a change; false when it must be run by itself: it is not known beforehand what it does.

        Raises TaskFailed.
        """
        try:
            self._transactions.attempt("script", lambda: self._send(committer), again=False)
            if not self._sent:
                self._waiting.popleft()
                return False
            self._transactions.attempt("script", self._session.work().read_part, again=False)
            self._sent.popleft()
        except BaseException as error:  # the server refuses what was sent behind it, or it is stopped
            self._waiting.extendleft(each for each in reversed(self._sent) if each is not task)
            self.close()
            if isinstance(error, TaskFailed) and self._transactions.may_go_unprepared(error.__cause__):
                return False
            raise
        return True

    def _send(self, committer: Person) -> None:
        wire = self._session.work()
        while self._has_next(wire) and self._can_be_sent():
            previous = self._sent[-1] if self._sent else None
            self._sent.append(self._waiting.popleft())
            self._queue(self._sent[-1], committer, previous)
            wire.send_part()

    def _has_next(self, wire: Wire) -> bool:
        return bool(self._waiting) and len(self._sent) < self._window and wire.has_room and not self._session.unclean

    @property
    def _window(self) -> int:
        if self._session.in_run:
            return RUN_WINDOW
        return REVERTING_WINDOW if isinstance(self._waiting[0], RevertTask) else COMMITTING_WINDOW

    def _can_be_sent(self) -> bool:
        """Whether the next change does nothing but send statements, and may come behind the one before it."""
        task = self._waiting[0]
        verify = task.verify if isinstance(task, DeployTask) else None
        return (
            (task.script is None or self._scripts.looks.sends_only(task.script, "script"))
            and (verify is None or self._scripts.looks.sends_only(verify, "verify"))
            and self._may_follow(self._sent[-1] if self._sent else None, task)
        )

    def _may_follow(self, previous: Task | None, task: Task) -> bool:
        """Whether one can be sent behind another that may fail still, or (None) at all."""
        if self._session.in_run:  # a savepoint, for mode="tag", may come behind a tag
            return previous is None or not previous.change.tags
        if isinstance(task, RevertTask):
            return True
        chained = previous is None or (task.before is None and task.planned_from == previous.change.id)
        return chained and self._changes.obstacle(task) is None

    def _queue(self, task: Task, committer: Person, previous: Task | None) -> None:
        """Queue one, behind the one before it if that is still on its way."""
        if isinstance(task, DeployTask):
            self._changes.queue_deployment(task, committer, task.verify)
        else:
            gone = previous.change.id if previous else None
            self._changes.queue_revert(task, committer, task.script, gone=gone)

    def close(self) -> None:
        """Stop what was sent and is not asked for any more. Raises ConnectionLostError."""
        self._sent.clear()
        self._session.stop()
