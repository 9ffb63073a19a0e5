"""Running a script in the database's own client program, as Sqitch runs it (``--runner psql`` and its relatives)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from sqitchpy.engines.protocol import Script
from sqitchpy.errors import EngineError, ScriptError
from sqitchpy.options import Runner

PATIENCE = 5.0
"""Seconds that a client has to end when it is interrupted."""

Write = Callable[[str], None]


def in_client(script: Script, directive: str | None, client: Runner | None) -> bool:
    """Whether a script runs in the client program of its database; ``directive`` is what its first line says of it.

    ``client`` is None where the engine runs scripts in none.

    Raises ScriptError when it is to run in another's.
    """
    wanted = directive or script.runner
    if wanted in ("native", client):
        return wanted != "native"
    name = script.source.name
    hint = "Nothing of it was run. Its runner is native" + (f", or {client}." if client else ".")
    raise ScriptError(f"{name} cannot run in {wanted}", file=name, line=1, hint=hint)


def run_client(
    words: Sequence[str], *, directory: Path, environ: Mapping[str, str], out: Write, err: Write, hint: str
) -> None:
    """Run a client; its output is handed on as it comes. ``environ`` is added to the environment.

    Raises EngineError when it fails, in Sqitch's words, or cannot be started: ``hint`` says then what to install.
    """
    try:
        process = subprocess.Popen(
            words,
            cwd=directory,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise EngineError(f"{words[0]} cannot be run: {error.strerror}", hint=hint) from error
    with process:
        messages = threading.Thread(target=_hand_on, args=(process.stderr, err), daemon=True)
        messages.start()
        try:
            _hand_on(process.stdout, out)
        except BaseException:
            _stop(process)
            raise
        finally:
            messages.join()  # whoever closes a pipe that a thread still reads makes that thread fail
    if process.returncode != 0:
        raise EngineError(f'"{words[0]}" unexpectedly returned exit value {process.returncode}')


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the client as Ctrl-C does: psql cancels its statement on the server, which would go on otherwise."""
    if os.name == "posix":
        process.send_signal(signal.SIGINT)
    else:
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _hand_on(stream: IO[bytes] | None, write: Write) -> None:
    for line in stream or ():
        write(line.decode("utf-8", "replace"))
