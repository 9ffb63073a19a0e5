"""A project on a database, its commands in processes of their own, and what can be seen afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from sqitchpy.testing import Database
from tests.torture.oracle import Known, Seen, disagreements
from tests.waiting import until

ACTIONS = {"deploy": ("deploy",), "revert": ("revert", "-y")}
WORDS = ("terminating connection", "connection", "Connection", "the deployment lock")
"""One of these is in what a deployer says when its connection is lost."""
SQITCHPY = (sys.executable, "-m", "sqitchpy")
GOLDEN = 0.6180339887498949
SIGHTS = """
    SELECT 'table ' || relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                                               AND relname <> 'marks'
    UNION ALL
    SELECT CASE WHEN indisvalid THEN 'index ' ELSE 'invalid ' END || relname
      FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'value ' || typname || '.' || enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
    UNION ALL
    SELECT 'mark ' || mark FROM marks
"""
PROGRESS = """
    SELECT coalesce(e.change, p.change_id), p.action, p.statement, p.state
      FROM sqitch.sqitchpy_progress p
      LEFT JOIN (SELECT DISTINCT change_id, change FROM sqitch.events) e ON e.change_id = p.change_id
"""
OURS = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


@dataclass
class World:
    """A project, its database, and what is known of its changes. ``uri`` may lead to the database by a detour."""

    path: Path
    database: Database
    plan: Sequence[Known]
    uri: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def start(self, *words: str, tool: Sequence[str] = SQITCHPY) -> subprocess.Popen[str]:
        """Start a command on the database."""
        return subprocess.Popen(
            [*tool, *words, "--target", self.uri or self.database.uri],
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, tool: Sequence[str] = SQITCHPY) -> Ended:
        """Run a command to its end."""
        return ended(self.start(*words, tool=tool))

    def measure(self, *words: str, tool: Sequence[str] = SQITCHPY) -> tuple[float, float]:
        """How long a command takes until its first line, and from there to its last."""
        begun = time.monotonic()
        process = self.start(*words, tool=tool)
        assert process.stdout is not None
        moments = [time.monotonic() for _ in process.stdout]
        done = ended(process)
        assert done.code == 0, str(done)
        return moments[0] - begun, moments[-1] - moments[0]

    def settle(self) -> None:
        """Wait until the server has noticed that the command is dead, and has ended what it was doing for it."""
        until(lambda: self.database.rows(OURS) == [(0,)], "the end of the killed command's sessions", seconds=60)

    def look(self) -> Seen:
        """What the database shows."""
        with self.database.connect() as connection:
            sights = Counter(sight for (sight,) in connection.execute(SIGHTS).fetchall())
            if not _there(connection, "sqitch.changes"):
                return Seen(sights=sights)
            recorded = frozenset(name for (name,) in connection.execute("SELECT change FROM sqitch.changes"))
            events = connection.execute("SELECT event, change FROM sqitch.events ORDER BY committed_at").fetchall()
            progress: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
            for change_id, action, statement, state in self._progress(connection):
                progress[self.ids.get(change_id, change_id), action][statement] = state
            return Seen(recorded, progress, [f"{event} {change}" for event, change in events], sights)

    def _progress(self, connection: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if not _there(connection, "sqitch.sqitchpy_progress"):
            return []
        return connection.execute("SELECT change_id, action, statement, state FROM sqitch.sqitchpy_progress").fetchall()

    def complaints(self) -> list[str]:
        """What the oracle says."""
        return disagreements(self.plan, self.look())

    def must_be(self, *, deployed: bool) -> None:
        """Fail unless all of the plan is there and nothing else, or nothing of it."""
        seen = self.look()
        wanted = {change.name for change in self.plan} if deployed else set()
        assert (seen.recorded, dict(seen.progress)) == (wanted, {})
        assert disagreements(self.plan, seen) == []


def _there(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchall() == [(True,)]


def ended(process: subprocess.Popen[str], *, seconds: float = 90) -> Ended:
    """Wait for a command."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {seconds} seconds:\n{out}\n{err}") from None
    return Ended(process.returncode, out, err)


def spread(number: int) -> float:
    """The ``number``-th of points that fill the range from 0 to 1 evenly, however many there will be."""
    return (number + 0.5) * GOLDEN % 1


def wait_for_moment(process: subprocess.Popen[str], number: int, measured: tuple[float, float]) -> None:
    """Sleep until the ``number``-th moment of a run: one in eight is before its first line, the others after it."""
    first, rest = measured
    assert process.stdout is not None
    if number % 8 == 7:
        time.sleep(first * spread(number))
        return
    process.stdout.readline()
    time.sleep(rest * spread(number))


def where(plan: Sequence[Known], before: Seen, after: Seen) -> str:
    """What a run that was stopped had done, for the figures."""
    if any(after.progress.values()):
        return "in a change, statement by statement"
    if after.recorded == before.recorded:
        return "before the first change was complete"
    return "at the end" if len(after.recorded) in (0, len(plan)) else "between changes, or in a transaction"


def says_so(done: Ended) -> bool:
    """Whether a run that was cut off has told so, in our words and not in Python's."""
    return done.code == 2 and "Traceback" not in done.err and any(words in done.err for words in WORDS)
