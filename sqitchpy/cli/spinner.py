"""On a terminal, a step that takes longer than a second shows that it is alive, and for how long.

The text that remains is exactly the text that is written without a terminal: the spinner replaces the beginning of
the line while it runs and puts it back when it ends. It needs rich, and without rich there is simply none.
"""

from __future__ import annotations

import threading
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_DELAY = 1.0
_FRAMES = "|/-\\"
_PER_SECOND = 8
_ROOM = 16
"""Columns that the spinner and the time need behind the line."""


class Spinner:
    """At most one line at a time: :meth:`start` when it has been written, :meth:`stop` before anything else is."""

    def __init__(self, out: TextIO, delay: float = _DELAY) -> None:
        self._out = out
        self._delay = delay
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._live: Live | None = None
        self._line = ""

    def start(self, line: str, since: float) -> None:
        """``line`` stands on the terminal, without its end; begin to move behind it after the delay.

        ``since`` is when the step began, on the monotonic clock.
        """
        import shutil

        if find_spec("rich") is None or len(line) + _ROOM > shutil.get_terminal_size().columns:
            return
        self._line = line
        self._timer = threading.Timer(self._delay, self._appear, (since,))
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """The line stands on the terminal as it did at the start."""
        if self._timer:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._live:
                self._live.stop()
                self._live = None
                self._out.write(self._line)
                self._out.flush()

    def _appear(self, since: float) -> None:
        from rich.console import Console
        from rich.live import Live

        with self._lock:
            if self._timer is not threading.current_thread():
                return  # stopped while rich was being imported
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._live = Live(
                console=Console(file=self._out, highlight=False),
                get_renderable=lambda: self._frame(since),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                refresh_per_second=_PER_SECOND,
            )
            self._live.start()

    def _frame(self, since: float) -> Text:
        from rich.text import Text

        seconds = time.monotonic() - since
        moving = _FRAMES[int(seconds * _PER_SECOND) % len(_FRAMES)]
        return Text(f"{self._line}{moving} {seconds:.0f} s")
