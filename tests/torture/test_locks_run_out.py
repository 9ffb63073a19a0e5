"""A transaction that takes more locks than the server has room for (max_locks_per_transaction × max_connections)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sqitchpy.errors import DeployError, EngineError
from sqitchpy.events import Warned
from sqitchpy.testing import Database
from tests.integration.conftest import App
from tests.projects import Scripts, make_project
from tests.torture.servers import OwnServer

Make = Callable[[Mapping[str, str]], App]

MANY = "SELECT count(pg_advisory_xact_lock(number)) FROM generate_series({}, {}) AS number;\n"
PARTS = "".join(MANY.format(first, first + 2999) for first in range(1, 15001, 3000))


@pytest.fixture
def database(throw_away: OwnServer) -> Iterator[Database]:
    """On a server that nobody else works on: they would run out of locks, too."""
    with throw_away.server.database() as made:
        yield made


@pytest.fixture
def make(tmp_path: Path, database: Database) -> Make:
    return lambda scripts: App(
        make_project(tmp_path / "app", {name: Scripts(script) for name, script in scripts.items()}), database
    )


def test_a_script_without_a_transaction_of_its_own_runs_statement_by_statement(make: Make) -> None:
    app = make({"many": f"CREATE TABLE one ();\n{PARTS}CREATE TABLE two ();"})
    app.deploy()
    assert (app.deployed(), app.tables()) == (["many"], ["one", "two"])
    (warning,) = app.of(Warned)
    assert "out of shared memory" in warning.text
    assert "it was rolled back, and the script runs again statement by statement" in warning.text


def test_one_that_is_a_transaction_fails_and_says_what_to_raise(make: Make) -> None:
    app = make({"many": f"BEGIN;\nCREATE TABLE one ();\n{PARTS}COMMIT;"})
    with pytest.raises(DeployError) as failure:
        app.deploy()
    assert "max_locks_per_transaction" in str(failure.value.failure)
    assert (app.deployed(), app.tables()) == ([], [])


def test_a_run_of_two_thousand_tables_is_refused_before_it_begins(make: Make) -> None:
    tables = {f"c{part}": "".join(f"CREATE TABLE t{part}_{n} (a text);\n" for n in range(500)) for part in range(4)}
    app = make(tables)
    with app.session() as target:
        with pytest.raises(EngineError, match=r"These 4 changes need about 8000 locks at once") as failure:
            target.deploy(transaction="run")
        assert "--transaction change" in str(failure.value.hint)
    assert app.tables() == []
