"""Verifications in several sessions at once: a thread for each, and everything told in the order of one session."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import NamedTuple, Protocol

from sqitchpy.engines.protocol import TaskFailed, VerifyTask
from sqitchpy.events import Blocked, Event, OnEvent

CANCEL_AGAIN = 0.1
"""Seconds until a worker that is still busy is cancelled once more."""


class Worker(Protocol):
    """What runs verifications in one session."""

    def verify(self, tasks: Sequence[VerifyTask]) -> Generator[TaskFailed | None, None, None]:
        """Run some, one after the other."""

    def cancel(self) -> None:
        """Stop what is under way; called from another thread."""

    def close(self) -> None:
        """Disconnect."""


class _Done(NamedTuple):
    heard: tuple[Event, ...]
    failed: TaskFailed | None


class Parallel:
    """``open_worker`` makes a worker that tells its events to a callback; ``on_event`` is told them in order."""

    def __init__(self, open_worker: Callable[[OnEvent], Worker], on_event: OnEvent) -> None:
        self._open_worker = open_worker
        self._on_event = on_event
        self._changed = threading.Condition()  # guards everything below
        self._workers: list[Worker] = []
        self._chunks: deque[range] = deque()
        self._done: dict[int, _Done] = {}
        self._urgent: deque[Event] = deque()
        self._error: BaseException | None = None
        self._stopped = False

    def run(self, tasks: Sequence[VerifyTask], jobs: int) -> Generator[TaskFailed | None, None, None]:
        """What became of each task, in order. Raises what a worker raises: ConnectionLostError, EngineError."""
        size = max(1, min(32, len(tasks) // (4 * jobs)))  # small enough that no worker has much left when others end
        self._chunks.extend(range(start, min(start + size, len(tasks))) for start in range(0, len(tasks), size))
        threads = [threading.Thread(target=self._work, args=(tasks,)) for _ in range(min(jobs, len(self._chunks)))]
        try:
            for thread in threads:
                thread.start()
            for number in range(len(tasks)):
                done = self._wait_for(number)
                for event in done.heard:
                    self._on_event(event)
                yield done.failed
        finally:
            self._stop(threads)

    def _wait_for(self, number: int) -> _Done:
        while True:
            with self._changed:
                while not (number in self._done or self._urgent or self._error):
                    self._changed.wait()
                urgent = self._urgent.popleft() if self._urgent else None
                if urgent is None:
                    if self._error is not None:
                        raise self._error
                    return self._done.pop(number)
            self._on_event(urgent)

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        """Wait until no worker is busy. One may have been about to send something when it was cancelled: so, again."""
        with self._changed:
            self._stopped = True
            self._chunks.clear()
        while any(thread.is_alive() for thread in threads):
            with self._changed:  # none is closed meanwhile
                for worker in self._workers:
                    worker.cancel()
            for thread in threads:
                if thread.is_alive():  # one that was interrupted before its start never is
                    thread.join(CANCEL_AGAIN)

    # -- in a worker's thread -----------------------------------------------------------------------------------

    def _work(self, tasks: Sequence[VerifyTask]) -> None:
        heard: list[Event] = []
        worker = self._open_worker(lambda event: self._hear(event, heard))
        with self._changed:
            self._workers.append(worker)
        try:
            while (chunk := self._next_chunk()) is not None:
                self._verify(worker, tasks, chunk, heard)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._fail(error)
        finally:
            with self._changed:
                self._workers.remove(worker)
            worker.close()

    def _verify(self, worker: Worker, tasks: Sequence[VerifyTask], chunk: range, heard: list[Event]) -> None:
        with closing(worker.verify(tasks[chunk.start : chunk.stop])) as outcomes:
            for number, failed in zip(chunk, outcomes, strict=True):
                with self._changed:
                    self._done[number] = _Done(tuple(heard), failed)
                    self._changed.notify()
                    if self._stopped:
                        return
                heard.clear()

    def _hear(self, event: Event, heard: list[Event]) -> None:
        """Keep an event until it is its turn; who is in the way of a statement is said at once."""
        if not isinstance(event, Blocked):
            heard.append(event)
            return
        with self._changed:
            self._urgent.append(event)
            self._changed.notify()

    def _next_chunk(self) -> range | None:
        with self._changed:
            return self._chunks.popleft() if self._chunks else None

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._chunks.clear()
            self._changed.notify()
