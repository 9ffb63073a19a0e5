"""The command line. :func:`main` is all there is to call; everything else is imported when it is needed."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (that of the process by default) and return its exit code."""
    try:
        from sqitchpy.cli.process import run_process

        return run_process(argv)
    except KeyboardInterrupt:  # while modules were still being imported
        return 130
