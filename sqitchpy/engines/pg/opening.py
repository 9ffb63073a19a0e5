"""A connection that is opened while other things are done: most of the time it takes is waiting for the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
FRESH = 5.0
"""Seconds until a connection that was not used is not trusted any more: there is idle_session_timeout."""


class Opening:
    """Runs ``connect`` in a thread of its own, from :meth:`start` on."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._since = 0.0
        self._unwanted = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sqitchpy connects", daemon=True)  # no exit waits for it

    def start(self) -> None:
        """Begin."""
        with suppress(RuntimeError):  # no more threads to be had: then it is opened when it is needed
            self._thread.start()

    def _run(self) -> None:
        try:
            connection = self._connect()
        except Exception:  # noqa: BLE001 - whoever needs it tries for himself, and tells why it fails
            return
        with self._lock:
            self._connection, self._since = connection, time.monotonic()
        if self._unwanted:
            self.give_up()

    def result(self) -> Connection | None:
        """Wait for the connection. None when it could not be opened, or stood idle for long."""
        try:
            if self._thread.ident is not None:  # else it was not started
                self._thread.join()
                if time.monotonic() - self._since < FRESH:
                    return self._connection
        except BaseException:
            self.give_up()
            raise
        self.give_up()
        return None

    def give_up(self) -> None:
        """Close the connection, now or as soon as it is there; that is not waited for."""
        self._unwanted = True
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
