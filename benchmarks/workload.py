"""The workload W(N): N changes, each of which creates a table, an index and a comment.

Every change requires the one before it and a random earlier one; its scripts are wrapped in BEGIN and COMMIT. Its
revert script drops the table, its verify script selects from it. The same N always makes the same changes, and W(N + 1)
is W(N) with one more.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqitchpy.plan import parse_plan

PROJECT = "bench"
PLANNER = "Ann Ex <ann@example.com>"
FILL = "CREATE TABLE scanned AS SELECT n FROM generate_series(1, 200000) AS n;"
SCAN = ("SELECT 1 / count(*) FILTER (WHERE n::text LIKE '%77%') FROM scanned;",)
BEGINNING = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Change:
    """One change: its number, from 1, and the numbers of those that it requires."""

    number: int
    requires: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"c{self.number:06}"

    @property
    def table(self) -> str:
        return f"t{self.number:06}"

    @property
    def up(self) -> tuple[str, ...]:
        """The statements of its deploy script, without the transaction around them."""
        return (
            f"CREATE TABLE {self.table} (\n    id integer NOT NULL,\n    name text NOT NULL,\n"
            "    price numeric(10, 2) NOT NULL DEFAULT 0,\n    created_at timestamptz NOT NULL DEFAULT now()\n);",
            f"CREATE INDEX {self.table}_name ON {self.table} (name);",
            f"COMMENT ON TABLE {self.table} IS 'Table {self.number} of the workload';",
        )

    @property
    def down(self) -> tuple[str, ...]:
        return (f"DROP TABLE {self.table};",)

    @property
    def check(self) -> tuple[str, ...]:
        return (f"SELECT id, name, price, created_at FROM {self.table} WHERE FALSE;",)


def changes(count: int) -> list[Change]:
    """The changes of W(count)."""
    chance = random.Random(1)
    return [Change(n, _required(n, chance)) for n in range(1, count + 1)]


def _required(number: int, chance: random.Random) -> tuple[int, ...]:
    if number == 1:
        return ()
    earlier = chance.randint(1, number - 1)
    return (number - 1,) if earlier == number - 1 else (number - 1, earlier)


def plan_of(wanted: list[Change]) -> str:
    """The plan file."""
    names = [change.name for change in wanted]
    lines = []
    for change in wanted:
        requires = f" [{' '.join(names[n - 1] for n in change.requires)}]" if change.requires else ""
        at = (BEGINNING + timedelta(minutes=change.number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{change.name}{requires} {at} {PLANNER} # Change {change.number} of the workload\n")
    return f"%syntax-version=1.0.0\n%project={PROJECT}\n\n{''.join(lines)}"


def script(statements: tuple[str, ...], comment: str, end: str = "COMMIT") -> str:
    """A script as Sqitch's templates make it."""
    return f"-- {comment}\n\nBEGIN;\n\n{chr(10).join(statements)}\n\n{end};\n"


def write_project(folder: Path, count: int, *, scanned: bool = False) -> None:
    """A Sqitch project that is W(count), with what the limits read beside it (``changes.json``).

    With ``scanned`` there is a table of 200,000 rows, and every verification reads it from one end to the other.
    """
    wanted = changes(count)
    for kind in ("deploy", "revert", "verify"):
        (folder / kind).mkdir(parents=True)
    (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n[user]\n\tname = Ann Ex\n\temail = ann@example.com\n")
    (folder / "sqitch.plan").write_text(plan_of(wanted))
    for change in wanted:
        up, check = (_filled(change), SCAN) if scanned else (change.up, change.check)
        (folder / f"deploy/{change.name}.sql").write_text(script(up, f"Deploy {change.name}"))
        (folder / f"revert/{change.name}.sql").write_text(script(change.down, f"Revert {change.name}"))
        (folder / f"verify/{change.name}.sql").write_text(script(check, f"Verify {change.name}", "ROLLBACK"))
    (folder / "changes.json").write_text(json.dumps(_facts(folder, wanted)))


def _filled(change: Change) -> tuple[str, ...]:
    return (*change.up, FILL) if change.number == 1 else change.up


def _facts(folder: Path, wanted: list[Change]) -> list[dict[str, object]]:
    """What the registry says of each change, worked out beforehand: the limits do no thinking."""
    planned = parse_plan((folder / "sqitch.plan").read_bytes(), "sqitch.plan").changes
    ids = [change.id for change in planned]
    return [
        {
            "name": change.name,
            "id": ids[change.number - 1],
            "hash": hashlib.sha1((folder / f"deploy/{change.name}.sql").read_bytes()).hexdigest(),
            "note": f"Change {change.number} of the workload",
            "planned_at": (BEGINNING + timedelta(minutes=change.number)).isoformat(),
            "requires": [f"c{n:06}" for n in change.requires],
            "requires_ids": [ids[n - 1] for n in change.requires],
        }
        for change in wanted
    ]
