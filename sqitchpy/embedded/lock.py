"""A lock between processes, that goes with its holder."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqitchpy.errors import EmbeddedError

PAUSE = 0.02
PATIENCE = 180.0


@contextmanager
def exclusive(file: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold ``file`` locked; the operating system unlocks it when the process dies.

    Raises EmbeddedError when another process holds it for longer than ``patience`` seconds.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        _wait_for(descriptor, file, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, file: Path, deadline: float) -> None:
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"Another command has been starting or stopping the embedded server for long: it holds {file}",
                hint="wait for it, or end it, and try again",
            )
        time.sleep(PAUSE)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
