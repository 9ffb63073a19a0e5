"""What a script can reach outside the database: the system's commands and environment, and what the session knows.

``Unseen`` is for looking a script over: nothing is run, and what would have to be run to be known is unknown.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from sqitchpy.errors import SqitchpyError

PIECE = 64 * 1024
SESSION_VARIABLES = frozenset(
    (
        b"DBNAME",
        b"USER",
        b"HOST",
        b"PORT",
        b"ENCODING",
        b"SERVER_VERSION_NUM",
        b"SERVER_VERSION_NAME",
        b"ROW_COUNT",
        b"ERROR",
        b"SQLSTATE",
        b"LAST_ERROR_MESSAGE",
        b"LAST_ERROR_SQLSTATE",
        b"SHELL_ERROR",
        b"SHELL_EXIT_CODE",
    )
)
"""Variables that psql sets itself; a script that sets one of them wins, as in psql."""


class ProgramFailed(SqitchpyError):
    """A program ended with something else than 0."""


class Sink(Protocol):
    """A program that is fed."""

    def write(self, data: bytes) -> object:
        """Feed it. Raises OSError when it does not listen any more."""

    def finish(self) -> bytes:
        """Wait for its end; what it has written. Raises ProgramFailed."""


class Outside(Protocol):
    """The world outside a script. Every answer may be None: unknown."""

    known: bool
    """False when answers are unknown because nothing is run."""

    def shell(self, command: bytes) -> bytes | None:
        """Run a command and return what it writes. Raises SqitchpyError when that is switched off."""

    def read_from(self, command: bytes) -> Iterator[bytes]:
        """What a command writes, in pieces. Raises ProgramFailed at the end, SqitchpyError when it may not be run."""

    def write_to(self, command: bytes) -> AbstractContextManager[Sink]:
        """A command that reads what is written to it. Raises SqitchpyError when it may not be run."""

    def getenv(self, name: str) -> str | None:
        """An environment variable."""

    def setenv(self, name: str, value: str | None) -> None:
        """Set (or remove) an environment variable for the commands that follow."""

    def session(self, name: bytes) -> bytes | None:
        """One of SESSION_VARIABLES."""


@dataclass
class Unseen:
    """Nothing is run."""

    allow_shell: bool = True
    known: bool = False

    def shell(self, command: bytes) -> bytes | None:
        """Unknown; but whether it may be run at all is known already."""
        if not self.allow_shell:
            raise shell_is_off(command)
        return None

    def read_from(self, command: bytes) -> Iterator[bytes]:
        """Nothing."""
        self.shell(command)
        return iter(())

    def write_to(self, command: bytes) -> AbstractContextManager[Sink]:
        """Nothing is run while a script is looked over."""
        raise NotImplementedError

    def getenv(self, name: str) -> str | None:
        """Unknown."""
        return None

    def setenv(self, name: str, value: str | None) -> None:
        """Nothing is set."""

    def session(self, name: bytes) -> bytes | None:
        """Unknown."""
        return None


@dataclass
class Actual:
    """The real world, seen from the project's directory ``root``.

    ``settle`` is called before a command of the system runs: the statements before it are to be done by then.
    """

    root: Path
    allow_shell: bool
    ask_session: Callable[[bytes], bytes | None]
    settle: Callable[[], None]
    known: bool = True
    _environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _status: int = 0

    def shell(self, command: bytes) -> bytes | None:
        """Run a command with the system's shell, as psql does, and return what it writes."""
        with self._start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            output, _ = process.communicate()
        self._status = process.returncode
        return output

    def read_from(self, command: bytes) -> Iterator[bytes]:
        """What a command writes, in pieces, while it runs."""
        with self._start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while piece := process.stdout.read(PIECE):
                yield piece
        self._ended(process, command)

    @contextmanager
    def write_to(self, command: bytes) -> Iterator[Sink]:
        """A command that reads what is written to it; its own output is kept until its end."""
        with tempfile.TemporaryFile() as output:
            process = self._start(command, subprocess.PIPE, output)
            assert process.stdin is not None
            try:
                yield _Fed(process.stdin, output, lambda: self._ended(process, command))
            finally:
                with suppress(BrokenPipeError):  # whoever wrote has been told that it does not listen
                    process.stdin.close()
                process.wait()

    def _start(self, command: bytes, stdin: int, stdout: int | IO[bytes]) -> subprocess.Popen[bytes]:
        if not self.allow_shell:
            raise shell_is_off(command)
        self.settle()
        words = command.decode("utf-8", "surrogateescape")
        return subprocess.Popen(words, shell=True, cwd=self.root, env=self._environ, stdin=stdin, stdout=stdout)

    def _ended(self, process: subprocess.Popen[bytes], command: bytes) -> None:
        self._status = code = process.wait()
        if code:
            how = f"exited with exit code {code}" if code > 0 else f"was terminated by signal {-code}"
            raise ProgramFailed(f"{command.decode('utf-8', 'replace')}: child process {how}")

    def getenv(self, name: str) -> str | None:
        """An environment variable."""
        return self._environ.get(name)

    def setenv(self, name: str, value: str | None) -> None:
        """Set (or remove) an environment variable for the commands that follow."""
        self._environ.pop(name, None)
        if value is not None:
            self._environ[name] = value

    def session(self, name: bytes) -> bytes | None:
        """What the session knows, or how the last command ended."""
        if name == b"SHELL_ERROR":
            return b"true" if self._status else b"false"
        if name == b"SHELL_EXIT_CODE":
            return str(self._status).encode()
        return self.ask_session(name)


@dataclass
class _Fed:
    """A program that is fed through its standard input."""

    stdin: IO[bytes]
    output: IO[bytes]
    check: Callable[[], None]

    def write(self, data: bytes) -> object:
        """Feed it."""
        return self.stdin.write(data)

    def finish(self) -> bytes:
        """Wait for its end; what it has written."""
        self.stdin.close()
        self.check()
        self.output.seek(0)
        return self.output.read()


def shell_is_off(command: bytes) -> SqitchpyError:
    """The error of a script that wants to run a command where that is switched off."""
    return SqitchpyError(
        f"the command {command.decode('utf-8', 'replace').strip()!r} may not be run: core.shell is false",
        hint="The project's configuration forbids scripts to reach outside the database.",
    )
