"""Verifications: each in a transaction that is rolled back, many of them on their way at once.

They do not depend on one another, so a burst of them is sent before the first result is read. A script whose actions
are known beforehand and which prints nothing on the way can be part of one; another runs when nothing is under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress

from sqitchpy.engines.pg.failures import ServerFailure, failed_outside_block
from sqitchpy.engines.pg.runner import ScriptRunner
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.transactions import Transactions
from sqitchpy.engines.protocol import Script, TaskFailed, VerifyTask
from sqitchpy.errors import ConnectionLostError, EngineError

BURST = 32
"""How many verifications are sent before the results of the first are read."""


class Verifying:
    """Runs verifications on one session."""

    def __init__(self, session: OwnSession, scripts: ScriptRunner, transactions: Transactions) -> None:
        self._session = session
        self._scripts = scripts
        self._transactions = transactions

    def run(self, tasks: Sequence[VerifyTask], burst: int = BURST) -> Generator[TaskFailed | None, None, None]:
        """What became of each, in their order; what a script says is told before. Raises ConnectionLostError."""
        waiting = deque(task.script for task in tasks)
        while waiting:
            self._scripts.doing = "verify"
            sent: deque[Script] = deque()
            try:
                self._send(waiting, sent, burst)
                if not sent:
                    yield self._by_itself(waiting.popleft())
                while sent:
                    script = sent.popleft()
                    failed = self._read()
                    if failed is not None and self._refuses_block(script, failed):
                        self._give_up()  # what was sent behind it is sent again
                        waiting.extendleft(reversed(sent))
                        sent.clear()
                        failed = self._outcome(script, alone=True)
                    yield failed
            except ConnectionLostError:
                self._session.drop_work()
                raise
            finally:
                self._give_up()  # nobody wants to know any more of what is still under way

    def run_one(self, script: Script) -> None:
        """Run one verification. Raises TaskFailed."""
        self._scripts.doing = "verify"
        failed = self._outcome(script)
        if failed is not None and self._refuses_block(script, failed):
            failed = self._outcome(script, alone=True)
        if failed is not None:
            raise failed

    # -- one at a time ------------------------------------------------------------------------------------------

    def _by_itself(self, script: Script) -> TaskFailed | None:
        self._scripts.looks.forget(script)
        try:
            self.run_one(script)
        except TaskFailed as failed:
            return failed
        return None

    def _outcome(self, script: Script, *, alone: bool = False) -> TaskFailed | None:
        try:
            self._transactions.attempt("verify", lambda: self._run(script, alone))
        except TaskFailed as failed:
            return failed
        return None

    def _run(self, script: Script, alone: bool) -> None:
        if alone or not self._scripts.looks.folds(script, "verify"):
            self._scripts.run_alone(script, "verify")
            return
        self._queue(script)
        self._queue_end(script)
        self._session.work().sync()

    def _queue(self, script: Script) -> None:
        wire = self._session.work()
        wire.queue_each(self._session.begin)
        self._scripts.queue_folded(wire, script, "verify")

    def _queue_end(self, script: Script) -> None:
        wire = self._session.work()
        wire.queue_each(filter(None, [self._session.rollback]))
        self._scripts.queue_forget(wire, self._scripts.looks.shape(script))

    def _refuses_block(self, script: Script, failed: TaskFailed) -> bool:
        """Whether a script turned out to refuse a transaction block, and can run as psql would run it."""
        if not isinstance(failed.error, EngineError) or not failed_outside_block(failed.error):
            return False
        shape = self._scripts.looks.shape(script)
        return shape.folds and not shape.own_transaction and self._session.commits

    # -- many at once -------------------------------------------------------------------------------------------

    def _send(self, waiting: deque[Script], sent: deque[Script], burst: int) -> None:
        """Send what stands first in the queue, as far as it can be sent ahead."""
        wire = self._session.work()
        while waiting and len(sent) < burst and wire.has_room and self._can_wait(waiting[0]):
            sent.append(waiting.popleft())
            self._queue(sent[-1])
            wire.send_part()
            self._queue_end(sent[-1])  # a part of its own: a failed transaction, too, ends here
            wire.send_part()

    def _can_wait(self, script: Script) -> bool:
        """Whether a script can be sent without looking at what comes back meanwhile."""
        self._scripts.looks.forget(script)
        return self._scripts.looks.sends_only(script, "verify")

    def _read(self) -> TaskFailed | None:
        wire, failed = self._session.work(), None
        for _ in ("the verification", "its end"):
            try:
                wire.read_part()
            except ServerFailure as failure:
                if not self._transactions.is_done_all_the_same(failure):
                    failed = failed or self._transactions.failed(failure, "verify")
        return failed

    def _give_up(self) -> None:
        with suppress(ConnectionLostError):  # what cannot be stopped is closed, and the next one gets a new session
            self._session.stop()  # a transaction of the caller's goes on
