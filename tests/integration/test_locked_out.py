"""A statement that waits for a lock, or cannot have it: who is in the way is said, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from sqitchpy.errors import DeployError, LockHolder, StatementError
from sqitchpy.events import Blocked
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table


@pytest.fixture
def app(build: Build) -> App:
    locked = Scripts("SET LOCAL lock_timeout = '1500ms';\nALTER TABLE public.a ADD COLUMN b int;\n")
    app = build({"a": table("a"), "b": locked})
    app.deploy("a")
    return app


@pytest.fixture
def reader(app: App) -> Iterator[psycopg.Connection]:
    """Has read the table and sits in its transaction; somebody else, with an older one, has nothing to do with it."""
    with ExitStack() as stack:
        innocent = stack.enter_context(app.database.connect(autocommit=False, application_name="innocent"))
        innocent.execute("SELECT 1")
        other = stack.enter_context(app.database.connect(autocommit=False, application_name="the other one"))
        other.execute("SELECT count(*) -- how many\n FROM public.a")
        yield other


def test_it_is_told_while_the_statement_waits(app: App, reader: psycopg.Connection) -> None:
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    (blocked,) = app.of(Blocked)
    (holder,) = blocked.holders
    assert (holder.pid, holder.user) == (reader.info.backend_pid, reader.info.user)
    assert (holder.application, holder.state) == ("the other one", "idle in transaction")
    assert holder.query == "SELECT count(*) FROM public.a"


def test_the_error_names_it(app: App, reader: psycopg.Connection) -> None:
    with pytest.raises(DeployError) as raised:
        app.deploy(mode="change")
    failure = raised.value
    assert (failure.change, failure.kept) == ("b", False)
    assert f"In the way: backend {reader.info.backend_pid}, user {reader.info.user}, application the other one" in str(
        failure.hint
    )
    assert "idle in transaction: SELECT count(*) FROM public.a" in str(failure.hint)
    assert "innocent" not in str(failure.hint)
    assert isinstance(failure.failure, StatementError)
    (holder,) = failure.failure.blockers
    assert holder.pid == reader.info.backend_pid
    reader.rollback()
    app.deploy()
    assert app.deployed() == ["a", "b"]


def test_who_waited_too_short_to_be_looked_at_is_told_whose_transactions_are_open(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("SET LOCAL lock_timeout = '50ms'; ALTER TABLE a ADD COLUMN b int;")})
    app.deploy("a")
    with app.database.connect(autocommit=False, application_name="the other one") as other:
        other.execute("SELECT count(*) FROM public.a")
        with pytest.raises(DeployError) as raised:
            app.deploy(mode="change")
    assert "application the other one" in str(raised.value.hint)


def test_who_was_in_the_way_of_another_statement_is_not_blamed(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": Scripts("LOCK TABLE a;\nLOCK TABLE b NOWAIT;\n")})
    app.deploy("b")
    with (
        app.database.connect(autocommit=False, application_name="first") as first,
        app.database.connect(autocommit=False, application_name="second") as second,
    ):
        first.execute("SELECT FROM a")
        second.execute("SELECT FROM b")

        def give_way(event: object) -> None:
            if isinstance(event, Blocked):
                first.rollback()

        with app.session(on_event=give_way) as target, pytest.raises(DeployError) as raised:
            target.deploy(mode="change")
    assert "application second" in str(raised.value.hint)
    assert "application first" not in str(raised.value.hint)


def test_a_long_statement_that_waits_for_nobody_says_nothing(build: Build) -> None:
    app = build({"a": Scripts("SELECT pg_sleep(0.7);")})
    app.deploy()
    assert app.of(Blocked) == []


def test_a_holder_as_text() -> None:
    holder = LockHolder(7, "deployer", "psql", "2024-01-02 03:04:05+00", "SELECT 1", "idle in transaction")
    assert (
        str(holder) == "backend 7, user deployer, application psql, since 2024-01-02 03:04:05+00, idle in transaction"
    )
    assert str(LockHolder(7, None, None, None, None)) == "backend 7"
