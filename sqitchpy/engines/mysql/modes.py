"""What ``sql_mode`` a script sets, as far as reading it depends on that: the client learns it from the server. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from sqitchpy.engines.mysql.scanner import Mode

_VARIABLE = rb"@(?:\w+|`[^`]*`|'[^']*'|\"[^\"]*\")"
_SAVED = re.compile(rb"(?<!@)(%b)\s*:?=\s*@@(?:session\.|local\.)?sql_mode\b" % _VARIABLE, re.I)
_SET = re.compile(
    rb"(?<![@\w.`])(?<!global\s)(?:(?:session|local)\s+|@@(?:session\.|local\.)?)?`?sql_mode`?\s*:?=\s*"
    rb"(?P<value>'[^']*'|\"[^\"]*\"|%b|[\s\S]+)" % _VARIABLE,
    re.I,
)
_ANSI_QUOTES = frozenset(b"ANSI ANSI_QUOTES DB2 MAXDB MSSQL ORACLE POSTGRESQL".split())
"""Modes that are ANSI_QUOTES, or have it in them."""
_SETTING = re.compile(rb"(?:/\*M?!\d*)?\s*SET\b", re.I)


class Modes:
    """The mode that a session is in while a script is read; it begins with the server's."""

    def __init__(self, sql_mode: str) -> None:
        self.now = _mode(sql_mode.encode())
        self._first = replace(self.now)
        self._saved: dict[bytes, Mode] = {}

    def follow(self, statement: bytes) -> None:
        """Take notice of a statement that was sent."""
        if not _SETTING.match(statement) or b"sql_mode" not in statement.lower():
            return
        for saved in _SAVED.finditer(statement):
            self._saved[saved[1].lower()] = replace(self.now)
        if match := _SET.search(statement):
            found = self._found(match["value"])
            self.now.ansi_quotes, self.now.no_backslash_escapes = found.ansi_quotes, found.no_backslash_escapes

    def _found(self, value: bytes) -> Mode:
        if value.startswith(b"@") and not value.startswith(b"@@"):
            return self._saved.get(value.lower(), self._first)
        if value.lower().startswith(b"default"):
            return self._first
        named = _mode(value)
        if b"sql_mode" not in value.lower():
            return named
        if value.lower().startswith(b"replace"):  # REPLACE(@@sql_mode, 'ANSI_QUOTES', '')
            return Mode(
                self.now.ansi_quotes and not named.ansi_quotes,
                self.now.no_backslash_escapes and not named.no_backslash_escapes,
            )
        return Mode(
            self.now.ansi_quotes or named.ansi_quotes, self.now.no_backslash_escapes or named.no_backslash_escapes
        )


def _mode(text: bytes) -> Mode:
    words = set(re.findall(rb"\w+", text.upper()))
    return Mode(bool(words & _ANSI_QUOTES), b"NO_BACKSLASH_ESCAPES" in words)
