"""Running a command and measuring it: wall time, processor time of the command and of the server."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from server import Server


@dataclass(frozen=True)
class Measured:
    """One run of one command. Seconds."""

    scenario: str
    what: str
    tool: str
    turn: int
    wall: float
    cpu: float
    server_cpu: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    low: float
    median: float
    high: float


class CommandFailedError(Exception):
    """A command has ended with an exit code that is not 0."""


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], server: Server | None
) -> tuple[float, float, float]:
    """Run a command to its end: wall, processor and server seconds. Raises CommandFailedError."""
    before = server.cpu() if server else 0.0
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode("utf-8", "replace")[-2000:]
            raise CommandFailedError(f"{' '.join(command)}\nended with {process.returncode}:\n{said}")
    time.sleep(0.02)  # the server ends the session's process
    return wall, usage.ru_utime + usage.ru_stime, (server.cpu() - before) if server else 0.0


def spread(values: Iterable[float]) -> Spread:
    """Median and quartiles of some values."""
    ordered = sorted(values)
    if len(ordered) < 2:
        return Spread(ordered[0], ordered[0], ordered[0])
    low, median, high = statistics.quantiles(ordered, n=4, method="inclusive")
    return Spread(low, median, high)


def paired(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Spread | None:
    """The spread of the ratios of two tools, taken turn by turn; None when they never ran in the same turn."""
    ratios = [ours[turn] / theirs[turn] for turn in ours if theirs.get(turn)]
    return spread(ratios) if ratios else None
