"""How fast it could be: the least that does the work, in one Python process with one connection of psycopg's.

    python -c 'import limits; limits.main()' b|c|cc deploy|deploy-verify|verify|revert|one|select DSN FOLDER

b: a transaction per change, every statement on its own; its rows in Sqitch's registry are in that transaction. c: the
same in pipeline mode, synchronised once for each change. cc: one synchronisation, and one transaction, for all. There
is no lock, no check and no message, and what would have to be worked out (ids, hashes) is read from ``changes.json``.
``select`` is what any command must do at least: import psycopg, connect, ask one question.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg

ANN = ("Ann Ex", "ann@example.com")
REGISTRY = Path(__file__).parents[1] / "sqitchpy/engines/pg/registry.sql"

INSERT_CHANGE = """
INSERT INTO sqitch.changes (change_id, script_hash, change, project, note, committer_name, committer_email, planned_at,
                            planner_name, planner_email)
VALUES (%s, %s, %s, 'bench', %s, %s, %s, %s, %s, %s)"""
INSERT_DEPENDENCIES = """
INSERT INTO sqitch.dependencies (change_id, type, dependency, dependency_id)
SELECT %s, 'require', d, i FROM unnest(%s::text[], %s::text[]) AS d (d, i)"""
INSERT_EVENT = """
INSERT INTO sqitch.events (event, change_id, change, project, note, requires, conflicts, tags, committer_name,
                           committer_email, planned_at, planner_name, planner_email)
VALUES (%s, %s, %s, 'bench', %s, %s, '{}', '{}', %s, %s, %s, %s, %s)"""

Connection = psycopg.Connection[Any]
Fact = dict[str, Any]
Sync = Callable[[], None]


def statements(path: Path) -> list[str]:
    """The statements of one of the workload's scripts, without its own BEGIN, COMMIT and ROLLBACK."""
    text = path.read_text().partition("BEGIN;\n\n")[2].rpartition("\n\n")[0]
    return [statement + ";" for statement in text.removesuffix(";").split(";\n")]


def create_registry(connection: Connection) -> None:
    """Sqitch's tables, in one message."""
    connection.execute("BEGIN")
    connection.execute(REGISTRY.read_bytes().replace(b':"registry"', b"sqitch"))
    connection.execute("INSERT INTO sqitch.releases VALUES (1.1, now(), %s, %s)", ANN)
    connection.execute("INSERT INTO sqitch.projects VALUES ('bench', NULL, now(), %s, %s)", ANN)
    connection.execute("COMMIT")


def record(connection: Connection, fact: Fact) -> None:
    planned = (fact["planned_at"], *ANN)
    connection.execute(INSERT_CHANGE, (fact["id"], fact["hash"], fact["name"], fact["note"], *ANN, *planned))
    if fact["requires"]:
        connection.execute(INSERT_DEPENDENCIES, (fact["id"], fact["requires"], fact["requires_ids"]))
    wanted = ("deploy", fact["id"], fact["name"], fact["note"], fact["requires"], *ANN, *planned)
    connection.execute(INSERT_EVENT, wanted)


def forget(connection: Connection, fact: Fact) -> None:
    planned = (fact["planned_at"], *ANN)
    for table in ("tags", "dependencies", "changes"):
        connection.execute(f"DELETE FROM sqitch.{table} WHERE change_id = %s", (fact["id"],))
    wanted = ("revert", fact["id"], fact["name"], fact["note"], fact["requires"], *ANN, *planned)
    connection.execute(INSERT_EVENT, wanted)


def deploy(connection: Connection, folder: Path, fact: Fact, *, verify: bool = False) -> None:
    for statement in statements(folder / f"deploy/{fact['name']}.sql"):
        connection.execute(statement)
    for statement in statements(folder / f"verify/{fact['name']}.sql") if verify else ():
        connection.execute(statement)
    record(connection, fact)


def revert(connection: Connection, folder: Path, fact: Fact) -> None:
    for statement in statements(folder / f"revert/{fact['name']}.sql"):
        connection.execute(statement)
    forget(connection, fact)


def check(connection: Connection, folder: Path, fact: Fact) -> None:
    for statement in statements(folder / f"verify/{fact['name']}.sql"):
        connection.execute(statement)


def transactions(connection: Connection, facts: list[Fact], limit: str, end: str) -> Iterator[Fact]:
    """Go through the changes, a transaction each; or, for cc, one around all."""
    with connection.pipeline() if limit != "b" else nullcontext() as pipeline:
        if limit == "cc":
            connection.execute("BEGIN")
        for fact in facts:
            if limit != "cc":
                connection.execute("BEGIN")
            yield fact
            if limit != "cc":
                connection.execute(end)
            if limit == "c":
                pipeline.sync()
        if limit == "cc":
            connection.execute(end)


def main() -> None:
    limit, what, dsn, folder = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
    with psycopg.connect(dsn, autocommit=True) as connection:
        if what == "select":
            connection.execute("SELECT 1").fetchone()
            return
        facts = json.loads((folder / "changes.json").read_bytes())
        run(connection, limit, what, folder, facts)


def run(connection: Connection, limit: str, what: str, folder: Path, facts: list[Fact]) -> None:
    if what == "one":
        facts = facts[-1:]
    if what in ("deploy", "deploy-verify"):
        create_registry(connection)
    if what == "revert":
        facts.reverse()
    for fact in transactions(connection, facts, limit, "ROLLBACK" if what == "verify" else "COMMIT"):
        if what == "verify":
            check(connection, folder, fact)
        elif what == "revert":
            revert(connection, folder, fact)
        else:
            deploy(connection, folder, fact, verify=what == "deploy-verify")
