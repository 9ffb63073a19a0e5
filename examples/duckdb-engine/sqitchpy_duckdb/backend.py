"""DuckDB, as ``sqitchpy.engines.dbapi.backend.Backend`` wants it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
from duckdb import StatementType

from sqitchpy.engines.dbapi.backend import Verdict
from sqitchpy.engines.dbapi.dialect import Dialect
from sqitchpy.engines.dbapi.statements import Kind, Statement
from sqitchpy.engines.protocol import NOT_UNIQUE, Opening, Script
from sqitchpy.errors import Diagnostics, EngineError, LockHolder, StatementError
from sqitchpy.script.source import Source
from sqitchpy_duckdb.file import LOCK, Busy, File, run, run_at_length
from sqitchpy_duckdb.language import in_file, quoted, read_script
from sqitchpy_duckdb.output import table

_DIALECT = Dialect(
    placeholder="?",
    now="make_timestamp(epoch_us(now()))",  # now() has a time zone; so it is UTC without any extension
    time=lambda moment: moment.astimezone(UTC).replace(tzinfo=None),
    matches="regexp_matches({column}, {pattern})",
    savepoints=False,
)
_TEMPORARY = """
SELECT 'VIEW', view_name FROM duckdb_views() WHERE temporary AND NOT internal UNION ALL
SELECT 'TABLE', table_name FROM duckdb_tables() WHERE temporary UNION ALL
SELECT DISTINCT CASE function_type WHEN 'table_macro' THEN 'MACRO TABLE' ELSE 'MACRO' END, function_name
  FROM duckdb_functions() WHERE database_name = 'temp' AND NOT internal UNION ALL
