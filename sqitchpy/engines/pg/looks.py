"""What a look at each script has shown, remembered as long as its file stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from sqitchpy.engines.client import in_client
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.scripts import ScriptKind
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.protocol import Look, Script
from sqitchpy.errors import ScriptError, SqitchpyError
from sqitchpy.script.actions import Action, Print, Run
from sqitchpy.script.settings import Settings
from sqitchpy.script.shape import Reason, Shape, examine, fingerprint, read_anew
from sqitchpy.script.source import Source
from sqitchpy.script.statements import Kind

Key = tuple[Source, Mapping[str, str], bool, Settings]
"""What a look at a script depends on, beside its file."""
KEPT_SHAPES = 2000
"""How many looked-over scripts are remembered, the latest; others are looked over again when they run."""


class Looks:
    """Looks scripts over, for a session: its settings count."""

    def __init__(self, session: OwnSession, facts: Facts) -> None:
        self._session = session
        self._facts = facts
        self._shapes: dict[str, tuple[Key, tuple[int, ...], Shape]] = {}

    def shape(self, script: Script) -> Shape:
        """What a look at the script shows, as its file is now. Raises ScriptError for what cannot be run."""
        stamp = script.source.stamp()
        kept = self._kept(script)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        settings = self._session.settings
        shape = examine(script.source, self.variables(script), settings, allow_shell=script.shell)
        self._shapes.pop(script.source.name, None)
        if len(self._shapes) >= KEPT_SHAPES:
            del self._shapes[next(iter(self._shapes))]
        self._shapes[script.source.name] = (script.source, script.variables, script.shell, settings), stamp, shape
        return shape

    def looked_over(self, script: Script) -> Shape:
        """What the last look at the script has shown, for plans made of it; before it runs, its file is asked for.

        Raises as :meth:`shape` does.
        """
        kept = self._kept(script)
        return self.shape(script) if kept is None else kept[1]

    def _kept(self, script: Script) -> tuple[tuple[int, ...], Shape] | None:
        """What is remembered of a script, and the state of its file that this is about."""
        kept = self._shapes.get(script.source.name)
        if kept is None or kept[0] != (script.source, script.variables, script.shell, self._session.settings):
            return None
        return kept[1:]

    def forget(self, script: Script) -> None:
        """Look the script over anew when it is next needed: a file it includes may have been edited since."""
        self._shapes.pop(script.source.name, None)

    def fingerprint(self, script: Script) -> str:
        """What is another when the script does something else: inline data is in its file alone, variables and
        included files are in its statements alone."""
        shape = self.shape(script)
        if shape.actions is not None:  # they are what runs
            return f"{shape.script_hash} {fingerprint(shape.actions)}"
        anew = read_anew(script.source, self.variables(script), shape.settings, allow_shell=script.shell)
        return f"{script.source.digest()} {fingerprint(anew)}"

    def variables(self, script: Script) -> dict[str, str]:
        """The script's variables and the one that Sqitch always sets; a user's cannot take its place."""
        return {**script.variables, "registry": self._facts.registry}

    def uses_psql(self, script: Script) -> bool:
        """Whether the script runs in the real psql."""
        return in_client(script, self.shape(script).runner, "psql")

    def folds(self, script: Script, kind: ScriptKind) -> bool:
        """Whether the script runs inside our transaction. Raises ScriptError when it can run in no way."""
        return self._folds(script, self.shape(script), kind)

    def _folds(self, script: Script, shape: Shape, kind: ScriptKind) -> bool:
        if in_client(script, shape.runner, "psql"):
            self._must_commit(Reason(script.source.name, 1, "it runs in psql"))
            return False
        if script.alone and kind == "script":
            self._must_commit(Reason(script.source.name, 1, "it runs as it is written"))
            return False
        if shape.left_open is not None and kind == "script":
            where = shape.left_open
            raise ScriptError(
                f"{where.file}:{where.line}: the transaction opened here is never committed",
                file=where.file,
                line=where.line,
                hint="Nothing of the script would last. End it with COMMIT; (or with ROLLBACK; if that is meant).",
            )
        if shape.reason is not None:
            self._must_commit(shape.reason)
        return shape.folds

    def _must_commit(self, reason: Reason) -> None:
        if not self._session.commits:
            raise ScriptError(
                f"{reason}: this cannot be part of the caller's transaction",
                file=reason.file,
                line=reason.line,
                hint='Deploy this change without transaction="caller".',
            )

    def sends_only(self, script: Script, kind: ScriptKind) -> bool:
        """Whether a script can be sent inside our transaction without looking at what comes back meanwhile.

        It does nothing then but send statements, which are known beforehand, and leaves the session be. Not so one that
        cannot be run: that is told when it is its turn.
        """
        try:
            shape = self.shape(script)
            if not self._folds(script, shape, kind):
                return False
        except SqitchpyError:
            return False
        return shape.actions is not None and not shape.new_connection and all(map(_is_sent, shape.actions))

    def obstacle(self, script: Script | None) -> str | None:
        """Why a script cannot be part of a transaction of ours; None when it can."""
        if script is None:
            return None
        shape = self.looked_over(script)
        if in_client(script, shape.runner, "psql"):
            return f"{script.source.name} runs in psql"
        return None if shape.reason is None else str(shape.reason)

    def look(self, script: Script) -> Look:
        """How a script would be run. Raises ScriptError when it cannot be run."""
        self.forget(script)
        shape = self.shape(script)
        if in_client(script, shape.runner, "psql"):
            self._must_commit(Reason(script.source.name, 1, "it runs in psql"))
            return Look("psql", shape.script_hash)
        if shape.reason is not None:
            self._must_commit(shape.reason)
        return Look("transaction" if shape.folds and not script.alone else "statements", shape.script_hash)

    def statements(self, script: Script) -> list[str] | None:
        """What a script would send; None when that is not known before it runs, or very long."""
        actions = None if self.uses_psql(script) else self.shape(script).actions
        if actions is None:
            return None
        sent = [action.statement.text for action in actions if not isinstance(action, Print)]
        return [text.decode("utf-8", "replace") for text in sent]


def _is_sent(action: Action) -> bool:
    """Whether an action is a statement that can be sent without waiting for what is before it."""
    return isinstance(action, Run) and not action.statement.batch and action.statement.kind is not Kind.COPY_OUT
