r"""psql's variables: what ``:name`` means while a script is read.

Values are bytes, as everything in a script is. Quoting follows libpq's PQescapeLiteral and PQescapeIdentifier, which is
what psql uses for ``:'name'`` and ``:"name"``.
"""

from __future__ import annotations

from collections.abc import Mapping

_TRUE = (b"true", b"yes", b"on", b"1")
_FALSE = (b"false", b"no", b"off", b"0")


class Variables:
    """The variables of one script run; starts as a copy of ``initial``."""

    def __init__(self, initial: Mapping[bytes, bytes]) -> None:
        self._values = dict(initial)

    def get(self, name: bytes) -> bytes | None:
        """The value of a variable, None when it is not set."""
        return self._values.get(name)

    def set(self, name: bytes, value: bytes) -> None:
        """Set a variable, as ``\\set`` does."""
        self._values[name] = value

    def unset(self, name: bytes) -> None:
        """Forget a variable, as ``\\unset`` does; one that is not there is no error."""
        self._values.pop(name, None)


def quote_literal(value: bytes) -> bytes:
    """A SQL literal; with backslashes an ``E''`` string behind a blank, so that it means the same on every server."""
    quoted = b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
    return b" E" + quoted if b"\\" in value else quoted


def quote_identifier(value: bytes) -> bytes:
    """A quoted SQL identifier."""
    return b'"' + value.replace(b'"', b'""') + b'"'


def parse_boolean(value: bytes) -> bool | None:
    r"""A boolean as psql's ``\if`` reads it: a prefix of true, yes, false, no; on, off, 1, 0. None when it is none."""
    text = value.lower()
    if not text:
        return None
    for words, truth in ((_TRUE, True), (_FALSE, False)):
        for word in words:
            shortest = 2 if word in (b"on", b"off") else 1
            if len(text) >= shortest and word.startswith(text):
                return truth
    return None


def psql_variables(settings: Mapping[str, str]) -> dict[bytes, bytes]:
    """``--set`` variables as psql holds them, with those that psql sets itself and Sqitch relies on."""
    values = {b"ON_ERROR_STOP": b"1", b"QUIET": b"on", b"AUTOCOMMIT": b"on", b"ECHO": b"none", b"VERBOSITY": b"default"}
    values |= {name.encode(): value.encode() for name, value in settings.items()}
    return values
