"""An SQLite database, and its registry, which is a database file beside it.

The script, its verification and the registry's rows are one transaction over both files: the registry is attached right
before the COMMIT, so that no script can see it or run into its names.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqitchpy.engines.client import run_client
from sqitchpy.engines.dbapi.backend import Connection, Notes, Rows, Verdict
from sqitchpy.engines.dbapi.dialect import Dialect, milliseconds
from sqitchpy.engines.dbapi.statements import Language, Statement
from sqitchpy.engines.protocol import Opening, Script
from sqitchpy.engines.sqlite import redo
from sqitchpy.engines.sqlite.failures import registry_error, statement_error
from sqitchpy.engines.sqlite.lock import FileLock
from sqitchpy.engines.sqlite.output import Style, rendered
from sqitchpy.engines.sqlite.shell import read_script
from sqitchpy.errors import EngineError, LockHolder, RegistryError
from sqitchpy.script.source import Source

DIALECT = Dialect(
    placeholder="?",
    now="strftime('%Y-%m-%d %H:%M:%f')",
    unit=timedelta(milliseconds=1),
    time=milliseconds,
)
ATTACHED = "sqitchpy_registry"
"""How the registry is called while it is attached to the database."""
PATIENCE = 60.0
"""Seconds to wait for somebody else's transaction."""
TURN = 0.25
"""Seconds of it that SQLite waits at a time: while it does it hears no Ctrl-C."""
INTERRUPTIBLE = 10_000
"""After how many steps of its virtual machine SQLite lets Python look whether there was a Ctrl-C."""


class _Sql:
    """Statements of our own on one connection."""

    def __init__(self, connection: sqlite3.Connection, registry: str) -> None:
        self.raw = connection
        self._registry = registry
        self.done: list[redo.Statement] | None = None
        """Statements that were run since somebody wanted to know."""

    def query(self, text: str, parameters: Sequence[object] = ()) -> Rows:
        """Run a statement. Raises EngineError."""
        try:
            with closing(_executed(self.raw, text, parameters)) as cursor:
                if self.done is not None and not text.startswith("SELECT"):
                    self.done.append(redo.Statement(text, parameters))
                return cursor.fetchall()
        except sqlite3.Error as error:
            _interrupted(error)
            raise registry_error(error, self._registry) from error


