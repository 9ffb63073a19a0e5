"""Our own statements, prepared once in a session: most of what they cost the server is parsing and planning.

Scripts share the session. What may deallocate our statements makes us send their text again until the session is as
good as new; and where a function has done it behind our back, or has prepared statements of its own, the change is
rolled back and runs again with nothing of ours prepared.
"""

from __future__ import annotations

import os

from sqitchpy.script.trace import Trace


class Prepared:
    """Names of the statements that are prepared in one session. ``allowed`` is false where none may be left behind.

    Nobody else has used such a name: behind a pooler the session may have statements of other deployers.
    """

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = self._trusted = allowed
        self._names: dict[bytes, bytes] = {}
        self.prefix = b"sqitchpy_" + os.urandom(6).hex().encode()
        """What the names of our statements begin with."""
        self._generation = 0
        self.bears = Trace.OF_FUNCTIONS
        """What scripts may do without that our statements are distrusted."""

    @property
    def trusted(self) -> bool:
        """Whether what is prepared is used, and worth keeping."""
        return self._trusted

    def name(self, text: bytes) -> tuple[bytes, bool] | None:
        """The name of a statement, and whether it is still to be prepared; None when its text must be sent."""
        if not self._trusted:
            return None
        known = self._names.get(text)
        if known is not None:
            return known, False
        name = self._names[text] = b"%b_%d_%d" % (self.prefix, self._generation, len(self._names))
        return name, True

    def distrust(self) -> None:
        """Something has been done in the session that may have taken them away."""
        self._trusted = False

    def forget(self) -> None:
        """They are gone, or nobody knows which are there: new ones get names that were never used."""
        self._names.clear()
        self._generation += 1
        self._trusted = self._allowed

    def give_up(self) -> bool:
        """Prepare nothing more in this session: what was prepared is not there (a pooler). Whether that is new."""
        given, self._allowed = self._allowed, False
        self.forget()
        return given
