"""The callback that a run tells its events to: it prints them as they happen, and keeps what ``--json`` will want."""

from __future__ import annotations

import time

from sqitchpy import events
from sqitchpy.cli.console import Console, Nowhere, Piece, is_terminal
from sqitchpy.cli.render import Layout, draw
from sqitchpy.cli.spinner import Spinner

_ENDS_A_STEP = (events.StepFinished, events.StepFailed)


class Watcher:
    """Draws events on a console. ``failure`` is the last failed step, ``output`` what scripts wrote to stdout."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failure: events.StepFailed | None = None
        self.output: list[str] = []
        self._layout = Layout(verbosity=console.verbosity)
        self._spinner = Spinner(console.out) if console.moving and console.hears("info") else None
        self._line = ""
        self._step_since: float | None = None

    def __call__(self, event: events.Event) -> None:
        """Print an event."""
        self._layout = self._layout.after(event)
        if self._spinner:
            self._spinner.stop()
        for piece in draw(event, self._layout):
            self._keep(event, piece)
            self._write(piece)
        if self._spinner:
            self._spin(event, self._spinner)

    def close(self) -> None:
        """Nothing more comes; the terminal is left in order."""
        if self._spinner:
            self._spinner.stop()

    def _spin(self, event: events.Event, spinner: Spinner) -> None:
        if isinstance(event, events.StepStarted):
            self._step_since = time.monotonic()
        elif isinstance(event, _ENDS_A_STEP):
            self._step_since = None
        if self._step_since is not None:
            spinner.start(self._line, self._step_since)

    def _keep(self, event: events.Event, piece: Piece) -> None:
        if isinstance(event, events.StepFailed) and event.error:
            self.failure = event
        elif isinstance(event, events.ScriptOutput) and self.console.as_json:
            self.output.append(piece.text)

    def _write(self, piece: Piece) -> None:
        try:
            self.console.write(piece)
        except OSError as error:
            # Whoever read our output has gone (``| head``), or the disk is full. A database is not left half deployed
            # for that: the run goes on, unseen.
            self.console.out = Nowhere()
            if not isinstance(error, BrokenPipeError):
                self.console.warn(f"Cannot write to the standard output: {error.strerror}")
        if piece.channel != "error" or is_terminal(self.console.err):
            self._line = (self._line + piece.text).rpartition("\n")[2]
