"""kill -9 of a deployer on MySQL, where definitions commit by themselves; what is there and what is recorded agree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mariadb import MariaDatabase
from tests.projects import Scripts, make_project
from tests.torture.conftest import Rounds
from tests.torture.world import Ended, ended, wait_for_moment
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PAUSE = "DO SLEEP(0.03);\n"
CHANGES = {
    "base": Scripts(
        f"CREATE TABLE base (id INT PRIMARY KEY);\n{PAUSE}INSERT INTO base VALUES (1);\n",
        "DROP TABLE base;\n",
        "SELECT id FROM base WHERE 0;\n",
    ),
    "rows": Scripts(
        f"BEGIN;\nINSERT INTO base VALUES (2);\n{PAUSE}INSERT INTO base VALUES (3);\nCOMMIT;\n",
        f"DELETE FROM base WHERE id = 2;\n{PAUSE}DELETE FROM base WHERE id = 3;\n",
    ),
    "mixed": Scripts(
        "INSERT INTO base VALUES (4);\n"
        f"ALTER TABLE base ADD COLUMN added INT DEFAULT 1;\n{PAUSE}"
        "UPDATE base SET added = added + 1;\n"
        f"CREATE INDEX base_added ON base (added);\n{PAUSE}"
        "CREATE TABLE copied AS SELECT id, added, SLEEP(0.01) AS x FROM base;\n"
        "INSERT INTO copied VALUES (9, 1, 0);\n",
        "DROP TABLE copied;\nDROP INDEX base_added ON base;\nALTER TABLE base DROP COLUMN added;\n"
        "DELETE FROM base WHERE id = 4;\n",
        "SELECT added FROM base WHERE 0;\nSELECT id FROM copied WHERE 0;\n",
    ),
    "routine": Scripts(
        "DELIMITER //\nCREATE PROCEDURE said() BEGIN SELECT 1; SELECT 2; END//\n"
        "CREATE TRIGGER watch BEFORE INSERT ON copied FOR EACH ROW SET NEW.x = 1//\nDELIMITER ;\n"
        "INSERT INTO copied VALUES (10, 1, 0);\n",
        "DELETE FROM copied WHERE id = 10;\nDROP TRIGGER watch;\nDROP PROCEDURE said;\n",
    ),
}
WHOLE = {
    "base": [(1, 2), (2, 2), (3, 2), (4, 2)],
    "copied": [(1,), (2,), (3,), (4,), (9,), (10,)],
    "routines": [("said",)],
    "triggers": [("watch",)],
}
"""What is there when all of it is deployed: every statement was done once."""
MARKS = {"base": "base", "mixed": "copied"}
"""A table that is there when that change is recorded."""
OPTIONS = ((), ("--verify",))


@dataclass
class World:
    """The project on its database."""

    path: Path
    database: MariaDatabase

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sqitchpy", *words, "--target", self.database.uri],
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> Ended:
        return ended(self.start(*words))

    def tables(self) -> set[str]:
        return {name for (name,) in self.database.rows("SHOW TABLES")}

    def recorded(self) -> list[str]:
        if not self.database.rows("SHOW TABLES FROM sqitch LIKE 'changes'"):
            return []
        return [name for (name,) in self.database.rows("SELECT `change` FROM sqitch.changes ORDER BY committed_at")]

    def begun(self) -> bool:
        """Whether a change is under way statement by statement."""
        there = self.database.rows("SHOW TABLES FROM sqitch LIKE 'sqitchpy_progress'")
        return bool(there and self.database.rows("SELECT 1 FROM sqitch.sqitchpy_progress"))

    def contents(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that the plan makes."""
        where = f"= '{self.database.name}'"
        return {
            "base": self.database.rows("SELECT id, added FROM base ORDER BY id"),
            "copied": self.database.rows("SELECT id FROM copied ORDER BY id"),
            "routines": self.database.rows(
                f"SELECT routine_name FROM information_schema.routines WHERE routine_schema {where}"
            ),
            "triggers": self.database.rows(
                f"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema {where}"
            ),
        }

    def settle(self) -> None:
        """Wait until the server has ended what it was doing for the dead."""
        query = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command <> 'Daemon'"
        until(lambda: self.database.rows(query) == [], "the end of the killed command's sessions", seconds=60)

    def must_agree(self) -> None:
        """Fail where the registry says of a change that is not begun what the database does not show."""
        recorded = self.recorded()
        assert recorded == list(CHANGES)[: len(recorded)]
        if not self.begun():
            tables = self.tables()
            assert {change: table in tables for change, table in MARKS.items()} == {
                change: change in recorded for change in MARKS
            }


@pytest.fixture
def world(tmp_path: Path, mysql_database: MariaDatabase) -> World:
    return World(make_project(tmp_path / "app", CHANGES, conf="[core]\n\tengine = mysql\n"), mysql_database)


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    seen: Counter[str] = Counter()
    yield lambda what: seen.update([what])
    request.node.user_properties.append(("torture", ("MariaDB, killed deployers", dict(seen))))


def measure(world: World, *words: str) -> tuple[float, float]:
    begun = time.monotonic()
    process = world.start(*words)
    assert process.stdout is not None
    moments = [time.monotonic() for _ in process.stdout]
    done = ended(process)
    assert done.code == 0, str(done)
    return moments[0] - begun, moments[-1] - moments[0]


def test_killed_deployers_leave_registry_and_schema_in_agreement(
    world: World, rounds: Rounds, count: Callable[[str], None]
) -> None:
    actions = {"deploy": ("deploy",), "revert": ("revert", "-y")}
    measured = {action: measure(world, *words) for action, words in actions.items()}
    for turn in rounds(6, 0.5):
        action = ("deploy", "revert")[turn % 2]
        words = actions[action] + (OPTIONS[turn // 2 % 2] if action == "deploy" else ())
        count("rounds")
        for again in range(1 + turn % 3 // 2):
            process = world.start(*words)
            wait_for_moment(process, 3 * turn + again, measured[action])
            alive = process.poll() is None
            if alive:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            count("killed" if alive else "had ended before")
            if turn % 4 == 3:
                count("followed at once")
                continue
            world.settle()
            world.must_agree()
            count("in a change, statement by statement" if world.begun() else "between changes, or in a transaction")
        done = world.run(*words)
        assert done.code == 0, str(done)
        assert not world.begun()
        assert world.recorded() == (list(CHANGES) if action == "deploy" else [])
        if action == "deploy":
            assert world.contents() == WHOLE
        else:
            assert world.tables() == set()
