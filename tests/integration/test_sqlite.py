"""What is special about SQLite: the registry's file, two files in one commit, the lock on a file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sqitchpy import Project
from sqitchpy.errors import DeployError, EngineError, LockTimeoutError, RegistryError, ScriptError, SqitchpyError
from sqitchpy.events import Event, StepFinished, StepStarted
from tests.projects import Scripts, make_project
from tests.waiting import until

CONF = "[core]\n\tengine = sqlite\n"
URI = "db:sqlite:app.db"
RECORDED = "SELECT change FROM changes ORDER BY committed_at"


def table(name: str) -> Scripts:
    return Scripts(
        f"BEGIN;\nCREATE TABLE {name} (id);\nCOMMIT;\n", f"DROP TABLE {name};\n", f"SELECT id FROM {name} WHERE 0;\n"
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return make_project(tmp_path / "app", {"a": table("a"), "b": table("b")}, conf=CONF)


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def tables(file: Path) -> list[object]:
    return [name for (name,) in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def deploy(directory: Path, uri: str = URI, **options: object) -> tuple[str, ...]:
    with Project.open(directory).target(uri) as target:
        return target.deploy(**options).done  # type: ignore[arg-type]


def test_the_registry_is_the_one_that_sqitch_makes(directory: Path, sqitch: str) -> None:
    deploy(directory)
    other = shutil.copytree(directory, directory.parent / "other", ignore=shutil.ignore_patterns("*.db"))
    subprocess.run([sqitch, "deploy", URI], cwd=other, check=True, capture_output=True)
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    assert rows(directory / "sqitch.db", schema) == rows(other / "sqitch.db", schema)


def test_looking_makes_no_files(directory: Path) -> None:
    with Project.open(directory).target(URI) as target:
        target.status()
        target.preview_deploy()
    assert not (directory / "sqitch.db").exists()
    assert not (directory / "app.db").exists()


def test_nothing_but_the_two_files_is_left(directory: Path) -> None:
    deploy(directory)
    assert {path.name for path in directory.iterdir() if path.is_file()} == {
        "app.db",
        "sqitch.conf",
        "sqitch.db",
        "sqitch.plan",
    }


def test_a_script_neither_sees_the_registry_nor_runs_into_its_names(tmp_path: Path) -> None:
    script = "DROP TABLE IF EXISTS events;\nDROP TABLE IF EXISTS tags;\nCREATE TABLE changes (id);\n"
    directory = make_project(tmp_path, {"a": table("a"), "b": Scripts(script, "DROP TABLE changes;")}, conf=CONF)
    deploy(directory, transaction="run")
    assert tables(directory / "app.db") == ["a", "changes"]
    assert rows(directory / "sqitch.db", "SELECT count(*) FROM events") == [(2,)]


def test_a_deferred_constraint_that_fails_at_the_commit_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "PRAGMA foreign_keys = ON;\nCREATE TABLE p (id PRIMARY KEY);\n"
        "CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1);\n"
    )
    directory = make_project(tmp_path, {"a": Scripts(script, "SELECT 1;")}, conf=CONF)
    with pytest.raises(DeployError) as caught:
        deploy(directory)
    assert "FOREIGN KEY constraint failed" in str(caught.value.failure)
    assert tables(directory / "app.db") == []
    assert rows(directory / "sqitch.db", "SELECT event, change FROM events") == [("fail", "a")]


@pytest.mark.parametrize("pragma", ["query_only = ON", "writable_schema = ON", "ignore_check_constraints = ON"])
def test_what_a_script_sets_does_not_hinder_its_record_nor_the_next(pragma: str, tmp_path: Path) -> None:
    first = Scripts(f"CREATE TABLE a (id CHECK (id > 0));\nPRAGMA {pragma};\n", "DROP TABLE a;")
    second = Scripts("CREATE TABLE b AS SELECT 1 AS id;", "DROP TABLE b;", "SELECT id FROM b;")
    directory = make_project(tmp_path, {"a": first, "b": second}, conf=CONF)
    assert deploy(directory, verify=True) == ("a", "b")


def test_a_verification_sees_no_temporary_table_of_the_script(tmp_path: Path) -> None:
    scripts = Scripts("CREATE TEMP TABLE t (id);\nCREATE TABLE a (id);\n", "DROP TABLE a;", "SELECT id FROM t;")
    directory = make_project(tmp_path, {"a": scripts}, conf=CONF)
    with pytest.raises(DeployError) as caught:
        deploy(directory, verify=True)
    assert "no such table: t" in str(caught.value.failure)


# -- WAL -----------------------------------------------------------------------------------------------------------


def in_wal_mode(directory: Path) -> None:
    rows(directory / "app.db", "PRAGMA journal_mode = WAL")


def test_a_database_in_wal_mode_is_left_without_a_note(directory: Path) -> None:
    in_wal_mode(directory)
    deploy(directory)
    assert tables(directory / "app.db") == ["a", "b"]
    assert "sqitchpy_recorded" not in tables(directory / "sqitch.db")
    with Project.open(directory).target(URI) as target:
        target.revert()
    assert tables(directory / "app.db") == []
    assert rows(directory / "sqitch.db", "SELECT count(*) FROM changes") == [(0,)]


def killed(directory: Path, action: str) -> Path:
    """The state between the two commits, made of the registry before the last change and the database after it."""
    in_wal_mode(directory)
    deploy(directory, to="a" if action == "deploy" else None)
    state = directory.parent / "killed"

    def keep(event: Event) -> None:
        if isinstance(event, StepStarted):
            shutil.copytree(directory, state, dirs_exist_ok=True)
        if isinstance(event, StepFinished):
            with (
                closing(sqlite3.connect(directory / "app.db")) as source,
                closing(sqlite3.connect(state / "app.db")) as copy,
            ):
                source.backup(copy)

    with Project.open(directory).target(URI, on_event=keep) as target:
        target.deploy() if action == "deploy" else target.revert("a")
    assert "sqitchpy_unrecorded" in tables(state / "app.db")
    assert rows(state / "sqitch.db", RECORDED) == ([("a",)] if action == "deploy" else [("a",), ("b",)])
    return state


@pytest.mark.parametrize("action", ["deploy", "revert"])
def test_what_a_killed_run_has_committed_in_one_file_only_is_completed(directory: Path, action: str) -> None:
    state = killed(directory, action)
    with Project.open(state).target(URI) as target:
        report = target.deploy() if action == "deploy" else target.revert("a")
    assert report.message == (
        "Nothing to deploy (up-to-date)" if action == "deploy" else 'No changes deployed since: "a"'
    )
    assert rows(state / "sqitch.db", RECORDED) == rows(directory / "sqitch.db", RECORDED)
    assert "sqitchpy_unrecorded" not in tables(state / "app.db")


def test_a_run_that_is_killed_while_it_completes_another_is_completed_as_well(directory: Path) -> None:
    state = killed(directory, "deploy")
    with closing(sqlite3.connect(state / "app.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that the note cannot be taken away
        with subprocess.Popen([sys.executable, "-m", "sqitchpy", "deploy", URI], cwd=state) as run:
            until(lambda: rows(state / "sqitch.db", RECORDED) == [("a",), ("b",)], "the record")
            run.kill()
    assert "sqitchpy_unrecorded" in tables(state / "app.db")
    assert deploy(state) == ()
    assert rows(state / "sqitch.db", RECORDED) == [("a",), ("b",)]
    assert "sqitchpy_unrecorded" not in tables(state / "app.db")


def test_what_cannot_be_completed_because_the_registry_is_gone_is_said(directory: Path) -> None:
    state = killed(directory, "deploy")
    (state / "sqitch.db").unlink()
    with pytest.raises(RegistryError, match="a killed run committed without recording it") as caught:
        deploy(state)
    assert "table sqitchpy_unrecorded" in (caught.value.hint or "")
    rows(state / "app.db", "DROP TABLE sqitchpy_unrecorded")
    assert deploy(state, log_only=True) == ("a", "b")


# -- the lock --------------------------------------------------------------------------------------------------------


def test_who_holds_the_lock_is_named(directory: Path) -> None:
    with Project.open(directory).target(URI, on_event=lambda event: _wait_for_the_other(directory, event)) as target:
        target.deploy()


def _wait_for_the_other(directory: Path, event: Event) -> None:
    if isinstance(event, StepStarted) and event.label == "a":
        with Project.open(directory).target(URI) as other, pytest.raises(LockTimeoutError) as caught:
            other.deploy(lock_timeout=0.2)
        assert caught.value.holder is not None
        assert caught.value.holder.pid == os.getpid()


def test_a_lock_file_that_was_left_behind_is_no_lock(directory: Path) -> None:
    (directory / "sqitch.db-lock").write_text(json.dumps([1, "somebody", "long ago"]))
    assert deploy(directory) == ("a", "b")
    assert not (directory / "sqitch.db-lock").exists()


def test_somebody_elses_transaction_is_waited_for(directory: Path) -> None:
    deploy(directory, to="a")
    other = sqlite3.connect(directory / "app.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def release(event: Event) -> None:
        if isinstance(event, StepStarted):
            import threading

            threading.Timer(0.3, other.close).start()

    with Project.open(directory).target(URI, on_event=release) as target:
        assert target.deploy().done == ("b",)


@pytest.mark.parametrize("file", ["app.db", "sqitch.db"])
def test_ctrl_c_ends_the_wait_for_somebody_elses_transaction(file: str, directory: Path) -> None:
    deploy(directory, to="a")
    with closing(sqlite3.connect(directory / file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        command = [sys.executable, "-m", "sqitchpy", "deploy", URI]
        with subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True) as run:
            until((directory / "sqitch.db-lock").exists, "the lock")
            time.sleep(0.5)
            assert run.poll() is None
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=10)
    assert run.returncode == 130
    assert "Interrupted" in err
    assert deploy(directory) == ("b",)


# -- what users get wrong ----------------------------------------------------------------------------------------------


def test_a_uri_without_a_file_is_refused_in_sqitchs_words(directory: Path) -> None:
    with pytest.raises(EngineError, match="Database name missing in URI db:sqlite:"):
        deploy(directory, "db:sqlite:")


def test_a_folder_that_is_not_there_is_said(directory: Path) -> None:
    with pytest.raises(SqitchpyError, match="unable to open database file"):
        deploy(directory, "db:sqlite:nowhere/app.db")


def test_the_folder_that_is_not_there_is_named(directory: Path) -> None:
    (directory / "sqitch.conf").write_text(f'{CONF}[engine "sqlite"]\n\tregistry = {directory}/no/registry.db\n')
    with pytest.raises(EngineError) as caught:
        deploy(directory)
    assert caught.value.hint == f"There is no folder {directory / 'no'}."


def test_a_script_that_is_not_utf_8_is_refused_before_anything_runs(directory: Path) -> None:
    (directory / "deploy" / "b.sql").write_bytes(b"CREATE TABLE b (id);\nINSERT INTO b VALUES (\n'caf\xe9');\n")
    with pytest.raises(ScriptError) as caught:
        deploy(directory)
    assert caught.value.message == "deploy/b.sql:3: the byte 0xe9 is not UTF-8, as text in SQLite is"
    assert "--runner sqlite3" in (caught.value.hint or "")
    assert not (directory / "app.db").exists()


def test_a_file_that_is_no_database_is_said_and_left_alone(directory: Path) -> None:
    (directory / "app.db").write_text("This is a letter, not a database. " * 100)
    with pytest.raises(SqitchpyError, match="file is not a database"):
        deploy(directory)
    assert (directory / "app.db").read_text().startswith("This is a letter")


def test_scripts_run_in_the_shell_when_that_is_asked_for(directory: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("sqlite3 is not installed")
    (directory / "deploy" / "b.sql").write_text("-- sqitchpy: runner=sqlite3\n.import rows.csv c\n")
    (directory / "rows.csv").write_text("id,name\n1,x\n")
    assert deploy(directory) == ("a", "b")
    assert rows(directory / "app.db", "SELECT * FROM c") == [("1", "x")]


def test_the_shell_of_another_database_is_refused(directory: Path) -> None:
    with pytest.raises(SqitchpyError, match=r"deploy/a\.sql cannot run in psql"):
        deploy(directory, runner="psql")


def test_a_script_that_was_mended_behind_what_is_done_goes_on(tmp_path: Path) -> None:
    text = "CREATE TABLE a (id);\nVACUUM;\nINSERT INTO {} VALUES (1);\n"
    directory = make_project(tmp_path, {"a": Scripts(text.format("nowhere"), "DROP TABLE a;")}, conf=CONF)
    with pytest.raises(DeployError):
        deploy(directory)
    (directory / "deploy" / "a.sql").write_text(text.format("a"))
    assert deploy(directory) == ("a",)
    assert rows(directory / "app.db", "SELECT id FROM a") == [(1,)]
    assert rows(directory / "sqitch.db", "SELECT count(*) FROM sqitchpy_progress") == [(0,)]
