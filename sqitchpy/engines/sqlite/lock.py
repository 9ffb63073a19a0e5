"""The deployment lock: SQLite has none for more than a transaction, so it is a lock on a file beside the registry.

Sqitch has none at all for SQLite; it and we exclude each other for the length of a change, by SQLite's own locks.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sqitchpy.errors import EngineError, LockHolder, LockTimeoutError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(1 << 20)  # beyond what is written there: Windows keeps others from reading what is locked
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_taken(file: IO[bytes]) -> bool:
    """Whether somebody else has it; else it is ours now."""
    try:
        _lock(file)
    except OSError:
        return True
    return False


FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0


class FileLock:
    """A lock that is gone with the process that has it, however that ends."""

    def __init__(self, path: Path, destination: str) -> None:
        self._path = path
        self._destination = destination
        self._file: IO[bytes] | None = None

    def acquire(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take it, asking again and again. Raises LockTimeoutError after ``timeout`` seconds (0: never)."""
        if self.held:  # a run that was interrupted has not come to give it back
            return
        pause, deadline = FIRST_PAUSE, 0.0
        while not self._try():
            if not deadline:
                deadline = time.monotonic() + timeout
                on_wait(self._holder())
            elif timeout and time.monotonic() > deadline:
                raise self._timed_out(timeout)
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _try(self) -> bool:
        try:
            file = self._path.open("a+b")
        except OSError as error:
            hint = "sqitchpy locks a file beside the registry while it deploys: the folder has to be writable."
            raise EngineError(f"Cannot open {self._path}: {error.strerror}", hint=hint) from error
        try:
            if _is_taken(file) or not self._is(file):  # removed by the one who had it, before we locked it
                file.close()
                return False
            file.truncate(0)
            file.write(_signature())
            file.flush()
            self._file = file
        except BaseException:  # an interruption, say, would leave it locked for as long as somebody keeps the error
            file.close()
            raise
        return True

    def _is(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except OSError:
            return False

    def _holder(self) -> LockHolder | None:
        try:
            pid, user, since = json.loads(self._path.read_text("utf-8"))
            return LockHolder(pid, user, "sqitchpy", since, None, called="process")
        except (OSError, ValueError):  # it has just ended, or has not signed yet
            return None

    def _timed_out(self, timeout: float) -> LockTimeoutError:
        holder = self._holder()
        return LockTimeoutError(
            f"Timed out waiting {timeout:g} seconds for another instance of Sqitch to finish work on "
            f"{self._destination}",
            holder=holder,
            hint=(f"The lock on {self._path} is held by {holder}. " if holder else "")
            + "Nothing was changed. Wait for it to end, or raise --lock-timeout.",
        )

    @property
    def held(self) -> bool:
        """Whether it is ours still; somebody may have removed the file."""
        return self._file is not None and not self._file.closed and self._is(self._file)

    def release(self) -> None:
        """Give it back. The file goes with it."""
        if self._file is not None:
            if os.name != "nt" and self.held:  # Windows removes no file that is open
                self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None
            if os.name == "nt":
                self._path.unlink(missing_ok=True)


def _signature() -> bytes:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S+00")
    user = os.environ.get("USER") or os.environ.get("USERNAME")
    return json.dumps([os.getpid(), user, since]).encode()
