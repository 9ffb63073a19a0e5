"""The process around a command: streams, signals, and the last word on everything that was raised."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from sqitchpy.cli.console import Console, Nowhere
from sqitchpy.cli.failures import (
    EXIT_BROKEN_PIPE,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    tell,
    tell_unexpected,
    wants_debug,
)
from sqitchpy.errors import SqitchpyError


def run_process(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code. Nothing but ``SystemExit`` of the interpreter itself leaves this function."""
    _prepare_streams()
    _prepare_signals()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _unexpected(error, words)
        _abandon_stdout()
        return tell(SqitchpyError(f"Cannot write the output: {error.strerror}"), _console())
    except KeyboardInterrupt:
        _console().vent("Interrupted")
        return EXIT_INTERRUPTED
    except SqitchpyError as error:
        return tell(error, _console())
    except Exception as error:  # noqa: BLE001 - the last line of defence: a user never sees a traceback
        return _unexpected(error, words)
    return code


def _unexpected(error: Exception, words: Sequence[str]) -> int:
    verbosity = sum(word.count("V") for word in words if word.startswith("-V"))
    return tell_unexpected(error, _console(), debug=wants_debug(verbosity, os.environ))


def _run(words: Sequence[str]) -> int:
    import click

    from sqitchpy.cli.app import run

    if "_SQITCHPY_COMPLETE" in os.environ:
        from sqitchpy.cli import completion

        click.echo(completion.complete(os.environ))
        return 0
    try:
        return run(words)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.UsageError as error:
        error.show()
        return EXIT_USAGE


def _console() -> Console:
    return Console(sys.stdout, sys.stderr)


def _prepare_streams() -> None:
    """A character that the terminal cannot show is written as an escape; it must not stop a deployment."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us (``>&-``)
        sys.stdout, sys.stderr = sys.stdout or Nowhere(), sys.stderr or Nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _prepare_signals() -> None:
    """SIGTERM ends a run the way Ctrl-C does: what is running is cancelled and rolled back."""
    if threading.current_thread() is threading.main_thread():  # the only one that may; elsewhere it is the caller's
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _abandon_stdout() -> None:
    """Nobody reads stdout any more; point it elsewhere, so that the interpreter's own last flush is quiet too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
