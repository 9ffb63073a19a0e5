"""The database file, and who may open it.

DuckDB lets one process open a file for writing, and nobody else open it meanwhile; or any number of processes open it
for reading. Within one process all connections to a file share one instance, which has one of the two modes.
https://duckdb.org/docs/stable/connect/concurrency
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from sqitchpy.errors import EngineError, LockHolder, LockTimeoutError

LOCK = "sqitchpy_deployment"
"""An empty database in memory, attached to the instance of the process that deploys: a name is attached only once."""
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_OTHER_MODE = "different configuration"
_ONE_PROCESS = "DuckDB lets one process have a file open for writing, or any number of them for reading."
_PAUSE = 0.1
"""Seconds between two attempts to get the lock."""


class Busy(EngineError):
    """Somebody else has the file open: ``holder``, as far as DuckDB tells."""

    def __init__(self, destination: str, holder: LockHolder | None) -> None:
        super().__init__(
            f"{destination} is open elsewhere"
            + (f": in {holder.application or 'this very process'} (PID {holder.pid})" if holder else ""),
            hint=f"Nothing was done. {_ONE_PROCESS} Close it there, or wait, and run the command again.",
        )
        self.holder = holder


def run(connection: duckdb.DuckDBPyConnection, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement; its rows. Raises EngineError."""
    try:
        return connection.execute(text, parameters).fetchall()
    except duckdb.Error as error:
        raise EngineError(str(error)) from error
    except RuntimeError as error:
        if "interrupted" not in str(error):
            raise
        raise KeyboardInterrupt from error  # that is what the driver makes of Ctrl-C


def run_at_length(connection: duckdb.DuckDBPyConnection, text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a statement that may take long: the names of its columns, and its rows. Raises duckdb.Error.

    It runs in a thread, because the driver stops only some statements at Ctrl-C: CREATE TABLE AS goes on.
    """

    def work() -> tuple[list[str], list[tuple[Any, ...]]]:
        done = connection.execute(text)
        return [column[0] for column in done.description or ()], done.fetchall()

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(work)
        try:
            return running.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


class File:
    """A database file. While it is not there, looking at it is looking at an empty database in memory."""

    def __init__(self, path: Path, destination: str) -> None:
        self._path = path
        self._destination = destination
        self._root: duckdb.DuckDBPyConnection | None = None
        self._locked = False
        self.writable = False

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own. The file is opened for reading unless it was opened for writing before."""
        if self._root is None:
            self._root = self._open_for_reading()
        return self._root.cursor()

    def open_for_writing(self) -> None:
        """Open the file, or make it. Cursors from before are closed. Raises Busy."""
        self.close()
        if not self._path.exists():
            self._make()
        self._root = self._connect(self._path)
        self.writable = True

    def _make(self) -> None:
        """Make the file under another name: who is killed in the middle of it leaves one that DuckDB does not read."""
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}-{id(self)}.new")
        try:
            self._connect(new).close()
            with suppress(FileExistsError):  # somebody else was quicker
                os.link(new, self._path)
        finally:
            new.unlink(missing_ok=True)

    def _open_for_reading(self) -> duckdb.DuckDBPyConnection:
        if not self._path.exists():
            return duckdb.connect(":memory:")
        try:
            return self._connect(self._path, read_only=True)
        except Busy:  # perhaps this process has it open for writing: then so can we
            return self._connect(self._path)

    def _connect(self, path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(path, read_only=read_only)
        except duckdb.Error as error:
            if match := _HOLDER.search(str(error)):
                program = Path(match["program"]).name
                raise Busy(
                    self._destination, LockHolder(int(match["pid"]), None, program, None, None, called="process")
                ) from error
            if _OTHER_MODE in str(error) or "Could not set lock" in str(error):
                raise Busy(self._destination, self._ourselves if _OTHER_MODE in str(error) else None) from error
            raise EngineError(
                f"{self._destination} cannot be opened: {error}",
                hint="Nothing was done. The folder has to be there, and the file one of DuckDB's, or none.",
            ) from error

    @property
    def _ourselves(self) -> LockHolder:
        return LockHolder(os.getpid(), None, None, None, None, called="process")

    # -- the deployment lock -------------------------------------------------------------------------------------

    def lock(self, timeout: float, on_wait: Callable[[LockHolder | None], None]) -> None:
        """Open the file for writing, which keeps other processes out, and attach ``LOCK``, which stops other threads.

        Both are gone when the process is. Raises LockTimeoutError after ``timeout`` seconds (0: never).
        """
        deadline, told = time.monotonic() + timeout, False
        while True:
            try:
                self._try_lock()
                return
            except Busy as busy:
                self.close()
                if not told:
                    on_wait(busy.holder)
                    told = True
                if timeout and time.monotonic() >= deadline:
                    raise LockTimeoutError(
                        f"Timed out waiting {timeout:g} seconds for another instance of Sqitch to finish work on "
                        f"{self._destination}",
                        holder=busy.holder,
                        hint=f"Nothing was done. {_ONE_PROCESS} It may be another program that has it open.",
                    ) from busy
            time.sleep(_PAUSE)

    def _try_lock(self) -> None:
        self.open_for_writing()
        assert self._root is not None
        try:
            self._root.execute(f"ATTACH ':memory:' AS {LOCK}")
        except duckdb.BinderException as error:
            raise Busy(self._destination, self._ourselves) from error
        self._locked = True

    def close(self) -> None:
        """Close the file, and give the lock back."""
        if self._root is not None:
            try:
                if self._locked:  # a connection of another thread may keep the instance alive
                    run(self._root, f"DETACH {LOCK}")
            finally:
                self._root.close()
        self._root, self._locked, self.writable = None, False, False
