"""The worked example at the root, and the two that build on it: every step there and back, every verification."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqitchpy
from sqitchpy.errors import DeployError
from sqitchpy.model import Change
from sqitchpy.testing import Database, DatabaseServer, named_server
from tests.acceptance.cli import ROOT, run
from tests.conftest import need
from tests.dumps import schema_dump

EXTENSION = {"fdw": "postgres_fdw", "geospatial": "postgis"}
ROOT_CHANGES = (
    "users", "user_profiles", "telemetry", "functions/telemetry_month",
    "user_preferences", "functions/telemetry_month", "user_handle/expand", "user_handle/backfill",
    "user_handle/unique", "user_handle/not_null", "user_handle/compat_view",
    "user_handle/contract",
)  # fmt: skip


@pytest.fixture(params=["root", "fdw", "geospatial"])
def name(request: pytest.FixtureRequest) -> str:
    """Which example."""
    return str(request.param)


@pytest.fixture
def pg_database(name: str, pg_server: DatabaseServer) -> Iterator[Database]:
    """A database for the example: the geospatial one needs a server that has PostGIS (SQITCHPY_POSTGIS_DSN)."""
    dsn = os.environ.get("SQITCHPY_POSTGIS_DSN") if name == "geospatial" else None
    with (named_server(dsn) if dsn else pg_server).database() as database:
        yield database


@pytest.fixture
def example(name: str, pg_database: Database) -> Iterator[sqitchpy.TargetSession]:
    """A session on a database in which what the example requires is deployed."""
    if name in EXTENSION:
        there = pg_database.rows("SELECT 1 FROM pg_available_extensions WHERE name = %s", EXTENSION[name])
        need(EXTENSION[name], bool(there))
        with session(ROOT, pg_database) as root:
            root.deploy()
    with session(folder(name), pg_database) as target:
        yield target


def folder(name: str) -> Path:
    return ROOT if name == "root" else ROOT / "examples" / name


def session(path: Path, database: Database) -> sqitchpy.TargetSession:
    return sqitchpy.Project.open(path).target(database.uri)


def planned(name: str) -> tuple[Change, ...]:
    return sqitchpy.Project.open(folder(name)).plan("db:pg:").changes


def dump(database: Database) -> list[str]:
    return schema_dump(database, "--exclude-schema=sqitch", comments=True)


def test_every_revert_undoes_its_deployment_to_the_last_line_of_a_dump(
    name: str, example: sqitchpy.TargetSession, pg_database: Database
) -> None:
    changes = planned(name)
    before = [dump(pg_database)]
    for change in changes:
        example.deploy(change.id, verify=True)
        before.append(dump(pg_database))
        assert before[-1] != before[-2]
    for number, change in reversed(list(enumerate(changes))):
        if number:
            example.revert(changes[number - 1].id)
        else:
            example.revert()
        assert (change.name, dump(pg_database)) == (change.name, before[number])


def test_every_verification_fails_while_its_deployment_is_missing(name: str, example: sqitchpy.TargetSession) -> None:
    for change in planned(name):
        with pytest.raises(DeployError) as failure:
            example.deploy(change.id, verify=True, log_only=True, mode="change")
        (step,) = failure.value.report.steps
        assert (step.change, step.outcome) == (change.name, "failed")
        example.deploy(change.id, verify=True)


def test_verify_finds_nothing_wrong_after_the_whole_deployment(example: sqitchpy.TargetSession) -> None:
    example.deploy(verify=True)
    assert example.verify().errors == 0
    status = example.status()
    assert (status.pending, status.unknown_to_plan) == ((), False)


def test_rows_of_users_survive_the_whole_way_up_and_down(pg_database: Database) -> None:
    people = [(f"p{number}@example.com", f"user{number}") for number in range(2500)]
    with session(ROOT, pg_database) as target:
        target.deploy("@v1.0", verify=True)
        with pg_database.connect() as connection:
            connection.cursor().executemany("INSERT INTO users (email, username) VALUES (%s, %s)", people)
        target.deploy(verify=True)
        assert pg_database.rows("SELECT email, user_handle FROM users ORDER BY id") == people
        assert pg_database.rows("SELECT username FROM users_compat ORDER BY id") == [(name,) for _, name in people]
        target.revert("@v1.0")
        assert pg_database.rows("SELECT email, username FROM users ORDER BY id") == people


def test_what_the_examples_require_of_the_root_project_stays(pg_database: Database) -> None:
    there = pg_database.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'")
    need("postgres_fdw", bool(there))
    with session(ROOT, pg_database) as root, session(folder("fdw"), pg_database) as fdw:
        with pytest.raises(sqitchpy.SqitchpyError) as missing:
            fdw.deploy()
        root.deploy()
        fdw.deploy()
        with pytest.raises(sqitchpy.SqitchpyError) as required:
            root.revert("users")
        fdw.revert()
        root.revert()
    assert missing.value.message.startswith("Missing required changes: myapp:telemetry")
    assert "required by currently deployed change" in required.value.message
    assert "myapp_fdw:archive/telemetry" in required.value.message


def test_the_command_line_tells_the_story_of_the_readme(pg_database: Database) -> None:
    uri = pg_database.uri

    def sqitchpy_out(*words: str) -> list[str]:
        result = run(ROOT, *words, uri)
        assert (result.code, result.err) == (0, "")
        return result.out.splitlines()

    deployed = sqitchpy_out("deploy")
    assert deployed[:2] == [f"Adding registry tables to {uri}", f"Deploying changes to {uri}"]
    assert len(deployed) == 2 + len(ROOT_CHANGES)
    assert all(line.endswith(" ok") for line in deployed[2:])
    assert [line.split()[1] for line in deployed[2:]] == list(ROOT_CHANGES)
    status = sqitchpy_out("status")
    assert "# Name:     user_handle/contract" in status
    assert status[-1] == "Nothing to deploy (up-to-date)"
    assert sqitchpy_out("verify")[-1] == "Verify successful"
    assert len([line for line in sqitchpy_out("log", "--oneline") if " deploy " in line]) == len(ROOT_CHANGES)
    reverted = sqitchpy_out("revert", "-y", "--to", "@v2.0")
    assert [line.split()[1] for line in reverted[1:]] == ["user_handle/contract"]
    assert len(sqitchpy_out("revert", "-y")) == len(ROOT_CHANGES)
    assert pg_database.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
