"""Running scripts on the work connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from sqitchpy.engines.client import in_client
from sqitchpy.engines.dbapi.backend import Backend
from sqitchpy.engines.dbapi.shape import Shape, examine
from sqitchpy.engines.dbapi.statements import Kind, Print, Statement
from sqitchpy.engines.protocol import Look, Script
from sqitchpy.errors import ScriptError
from sqitchpy.events import Action, OnEvent, ScriptMessage, ScriptOutput
from sqitchpy.options import Runner
from sqitchpy.script.source import Source, read_directives

SHOWN = 1000
"""A script of more statements than this is shown as it is written, not statement by statement."""

ScriptKind = Literal["script", "verify"]


class Scripts:
    """Runs scripts; what they print goes out as events on behalf of what is being done (``doing``)."""

    def __init__(self, backend: Backend, client: Runner | None, on_event: OnEvent) -> None:
        self._backend = backend
        self._client: Runner | None = client
        self._on_event = on_event
        self._shapes: dict[Source, tuple[tuple[int, ...], Shape]] = {}
        self.doing: Action = "deploy"

    # -- looking -------------------------------------------------------------------------------------------------

    def shape(self, script: Script) -> Shape:
        """What a look at the script shows; it is looked at again when its file has changed. Raises ScriptError."""
        stamp = script.source.stamp()
        known = self._shapes.get(script.source)
        if known is None or known[0] != stamp:
            directives = read_directives(script.source.first_line(), script.source.name)
            known = self._shapes[script.source] = stamp, self._examined(script, directives)
        return known[1]

    def _examined(self, script: Script, directives: dict[str, str]) -> Shape:
        if in_client(script, directives.get("runner"), self._client):
            return Shape(f"{script.source.name} runs in {self._client}", directives)
        return examine(self._backend.language(script), directives)

    def folds(self, script: Script, kind: ScriptKind) -> bool:
        """Whether a script runs inside our transaction. Raises ScriptError when it cannot be run."""
        shape = self.shape(script)
        if shape.folds and shape.left_open and kind == "script":
            name, line = script.source.name, shape.left_open
            raise ScriptError(
                f"{name}:{line}: the transaction opened here is never committed",
                file=name,
                line=line,
                hint="Nothing of the script would last. End it with COMMIT; (or with ROLLBACK; if that is meant).",
            )
        taken_back = kind == "script" and shape.rolls_back and not self._backend.dialect.savepoints
        return shape.folds and not script.alone and not taken_back

    def in_client(self, script: Script) -> bool:
        """Whether a script runs in the database's client program."""
        return in_client(script, self.shape(script).directives.get("runner"), self._client)

    def look(self, script: Script) -> Look:
        """How a script would be run. Raises ScriptError when it cannot be run."""
        self.forget(script)
        found = script.source.digest()
        if self.in_client(script):
            how: Literal["psql", "sqlite3", "mysql"] = self._client  # type: ignore[assignment]  # it is not native
            return Look(how, found)
        shape = self.shape(script)
        return Look("transaction" if shape.folds and not script.alone else "statements", found)

    def statements(self, script: Script) -> Sequence[str] | None:
        """What a script would send; None when that is not known before it runs, or very long."""
        if self.in_client(script):
            return None
        sent = (item for item in self._backend.language(script) if isinstance(item, Statement))
        shown = [item.text.decode("utf-8", "replace") + ";" for item in islice(sent, SHOWN + 1)]
        return shown if len(shown) <= SHOWN else None

    def forget(self, script: Script) -> None:
        """Look the script over anew when it is next needed: a file it includes may have been edited since."""
        self._shapes.pop(script.source, None)

    # -- running -------------------------------------------------------------------------------------------------

    def prepare(self, script: Script | None) -> None:
        """Before the transaction: the settings of the session with which a script begins."""
        left = self.shape(script).settings if script else 0
        for item in self._backend.language(script) if script and left else ():
            if isinstance(item, Statement):
                self.send(item)
                left -= 1
            if not left:
                return

    def run_folded(self, script: Script, kind: ScriptKind) -> None:
        """Run a script inside the open transaction, its own BEGIN and COMMIT left out.

        When its own transaction ends with ROLLBACK, a savepoint stands for it (but not for a verification's, which is
        undone anyway).
        """
        shape = self.shape(script)
        prepared = shape.settings
        savepoint = kind == "script" and shape.rolls_back
        for item in self._backend.language(script):
            if isinstance(item, Statement) and prepared:
                prepared -= 1  # prepare() has sent it
            elif isinstance(item, Print) or item.kind not in (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK):
                self.send(item)
            elif savepoint and item.kind is Kind.BEGIN:
                self._backend.work.query("SAVEPOINT sqitchpy_script")
            elif savepoint:
                self._backend.work.query("ROLLBACK TO SAVEPOINT sqitchpy_script")

    def run_alone(self, script: Script) -> None:
        """Run a script as it is written, outside our transactions, or in the client program."""
        if self.in_client(script):
            self._backend.run_client(script, self._out, self._err)
            return
        for item in self.items(script):
            self.send(item)

    def items(self, script: Script) -> Iterator[Statement | Print]:
        """The script's statements, and what it prints."""
        return self._backend.language(script)

    def send(self, item: Statement | Print) -> None:
        """Run a statement, or print a text."""
        if isinstance(item, Print):
            (self._out if item.stream == "stdout" else self._err)(item.text)
        elif text := self._backend.send(item):
            self._out(text)

    def _out(self, text: str) -> None:
        self._on_event(ScriptOutput(self.doing, text))

    def _err(self, text: str) -> None:
        self._on_event(ScriptMessage(self.doing, text))
