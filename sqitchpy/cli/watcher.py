"""The callback that a run tells its events to: it prints them as they happen, and keeps what ``--json`` will want."""

from __future__ import annotations

import os

from sqitchpy import events
from sqitchpy.cli.console import Console, Piece
from sqitchpy.cli.render import Layout, draw, step_prefix
from sqitchpy.cli.spinner import Spinner


class Watcher:
    """Draws events on a console. ``failure`` is the last failed step, ``output`` what scripts wrote to stdout."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failure: events.StepFailed | None = None
        self.output: list[str] = []
        self._layout = Layout(verbosity=console.verbosity)
        self._spinner = Spinner(console.out) if console.colored and console.hears("info") else None

    def __call__(self, event: events.Event) -> None:
        """Print an event."""
        self._keep(event)
        self._layout = self._layout.after(event)
        if self._spinner:
            self._spinner.stop()
        for piece in draw(event, self._layout):
            self._write(piece)
        if self._spinner and isinstance(event, events.StepStarted):
            self._spinner.start(step_prefix(event.action, event.label, self._layout.width))

    def close(self) -> None:
        """Nothing more comes; the terminal is left in order."""
        if self._spinner:
            self._spinner.stop()

    def _keep(self, event: events.Event) -> None:
        if isinstance(event, events.StepFailed) and event.error:
            self.failure = event
        elif isinstance(event, events.ScriptOutput) and self.console.as_json:
            self.output.append(event.text)

    def _write(self, piece: Piece) -> None:
        try:
            self.console.write(piece)
        except BrokenPipeError:
            # Whoever read our output has gone (``| head``). A database is not left half deployed for that.
            self.console.out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
