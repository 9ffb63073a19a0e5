"""A look at a whole script before anything of it runs: can it be one transaction with its record?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqitchpy.engines.dbapi.statements import Kind, Print, Statement


@dataclass(frozen=True, slots=True)
class Shape:
    """What a look at the script showed.

    ``reason`` says why it cannot be part of our transaction, and where; it is empty when it *folds*: when it has no
    transaction of its own, or exactly one, and nothing that refuses to be in one.
    """

    reason: str
    directives: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    """SHA-1 over the statements, those of included files too."""
    rolls_back: bool = False
    """Whether its own transaction ends with ROLLBACK."""
    left_open: int = 0
    """The line where a transaction begins that never ends; 0 when there is none."""
    settings: int = 0
    """How many settings of the session come before everything else: they take effect outside a transaction only."""
    reads: bool = False
    """Whether it changes nothing."""

    @property
    def folds(self) -> bool:
        """Whether the script runs inside our transaction."""
        return not self.reason


def examine(items: Iterable[Statement | Print], directives: Mapping[str, str]) -> Shape:
    """Look a script over. Raises what reading it raises."""
    seen = _Seen()
    digest = hashlib.sha1(usedforsecurity=False)
    for item in items:
        if isinstance(item, Statement):
            digest.update(item.text + b"\0")
            seen.see(item)
    reason = "transaction=off" if directives.get("transaction") == "off" else seen.reason
    return Shape(reason, directives, digest.hexdigest(), seen.rolls_back, seen.open_since, seen.settings, seen.reads)


class _Seen:
    """Follows the script's own transaction statements."""

    def __init__(self) -> None:
        self.reason = ""
        self.rolls_back = False
        self.reads = True
        self.open_since = self.settings = 0
        self._begun = False
        self._first = True

    def see(self, statement: Statement) -> None:
        where = f"{statement.file}:{statement.line}"
        words = " ".join(statement.text[:60].decode("utf-8", "replace").split()[:3])
        self.reads = self.reads and statement.kind in (Kind.BEGIN, Kind.READ, Kind.COMMIT, Kind.ROLLBACK)
        if statement.kind is Kind.SETTING and self._first:
            self.settings += 1
            return
        self._first = False
        if statement.kind is Kind.BEGIN:
            if self._begun and not self.open_since:
                self._because(f"{where}: a second transaction")
            self._begun, self.open_since = True, statement.line
        elif statement.kind in (Kind.COMMIT, Kind.ROLLBACK):
            if not self.open_since:
                self._because(f"{where}: {words} without a BEGIN")
            self.open_since, self.rolls_back = 0, statement.kind is Kind.ROLLBACK
        elif statement.kind is Kind.ALONE:
            self._because(f"{where}: {words} is not part of a transaction")

    def _because(self, reason: str) -> None:
        self.reason = self.reason or reason
