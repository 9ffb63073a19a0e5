r"""``\if … \elif … \else … \endif``: which branch is read."""

from __future__ import annotations

from sqitchpy.script.lexer import Lexer, Mark


class Branches:
    r"""The ``\if``\ s that are open in one file. What an inactive branch holds is read and forgotten."""

    def __init__(self, lexer: Lexer) -> None:
        self._lexer = lexer
        self._open: list[_Branch] = []

    @property
    def unfinished_line(self) -> int | None:
        r"""The line of an ``\if`` that is still open."""
        return self._open[-1].line if self._open else None

    @property
    def wants_condition(self) -> bool:
        r"""Whether the condition of the next ``\elif`` matters."""
        branch = self._open[-1]
        return branch.outer_active and not branch.taken

    def complaint(self, name: str) -> str | None:
        """What is wrong with a command that continues an ``\\if``; None when nothing is."""
        if not self._open:
            return rf"\{name}: no matching \if"
        if self._open[-1].seen_else and name != "endif":
            return rf"\{name}: cannot occur after \else"
        return None

    def begin(self, line: int, condition: bool | None) -> None:
        r"""``\if``. A condition that is None is unknown: then this branch and the others are all read."""
        outer = self._lexer.active
        branch = _Branch(line, outer)
        self._open.append(branch)
        self._enter(branch, active=outer and condition is not False, taken=condition is True)

    def otherwise(self, condition: bool | None, *, final: bool) -> None:
        r"""``\elif``, or with ``final`` ``\else``."""
        branch = self._open[-1]
        wanted = self.wants_condition
        self._leave(branch)
        branch.seen_else = final
        self._enter(branch, active=wanted and condition is not False, taken=branch.taken or condition is True)

    def end(self) -> None:
        r"""``\endif``."""
        branch = self._open.pop()
        self._leave(branch)
        self._lexer.active = branch.outer_active

    def _enter(self, branch: _Branch, *, active: bool, taken: bool) -> None:
        self._lexer.end_command()
        branch.active, branch.taken = active, taken
        branch.mark = self._lexer.mark()
        self._lexer.active = active

    def _leave(self, branch: _Branch) -> None:
        if not branch.active:
            self._lexer.reset(branch.mark)


class _Branch:
    __slots__ = ("active", "line", "mark", "outer_active", "seen_else", "taken")

    def __init__(self, line: int, outer_active: bool) -> None:
        self.line = line
        self.outer_active = outer_active
        self.active = self.taken = self.seen_else = False
        self.mark = Mark()
