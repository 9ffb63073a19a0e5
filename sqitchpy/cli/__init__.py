"""The command line: :func:`main`, and :func:`program` around it. Everything else is imported when it is needed."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

__all__ = ["main", "program"]


def program() -> int:
    """What the program ``sqitchpy`` runs: :func:`main`, and then the process ends at once.

    To take the interpreter apart, object by object, would be a thirtieth of what a short command takes.
    """
    code = main()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        return code  # somebody's thread: the interpreter waits for it
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # nobody is there to read it any more
            stream.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (that of the process by default) and return its exit code."""
    gc.set_threshold(500_000)  # imports make a hundred thousand objects that stay, and so does a plan of 10,000 changes
    try:
        from sqitchpy.cli.process import run_process

        return run_process(argv)
    except KeyboardInterrupt:  # while modules were still being imported
        return 130
