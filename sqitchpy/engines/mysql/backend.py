"""A database of MySQL or MariaDB, and its registry, which is another database on the same server.

Most statements of definition commit by themselves there, and whatever transaction is open with them. A change of
nothing but rows is one transaction with its record all the same; any other runs statement by statement, each noted.
"""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import pymysql

from sqitchpy.engines.client import run_client
from sqitchpy.engines.dbapi.backend import Notes, Verdict
from sqitchpy.engines.dbapi.dialect import Dialect, microseconds
from sqitchpy.engines.dbapi.statements import Kind, Print, Statement
from sqitchpy.engines.mysql import judging
from sqitchpy.engines.mysql.access import Access, client_command, find_access
from sqitchpy.engines.mysql.failures import number_of
from sqitchpy.engines.mysql.language import assignments, read_script
from sqitchpy.engines.mysql.lock import ServerLock
from sqitchpy.engines.mysql.optionfiles import read_options
from sqitchpy.engines.mysql.session import Session
from sqitchpy.engines.protocol import Opening, Script
from sqitchpy.errors import EngineError, LockHolder
from sqitchpy.events import Warned
from sqitchpy.script.source import Source

DIALECT = Dialect(
    placeholder="%s",
    quote="`",
    now="utc_timestamp(6)",
    time=microseconds,
    implicit_commits=True,
    hold="SELECT project FROM {r}projects WHERE project = :project FOR UPDATE",
)
SQL_MODE = (
    "ansi,strict_trans_tables,no_auto_value_on_zero,no_zero_date,no_zero_in_date,only_full_group_by,"
    "error_for_division_by_zero"
)
"""What Sqitch's own session has, and ours while it writes the registry."""
_OURS = (
    f"sql_mode = '{SQL_MODE}', time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1, sql_safe_updates = 0"
)
_LONG = 2_147_483
"""Seconds; the longest wait_timeout that every system has."""
_NO_FUNCTIONS = 1419
"""Functions and triggers take SUPER where the server writes a binary log."""
_TEMPORARY = re.compile(
    rb"(?:/\*M?!\d*)?\s*CREATE\s+(?:OR\s+REPLACE\s+)?TEMPORARY\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    rb"(?P<name>(?:`(?:[^`]|``)+`|[\w$.]+)+)",
    re.I,
)
_KEPT = re.compile(r"autocommit|.*(gtid|insert_id|identity|timestamp|rand_seed|_count|in_transaction|pseudo_).*")
"""Session variables that are not set back: they are no settings, or setting them would end the transaction."""
_ABSENT = frozenset((1049, 1133, 1141, 1146, 1305, 1360, 1396, 1539, 1959, 3162, 4091))
"""What the server answers when it is asked for the definition of something that is not there."""


class MysqlBackend:
    """See :class:`sqitchpy.engines.dbapi.backend.Backend`."""

    dialect: Dialect = DIALECT

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._lock = ServerLock(opening.uri.dbname, opening.destination)
        self.control_prefix = self.work_prefix = f"`{opening.registry.replace('`', '``')}`."
        self._control: Session | None = None
        self._work: Session | None = None
        self._sql_mode = ""
        self._temporary: list[str] = []
        self._settings: dict[str, str] | None = None
        self._used = self._warned = False

    # -- connections ---------------------------------------------------------------------------------------------

    @cached_property
    def _options(self) -> dict[str, str]:
        return read_options(self._opening.environ)

    @cached_property
    def _access(self) -> Access:
        opening = self._opening
        return find_access(opening.uri, opening.environ, self._options, system_user=getpass.getuser)

    @property
    def control(self) -> Session:
        """In no database of its own, since the registry may be still to come."""
        if self._control is None:
            session = Session(replace(self._access, charset="utf8mb4"), None, self._opening.registry_destination)
            session.query(
                f"SET SESSION {_OURS}, default_storage_engine = 'InnoDB', autocommit = 1, wait_timeout = {_LONG}"
            )
            ((self._sql_mode,),) = session.query("SELECT @@global.sql_mode")
            self._control = session
        return self._control

    @property
    def work(self) -> Session:
        """In the target's database, as the mysql client would be."""
        if self._work is None:
            if not self._opening.uri.dbname and not self._warned:
                self._warned = True
                self._opening.on_event(Warned(f'Database name missing in URI "{self._opening.uri}"'))
            session = Session(self._access, self._opening.uri.dbname, self._opening.registry_destination)
            self._lock.mark(session)
            self._work, self._used = session, False
        return self._work

    def renew(self) -> None:
        """A new connection for each script, as with Sqitch a new client."""
        if self._work is not None and self._used:
            self._work.close()
            self._work = None
        self._temporary, self._settings = [], None

    def close(self) -> None:
        """Disconnect; the server gives the locks back."""
        for session in (self._work, self._control):
            if session is not None:
                session.close()
        self._work = self._control = None
        self._lock.taken = False

    # -- the registry --------------------------------------------------------------------------------------------

    def has_table(self, name: str) -> bool:
        """Whether the registry has a table."""
        query = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
        return bool(self.control.query(query, [self._opening.registry, name]))

    def prepare_registry(self) -> None:
        """Make the registry's database, and be in it; but not where the target's database is missing."""
        assert self.work is not None, "it connects to the target's database"
        registry = self._opening.registry
        if not self.control.query("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", [registry]):
            self.control.query(f"CREATE DATABASE IF NOT EXISTS {self.control_prefix[:-1]}")
        self.control.query(f"USE {self.control_prefix[:-1]}")

    def own_script(self, name: str) -> Script:
        """A script of ours."""
        return Script(Source(name, Path(__file__).parent), {})

    def run_own(self, statement: str) -> None:
        """Run a statement of such a script; without the right to make functions there is no checkit(), as in Sqitch."""
        try:
            self.control.query(statement)
        except EngineError as error:
            if not isinstance(error.__cause__, pymysql.err.Error) or number_of(error.__cause__) != _NO_FUNCTIONS:
                raise
            if "checkit(doit" in statement:
                words = "Insufficient permissions to create the checkit() function; skipping."
                self._opening.on_event(Warned(words))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction on the control connection."""
        with self._within("START TRANSACTION", "COMMIT"):
            yield

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """The server itself refuses to write meanwhile."""
        with self._within("START TRANSACTION READ ONLY", "ROLLBACK"):
            yield

    @contextmanager
    def _within(self, begin: str, end: str) -> Iterator[None]:
        self.control.query(begin)
        try:
            yield
            self.control.query(end)
        except BaseException:
            with suppress(EngineError):
                self.control.query("ROLLBACK")
            raise

    # -- transactions --------------------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether one is open on the work connection."""
        return self._work is not None and self._work.in_transaction

    def begin(self) -> None:
        """Begin."""
        self.work.query("START TRANSACTION")

    def join(self, *, in_script: bool = False) -> None:
        """Be as Sqitch's own session is; while a script is still under way, what it has set is left alone."""
        if not in_script:
            self._used = True
            self.work.query("SET NAMES utf8mb4")
            self.work.query(f"SET SESSION {_OURS}")

    def commit(self) -> None:
        """Commit."""
        self.work.query("COMMIT")

    def rollback(self) -> None:
        """Roll back what is open; the connection goes, too."""
        if self._work is not None:
            with suppress(EngineError):
                self._work.query("ROLLBACK")
            self._used = True
        self.renew()

    # -- scripts -------------------------------------------------------------------------------------------------

    def language(self, script: Script) -> Iterator[Statement | Print]:
        """How scripts are read."""
        return read_script(script, self._sql_mode)

    def send(self, statement: Statement) -> str:
        """Run a script's statement."""
        self._used = True
        if statement.kind is Kind.LOCAL and (match := _TEMPORARY.match(statement.text)):
            self._temporary.append(match["name"].decode("utf-8", "replace"))
        elif statement.kind is Kind.SESSION and not statement.text.startswith(b'SET @"') and self._settings is None:
            self._settings = self._session_state()
        work = self.work
        try:
            return work.send(statement)
        except KeyboardInterrupt:
            self.cancel()
            work.close()
            self._work = None
            raise

    def cancel(self) -> None:
        """End the work session whose statement is not wanted any more: the server would go on with it."""
        work = self._work  # asked once: the other thread may close it meanwhile
        if work is not None:
            with suppress(EngineError):
                helper = Session(self._access, None, self._opening.registry_destination)
                helper.query(f"KILL {work.number}")
                helper.close()

    def _session_state(self) -> dict[str, str]:
        ((database,),) = self.work.query("SELECT DATABASE()")
        return {**dict(self.work.query("SHOW SESSION VARIABLES")), "": database}

    def forget_session(self) -> None:
        """Temporary tables go, and settings are as they were; user variables stay."""
        for name in self._temporary:
            self.work.query(f"DROP TEMPORARY TABLE IF EXISTS {name}")
        self._temporary = []
        before, self._settings = self._settings, None
        if before is None:
            return
        now = self._session_state()
        if before[""] and now[""] != before[""]:
            self.work.query(f"USE `{before['']}`")
        for name, value in before.items():
            if name and now.get(name) != value and not _KEPT.fullmatch(name):
                self._set_back(name, value)

    def _set_back(self, name: str, value: str) -> None:
        number = bool(re.fullmatch(r"-?\d+(\.\d+)?", value))
        with suppress(EngineError):  # some cannot be set, or not within a transaction
            self.work.query(
                f"SET SESSION {name} = {value}" if number else f"SET SESSION {name} = %s", [] if number else [value]
            )

    def run_client(self, script: Script, out: Callable[[str], None], err: Callable[[str], None]) -> None:
        """Run a script in the mysql client, word for word as Sqitch does."""
        self.renew()
        opening, client = self._opening, self._opening.client
        words = client_command(opening.uri, opening.environ, self._options, self._access, client, _is_mariadb(client))
        settings = f"{assignments(script.variables).decode()};\n" if script.variables else ""
        secret = self._access.password
        run_client(
            [*words, "--execute", f"{settings}source {script.source.name}"],
            directory=opening.directory,
            environ={"MYSQL_PWD": secret} if secret else {},
            out=out,
            err=err,
            hint="Install the mysql or mariadb client, or name it with --client or engine.mysql.client.",
        )

    # -- after a crash -------------------------------------------------------------------------------------------

    def note(self, statement: Statement) -> Notes:
        """The definitions of what the statement is about."""
        return judging.note(statement.text, self._definition)

    def judge(self, statement: Statement, notes: Notes) -> Verdict:
        """Whether they have changed."""
        return judging.judge(statement.text, notes, self._definition)

    def _definition(self, kind: str, name: str) -> str | None:
        """What the server says of an object, on the work connection, where names mean what the script means by them."""
        query = f"SHOW {'GRANTS FOR' if kind == 'ROLE' else f'CREATE {kind}'} {name}"
        if kind == "ROWS":
            query = f"SHOW CREATE TABLE {name}"
        try:
            rows = self.work.ask(query)
            if kind == "ROWS":
                rows = self.work.ask(*_created(name))
        except pymysql.err.Error as error:
            if number_of(error) in _ABSENT:
                return None
            raise judging.Untold from error
        return repr(rows)

    # -- locking -------------------------------------------------------------------------------------------------

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Take the deployment lock."""
        self._lock.acquire(self.control, timeout, on_wait)

    def holds_lock(self) -> bool:
        """Whether it is ours."""
        return self._lock.held(self.control)

    def unlock(self) -> None:
        """Give it back."""
        if self._work is not None:
            self._work.close()
            self._work = None
        if self._control is not None:
            with suppress(EngineError):  # the connection is gone, and the lock with it
                self._lock.release(self._control)


def _created(name: str) -> tuple[str, list[str | None]]:
    """When a table was made, which TRUNCATE changes."""
    parts = [part.strip('`"').replace("``", "`") for part in re.findall(r"`(?:[^`]|``)+`|\"[^\"]+\"|[\w$]+", name)]
    schema, table = parts if len(parts) == 2 else (None, parts[0])
    where = "table_schema = COALESCE(%s, DATABASE()) AND table_name = %s"
    return f"SELECT create_time FROM information_schema.tables WHERE {where}", [schema, table]


def _is_mariadb(client: str) -> bool:
    try:
        said = subprocess.run([client, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:  # what is wrong will be said when it is to run a script
        return False
    return "mariadb" in said.lower()
