"""The deployment lock: Sqitch's, so the tools exclude each other; and one more for what a dead deployer left running.

When a deployer is killed the server ends its control session at once, and with it Sqitch's lock, but goes on with what
the work session was sent last: it looks whether there still is a client only when it has something to send. So the work
session has a lock, too, and who has taken the deployment lock waits for it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from sqitchpy.engines.mysql.session import Session
from sqitchpy.errors import LockHolder, LockTimeoutError

SLICE = 1.0
"""Seconds to wait inside the server before we look around again."""


class ServerLock:
    """The locks of one database. ``control`` and ``work`` are sessions."""

    def __init__(self, database: str | None, destination: str) -> None:
        self.name = f"sqitch working on {database or ''}"
        digest = hashlib.sha1((database or "").encode(), usedforsecurity=False).hexdigest()
        self._work_name = f"sqitchpy {digest}"  # a name has 64 characters at the most
        self._destination = destination
        self.taken = False

    def acquire(self, control: Session, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock, and wait for what a dead deployer has left running. Raises LockTimeoutError."""
        deadline = time.monotonic() + timeout if timeout else None
        self._wait(control, self.name, deadline, timeout, on_wait)
        self.taken = True
        try:
            self._wait(control, self._work_name, deadline, timeout, on_wait)
            control.query("SELECT RELEASE_LOCK(%s)", [self._work_name])
        except BaseException:
            self.release(control)
            raise

    def _wait(
        self,
        session: Session,
        name: str,
        deadline: float | None,
        timeout: float,
        on_wait: Callable[[LockHolder | None], None],
    ) -> None:
        patience = 0.0
        while session.query("SELECT GET_LOCK(%s, %s)", [name, patience]) != [(1,)]:
            holder = _holder(session, name)
            if not patience:
                on_wait(holder)
            elif deadline is not None and time.monotonic() >= deadline:
                raise self._timed_out(timeout, holder)
            patience = SLICE if deadline is None else min(SLICE, max(0.01, deadline - time.monotonic()))

    def mark(self, work: Session) -> None:
        """Let a new work session have its lock: its predecessor's end may be still under way."""
        if self.taken:
            while work.query("SELECT GET_LOCK(%s, %s)", [self._work_name, SLICE]) != [(1,)]:
                pass

    def held(self, control: Session) -> bool:
        """Whether the deployment lock is still ours; also true where it was never taken."""
        return not self.taken or control.query("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", [self.name]) == [(1,)]

    def release(self, control: Session) -> None:
        """Give it back."""
        if self.taken:
            self.taken = False
            control.query("SELECT RELEASE_LOCK(%s)", [self.name])

    def _timed_out(self, timeout: float, holder: LockHolder | None) -> LockTimeoutError:
        return LockTimeoutError(
            f"Timed out waiting {timeout:g} seconds for another instance of Sqitch to finish work on "
            f"{self._destination}",
            holder=holder,
            hint=(f"The lock “{self.name}” is held by {holder}. " if holder else "")
            + "Nothing was changed. Wait for it to end, or raise --lock-timeout"
            + (f"; KILL {holder.pid} ends it." if holder else "."),
        )


def _holder(session: Session, name: str) -> LockHolder | None:
    """Who has a lock, as far as the server lets us see it."""
    rows = session.query(
        "SELECT id, user, host, command, time, info FROM information_schema.processlist WHERE id = IS_USED_LOCK(%s)",
        [name],
    )
    if not rows:
        ((number,),) = session.query("SELECT IS_USED_LOCK(%s)", [name])
        return LockHolder(number, None, None, None, None, called="connection") if number else None
    number, user, host, command, seconds, query = rows[0]
    state = f"{command.lower()} for {seconds} s"
    return LockHolder(number, f"{user}@{host}", None, None, query, state, called="connection")
