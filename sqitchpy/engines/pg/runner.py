"""Scripts on a session: looked over once, then run inside our transaction, by themselves, or in psql."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from psycopg.pq.abc import PGresult

from sqitchpy.diagnostics import render
from sqitchpy.engines.client import in_client
from sqitchpy.engines.pg import psql
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.link import Notice
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.progress import Journal
from sqitchpy.engines.pg.recording import RECORD
from sqitchpy.engines.pg.scripts import Origin, ScriptKind, Writer, replay, run_as_written, run_folded, session_variable
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.wire import CLEANUP, Wire
from sqitchpy.engines.protocol import Look, Script
from sqitchpy.errors import Diagnostics, ScriptError, SqitchpyError
from sqitchpy.events import Action as Doing
from sqitchpy.events import OnEvent, ScriptMessage, ScriptOutput, Warned
from sqitchpy.script.actions import Action, Actions, Print, Run
from sqitchpy.script.interpreter import Interpreter
from sqitchpy.script.outside import Actual
from sqitchpy.script.settings import Settings
from sqitchpy.script.shape import Reason, Shape, examine, fingerprint
from sqitchpy.script.source import Source
from sqitchpy.script.statements import Kind
from sqitchpy.script.trace import Trace
from sqitchpy.script.variables import Variables, psql_variables

Key = tuple[Source, Mapping[str, str], bool, Settings]
"""What a look at a script depends on, beside its file."""
KEPT_SHAPES = 2000
"""How many looked-over scripts are remembered, the latest; others are looked over again when they run."""


class ScriptRunner:
    """Runs scripts. ``doing`` says on whose behalf, for those who listen."""

    def __init__(self, session: OwnSession, facts: Facts, queries: Queries, on_event: OnEvent) -> None:
        self._session = session
        self._queries = queries
        self._facts = facts
        self._on_event = on_event
        self._shapes: dict[str, tuple[Key, tuple[int, ...], Shape]] = {}
        self.doing: Doing = "deploy"

    # -- looking over -------------------------------------------------------------------------------------------

    def shape(self, script: Script) -> Shape:
        """What a look at the script shows, as its file is now. Raises ScriptError for what cannot be run."""
        stamp = script.source.stamp()
        kept = self._kept(script)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        settings = self._session.settings
        shape = examine(script.source, self._variables(script), settings, allow_shell=script.shell)
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
        settings, variables = self._session.settings, self._variables(script)
        sent = fingerprint(script.source, variables, settings, allow_shell=script.shell)
        return f"{script.source.digest()} {sent}"

    def _variables(self, script: Script) -> dict[str, str]:
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
        actions = self.shape(script).actions
        if actions is None:
            return None
        sent = [action.statement.text for action in actions if not isinstance(action, Print)]
        return [text.decode("utf-8", "replace") for text in sent]

    # -- running ------------------------------------------------------------------------------------------------

    def _actions(self, script: Script, shape: Shape) -> Actions:
        """A script's actions: those kept when it was looked over, else read anew."""
        if shape.actions is not None:
            return replay(shape.actions)
        outside = Actual(
            script.source.root,
            script.shell,
            lambda name: session_variable(self._session.work(), name),
            lambda: self._session.work().sync(),
        )
        variables = Variables(psql_variables(self._variables(script)))
        return Interpreter(script.source, variables, outside, shape.settings).actions()

    def queue_folded(self, wire: Wire, script: Script, kind: ScriptKind) -> None:
        """Queue a script inside the open transaction."""
        shape = self.shape(script)
        run_folded(wire, self._actions(script, shape), kind, self._writer(), shape)

    def queue_verification(self, wire: Wire, script: Script, change: str) -> None:
        """Queue a verification inside the open transaction: it sees what was done and leaves nothing behind.

        Whoever waits for the transaction's locks waits for the verification, too: a long one says so.
        """
        origin = Origin("verify", script.source.name, 1)
        wire.queue(b"SAVEPOINT sqitchpy_verify", origin=origin)
        wire.queue(b"SET CONSTRAINTS ALL IMMEDIATE", origin=origin)
        wire.queue(self._queries.wire("clock_verification"), origin=origin)
        doing, self.doing = self.doing, "verify"
        try:
            self.queue_folded(wire, script, "verify")
        finally:
            self.doing = doing

        def tell(result: PGresult) -> None:

            for row in range(result.ntuples):
                seconds, locks = ((result.get_value(row, column) or b"").decode() for column in (0, 1))
                told = f"{change}: verifying it took {seconds} s, with these locks held: {locks}. "
                way_out = f"“-- sqitchpy: verify=after” on the first line of {script.source.name} "
                if locks:
                    self._on_event(Warned(f"{told}{way_out}verifies after the commit"))

        registry = [self._queries.schema.encode()]
        wire.queue(self._queries.wire("long_verification"), registry, origin=RECORD, on_rows=tell)
        wire.queue(b"ROLLBACK TO SAVEPOINT sqitchpy_verify", origin=origin)

    def run_alone(self, script: Script, kind: ScriptKind) -> None:
        """Run a script outside our transactions: in psql, or statement by statement."""
        if self.uses_psql(script):
            psql.run(self._facts, script, self._writer())
            return
        wire = self._session.work()
        shape = self.shape(script)
        run_as_written(wire, self._actions(script, shape), kind, self._writer())
        self._end(wire, shape)

    def run_noted(self, script: Script, journal: Journal, guard: Callable[[Wire], None]) -> None:
        """Run a script statement by statement, from where an earlier run has left it."""
        wire = self._session.work()
        shape = self.shape(script)

        from sqitchpy.engines.pg.stepwise import Stepwise  # hardly a script needs it

        stepwise = Stepwise(wire, journal, self._queries, self._writer(), guard=guard, tell=self.warn)
        wire.prepared.bears = Trace.NONE  # what is committed meanwhile cannot run again
        try:
            stepwise.run(self._actions(script, shape))
        finally:
            wire.prepared.bears = Trace.OF_FUNCTIONS
        self._end(wire, shape)

    def _end(self, wire: Wire, shape: Shape) -> None:
        """Leave the session as psql's disconnect would."""
        if wire.in_transaction:
            wire.run(b"ROLLBACK")
        self.queue_forget(wire, shape)
        wire.sync()
        self.renew(shape)

    # -- leaving no trace ---------------------------------------------------------------------------------------

    def queue_reset(self, wire: Wire, *shapes: Shape | None) -> None:
        """Inside a transaction: what comes next must not see what the scripts have set."""
        if self.keeps(wire, *shapes):
            self.queue_check(wire)
            wire.queue_each(self._session.unset)
        elif _trace(shapes):
            wire.queue_each(self._session.reset)
            wire.prepared.distrust()  # one of these deallocates them

    def keeps(self, wire: Wire, *shapes: Shape | None) -> bool:
        """Whether our statements stay prepared behind these scripts, if ``queue_check`` finds nothing else prepared."""
        return _trace(shapes) is Trace.OF_FUNCTIONS and self._session.commits and wire.prepared.trusted

    def queue_check(self, wire: Wire) -> None:
        """Inside a transaction: fail in case that functions, which scripts have called, have prepared something."""
        wire.queue(self._queries.wire("nothing_prepared"), [wire.prepared.prefix], origin=RECORD)

    def queue_tidy(self, wire: Wire) -> None:
        """After a transaction that has passed ``queue_check``: like ``queue_forget``, but ours stay prepared."""
        wire.queue_each(self._session.tidy, origin=CLEANUP)

    def queue_forget(self, wire: Wire, *shapes: Shape | None) -> None:
        """After a transaction: the next script must find the session as a new one, as it would with psql."""
        if _trace(shapes):
            if self._session.commits:
                wire.queue_discard(self._session.as_new)
            else:
                self.queue_reset(wire, *shapes)

    def renew(self, *shapes: Shape | None) -> None:
        """After a script that changes what only new sessions see, the next gets a new one."""
        if any(shape is not None and shape.new_connection for shape in shapes) and self._session.commits:
            self._session.drop_work()

    # -- what scripts say ---------------------------------------------------------------------------------------

    def _writer(self) -> Writer:
        doing, tell = self.doing, self._on_event
        return Writer(
            doing, lambda text: tell(ScriptOutput(doing, text)), lambda text: tell(ScriptMessage(doing, text))
        )

    def warn(self, text: str) -> None:
        """Warn the user."""
        self._on_event(Warned(text))

    def on_notice(self, notice: Notice, origin: Any) -> None:
        """Show a NOTICE as psql does, if it comes from a script; those of our own statements are nobody's business."""
        if not isinstance(origin, Origin):
            return
        severity, message, detail, hint = notice
        shown = Diagnostics(
            file=origin.file, line=origin.line, severity=severity, message=message, detail=detail, hint=hint
        )
        doing: Doing = "verify" if origin.kind == "verify" else self.doing
        self._on_event(ScriptMessage(doing, render(shown) + "\n"))


def _trace(shapes: Iterable[Shape | None]) -> Trace:
    return max((shape.trace for shape in shapes if shape is not None), default=Trace.NONE)


def _is_sent(action: Action) -> bool:
    """Whether an action is a statement that can be sent without waiting for what is before it."""
    return isinstance(action, Run) and not action.statement.batch and action.statement.kind is not Kind.COPY_OUT
