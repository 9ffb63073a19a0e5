"""Changes that are not one transaction: each completed step is noted, and the next run goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sqitchpy.errors import DeployError, RevertError
from sqitchpy.events import Warned
from sqitchpy.workplace import Scripting
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script

BIG = Scripts(deploy="CREATE TABLE t AS SELECT i AS a, i AS b FROM generate_series(1, 1000) i;", revert="DROP TABLE t;")
STEPS = """CREATE INDEX CONCURRENTLY t_a ON t (a);
SET search_path = public;
CREATE TABLE extra (x int);
BEGIN;
INSERT INTO extra VALUES (1);
COMMIT;
CREATE INDEX CONCURRENTLY t_b ON t (b);
VACUUM t;
"""
UNDO = "DROP INDEX CONCURRENTLY t_a;\nDROP INDEX CONCURRENTLY t_b;\nDROP TABLE extra;\n"


def progress(app: App) -> list[tuple[int, str]]:
    return app.rows("SELECT statement, state FROM sqitch.sqitchpy_progress ORDER BY statement")


def indexes(app: App) -> list[tuple[str, bool]]:
    return app.rows(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = 't'::regclass ORDER BY 1"
    )


def test_a_change_of_many_steps_leaves_no_progress_behind(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts(STEPS, UNDO)})
    app.deploy()
    assert indexes(app) == [("t_a", True), ("t_b", True)]
    assert progress(app) == []
    app.revert()
    assert app.tables() == []
    assert progress(app) == []


def test_a_run_that_failed_goes_on_at_the_statement_that_failed(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts(STEPS.replace("VACUUM t;", "VACUUM missing;"), UNDO)})
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    assert progress(app) == [(1, "done"), (3, "done"), (6, "done"), (7, "done"), (8, "started")]
    app.rows("CREATE TABLE missing ()")
    app.deploy()
    assert app.deployed() == ["t", "steps"]
    assert app.rows("SELECT x FROM extra") == [(1,)]
    texts = [event.text for event in app.of(Warned)]
    assert texts[-1] == "deploy/steps.sql:8: an earlier run was interrupted in this statement: it can be repeated"


def test_status_and_revert_say_that_a_change_is_unfinished(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts(STEPS.replace("VACUUM t;", "VACUUM missing;"), UNDO)})
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    told = [
        "steps: an earlier deployment has begun this change and not completed it; what it did is in the database. "
        "The next deployment of it goes on there"
    ]
    app.told.clear()
    app.status()
    assert [event.text for event in app.of(Warned)] == told
    app.revert()
    assert [event.text for event in app.of(Warned)] == told * 2
    app.status()
    assert len(app.of(Warned)) == 2


def test_an_edited_script_starts_anew(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts("CREATE TABLE one ();\nVACUUM missing;\n")})
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    write_script(app.path, "deploy", "steps", "DROP TABLE one;\nVACUUM t;\n")
    app.deploy()
    assert app.tables() == ["t"]


def test_a_revert_of_what_it_stands_on_makes_it_start_anew(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts("CREATE INDEX CONCURRENTLY t_a ON t (a);\nVACUUM missing;\n")})
    with pytest.raises(DeployError):
        app.deploy()
    assert app.deployed() == []
    assert progress(app) == []
    app.rows("CREATE TABLE missing ()")
    app.deploy()
    assert indexes(app) == [("t_a", True)]


def test_a_failed_verification_runs_the_revert_script_and_forgets_the_progress(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts(STEPS, UNDO, "SELECT 1 / 0;")})
    with pytest.raises(DeployError):
        app.deploy(mode="change", verify=True)
    assert app.deployed() == ["t"]
    assert app.tables() == ["t"]
    assert progress(app) == []


FAILING = "CREATE TABLE mark ();\n{};\nVACUUM missing;\n"


def stuck(build: Build, statement: str) -> App:
    """A change whose first statement is done, and which was then killed in ``statement``."""
    app = build({"t": BIG, "steps": Scripts(FAILING.format("VACUUM missing"))})
    app.deploy("t")
    write_script(app.path, "deploy", "steps", FAILING.format(statement))
    app.rows("CREATE TABLE missing ()")
    return app


def test_what_identifies_a_script_is_what_runs_even_if_an_included_file_is_edited_meanwhile(build: Build) -> None:
    app = build({"t": Scripts("\\ir part.sql\n")})
    part = app.path / "deploy" / "part.sql"
    part.write_text("CREATE TABLE a ();\n")
    session = app.session()
    with session:
        script = session._place.script("deploy", session._place.plan.changes[0], Scripting({}, "native"))
        looks = session._place.engine._parts.scripts.looks  # type: ignore[attr-defined]
        looks.look(script)
        before = looks.fingerprint(script)
        part.write_text("CREATE TABLE b ();\n")
        assert looks.fingerprint(script) == before
        looks.look(script)
        assert looks.fingerprint(script) != before


def killed_in(app: App, notes: str = "{}") -> None:
    plan = app.session()
    with plan:
        steps = plan._place.plan.by_name["steps"][0]
        script = plan._place.script("deploy", steps, plan._place.scripting("deploy", None, "native"))
        digest = plan._place.engine._parts.scripts.looks.fingerprint(script)  # type: ignore[attr-defined]
    app.rows(
        "CREATE TABLE sqitch.sqitchpy_progress (change_id text, action text, script_hash text, statement int, line int,"
        " state text, notes jsonb, noted_at timestamptz DEFAULT now(),"
        " PRIMARY KEY (change_id, action, script_hash, statement))"
    )
    app.rows("CREATE TABLE mark ()")
    for number, state in ((1, "done"), (2, "started")):
        app.rows(
            "INSERT INTO sqitch.sqitchpy_progress VALUES (%s, 'deploy', %s, %s, %s, %s, %s::jsonb)",
            steps.id,
            digest,
            number,
            number,
            state,
            notes,
        )


def test_an_invalid_index_that_the_killed_run_left_is_dropped_and_built_again(build: Build) -> None:
    app = stuck(build, "CREATE INDEX CONCURRENTLY t_a ON t (a)")
    app.rows("CREATE INDEX other ON t (b)")
    app.rows("CREATE INDEX t_a ON t (a)")
    app.rows("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass")
    known = app.value("SELECT 'other'::regclass::oid::bigint")
    old = app.value("SELECT 't_a'::regclass::oid::bigint")
    killed_in(app, f'{{"indexes": [{known}]}}')
    app.deploy()
    assert indexes(app) == [("other", True), ("t_a", True)]
    assert app.value("SELECT 't_a'::regclass::oid::bigint") != old


def test_an_invalid_index_that_was_there_before_is_left_alone(build: Build) -> None:
    app = stuck(build, "CREATE INDEX CONCURRENTLY t_a ON t (a)")
    app.rows("CREATE INDEX theirs ON t (b)")
    app.rows("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'theirs'::regclass")
    theirs = app.value("SELECT 'theirs'::regclass::oid::bigint")
    killed_in(app, f'{{"indexes": [{theirs}]}}')
    app.deploy()
    assert indexes(app) == [("t_a", True), ("theirs", False)]


def test_an_index_that_was_completed_is_not_built_again(build: Build) -> None:
    app = stuck(build, "CREATE INDEX CONCURRENTLY t_a ON t (a)")
    app.rows("CREATE INDEX t_a ON t (a)")
    old = app.value("SELECT 't_a'::regclass::oid::bigint")
    killed_in(app, '{"indexes": []}')
    app.deploy()
    assert app.value("SELECT 't_a'::regclass::oid::bigint") == old


def test_an_index_that_is_gone_is_not_dropped_again(build: Build) -> None:
    app = stuck(build, "DROP INDEX CONCURRENTLY t_a")
    killed_in(app)
    app.deploy()
    assert app.deployed() == ["t", "steps"]


def test_a_database_that_is_there_is_not_created_again(build: Build, pg_server: object) -> None:
    app = stuck(build, "")
    name = f"{app.database.name}_made"
    write_script(app.path, "deploy", "steps", FAILING.format(f"CREATE DATABASE {name}"))
    app.rows(f"CREATE DATABASE {name}")
    killed_in(app)
    app.deploy()
    app.rows(f"DROP DATABASE {name}")
    assert app.deployed() == ["t", "steps"]


def test_what_nobody_can_judge_stops_and_asks(build: Build) -> None:
    app = stuck(build, "CALL p()")
    app.rows("CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'")
    killed_in(app)
    with pytest.raises(DeployError) as raised:
        app.deploy(mode="change")
    assert "nobody can tell whether it was completed" in str(app.told)
    assert "SET state = 'done' WHERE state = 'started'" in (raised.value.hint or "")
    assert app.deployed() == ["t"]
    app.rows("UPDATE sqitch.sqitchpy_progress SET state = 'done' WHERE state = 'started'")
    app.deploy()
    assert app.deployed() == ["t", "steps"]


def test_an_interrupted_revert_goes_on(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts(STEPS, UNDO + "VACUUM missing;\n")})
    app.deploy()
    with pytest.raises(RevertError):
        app.revert(to="t")
    assert app.deployed() == ["t", "steps"]
    app.rows("CREATE TABLE missing ()")
    app.revert(to="t")
    assert app.deployed() == ["t"]
    assert indexes(app) == []


SLOW = "CREATE INDEX CONCURRENTLY t_a ON t (a);\nCREATE TABLE extra ();\nCREATE INDEX CONCURRENTLY t_b ON t (b);\n"


@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_the_next_run_completes_what_a_killed_one_has_begun(build: Build, after: float) -> None:
    big = Scripts("CREATE TABLE t AS SELECT i AS a, i AS b FROM generate_series(1, 200000) i;")
    app = build({"t": big, "steps": Scripts(SLOW), "last": table("last")})
    app.deploy("t")
    process = subprocess.Popen(
        app.command("deploy"), cwd=app.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    time.sleep(0.25 + after)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    app.deploy()
    assert app.deployed() == ["t", "steps", "last"]
    assert indexes(app) == [("t_a", True), ("t_b", True)]
    assert app.tables() == ["extra", "last", "t"]
    assert app.value("SELECT to_regclass('sqitch.sqitchpy_progress') IS NULL") or progress(app) == []


def test_two_runs_at_once_wait_for_each_other(build: Build, tmp_path: Path) -> None:
    big = Scripts("CREATE TABLE t AS SELECT i AS a, i AS b FROM generate_series(1, 50000) i;")
    app = build({"t": big, "steps": Scripts(SLOW), "last": table("last")})
    runs = [
        subprocess.Popen(
            app.command("deploy"), cwd=app.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(6)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 6, outputs
    assert app.history() == ["deploy t", "deploy steps", "deploy last"]


def test_a_statement_that_was_seen_to_fail_is_never_taken_for_done(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts("DROP INDEX CONCURRENTLY wrong_name;\n")})
    for _ in range(2):
        with pytest.raises(DeployError):
            app.deploy(mode="change")
    assert app.deployed() == ["t"]


def test_an_edited_included_file_starts_anew(build: Build) -> None:
    app = build({"t": BIG, "steps": Scripts("\\ir part.sql\nVACUUM missing;\n")})
    part = app.path / "deploy" / "part.sql"
    part.write_text("CREATE TABLE one ();\n")
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    part.write_text("CREATE TABLE two ();\n")
    app.rows("CREATE TABLE missing ()")
    app.deploy()
    assert "two" in app.tables()
