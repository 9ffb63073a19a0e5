"""The settings of a session that decide how a script is read: standard_conforming_strings and client_encoding.

psql asks the connection for them at every line. Here statements are on their way while the next line is read, and a
script is looked over before anything of it runs; so what the script itself says with SET counts, from the next line on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SET = (
    rb"(?i)\s*set\s+(?:session\s+|local\s+)?(?P<name>standard_conforming_strings|client_encoding)\s*(?:=|to\b)\s*"
    rb"(?P<value>'[^']*'|\"[^\"]*\"|\w+)\s*+;?\s*+$"
)
_NAMES = rb"(?i)\s*set\s+names\s+(?P<value>'[^']*'|\w+)\s*+;?\s*+$"
_RESET = (
    rb"(?i)\s*(?:reset\s+(?P<name>all|standard_conforming_strings|client_encoding)|discard\s+(?P<all>all))\s*+;?\s*+$"
)

_OFF = ("off", "false", "no", "0", "of", "f", "fa", "fal", "fals", "n")


class Settings(NamedTuple):
    """``encoding`` is a name that PostgreSQL knows (``UTF8``, ``SJIS`` …)."""

    standard_strings: bool = True
    encoding: str = "UTF8"

    def after(self, statement: bytes, initial: Settings) -> Settings:
        """The settings after a statement; ``initial`` are those of the session before the script."""
        if match := re.match(_RESET, statement):
            name = (match["name"] or b"all").lower()
            strings = self.standard_strings if name == b"client_encoding" else initial.standard_strings
            return Settings(strings, self.encoding if name.startswith(b"standard") else initial.encoding)
        match = re.match(_SET, statement)
        name = match["name"].lower() if match else b"client_encoding"
        match = match or re.match(_NAMES, statement)
        if match is None:
            return self
        value = match["value"].strip(b"'\"").decode("ascii", "replace")
        if name == b"client_encoding":
            return self._replace(encoding=initial.encoding if value.lower() == "default" else value)
        standard = initial.standard_strings if value.lower() == "default" else value.lower() not in _OFF
        return self._replace(standard_strings=standard)


USUAL = Settings()
