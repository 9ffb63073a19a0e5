"""Ctrl-C before every line: an interruption may come between a statement that is sent and our note of it.

Signals hit such a place once in a thousand runs. So Python's own tracing raises KeyboardInterrupt there: before each
line of the modules that send statements and take lent connections, in ``make torture`` before each line of the engine.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.pq import TransactionStatus

import sqitchpy
from sqitchpy.errors import InterruptedRunError
from sqitchpy.testing import Database
from tests.projects import Scripts, make_project
from tests.torture.conftest import ROUNDS, Count

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A connection is left to Python to close when the interruption comes between its opening and our keeping it."""

ENGINE = Path(sqitchpy.__file__).parent / "engines" / "pg"
NAMES = ["a", "b", "c"]
SLOW_TO_TELL = Scripts(
    "CREATE TABLE b (i integer);\nCOPY b FROM stdin;\n1\n2\n\\.\nSELECT count(*) AS n FROM b \\gset\n"
    "SELECT 1 \\; SELECT :n;\n",
    "DROP TABLE b;\nSELECT 1 AS one \\gset\n",
    "SELECT i FROM b;\nSELECT 1 AS one \\gset\n",
)
BARE = Scripts(
    "CREATE TABLE b ();\nALTER TABLE b ADD i integer;\nCREATE INDEX CONCURRENTLY ON b (i);\n",
    "DROP TABLE b;\n",
)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What was left to Python goes while the test is at it, where the warning is expected."""
    yield
    gc.collect()


class Place(NamedTuple):
    """A line of the engine, and the how-manieth time that it is come to."""

    file: str
    line: int
    time: int


class Tracer:
    """Notes the lines of the engine that are come to, and interrupts before one of them."""

    def __init__(self, stop: Place | None = None) -> None:
        self.stop = stop
        self.seen: dict[tuple[str, int], int] = {}
        self.stopped = False

    def call(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        # psycopg calls _hear, and would lose the interruption; undisturbed would leave the end of a reading transaction
        # on a lent connection to its lender.
        if frame.f_code.co_name in ("_hear", "undisturbed", "<module>"):
            return None
        return self.line if Path(frame.f_code.co_filename).parent == ENGINE else None

    def line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if event == "line":
            key = Path(frame.f_code.co_filename).name, frame.f_lineno
            self.seen[key] = self.seen.get(key, 0) + 1
            if self.stop == (*key, self.seen[key]):
                self.stopped = True
                sys.settrace(None)
                raise KeyboardInterrupt
        return self.line

    def places(self) -> list[Place]:
        """Where to interrupt: each line, the first time and one later."""
        few = ROUNDS == 0
        return [
            Place(file, line, time)
            for (file, line), times in self.seen.items()
            if file in ("wire.py", "lent.py") or not few
            for time in {(times + 1) // 2, *(() if few else (1, times))}
        ]


def traced(tracer: Tracer, do: Callable[[sqitchpy.TargetSession], Any], target: sqitchpy.TargetSession) -> Any:
    """Do something to the target. Returns the interruption, if there was one: how often a line is come to may vary."""
    before, raised = sys.gettrace(), None
    sys.settrace(tracer.call)
    try:
        do(target)
    except (KeyboardInterrupt, InterruptedRunError) as error:
        raised = error
    finally:
        sys.settrace(before)
    assert tracer.stopped == (raised is not None), tracer.stop
    return raised


class Operation(NamedTuple):
    """What is interrupted. ``prepared`` brings the database to where it starts."""

    do: Callable[[sqitchpy.TargetSession], Any]
    prepared: Callable[[sqitchpy.TargetSession], Any]
    deploys: bool
    middle: Scripts | None = None
    first: bool = False
    """Whether it is the first deployment on the database."""


OPERATIONS = {
    "deploy": Operation(lambda target: target.deploy(verify=True), lambda target: target.revert(), True),
    "deploy where nothing was deployed before": Operation(
        lambda target: target.deploy(), lambda target: target.revert(), True, first=True
    ),
    "deploy in one transaction": Operation(
        lambda target: target.deploy(transaction="run"), lambda target: target.revert(), True
    ),
    "deploy what must be waited for": Operation(
        lambda target: target.deploy(verify=True), lambda target: target.revert(), True, SLOW_TO_TELL
    ),
    "deploy statement by statement": Operation(
        lambda target: target.deploy(), lambda target: target.revert(), True, BARE
    ),
    "revert": Operation(lambda target: target.revert(), lambda target: target.deploy(), False),
    "revert what must be waited for": Operation(
        lambda target: target.revert(), lambda target: target.deploy(), False, SLOW_TO_TELL
    ),
}


def scripts(name: str) -> Scripts:
    return Scripts(
        f"CREATE TABLE {name} (i integer);\nCREATE INDEX {name}_i ON {name} (i);\n",
        f"DROP TABLE {name};\n",
        f"SELECT i FROM {name} WHERE false;\n",
    )


class App(NamedTuple):
    """A project with three tables."""

    project: sqitchpy.Project
    database: Database

    def session(self, lent: psycopg.Connection[Any] | None = None) -> sqitchpy.TargetSession:
        return self.project.target(self.database.uri, connection=lent)

    def truth(self) -> tuple[list[str], list[str]]:
        """The changes that the registry names, and the tables that are there."""
        if self.database.rows("SELECT to_regclass('sqitch.changes') IS NULL") == [(True,)]:
            return [], []
        changes = self.database.rows("SELECT change FROM sqitch.changes ORDER BY committed_at")
        tables = self.database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        return [name for (name,) in changes], [name for (name,) in tables]


@pytest.fixture
def make_app(tmp_path: Path, pg_database: Database) -> Callable[[Scripts | None], App]:
    def make(middle: Scripts | None) -> App:
        changes = {name: scripts(name) for name in NAMES} | ({"b": middle} if middle else {})
        app = App(sqitchpy.Project.open(make_project(tmp_path / "app", changes)), pg_database)
        with app.session() as target:
            target.deploy()
        return app

    return make


def prepare(app: App, operation: Operation) -> None:
    with app.session() as target:
        operation.prepared(target)
    if operation.first:
        app.database.rows("DROP SCHEMA sqitch CASCADE")


def find_places(app: App, operation: Operation, lent: psycopg.Connection[Any] | None = None) -> list[Place]:
    tracer = Tracer()
    prepare(app, operation)
    with app.session(lent) as target:
        traced(tracer, operation.do, target)
    return tracer.places()


def told(interrupted: InterruptedRunError, before: list[str]) -> list[str]:
    """The changes that are deployed now, by the report of a run."""
    deployed = dict.fromkeys(before)
    for step in interrupted.report.steps:
        if step.outcome == "done" and step.action == "deploy":
            deployed[step.change] = None
        elif step.outcome == "done":
            del deployed[step.change]
    return list(deployed)


@pytest.mark.parametrize("what", OPERATIONS)
def test_a_run_that_is_interrupted_anywhere_tells_the_truth_and_can_go_on(
    make_app: Callable[[Scripts | None], App], count: Count, what: str
) -> None:
    operation = OPERATIONS[what]
    app = make_app(operation.middle)
    complete = (NAMES, NAMES) if operation.deploys else ([], [])
    for place in find_places(app, operation):
        prepare(app, operation)
        before, _ = app.truth()
        tracer = Tracer(place)
        with app.session() as target:
            raised = traced(tracer, operation.do, target)
            registered, tables = app.truth()
            assert sorted(registered) == tables or operation.middle is BARE, place
            if isinstance(raised, InterruptedRunError):
                assert registered == told(raised, before), (place, raised.hint)
            operation.do(target)  # on the same connections
            assert app.truth() == complete, place
        count("interruptions", raised is not None)


@pytest.mark.parametrize("middle", [None, SLOW_TO_TELL], ids=["sent at once", "one by one"])
def test_a_verification_that_is_interrupted_anywhere_can_be_done_again(
    make_app: Callable[[Scripts | None], App], count: Count, middle: Scripts | None
) -> None:
    app = make_app(middle)
    for place in find_places(app, Operation(lambda target: target.verify(), lambda target: target.deploy(), False)):
        tracer = Tracer(place)
        with app.session() as target:
            raised = traced(tracer, lambda target: target.verify(), target)
            assert target.verify().problems == (), place
        count("interruptions", raised is not None)


@pytest.mark.parametrize("what", ["deploy", "revert"])
def test_a_lent_connection_is_given_back_as_it_was_after_an_interruption_anywhere(
    make_app: Callable[[Scripts | None], App], count: Count, what: str
) -> None:
    operation, app = OPERATIONS[what], make_app(None)
    with app.database.connect(autocommit=False) as lent:
        lent.execute("SET work_mem = '5MB'")
        lent.commit()
        for place in find_places(app, operation, lent):
            prepare(app, operation)
            before, _ = app.truth()
            tracer = Tracer(place)
            with app.session(lent) as target:
                raised = traced(tracer, operation.do, target)
            assert (lent.autocommit, lent.info.transaction_status) == (False, TransactionStatus.IDLE), place
            assert lent.execute("SHOW work_mem").fetchone() == ("5MB",), place
            lent.commit()
            registered, tables = app.truth()
            assert sorted(registered) == tables, place
            if isinstance(raised, InterruptedRunError):
                assert registered == told(raised, before), (place, raised.hint)
            count("interruptions", raised is not None)
