"""Long output through the user's pager when it goes to a terminal, as ``log`` and ``plan`` have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from sqitchpy.config import Config

if TYPE_CHECKING:
    import subprocess

Write = Callable[[str], object]


def pager_program(config: Config, environ: Mapping[str, str]) -> list[str] | None:
    """The pager: ``$SQITCH_PAGER``, ``core.pager``, ``$PAGER``, else ``less`` or ``more``; None for none or ``cat``."""
    import shlex  # what goes to a file does without these
    import shutil

    text = environ.get("SQITCH_PAGER") or config.get("core.pager") or environ.get("PAGER")
    if not text:
        text = next((name for name in ("less", "more") if shutil.which(name)), "")
    words = shlex.split(text)
    return words if words and words != ["cat"] and shutil.which(words[0]) else None


@contextmanager
def paging(out: TextIO, program: list[str] | None, environ: Mapping[str, str]) -> Iterator[Write]:
    """Give a function that writes text to the pager, or to ``out`` when ``program`` is None.

    A pager that is left before the end (``q``) ends the output, and is no error.
    """
    if program is None:
        yield out.write
        out.flush()
        return
    import subprocess

    # As git does: less keeps colours, goes when one screen holds everything, and leaves the text on the screen.
    pager = subprocess.Popen(program, stdin=subprocess.PIPE, text=True, env={"LESS": "FRX", **environ})
    assert pager.stdin is not None
    try:
        with suppress(BrokenPipeError):
            yield pager.stdin.write
    finally:
        with suppress(BrokenPipeError):  # what the pipe still holds is lost, and nobody wants it
            pager.stdin.close()
        _wait(pager)


def _wait(pager: subprocess.Popen[str]) -> None:
    """Wait until the pager ends. Ctrl-C is the pager's while it is up: less takes it to stop a search."""
    while True:
        try:
            pager.wait()
        except KeyboardInterrupt:
            continue
        return
