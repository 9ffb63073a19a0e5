"""Scripts in the real psql, exactly as Sqitch runs them (``--runner psql``)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import IO

from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.scripts import Writer
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import EngineError

PATIENCE = 5.0
"""Seconds that psql has to end when it is interrupted."""


def command(facts: Facts, script: Script) -> list[str]:
    """psql's argument vector, word for word Sqitch's; a user's variables cannot override ``registry``."""
    words = [facts.psql]
    if facts.psql_dbname:
        words += ["--dbname", facts.psql_dbname]
    for name, value in sorted(script.variables.items()):
        if name != "registry":
            words += ["--set", f"{name}={value}"]
    words += ["--quiet", "--no-psqlrc", "--no-align", "--tuples-only"]
    return [
        *words,
        "--set",
        "ON_ERROR_STOP=1",
        "--set",
        f"registry={facts.registry}",
        "--file",
        script.source.name,
    ]


def run(facts: Facts, script: Script, writer: Writer) -> None:
    """Run a script; its output is handed on as it comes. Raises EngineError when psql fails or cannot be started."""
    words = command(facts, script)
    try:
        process = subprocess.Popen(
            words,
            cwd=facts.directory,
            env={**os.environ, **facts.psql_environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise EngineError(
            f"{facts.psql} cannot be run: {error.strerror}",
            hint="Install PostgreSQL's client programs, or name psql with --client or engine.pg.client.",
        ) from error
    with process:
        messages = threading.Thread(target=_hand_on, args=(process.stderr, writer.err), daemon=True)
        messages.start()
        try:
            _hand_on(process.stdout, writer.out)
        except BaseException:
            _stop(process)
            raise
        finally:
            messages.join()  # whoever closes a pipe that a thread still reads makes that thread fail
    if process.returncode != 0:
        raise EngineError(f'"{facts.psql}" unexpectedly returned exit value {process.returncode}')


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End psql as Ctrl-C does: it cancels its statement on the server, which would go on otherwise."""
    if os.name == "posix":
        process.send_signal(signal.SIGINT)
    else:
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _hand_on(stream: IO[bytes] | None, write: Callable[[str], None]) -> None:
    for line in stream or ():
        write(line.decode("utf-8", "replace"))
