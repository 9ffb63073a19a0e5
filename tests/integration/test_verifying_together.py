"""Verifications that are sent ahead in bursts, or run in several sessions at once: it shows in nothing but the time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.errors import EngineError, VerifyError
from sqitchpy.events import Event, FailureReported, ScriptMessage, ScriptOutput, StepFailed, StepFinished, StepStarted
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table

JOBS = pytest.mark.parametrize("jobs", [1, 3])


def verified(name: str, verify: str) -> Scripts:
    return Scripts(f"CREATE TABLE {name} ();", f"DROP TABLE {name};", verify)


def built(build: Build, verifications: Sequence[str]) -> App:
    """Changes c1, c2 … with these verify scripts, deployed."""
    app = build({f"c{n}": verified(f"c{n}", verify) for n, verify in enumerate(verifications, 1)})
    app.deploy()
    app.told.clear()
    return app


def verify(app: App, jobs: int) -> list[tuple[str, str]]:
    """Verify; the problems that were found."""
    with app.session() as target:
        try:
            return list(target.verify(jobs=jobs).problems)
        except VerifyError as error:
            return list(error.report.problems)  # type: ignore[union-attr]


def lines(told: Sequence[Event]) -> list[str]:
    """The events in short."""
    signs: dict[type[Any], str] = {StepStarted: "?", StepFinished: "ok", StepFailed: "not ok"}
    shown = []
    for event in told:
        if type(event) in signs:
            shown.append(f"{event.label} {signs[type(event)]}")  # type: ignore[union-attr]
        elif isinstance(event, ScriptOutput | ScriptMessage | FailureReported):
            shown.append(event.text.splitlines()[0])
    return shown


@JOBS
def test_a_failure_is_that_of_its_own_change_alone(build: Build, jobs: int) -> None:
    app = built(build, ["SELECT 1;", "SELECT 1/0;", "SELECT 2;", "SELECT * FROM nowhere;", "SELECT 3;"])
    assert verify(app, jobs) == [
        ("c2", 'Verify script "verify/c2.sql" failed.'),
        ("c4", 'Verify script "verify/c4.sql" failed.'),
    ]
    assert lines(app.told) == [
        *("c1 ?", "1", "c1 ok"),
        *("c2 ?", "psql:verify/c2.sql:1: ERROR:  division by zero", "c2 not ok"),
        *("c3 ?", "2", "c3 ok"),
        *("c4 ?", 'psql:verify/c4.sql:1: ERROR:  relation "nowhere" does not exist', "c4 not ok"),
        *("c5 ?", "3", "c5 ok"),
    ]


@JOBS
def test_notices_and_echoes_come_where_their_script_is(build: Build, jobs: int) -> None:
    one, three = (f"DO $$BEGIN RAISE NOTICE 'from {n}'; END$$;" for n in (1, 3))
    app = built(build, [one, r"\echo from 2", three, "SELECT 'from 4';"])
    assert verify(app, jobs) == []
    assert lines(app.told) == [
        *("c1 ?", "psql:verify/c1.sql:1: NOTICE:  from 1", "c1 ok"),
        *("c2 ?", "from 2", "c2 ok"),
        *("c3 ?", "psql:verify/c3.sql:1: NOTICE:  from 3", "c3 ok"),
        *("c4 ?", "from 4", "c4 ok"),
    ]


@pytest.mark.parametrize(
    ("leaves", "asks"),
    [
        ("SET search_path TO pg_catalog;", "SELECT 1 / (current_setting('search_path') <> 'pg_catalog')::int;"),
        ("SELECT set_config('my.x', 'y', false);",
         "SELECT 1 / (current_setting('my.x', true) IS DISTINCT FROM 'y')::int;"),
        ("PREPARE p AS SELECT 1;", "SELECT 1 / (0 = (SELECT count(*) FROM pg_prepared_statements))::int;"),
        ("SELECT pg_advisory_lock(77);", "SELECT 1 / (NOT EXISTS (SELECT FROM pg_locks WHERE objid = 77))::int;"),
        ("CREATE TEMP TABLE t ();", "SELECT 1 / (to_regclass('pg_temp.t') IS NULL)::int;"),
        ("INSERT INTO c1 DEFAULT VALUES;", "SELECT 1 / (NOT EXISTS (SELECT FROM c1))::int;"),
        ("SET ROLE pg_monitor; SELECT 1/0;", "SELECT 1 / (current_user = session_user)::int;"),
    ],
)  # fmt: skip
def test_the_next_script_of_a_burst_finds_a_new_session(build: Build, leaves: str, asks: str) -> None:
    app = built(build, [leaves, asks])
    assert [label for label, _ in verify(app, 1)] in ([], ["c1"])


@JOBS
def test_a_script_that_turns_out_to_refuse_a_transaction_runs_by_itself_and_the_others_go_on(
    build: Build, jobs: int
) -> None:
    commits = "DO $$BEGIN INSERT INTO kept VALUES (1); COMMIT; END$$;"
    app = built(build, ["SELECT 1;", commits, "SELECT 3;", "SELECT 4/0;", "SELECT 5;"])
    app.rows("CREATE TABLE kept (n integer)")
    assert [label for label, _ in verify(app, jobs)] == ["c4"]
    assert app.rows("SELECT * FROM kept") == [(1,)]
    assert [event.label for event in app.of(StepStarted)] == ["c1", "c2", "c3", "c4", "c5"]


@JOBS
def test_more_scripts_than_a_burst_holds_and_scripts_that_cannot_be_in_one(build: Build, jobs: int) -> None:
    scripts = [f"SELECT {n};" if n % 10 else rf"\echo {n}" for n in range(1, 101)]
    app = built(build, scripts)
    assert verify(app, jobs) == []
    assert [event.text for event in app.of(ScriptOutput)] == [f"{n}\n" for n in range(1, 101)]


def test_scripts_run_at_the_same_time(build: Build) -> None:
    meet = (
        "DO $$BEGIN PERFORM pg_advisory_xact_lock({mine}); FOR i IN 1..1000 LOOP"
        " IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {other}) THEN"
        " PERFORM pg_sleep(0.3); RETURN; END IF; PERFORM pg_sleep(0.01); END LOOP; RAISE 'nobody came'; END$$;"
    )
    app = built(build, [meet.format(mine=81, other=82), meet.format(mine=82, other=81)])
    assert verify(app, 2) == []


@JOBS
def test_a_callback_that_raises_ends_it_and_the_session_can_be_used_again(build: Build, jobs: int) -> None:
    app = built(build, ["SELECT 1;", "SELECT 2;", "SELECT pg_sleep(0.2);", "SELECT 4;", "SELECT 5;", "SELECT 6;"])

    def stop(event: Event) -> None:
        if isinstance(event, StepFinished) and event.action == "verify" and event.label == "c2":
            raise RuntimeError("enough")

    with app.session(on_event=stop) as target:
        with pytest.raises(RuntimeError, match="enough"):
            target.verify(jobs=jobs)
        assert target.verify(since="c3", jobs=jobs).errors == 0
        assert target.revert().done == ("c6", "c5", "c4", "c3", "c2", "c1")


def test_a_lost_session_is_told_and_nothing_hangs(build: Build) -> None:
    app = built(build, ["SELECT 1;", "SELECT pg_terminate_backend(pg_backend_pid());", *["SELECT pg_sleep(0.1);"] * 6])
    for jobs in (1, 3):
        with app.session() as target, pytest.raises(EngineError, match="connection"):
            target.verify(jobs=jobs)


def test_several_at_once_are_refused_on_a_callers_connection(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    app.deploy()
    with app.database.connect() as connection, app.session(connection=connection) as target:
        assert target.verify().errors == 0
        with pytest.raises(EngineError, match="need connections of their own"):
            target.verify(jobs=2)


def test_what_has_not_begun_yet_is_not_waited_for_when_a_callback_raises(build: Build) -> None:
    app = built(build, ["SELECT 1;", *["SELECT pg_sleep(3);"] * 7])

    def stop(event: Event) -> None:
        if isinstance(event, StepFinished):
            raise RuntimeError("enough")

    for _ in range(5):  # whether another worker is just connecting is a matter of luck
        begun = time.monotonic()
        with app.session(on_event=stop) as target, pytest.raises(RuntimeError, match="enough"):
            target.verify(jobs=4)
        assert time.monotonic() - begun < 2


def test_what_cannot_be_cleaned_up_is_no_failure_of_a_verification(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"c{number}" for number in range(5)]
    app = build({name: Scripts(f"CREATE TABLE {name} ();", verify=f"SELECT FROM {name};") for name in names})
    app.deploy()
    monkeypatch.setattr(OwnSession, "as_new", (*OwnSession.as_new, b"SELECT 1/0"))
    report = app.verify()
    assert (report.changes, report.errors, report.problems) == (len(names), 0, ())
