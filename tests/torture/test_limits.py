"""Limits of the role and the database that a deployer runs into: time, locks, temporary files, disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqitchpy.testing import Database, DatabaseServer
from tests.conftest import need
from tests.projects import Scripts, table
from tests.torture.conftest import Make
from tests.torture.oracle import Known, Part
from tests.torture.plans import index, whole
from tests.torture.servers import OwnServer
from tests.torture.world import Ended, World

FIRST = table("first")


def limited(world: World, limit: str, words: str) -> Ended:
    """Deploy under a limit; the run says what it ran into, and everything agrees."""
    name = world.database.name
    world.database.rows(f'ALTER DATABASE "{name}" SET {limit}')
    done = world.run("deploy", "--mode", "change")
    world.database.rows(f'ALTER DATABASE "{name}" RESET {limit.split()[0]}')
    assert (done.code, words in done.err, "Traceback" in done.err) == (2, True, False), str(done)
    assert world.complaints() == []
    return done


def completes(world: World) -> None:
    """Without the limit the next run goes on to the end."""
    done = world.run("deploy")
    assert done.code == 0, str(done)
    world.must_be(deployed=True)


@contextmanager
def reader(database: Database, name: str) -> Iterator[None]:
    """Somebody who has read a table in a transaction that is still open."""
    with database.connect() as connection, connection.transaction():
        connection.execute(f"SELECT FROM {name}")  # type: ignore[arg-type]
        yield


@pytest.mark.parametrize("whose", ["DATABASE {name}", "ROLE CURRENT_USER IN DATABASE {name}"])
def test_a_statement_timeout_rolls_the_change_back(whose: str, make_world: Make) -> None:
    late = Scripts("CREATE TABLE late ();\nSELECT pg_sleep(2);\n", "DROP TABLE late;\n")
    world = make_world({"first": FIRST, "late": late}, [whole("first", "table first"), whole("late", "table late")])
    assert world.run("deploy", "--to", "first").code == 0
    limited_by = f"ALTER {whose.format(name=world.database.name)}"
    world.database.rows(f"{limited_by} SET statement_timeout = '1s'")
    done = world.run("deploy", "--mode", "change")
    world.database.rows(f"{limited_by} RESET statement_timeout")
    assert (done.code, "canceling statement due to statement timeout" in done.err) == (2, True), str(done)
    assert world.look().recorded == {"first"}
    assert world.complaints() == []
    completes(world)


INDEXES = Scripts("CREATE TABLE more ();\nCREATE INDEX CONCURRENTLY first_id ON first (id);\n")
INDEXED = Known("indexes", (Part(1, ("table more",)), index(2, "first_id")), ())


def test_a_statement_timeout_in_a_concurrent_build_is_cleaned_up_by_the_next_run(make_world: Make) -> None:
    world = make_world({"first": FIRST, "indexes": INDEXES}, [whole("first", "table first"), INDEXED])
    assert world.run("deploy", "--to", "first").code == 0
    with world.database.connect() as connection, connection.transaction():
        connection.execute("INSERT INTO first VALUES (1)")  # the build waits for this transaction's end
        limited(world, "statement_timeout = '1s'", "canceling statement due to statement timeout")
    assert world.look().sights["invalid first_id"] == 1
    completes(world)


def test_a_lock_timeout_rolls_the_change_back_and_says_who_has_the_lock(make_world: Make) -> None:
    wider = Scripts("CREATE TABLE wider ();\nALTER TABLE first ADD COLUMN note text;\n")
    world = make_world({"first": FIRST, "wider": wider}, [whole("first", "table first"), whole("wider", "table wider")])
    assert world.run("deploy", "--to", "first").code == 0
    with reader(world.database, "first"):
        done = limited(world, "lock_timeout = '300ms'", "canceling statement due to lock timeout")
    assert "SELECT FROM first" in done.err
    completes(world)


def test_a_transaction_that_is_idle_for_too_long_ends_the_run(make_world: Make) -> None:
    idle = Scripts("CREATE TABLE idle ();\nSELECT 1 AS one \\gset\n\\! sleep 1\nCREATE TABLE after_that ();\n")
    known = [whole("first", "table first"), whole("idle", "table idle", "table after_that")]
    world = make_world({"first": FIRST, "idle": idle}, known)
    words = "Deploy failed: the connection was lost while change idle was under way"
    limited(world, "idle_in_transaction_session_timeout = '300ms'", words)
    completes(world)


def test_a_session_timeout_does_not_take_the_lock_from_a_run_that_is_at_work(
    make_world: Make, pg_server: DatabaseServer
) -> None:
    """The control session has nothing to do while a script runs."""
    slow = Scripts("CREATE TABLE slow ();\nSELECT pg_sleep(2);\n")
    known = [whole("slow", "table slow"), whole("first", "table first")]
    world = make_world({"slow": slow, "first": FIRST}, known)
    need("postgresql-14", pg_server.version() >= 140000)  # which has brought this timeout
    world.database.rows(f"ALTER DATABASE {world.database.name} SET idle_session_timeout = '1s'")
    done = world.run("deploy")
    world.database.rows(f"ALTER DATABASE {world.database.name} RESET idle_session_timeout")
    assert done.code == 0, str(done)
    world.must_be(deployed=True)


def test_a_limit_of_temporary_files_rolls_the_change_back(make_world: Make) -> None:
    sorts = Scripts(
        "CREATE TABLE sorts ();\nSET work_mem = '64kB';\n"
        "CREATE TABLE sorted AS SELECT i FROM generate_series(1, 200000) i ORDER BY i % 1000;\n"
    )
    known = [whole("first", "table first"), whole("sorts", "table sorts", "table sorted")]
    world = make_world({"first": FIRST, "sorts": sorts}, known)
    limited(world, "temp_file_limit = '100kB'", "temporary file size exceeds")
    completes(world)


# -- a full disk --------------------------------------------------------------------------------------------------


def mount(*words: str) -> bool:
    """Whether mounting works here; it takes root, and a container that lets it."""
    return os.geteuid() == 0 and subprocess.run(["mount", *words], capture_output=True).returncode == 0


@pytest.fixture
def small_disk(throw_away: OwnServer) -> Iterator[Path]:
    """A file system of 8 MB; the tablespace ``small`` of the server is on it."""
    place = throw_away.folder / "disk"
    place.mkdir()
    need("mount", mount("-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", str(place)))
    throw_away.own(place)
    throw_away.server.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
    yield place
    throw_away.server.execute("DROP TABLESPACE small")
    subprocess.run(["umount", str(place)], check=True)
    place.rmdir()


@pytest.fixture
def database(small_disk: Path, throw_away: OwnServer) -> Iterator[Database]:
    with throw_away.server.database() as made:
        yield made


FILLS = "CREATE TABLE big TABLESPACE small AS SELECT repeat('x', 100) FROM generate_series(1, 100000);\n"


def test_a_full_disk_rolls_the_change_back(small_disk: Path, database: Database, make_world: Make) -> None:
    fills = Scripts("CREATE TABLE fills ();\n" + FILLS)
    known = [whole("first", "table first"), whole("fills", "table fills", "table big")]
    world = make_world({"first": FIRST, "fills": fills}, known, database=database)
    limited(world, "application_name = 'x'", "No space left on device")
    assert world.look().recorded == {"first"}
    assert mount("-o", "remount,size=64m", str(small_disk))
    completes(world)


def test_a_full_disk_in_a_change_of_many_steps_is_gone_on_from_there(
    small_disk: Path, database: Database, make_world: Make
) -> None:
    base = Scripts("CREATE TABLE base AS SELECT repeat('x', 90) || i AS a FROM generate_series(1, 80000) i;\n")
    steps = Scripts(
        "CREATE TABLE extra ();\nCREATE INDEX CONCURRENTLY base_a ON base (a) TABLESPACE small;\nVACUUM base;\n"
    )
    known = [whole("base", "table base"), Known("steps", (Part(1, ("table extra",)), index(2, "base_a")), ())]
    world = make_world({"base": base, "steps": steps}, known, database=database)
    limited(world, "application_name = 'x'", "No space left on device")
    assert world.look().recorded == {"base"}
    assert mount("-o", "remount,size=64m", str(small_disk))
    completes(world)