def _executed(connection: sqlite3.Connection, text: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
    """Run a statement, in turns as long as somebody else's transaction is in its way. Raises sqlite3.Error.

    What SQLite refuses without having waited (a deadlock, a snapshot that is too old) is not tried again.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        begin = time.monotonic()
        try:
            return connection.execute(text, parameters)
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline or time.monotonic() - begin < TURN / 2:
                raise


def _interrupted(error: sqlite3.Error) -> None:
    """Raise KeyboardInterrupt for the error that SQLite makes of it: Python's handler ran in a callback."""
    if str(error) == "interrupted":
        raise KeyboardInterrupt from error


def _matches(pattern: str, text: str | None) -> bool:
    """``text REGEXP pattern``, for which SQLite has the operator and everybody brings the function."""
    return text is not None and re.search(pattern, text) is not None


class SqliteBackend:
    """See :class:`sqitchpy.engines.dbapi.backend.Backend`."""

    dialect: Dialect = DIALECT
    language: Language = staticmethod(read_script)
    control_prefix = ""

    def __init__(self, opening: Opening) -> None:
        if not opening.uri.dbname:
            raise EngineError(
                f"Database name missing in URI {opening.uri}",
                hint="Name the file: give db:sqlite:app.db as the target, or keep it with “sqitchpy config "
                "engine.sqlite.target db:sqlite:app.db”.",
            )
        self._opening = opening
        self._database = opening.directory / opening.uri.dbname
        self._registry = opening.directory / (opening.registry_uri.dbname or "")
        self._lock = FileLock(self._registry.with_name(f"{self._registry.name}-lock"), opening.destination)
        self._control: _Sql | None = None
        self._work: _Sql | None = None
        self._together = self._registry.resolve() == self._database.resolve()
        self.work_prefix = "main." if self._together else f"{ATTACHED}."
        self._joined = self._noted = False

    # -- connections ---------------------------------------------------------------------------------------------

    def _open(self, path: Path) -> _Sql:
        try:
            connection = sqlite3.connect(path, isolation_level=None, timeout=TURN, cached_statements=0)
        except sqlite3.Error as error:
            raise EngineError(str(error), hint=f"Is there such a folder, and may you write in it? {path}") from error
        connection.set_progress_handler(lambda: 0, INTERRUPTIBLE)
        connection.create_function("REGEXP", 2, _matches, deterministic=True)
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        return _Sql(connection, self._opening.registry_destination)

    @property
    def control(self) -> Connection:
        """On the registry's file."""
        if self._control is None:
            self._control = self._open(self._registry)
        return self._control

    @property
    def _session(self) -> _Sql:
        if self._work is None:
            self._work = self._open(self._database)
        return self._work

    @property
    def work(self) -> Connection:
        """On the database's file."""
        return self._session

    def renew(self) -> None:
        """A new connection for each script, as with Sqitch a new shell."""
        if self._work is not None:
            self._work.raw.close()
            self._work, self._joined = None, False

    def close(self) -> None:
        """Disconnect."""
        self.unlock()
        self.renew()
        if self._control is not None:
            self._control.raw.close()
            self._control = None

    # -- the registry --------------------------------------------------------------------------------------------

    def has_table(self, name: str) -> bool:
        """Whether the registry has a table; looking for it makes no file."""
        if not self._registry.exists():
            return False
        return bool(self.control.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [name]))

    def prepare_registry(self) -> None:
        """The file comes with the first table."""

    def own_script(self, name: str) -> Script:
        """A script of ours."""
        return Script(Source(name, Path(__file__).parent), {})

    def run_own(self, statement: str) -> None:
        """Run a statement of such a script."""
        self.control.query(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction on the registry's file."""
        control = self.control
        control.query("BEGIN IMMEDIATE")
        try:
            yield
            control.query("COMMIT")
        except BaseException:
            if self._control is not None and self._control.raw.in_transaction:
                control.query("ROLLBACK")
            raise

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """SQLite itself refuses to write meanwhile."""
        if not self._registry.exists():
            yield
            return
        self.control.query("PRAGMA query_only = ON")
        try:
            yield
        finally:
            self.control.query("PRAGMA query_only = OFF")

    # -- transactions --------------------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether one is open on the database."""
        return self._work is not None and self._work.raw.in_transaction

    def begin(self) -> None:
        """Begin, and keep others from writing at once: what we decide on must not change."""
        self.work.query("BEGIN IMMEDIATE")

    def join(self, *, in_script: bool = False) -> None:
        """Attach the registry, unless it is in the same file; a script may have left the connection read-only."""
        for pragma in ("query_only = OFF", "ignore_check_constraints = OFF", "recursive_triggers = OFF"):
            self.work.query(f"PRAGMA {pragma}")
        if self._together:
            return
        self.work.query(f"ATTACH DATABASE ? AS {ATTACHED}", [str(self._registry)])
        self._joined = True
        self._session.done = [] if redo.is_needed(self.work, ("main", ATTACHED)) else None

    def commit(self) -> None:
        """Commit both files, and let go of the registry."""
        statements, self._session.done = self._session.done, None
        if statements is not None:
            redo.write_down(self.work, ATTACHED, statements)
            self._noted = True
        try:
            _executed(self._session.raw, "COMMIT").close()
        except sqlite3.Error as error:
            raise EngineError(f"Error: {error}", hint="That was the COMMIT; all of it was rolled back.") from error
        if self._joined:
            self.work.query(f"DETACH DATABASE {ATTACHED}")
            self._joined = False

    def _catch_up(self) -> None:
        """What a run that was killed between two files has left to be recorded (redo.py)."""
        if not self._database.exists():
            return
        numbers = self.control.query(f"SELECT number FROM {redo.NUMBER}") if self.has_table(redo.NUMBER) else []
        if unrecorded := redo.unrecorded(self.work, [number for (number,) in numbers]):
            self._record(unrecorded)
        self._forget_notes()

    def _record(self, statements: Sequence[redo.Statement]) -> None:
        try:
            with self.transaction():
                for statement in statements:
                    self.control.query(*statement)
        except EngineError as error:
            raise RegistryError(
                f"{self._opening.destination} has a change that a killed run committed without recording it, and it "
                f"cannot be recorded in {self._opening.registry_destination} now: {error.message}",
                hint="Nothing was changed. If that registry is not the one of then, or was changed since, bring it "
                f"back. Or drop the table {redo.NOTE} from the database, and record what the database has: “sqitchpy "
                "deploy --log-only”, “sqitchpy revert --log-only”.",
            ) from error

    def _forget_notes(self) -> None:
        redo.forget(self.work)
        if self.has_table(redo.NUMBER):
            self.control.query(f"DROP TABLE {redo.NUMBER}")
        self.renew()

    def rollback(self) -> None:
        """Roll back what is open; the connection goes too, and with it what the script has attached."""
        self.renew()

    # -- scripts -------------------------------------------------------------------------------------------------

    def send(self, statement: Statement) -> str:
        """Run a script's statement; its rows as the shell prints them."""
        raw = self._session.raw
        try:
            with closing(_executed(raw, statement.text.decode("utf-8"))) as cursor:
                columns = [column[0] for column in cursor.description or ()]
                style = statement.style if isinstance(statement.style, Style) else Style()
                return rendered(columns, cursor, style) if columns else ""
        except (sqlite3.Error, sqlite3.Warning) as error:
            _interrupted(error) if isinstance(error, sqlite3.Error) else None
            raise statement_error(raw, statement, error) from error

    def forget_session(self) -> None:
        """What is temporary does not outlive a session: tables, views and triggers go."""
        found = self.work.query(
            "SELECT type, name FROM sqlite_temp_master WHERE type <> 'index' AND name NOT LIKE 'sqlite_%'"
        )
        for kind, name in sorted(found, reverse=True):  # views and triggers before the tables that they are on
            quoted = name.replace('"', '""')
            self.work.query(f'DROP {kind} IF EXISTS temp."{quoted}"')

    def cancel(self) -> None:
        """Stop what is running."""
        work = self._work  # asked once: the other thread may close it meanwhile
        if work is not None:
            with suppress(sqlite3.ProgrammingError):
                work.raw.interrupt()

    def run_client(self, script: Script, out: Callable[[str], None], err: Callable[[str], None]) -> None:
        """Run a script in the sqlite3 shell, word for word as Sqitch does."""
        self.renew()
        quoted = script.source.name.replace("'", "''")
        words = [self._opening.client, "-noheader", "-bail", "-batch", "-csv", self._opening.uri.dbname or ""]
        run_client(
            [*words, f".read '{quoted}'"],
            directory=self._opening.directory,
            environ={},
            out=out,
            err=err,
            hint="Install the sqlite3 shell, or name it with --client or engine.sqlite.client.",
        )

    def note(self, statement: Statement) -> Notes:
        """Nothing: what refuses a transaction in SQLite can be run again."""
        return {}

    def judge(self, statement: Statement, notes: Notes) -> Verdict:
        """VACUUM, DETACH and the settings of a file do no harm when they run again."""
        return Verdict("it runs again, which does no harm")

    # -- locking -------------------------------------------------------------------------------------------------

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock."""
        if not self._registry.parent.is_dir():
            raise EngineError("unable to open database file", hint=f"There is no folder {self._registry.parent}.")
        self._lock.acquire(timeout, on_wait)
        self._catch_up()

    def holds_lock(self) -> bool:
        """Whether it is ours."""
        return self._lock.held

    def unlock(self) -> None:
        """Give it back, and leave no note behind."""
        try:
            if self._noted:
                self._forget_notes()
        finally:
            self._noted = False
            self._lock.release()
