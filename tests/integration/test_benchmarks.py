"""The benchmark measures what it says: its workload and its limits do the work they stand for. Nothing is timed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

import sqitchpy
from sqitchpy.testing import Database

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
REGISTRY = {
    "changes": "change_id, script_hash, change, project, note, planned_at, planner_name, planner_email, committer_name",
    "dependencies": "change_id, type, dependency, dependency_id",
    "events": "event, change_id, change, project, note, requires, conflicts, tags, planned_at, planner_name",
    "tags": "change_id, tag",
}


@pytest.fixture
def workload(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import workload

    return workload


@pytest.fixture
def project(workload: ModuleType, tmp_path: Path) -> Path:
    workload.write_project(tmp_path / "w", 12)
    return tmp_path / "w"


def limit(name: str, what: str, project: Path, database: Database) -> None:
    """Run a limit as the benchmark does."""
    words = [sys.executable, "-c", "import limits; limits.main()", name, what, dsn(database), str(project)]
    subprocess.run(words, env={**os.environ, "PYTHONPATH": str(BENCHMARKS)}, check=True, timeout=60)


def dsn(database: Database) -> str:
    return psycopg.conninfo.make_conninfo("", **database.params)


def state(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """The registry's rows, but for times, and the tables that are there."""
    rows = {table: database.rows(f"SELECT {names} FROM sqitch.{table} ORDER BY 1, 2, 3" if table != "tags" else
                                 f"SELECT {names} FROM sqitch.tags") for table, names in REGISTRY.items()}  # fmt: skip
    rows["tables"] = database.rows(
        "SELECT t.relname, i.relname, obj_description(t.oid) FROM pg_class t JOIN pg_index x ON x.indrelid = t.oid"
        " JOIN pg_class i ON i.oid = x.indexrelid WHERE t.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return rows


def by_sqitchpy(project: Path, database: Database, what: str) -> None:
    with sqitchpy.Project.open(project).target(database.uri) as target:
        getattr(target, what)()


def test_a_change_requires_the_one_before_it_and_an_earlier_one(workload: ModuleType) -> None:
    first, second, *others = workload.changes(50)
    assert (first.requires, second.requires) == ((), (1,))
    assert all(change.requires[0] == change.number - 1 for change in others)
    assert {len(change.requires) for change in others} == {1, 2}
    assert all(earlier < change.number for change in others for earlier in change.requires)


def test_a_larger_workload_begins_like_a_smaller_one(workload: ModuleType) -> None:
    assert workload.changes(30)[:20] == workload.changes(20)


@pytest.mark.parametrize("name", ["b", "c", "cc"])
def test_a_limit_leaves_what_a_deployment_leaves(name: str, project: Path, pg_database: Database) -> None:
    by_sqitchpy(project, pg_database, "deploy")
    wanted = state(pg_database)
    assert len(wanted["changes"]) == len(wanted["events"]) == len(wanted["tables"]) == 12
    pg_database.rows("DROP SCHEMA sqitch CASCADE")
    pg_database.rows("DROP SCHEMA public CASCADE")
    pg_database.rows("CREATE SCHEMA public")
    limit(name, "deploy", project, pg_database)
    assert state(pg_database) == wanted
    limit(name, "verify", project, pg_database)
    assert state(pg_database) == wanted


@pytest.mark.parametrize("name", ["b", "c", "cc"])
def test_a_limit_takes_back_what_was_deployed(name: str, project: Path, pg_database: Database) -> None:
    by_sqitchpy(project, pg_database, "deploy")
    limit(name, "revert", project, pg_database)
    left = state(pg_database)
    assert left["changes"] == left["dependencies"] == left["tables"] == []
    assert pg_database.rows("SELECT event, count(*) FROM sqitch.events GROUP BY 1 ORDER BY 1") == [
        ("deploy", 12),
        ("revert", 12),
    ]
    by_sqitchpy(project, pg_database, "deploy")  # it may begin anew


def test_a_limit_verifies_what_it_deploys(project: Path, pg_database: Database) -> None:
    (project / "verify/c000007.sql").write_text("-- Verify\n\nBEGIN;\n\nSELECT 1/0;\n\nROLLBACK;\n")
    with pytest.raises(subprocess.CalledProcessError):
        limit("c", "deploy-verify", project, pg_database)
    assert len(state(pg_database)["changes"]) == 6
