"""What a script can reach outside the database: the system's commands and environment, and what the session knows.

``Unseen`` is for looking a script over: nothing is run, and what would have to be run to be known is unknown.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Literal, Protocol

from sqitchpy.errors import SqitchpyError

PIECE = 64 * 1024
EndKind = Literal["file", "program"]
r"""What stands at our end of a ``\copy``."""
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


Fail = Callable[[str], SqitchpyError]
"""Makes an error, with the place in the script, of what went wrong."""


class Sink(Protocol):
    """What the data of a COPY are written to."""

    def write(self, data: bytes) -> object:
        """Take data."""

    def finish(self) -> bytes:
        """The data are complete. Returns what a program has said about them."""


class Outside(Protocol):
    """The world outside a script. Every answer may be None: unknown."""

    known: bool
    """False when answers are unknown because nothing is run."""

    def shell(self, command: bytes) -> bytes | None:
        """Run a command and return what it writes. Raises SqitchpyError when that is switched off."""

    def source(self, kind: EndKind, end: str, fail: Fail) -> Iterator[bytes]:
        """What is in a file, or what a program writes, in pieces. Raises what ``fail`` makes."""

    def sink(self, kind: EndKind, end: str, fail: Fail) -> AbstractContextManager[Sink]:
        """A file, or a program, that takes data. It and its sink raise what ``fail`` makes."""

    def getenv(self, name: str) -> str | None:
        """An environment variable."""

    def setenv(self, name: str, value: str | None) -> None:
        """Set (or remove) an environment variable for the commands that follow."""

    def session(self, name: bytes) -> bytes | None:
        """One of SESSION_VARIABLES."""


class Unseen:
    """Nothing is run."""

    known = False

    def __init__(self, allow_shell: bool = True) -> None:
        self.allow_shell = allow_shell

    def shell(self, command: bytes) -> bytes | None:
        """Unknown; but whether it may be run at all is known already."""
        if not self.allow_shell:
            raise shell_is_off(command)
        return None

    def source(self, kind: EndKind, end: str, fail: Fail) -> Iterator[bytes]:
        """Nothing."""
        self._may_run(kind, end)
        return iter(())

    def sink(self, kind: EndKind, end: str, fail: Fail) -> AbstractContextManager[Sink]:
        """One that forgets what it takes; no file is touched."""
        self._may_run(kind, end)
        return nullcontext(_Forgetful())

    def _may_run(self, kind: EndKind, end: str) -> None:
        if kind == "program":
            self.shell(end.encode())

    def getenv(self, name: str) -> str | None:
        """Unknown."""
        return None

    def setenv(self, name: str, value: str | None) -> None:
        """Nothing is set."""

    def session(self, name: bytes) -> bytes | None:
        """Unknown."""
        return None


class Actual:
    """The real world, seen from the project's directory ``root``.

    ``settle`` is called before a command of the system runs: the statements before it are to be done by then.
    """

    known = True

    def __init__(
        self,
        root: Path,
        allow_shell: bool,
        ask_session: Callable[[bytes], bytes | None],
        settle: Callable[[], None],
    ) -> None:
        self.root = root
        self.allow_shell = allow_shell
        self.ask_session = ask_session
        self.settle = settle
        self._environ = dict(os.environ)
        self._status = 0

    def shell(self, command: bytes) -> bytes | None:
        """Run a command with the system's shell, as psql does, and return what it writes."""
        with self._start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            output, _ = process.communicate()
        self._status = process.returncode
        return output

    def source(self, kind: EndKind, end: str, fail: Fail) -> Iterator[bytes]:
        """What is in a file, or what a program writes while it runs, in pieces."""
        with _told(end, fail):
            if kind == "file":
                with (self.root / end).open("rb") as file:
                    yield from iter(lambda: file.read(PIECE), b"")
                return
            with self._start(end.encode(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                stdout = process.stdout
                yield from iter(lambda: stdout.read(PIECE), b"")
            self._ended(process, end, fail)

    @contextmanager
    def sink(self, kind: EndKind, end: str, fail: Fail) -> Iterator[Sink]:
        """A file, or a program; what the program says is kept until its end."""
        with _told(end, fail):
            if kind == "file":
                with (self.root / end).open("wb") as file:
                    yield _Filled(file, end, fail)
                return
            with tempfile.TemporaryFile() as output:
                process = self._start(end.encode(), subprocess.PIPE, output)
                assert process.stdin is not None
                try:
                    yield _Fed(process.stdin, end, fail, output, lambda: self._ended(process, end, fail))
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

    def _ended(self, process: subprocess.Popen[bytes], command: str, fail: Fail) -> None:
        self._status = code = process.wait()
        if code:
            how = f"exited with exit code {code}" if code > 0 else f"was terminated by signal {-code}"
            raise fail(f"{command}: child process {how}")

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


@contextmanager
def _told(end: str, fail: Fail) -> Iterator[None]:
    """What the system refuses becomes an error that says where in the script it was."""
    try:
        yield
    except OSError as error:
        raise fail(f"{end}: {error.strerror}") from error


class _Forgetful:
    """Takes data and keeps nothing."""

    def write(self, data: bytes) -> object:
        """Forget it."""

    def finish(self) -> bytes:
        """Nothing was said."""
        return b""


class _Filled:
    """A file that takes data."""

    def __init__(self, stream: IO[bytes], end: str, fail: Fail) -> None:
        self.stream = stream
        self.end = end
        self.fail = fail

    def write(self, data: bytes) -> object:
        """Write it."""
        with _told(self.end, self.fail):
            return self.stream.write(data)

    def finish(self) -> bytes:
        """Close the file: a full disk may show only now."""
        with _told(self.end, self.fail):
            self.stream.close()
        return b""


class _Fed(_Filled):
    """A program that takes data through its standard input."""

    def __init__(self, stream: IO[bytes], end: str, fail: Fail, output: IO[bytes], check: Callable[[], None]) -> None:
        super().__init__(stream, end, fail)
        self.output = output
        self.check = check

    def finish(self) -> bytes:
        """Wait for its end; what it has written."""
        super().finish()
        self.check()
        self.output.seek(0)
        return self.output.read()


def shell_is_off(command: bytes) -> SqitchpyError:
    """The error of a script that wants to run a command where that is switched off."""
    return SqitchpyError(
        f"the command {command.decode('utf-8', 'replace').strip()!r} may not be run: core.shell is false",
        hint="The project's configuration forbids scripts to reach outside the database.",
    )
