"""The command line. :func:`main` is all there is to call; everything else is imported when it is needed."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (that of the process by default) and return its exit code."""
    _spare_the_collector()
    try:
        from sqitchpy.cli.process import run_process

        return run_process(argv)
    except KeyboardInterrupt:  # while modules were still being imported
        return 130


def _spare_the_collector() -> None:
    """Importing makes a hundred thousand objects that stay, and so does a plan of ten thousand changes: looking through
    them, again and again and once more at the end, would be a fifth of what a short command takes."""
    gc.set_threshold(500_000)
    atexit.register(gc.freeze)
