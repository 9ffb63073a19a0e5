"""Scripts on a session: run inside our transaction, by themselves, or in psql."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from psycopg.pq.abc import PGresult

from sqitchpy.diagnostics import render
from sqitchpy.engines.pg import psql
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.link import Notice
from sqitchpy.engines.pg.looks import Looks
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.progress import Journal
from sqitchpy.engines.pg.recording import RECORD
from sqitchpy.engines.pg.scripts import Origin, ScriptKind, Writer, replay, run_as_written, run_folded, session_variable
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.wire import CLEANUP, Wire
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import Diagnostics
from sqitchpy.events import Action as Doing
from sqitchpy.events import OnEvent, ScriptMessage, ScriptOutput, Warned
from sqitchpy.script.actions import Actions
from sqitchpy.script.interpreter import Interpreter
from sqitchpy.script.outside import Actual
from sqitchpy.script.shape import Shape
from sqitchpy.script.trace import Trace
from sqitchpy.script.variables import Variables, psql_variables


class ScriptRunner:
    """Runs scripts. ``doing`` says on whose behalf, for those who listen."""

    def __init__(self, session: OwnSession, facts: Facts, queries: Queries, on_event: OnEvent) -> None:
        self._session = session
        self._queries = queries
        self._facts = facts
        self._on_event = on_event
        self.looks = Looks(session, facts)
        self.doing: Doing = "deploy"

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
        variables = Variables(psql_variables(self.looks.variables(script)))
        return Interpreter(script.source, variables, outside, shape.settings).actions()

    def queue_folded(self, wire: Wire, script: Script, kind: ScriptKind) -> None:
        """Queue a script inside the open transaction."""
        shape = self.looks.shape(script)
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
        if self.looks.uses_psql(script):
            psql.run(self._facts, script, self._writer())
            return
        wire = self._session.work()
        shape = self.looks.shape(script)
        run_as_written(wire, self._actions(script, shape), kind, self._writer())
        self._end(wire, shape)

    def run_noted(self, script: Script, journal: Journal, guard: Callable[[Wire], None]) -> None:
        """Run a script statement by statement, from where an earlier run has left it."""
        wire = self._session.work()
        shape = self.looks.shape(script)

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
                self._session.run_leaves = True
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
