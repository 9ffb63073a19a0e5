"""A project and a database of its own for each test, and short questions to ask them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

import sqitchpy
from sqitchpy.events import Event
from sqitchpy.options import Mode, Runner
from sqitchpy.report import Report
from sqitchpy.target import TargetOverrides
from sqitchpy.testing import Database
from tests.projects import Scripts, make_project


@dataclass
class App:
    """One project on one database. ``told`` are the events of all runs so far."""

    path: Path
    database: Database
    overrides: TargetOverrides = field(default_factory=TargetOverrides)
    told: list[Event] = field(default_factory=list)

    def session(self, **options: Any) -> sqitchpy.TargetSession:
        """A session; ``connection`` and ``transaction`` are passed on."""
        project = sqitchpy.Project.open(self.path)
        options.setdefault("on_event", self.told.append)
        return project.target(project.resolve(self.database.uri, self.overrides), **options)

    def deploy(
        self,
        to: str | None = None,
        *,
        mode: Mode = "all",
        verify: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
    ) -> Report:
        with self.session() as target:
            return target.deploy(
                to, mode=mode, verify=verify, log_only=log_only, variables=variables, runner=runner, lock_timeout=5
            )

    def revert(self, to: str | None = None, **options: Any) -> Report:
        with self.session() as target:
            return target.revert(to, lock_timeout=5, **options)

    def verify(self, since: str | None = None, to: str | None = None) -> sqitchpy.VerifyReport:
        with self.session() as target:
            return target.verify(since, to)

    def status(self) -> sqitchpy.Status:
        with self.session() as target:
            return target.status()

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.database.rows(query, *parameters)

    def value(self, query: str, *parameters: Any) -> Any:
        """The one value of a query."""
        ((value,),) = self.rows(query, *parameters)
        return value

    def deployed(self) -> list[str]:
        """Names of the deployed changes, in the registry's order."""
        return [name for (name,) in self.rows("SELECT change FROM sqitch.changes ORDER BY committed_at")]

    def history(self) -> list[str]:
        """The registry's events: ``deploy a``, ``fail b`` …"""
        rows = self.rows("SELECT event, change FROM sqitch.events ORDER BY committed_at")
        return [f"{event} {change}" for event, change in rows]

    def tables(self) -> list[str]:
        """Tables of the schema public, by name."""
        return [
            name
            for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        ]

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.told if isinstance(event, kind)]

    def text_of(self, kind: type[Any]) -> str:
        """The text of the events of one kind."""
        return "".join(event.text for event in self.of(kind))

    def command(self, *words: str) -> list[str]:
        """The command line that does it on this database."""
        return [sys.executable, "-m", "sqitchpy", *words, "--target", self.database.uri]


def raises_once(kind: type[Any]) -> Callable[[Event], None]:
    """A listener that raises RuntimeError("enough") at the first event of a kind."""
    stops = [RuntimeError("enough")]

    def stop(event: Event) -> None:
        if isinstance(event, kind) and stops:
            raise stops.pop()

    return stop


Build = Callable[..., App]


@pytest.fixture
def build(tmp_path: Path, pg_database: Database) -> Build:
    """Make a project of ``name=Scripts(…)`` changes on this test's database."""

    def make(
        changes: Mapping[str, Scripts],
        *,
        tags: Mapping[str, str | Sequence[str]] | None = None,
        name: str = "app",
        uri: str | None = None,
        registry: str | None = None,
        database: Database | None = None,
        conf: str | None = None,
    ) -> App:
        options = {} if conf is None else {"conf": conf}
        path = make_project(tmp_path / name, changes, tags=tags, name=name, uri=uri, **options)
        return App(path, database or pg_database, TargetOverrides(registry=registry))

    return make


@pytest.fixture
def connection(pg_database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to this test's database, in autocommit mode."""
    with pg_database.connect() as opened:
        yield opened


@pytest.fixture
def elsewhere(pg_database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to this test's database, in autocommit mode, that is not the runs' own."""
    with pg_database.connect() as opened:
        yield opened
