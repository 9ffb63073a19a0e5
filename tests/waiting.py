"""Waiting for something to become so, with an end to it."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], what: str, *, seconds: float = 30) -> None:
    """Wait until ``condition`` holds; fail, naming ``what`` was waited for, when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