SELECT 'SEQUENCE', sequence_name FROM duckdb_sequences() WHERE temporary UNION ALL
SELECT 'TYPE', type_name FROM duckdb_types() WHERE database_name = 'temp' AND NOT internal
"""
_SETTINGS = "SELECT name, value FROM duckdb_settings() WHERE scope = 'GLOBAL'"
_ATTACHED = f"SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> '{LOCK}'"
_SECRETS = "SELECT name FROM duckdb_secrets() WHERE NOT persistent"
_IN_SESSION = re.compile("temp|secret", re.IGNORECASE)
"""In a CREATE without such a word nothing ends with the session."""
_NO_RESULT = (["Count"], ["Success"])
"""What the driver says of statements that have no rows."""
_LEAVES_NOTHING = ("SELECT", "EXPLAIN", "INSERT", "UPDATE", "DELETE", "ALTER", "DROP", "COPY", "TRANSACTION")


class Session:
    """One of the two connections, opened when it is first used."""

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        self._connect = connect
        self._cursor: duckdb.DuckDBPyConnection | None = None

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The connection of the driver."""
        if self._cursor is None:
            self._cursor = self._connect()
        return self._cursor

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._cursor is not None

    def query(self, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement of sqitchpy's own; its rows. Raises EngineError."""
        try:
            return run(self.cursor, text, parameters)
        except EngineError as error:
            if isinstance(error.__cause__, duckdb.ConstraintException) and "script_hash" in str(error):
                raise EngineError("The deploy script is not unique", hint=NOT_UNIQUE) from error
            raise

    def interrupt(self) -> None:
        """Stop what runs on the connection; called from another thread."""
        if self._cursor is not None:
            self._cursor.interrupt()

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._cursor is not None:
            self._cursor.close()
        self._cursor = None


class DuckDBBackend:
    """One database file. The registry is a schema in it."""

    dialect = _DIALECT
    language = staticmethod(read_script)

    def __init__(self, opening: Opening) -> None:
        self._registry = opening.registry
        self._file = File(opening.directory / (opening.uri.dbname or ""), opening.destination)
        self.control = Session(self._file.cursor)
        self._work = Session(self._file.cursor)
        self._settings: dict[str, str] = {}
        self._attached: set[str] = set()
        self._secrets: set[str] | None = None
        self._left_something = False
        self.in_transaction = False

    # -- the registry --------------------------------------------------------------------------------------------

    @property
    def control_prefix(self) -> str:
        """With the database's name: what a script has set does not matter."""
        ((database,),) = self.control.query("SELECT current_database()")
        return f"{quoted(database)}.{quoted(self._registry)}."

    @property
    def work_prefix(self) -> str:
        """The same: both are connections to one instance."""
        return self.control_prefix

    def has_table(self, name: str) -> bool:
        """Whether the registry has a table."""
        ours = "database_name = current_database() AND schema_name = ? AND table_name = ?"
        return bool(self.control.query(f"SELECT 1 FROM duckdb_tables() WHERE {ours}", [self._registry, name]))

    def prepare_registry(self) -> None:
        """Make the schema."""
        self._need_writing()
        self.control.query(f"CREATE SCHEMA IF NOT EXISTS {quoted(self._registry)}")

    def own_script(self, name: str) -> Script:
        """A script of this package."""
        return Script(Source(name, Path(__file__).parent), {})

    def run_own(self, statement: str) -> None:
        """Run a statement of such a script."""
        self.control.query(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction on the control connection."""
        self._need_writing()
        self.control.query("BEGIN")
        try:
            yield
        except BaseException:
            self.control.query("ROLLBACK")
            raise
        self.control.query("COMMIT")

    # -- scripts -------------------------------------------------------------------------------------------------

    @property
    def work(self) -> Session:
        """The work connection. A verification may write, so the file is opened for that, unless others read it now."""
        if not self._work.is_open:
            with suppress(Busy):
                self._need_writing()
        return self._work

    def _need_writing(self) -> None:
        if not self._file.writable:
            self.control.close()
            self._work.close()
            self._file.open_for_writing()
        if not self._settings:
            self._settings = dict(self.control.query(_SETTINGS))
            self._attached = {name for (name,) in self.control.query(_ATTACHED)}

    def begin(self) -> None:
        """Begin a transaction."""
        self.work.query("BEGIN")
        self.in_transaction = True

    def join(self, *, in_script: bool = False) -> None:
        """Nothing is to be done: ``work_prefix`` leads to the registry from anywhere."""

    def commit(self) -> None:
        """Commit. A commit that fails has rolled back."""
        self.in_transaction = False
        self.work.query("COMMIT")

    def rollback(self) -> None:
        """Roll back what is open: that is what closing a connection does, whatever state it is in."""
        self.in_transaction = False
        self._work.close()

    def send(self, statement: Statement) -> str:
        """Run a script's statement. Raises StatementError."""
        kind: StatementType = statement.style
        text = statement.text.decode()
        if kind.name not in _LEAVES_NOTHING and not (kind.name == "CREATE" and not _IN_SESSION.search(text)):
            self._left_something = True
        if kind.name == "CREATE" and "secret" in text.lower() and self._secrets is None:
            self._secrets = {name for (name,) in self.control.query(_SECRETS)}
        if statement.kind in (Kind.COMMIT, Kind.ROLLBACK):
            self.in_transaction = False  # even when it fails
        try:
            names, rows = run_at_length(self.work.cursor, text)
        except duckdb.Error as error:
            raise _failed(statement, error) from error
        if statement.kind is Kind.BEGIN:
            self.in_transaction = True
        return "" if names in _NO_RESULT and kind != StatementType.SELECT else table(names, rows)

    def forget_session(self) -> None:
        """Take away what the script has left in its session and only there."""
        if not self._left_something:
            return
        for kind, name in self._work.query(_TEMPORARY):
            self._work.query(f"DROP {kind} temp.{quoted(name)}")
        self._drop_secrets(self._work)
        for (name,) in self._work.query("SELECT name FROM duckdb_variables()"):
            self._work.query(f"RESET VARIABLE {quoted(name)}")
        self._work.query("RESET search_path")

    def renew(self) -> None:
        """A new connection; and what belongs to the whole process, settings and attached databases, as it was."""
        self._work.close()
        if self._left_something and self._file.writable:
            self._left_something = False
            for (name,) in self.control.query(_ATTACHED):
                if name not in self._attached:
                    self.control.query(f"DETACH {quoted(name)}")
            for name, value in self.control.query(_SETTINGS):
                if value != self._settings.get(name, value):
                    self.control.query(f"RESET GLOBAL {name}")
            self._drop_secrets(self.control)
            self._secrets = None

    def _drop_secrets(self, session: Session) -> None:
        """Drop what a script has made of them. Unless it did, they are not asked for: their settings are fixed then."""
        if self._secrets is not None:
            for (name,) in session.query(_SECRETS):
                if name not in self._secrets:
                    session.query(f"DROP TEMPORARY SECRET {quoted(name)}")

    def cancel(self) -> None:
        """Stop what is running."""
        self._work.interrupt()

    def run_client(self, script: Script, out: Callable[[str], None], err: Callable[[str], None]) -> None:
        """There is no client: DuckDB's could not open the file while we have it open."""
        raise EngineError(f"{script.source.name} cannot run in a client program: DuckDB has one process for a file")

    def note(self, statement: Statement) -> Mapping[str, Any]:
        """Nothing is needed to judge a CHECKPOINT."""
        return {}

    def judge(self, statement: Statement, notes: Mapping[str, Any]) -> Verdict:
        """A CHECKPOINT, which is all that stands alone, may simply run again."""
        return Verdict("a checkpoint can run again")

    # -- locking -------------------------------------------------------------------------------------------------

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock."""
        self._close_sessions()
        self._file.lock(timeout, on_wait)

    def holds_lock(self) -> bool:
        """Nobody can take it from a process that lives."""
        return True

    def unlock(self) -> None:
        """Close the file, so that others can have it; it is opened again when it is needed."""
        self.close()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """A transaction that may not write, in a file that is most likely open for reading only."""
        self.control.query("BEGIN TRANSACTION READ ONLY")
        try:
            yield
        finally:
            self.control.query("ROLLBACK")

    def close(self) -> None:
        """Close everything."""
        self._close_sessions()
        self._file.close()

    def _close_sessions(self) -> None:
        self.control.close()
        self._work.close()
        self._settings, self.in_transaction = {}, False


def _failed(statement: Statement, error: duckdb.Error) -> StatementError:
    message, line = in_file(str(error), statement.line)
    return StatementError(
        Diagnostics(statement.file, line, "ERROR", message, shown=f"{statement.file}:{line}: {message}"),
    )
