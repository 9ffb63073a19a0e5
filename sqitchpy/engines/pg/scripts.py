"""Running a script's actions over a wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from psycopg import pq

from sqitchpy.engines.pg.failures import server_failure
from sqitchpy.engines.pg.output import unaligned
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.errors import EngineError
from sqitchpy.events import Action as Doing
from sqitchpy.script.actions import Action, Actions, Copy, CopyOut, Describe, Print, Query, Rows, Sends
from sqitchpy.script.shape import Shape, trace_of
from sqitchpy.script.statements import Kind

ScriptKind = Literal["script", "verify"]


class Origin(NamedTuple):
    """Where a statement comes from: which script, and the line psql would name."""

    kind: ScriptKind
    file: str
    line: int


class Writer(NamedTuple):
    """Where a script's standard output and standard error go, and on whose behalf it runs."""

    doing: Doing
    out: Callable[[str], None]
    err: Callable[[str], None]

    def copied(self, data: bytes) -> None:
        """Print what COPY TO STDOUT sends."""
        self.out(data.decode("utf-8", "replace"))

    def rows(self, result: pq.abc.PGresult) -> None:
        """Print a query's result."""
        text = unaligned(result)
        if text:
            self.out(text)


def replay(actions: Iterable[Action]) -> Actions:
    """Actions that were kept, once more."""
    yield from actions


def drive(actions: Actions, do: Callable[[Action], Rows | None]) -> None:
    """Carry out one action after the other, giving each its result."""
    result: Rows | None = None
    try:
        while True:
            try:
                action = actions.send(result)
            except StopIteration:
                return
            result = do(action)
    finally:
        actions.close()  # files and programs that it has open


def run_folded(wire: Wire, actions: Actions, kind: ScriptKind, writer: Writer, shape: Shape) -> None:
    """Queue a script inside the open transaction, its own BEGIN and COMMIT left out.

    When its own transaction ends with ROLLBACK, a savepoint stands for it (but not for a verification's, which is
    undone anyway). Raises EngineError, with the SQLSTATE of a statement that refuses a transaction block, for what
    shows only now (``\\gexec``, an included file that a variable names) to begin or end a transaction.
    """
    inside, ended, rolls_back = False, False, shape.rolls_back and kind == "script"

    def do(action: Action) -> Rows | None:
        nonlocal inside, ended
        if not shape.certain and not isinstance(action, Print):
            _refuse_unforeseen(action, shape, inside=inside, ended=ended)
        if isinstance(action, Print) or action.statement.kind not in _BOUNDS or action.statement.batch:
            return run_action(wire, action, kind, writer)
        origin = Origin(kind, action.file, action.statement.end_line)
        if action.statement.kind is Kind.BEGIN:
            if inside:
                run_action(wire, action, kind, writer)  # PostgreSQL warns that a transaction is in progress
            elif rolls_back:
                wire.queue(b"SAVEPOINT sqitchpy_script", origin=origin)
            inside = True
            return None
        inside, ended = False, True
        if rolls_back:
            wire.queue(b"ROLLBACK TO SAVEPOINT sqitchpy_script", origin=origin)
            wire.queue(b"RELEASE SAVEPOINT sqitchpy_script", origin=origin)
        return None

    drive(actions, do)


def _refuse_unforeseen(action: Sends, shape: Shape, *, inside: bool, ended: bool) -> None:
    """Refuse, inside a transaction of ours, what the look at the script cannot have seen."""
    statement = action.statement
    foreseen = statement.kind not in _CONTROL
    if statement.kind in _BOUNDS and not statement.batch:
        as_seen = (statement.kind is Kind.ROLLBACK) == shape.rolls_back
        foreseen = shape.own_transaction and not ended and (statement.kind is Kind.BEGIN or (inside and as_seen))
    elif statement.batch:
        foreseen = not re.search(_CONTROLS, statement.text)
    if not foreseen:
        words = " ".join(statement.text[:60].decode("utf-8", "replace").removesuffix(";").split()[:3])
        raise EngineError(
            f"{action.file}:{statement.end_line}: {words}, which could not be foreseen, in a transaction of the change",
            sqlstate="25001",
            hint="Put “-- sqitchpy: transaction=off” on the script's first line.",
        )


