"""What a script may leave behind in the session, to be cleaned up before other SQL runs in it."""

from __future__ import annotations

from enum import IntEnum


class Trace(IntEnum):
    """From nothing to anything: of several scripts the highest counts."""

    NONE = 0
    OF_FUNCTIONS = 1
    """Only what functions do that it calls."""
    ANY = 2