_CONTROL = (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.CHAIN, Kind.PREPARE_TRANSACTION)
_CONTROLS = rb"(?i:\b(?:BEGIN|COMMIT|ROLLBACK|END|ABORT|PREPARE\s+TRANSACTION)\b)"


def run_as_written(wire: Wire, actions: Actions, kind: ScriptKind, writer: Writer) -> None:
    """Run a script statement by statement, each on its own unless the script itself opens a transaction."""

    def do(action: Action) -> Rows | None:
        rows = run_action(wire, action, kind, writer)
        wire.sync()
        return rows

    drive(actions, do)


_BOUNDS = (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK)


def run_action(wire: Wire, action: Action, kind: ScriptKind, writer: Writer) -> Rows | None:
    """Carry out one action; an ordinary statement is only queued."""
    if isinstance(action, Print):
        wire.sync()
        (writer.out if action.stream == "stdout" else writer.err)(action.text.decode("utf-8", "replace"))
        return None
    statement = action.statement
    origin = Origin(kind, action.file, statement.end_line)
    if trace_of(statement) > wire.prepared.bears:
        wire.prepared.distrust()
    if isinstance(action, Query):
        return _fetch(wire, statement.text, origin)
    if isinstance(action, Describe):
        _describe(wire, statement.text, origin, writer)
    elif isinstance(action, Copy):
        wire.copy_in(statement.text, action.data, origin=origin)
    elif statement.batch:
        wire.batch(statement.text, origin=origin, on_rows=writer.rows, write=writer.copied)
    elif isinstance(action, CopyOut) or statement.kind is Kind.COPY_OUT:
        write = action.write if isinstance(action, CopyOut) else None
        wire.copy_out(statement.text, write or writer.copied, origin=origin)
    else:
        wire.queue(statement.text, origin=origin, on_rows=writer.rows)
    return None


def _fetch(wire: Wire, text: bytes, origin: Origin) -> Rows:
    found: list[Rows] = []

    def keep(result: pq.abc.PGresult) -> None:
        columns = range(result.nfields)
        names = tuple(result.fname(column) or b"" for column in columns)
        values = (tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples))
        found.append(Rows(names, tuple(values)))

    wire.queue(text, origin=origin, on_rows=keep)
    wire.sync()
    return found[0] if found else Rows((), ())


def _describe(wire: Wire, text: bytes, origin: Origin, writer: Writer) -> None:
    r"""What ``\gdesc`` does: prepare the statement, and have the server name the types of its result."""
    wire.sync()
    pgconn = wire.connection.pgconn
    described = pgconn.prepare(b"", text)
    if described.status == pq.ExecStatus.COMMAND_OK:
        described = pgconn.describe_prepared(b"")
    if described.status != pq.ExecStatus.COMMAND_OK:
        raise server_failure(pgconn, described, text, origin)
    if not described.nfields:
        writer.out("The command has no result, or the result has no columns.\n")
        return
    quote = pq.Escaping(pgconn).escape_literal
    columns = b", ".join(
        b"(%s, %d::pg_catalog.oid, %d)"
        % (bytes(quote(described.fname(column) or b"")), described.ftype(column), described.fmod(column))
        for column in range(described.nfields)
    )
    query = b"SELECT name, pg_catalog.format_type(type, modifier) FROM (VALUES %b) s (name, type, modifier)" % columns
    wire.queue(query, origin=origin, on_rows=writer.rows)


def session_variable(wire: Wire, name: bytes) -> bytes | None:
    """A variable that psql sets from its session. Statements that are under way are waited for."""
    wire.sync()
    info = wire.connection.info
    values = {
        b"DBNAME": info.dbname,
        b"USER": info.user,
        b"HOST": info.host,
        b"PORT": str(info.port),
        b"ENCODING": wire.parameter("client_encoding") or "",
        b"SERVER_VERSION_NUM": str(info.server_version),
        b"SERVER_VERSION_NAME": wire.parameter("server_version") or "",
        b"ROW_COUNT": str(wire.row_count),
        b"ERROR": "false",  # a script ends at its first error
        b"SQLSTATE": "00000",
        b"LAST_ERROR_MESSAGE": "",
        b"LAST_ERROR_SQLSTATE": "00000",
    }
    value = values.get(name)
    return None if value is None else value.encode()
