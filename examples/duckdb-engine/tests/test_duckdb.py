"""DuckDB passes the suite of every engine; and what is special about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

if "duckdb" not in os.environ.get("SQITCHPY_REQUIRE", "").split(","):  # sqitchpy's own tests run these as well
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    pytest.importorskip("sqitchpy_duckdb", reason="examples/duckdb-engine is not installed")

import duckdb
from hypothesis import given
from hypothesis import strategies as st
from sqitchpy_duckdb.language import in_file, kind_of, read_script

from sqitchpy.engines.dbapi.statements import Kind
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import DeployError, EngineError, LockTimeoutError, ScriptError, TargetError
from sqitchpy.events import ScriptOutput, Warned
from sqitchpy.script.source import Source
from sqitchpy.testing.conformance import BROKEN, App, EngineConformance, Subject


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    file = tmp_path / "app.duckdb"

    def ask(query: str) -> Sequence[Sequence[Any]]:
        with closing(duckdb.connect(file)) as connection:
            return connection.execute(query).fetchall()

    def tables() -> set[str]:
        return {name for (name,) in ask("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")}

    return Subject(f"db:duckdb:{file}", ask, tables=tables, there=file.exists)


@pytest.fixture
def app(tmp_path: Path, subject: Subject) -> App:
    directory = tmp_path / "project"
    directory.mkdir()
    return App(directory, subject)


class TestDuckDB(EngineConformance):
    """The suite; ``subject`` is the fixture above."""


def printed(app: App) -> str:
    return "".join(event.text for event in app.told if isinstance(event, ScriptOutput))


def warnings(app: App) -> list[str]:
    return [event.text for event in app.told if isinstance(event, Warned)]


# -- transactions without savepoints -----------------------------------------------------------------------------


def test_a_verification_that_reads_is_in_the_transaction_of_its_change(app: App) -> None:
    app.plan("a", "CREATE TABLE a (id INTEGER);", f"{BROKEN};", f"SELECT id FROM a;\n{BROKEN};")
    with pytest.raises(DeployError) as caught:
        app.deploy(verify=True)
    assert caught.value.kept is False
    assert not app.subject.has("a")  # the revert script could not have done it


def test_a_verification_that_writes_runs_after_the_commit(app: App) -> None:
    verify = f"INSERT INTO a VALUES (1);\n{BROKEN};"
    app.plan("a", "CREATE TABLE a (id INTEGER);", "CREATE TABLE reverted (id INTEGER);", verify)
    with pytest.raises(DeployError):
        app.deploy(verify=True)
    assert app.subject.has("reverted")
    assert app.deployed() == []


def test_a_run_that_is_one_transaction_leaves_only_the_failure(app: App) -> None:
    app.table("a")
    app.plan("b", f"{BROKEN};", "SELECT 1;")
    with pytest.raises(DeployError):
        app.deploy(transaction="run")
    assert app.events() == ["fail b"]


def test_a_run_of_which_a_part_may_stay_is_a_transaction_for_each_change(app: App) -> None:
    app.table("a")
    app.plan("b", f"{BROKEN};", "SELECT 1;")
    with pytest.raises(DeployError):
        app.deploy(transaction="run", mode="change")
    assert app.deployed() == ["a"]
    assert "a is deployed by itself: the database has no savepoints" in warnings(app)[0]


def test_a_script_that_rolls_back_runs_as_it_is_written(app: App) -> None:
    app.plan("a", "BEGIN;\nCREATE TABLE a (id INTEGER);\nROLLBACK;\nCREATE TABLE b (id INTEGER);\n", "DROP TABLE b;")
    app.plan("c", "BEGIN;\nCREATE TABLE c (id INTEGER);\nROLLBACK;\n", "SELECT 1;")
    assert app.deploy() == ("a", "c")
    assert not app.subject.has("a")
    assert app.subject.has("b")
    assert not app.subject.has("c")


def test_a_checkpoint_is_not_part_of_a_transaction(app: App) -> None:
    app.plan("a", "CREATE TABLE a (id INTEGER);\nCHECKPOINT;\nINSERT INTO a VALUES (1);\n", "DROP TABLE a;")
    assert app.deploy() == ("a",)
    assert app.subject.ask("SELECT count(*) FROM a") == [(1,)]


def broken_behind(app: App, statements: str) -> str:
    """A script that is not one transaction is deployed, and fails behind these statements; its beginning."""
    begun = f"CREATE TABLE a (v VARCHAR);\n{statements}CHECKPOINT;\n"
    app.plan("a", f"{begun}{BROKEN};\n", "DROP TABLE a;")
    with app.target() as target, pytest.raises(DeployError):
        target.deploy(variables={"who": "Ann"})
    return begun


@pytest.mark.parametrize(
    ("statements", "value", "found"),
    [
        ("", "getvariable('who')", "Ann"),
        ("SET VARIABLE x = 'kept';\n", "getvariable('x')", "kept"),
        ("SET VARIABLE x = getvariable('who') || '!';\n", "getvariable('x')", "Ann!"),
        ("CREATE SCHEMA s;\nUSE s;\n", "current_schema()", "s"),
        ("PREPARE p AS INSERT INTO main.a VALUES ('p');\n", "NULL;\nDELETE FROM main.a;\nEXECUTE p", "p"),
    ],
)
def test_a_script_that_goes_on_has_its_session_again(app: App, statements: str, value: str, found: str) -> None:
    app.write("deploy", "a", broken_behind(app, statements) + f"INSERT INTO main.a SELECT {value};\n")
    assert app.deploy(variables={"who": "Ann"}) == ("a",)
    assert app.subject.ask("SELECT v FROM a") == [(found,)]


@pytest.mark.parametrize("statement", ["CREATE TEMP TABLE t (v VARCHAR)", "SET VARIABLE x = (SELECT count(*) FROM a)"])
def test_a_script_does_not_go_on_without_what_has_ended_with_its_session(app: App, statement: str) -> None:
    app.write("deploy", "a", broken_behind(app, f"{statement};\n") + "INSERT INTO a VALUES ('b');\n")
    with pytest.raises(DeployError) as caught:
        app.deploy(variables={"who": "Ann"})
    assert str(caught.value.failure).startswith("deploy/a.sql:2: an earlier run was interrupted after this statement")
    assert app.subject.ask("SELECT v FROM a") == []


# -- sessions ----------------------------------------------------------------------------------------------------


def test_a_script_sees_nothing_of_the_session_of_the_one_before(app: App, tmp_path: Path) -> None:
    app.plan(
        "a",
        f"CREATE SCHEMA other; SET schema = 'other'; SET default_null_order = 'nulls_first'; SET VARIABLE x = 1;\n"
        f"CREATE TEMP TABLE t (id INTEGER); CREATE TEMP MACRO m() AS 1; ATTACH '{tmp_path}/b.duckdb' AS b;\n",
        "DROP SCHEMA other;",
    )
    app.plan(
        "b",
        "SELECT count(*) AS left_over FROM duckdb_tables() WHERE temporary;\n"
        "SELECT current_schema() || current_setting('default_null_order') || coalesce(getvariable('x'), '-') AS set;\n"
        "SELECT list(database_name) AS attached FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL;\n",
        "SELECT 2;",
    )
    app.deploy()
    assert printed(app).split() == (
        ["left_over", "---------", "0", "set", "---------------", "mainNULLS_LAST-", "attached", "--------", "['app']"]
    )


def test_a_script_has_no_secret_of_the_one_before(app: App) -> None:
    app.plan("a", "CREATE SECRET s (TYPE http, BEARER_TOKEN 'x');", "SELECT 1;")
    app.plan("b", "SELECT count(*) AS secrets FROM duckdb_secrets();", "SELECT 2;")
    app.deploy()
    assert printed(app).split() == ["secrets", "-------", "0"]


def test_a_revert_sees_nothing_of_the_session_of_what_failed(app: App) -> None:
    app.table("a")
    app.plan("b", f"CREATE SCHEMA other;\nSET schema = 'other';\n{BROKEN};\n", "SELECT 1;")
    with pytest.raises(DeployError):
        app.deploy()
    assert app.events()[-1] == "revert a"


def test_variables_are_variables_of_the_session(app: App) -> None:
    app.plan("a", "SELECT getvariable('who') AS who;", "SELECT 2;")
    app.deploy(variables={"who": "O'Hara"})
    assert "O'Hara" in printed(app)


# -- one process at a time ---------------------------------------------------------------------------------------


@contextmanager
def held_elsewhere(app: App, *, read_only: bool) -> Iterator[int]:
    """The database open in another process, whose number it is."""
    file = app.subject.uri.removeprefix("db:duckdb:")
    code = f"import duckdb; c = duckdb.connect({file!r}, read_only={read_only}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.stdin.close()


def test_a_file_that_another_process_writes_is_said_to_be_open_there(app: App) -> None:
    app.table("a")
    app.deploy()
    with held_elsewhere(app, read_only=False) as pid:
        with app.target() as target, pytest.raises(EngineError, match=rf"is open elsewhere: in .+ \(PID {pid}\)"):
            target.status()
        with app.target() as target, pytest.raises(LockTimeoutError) as caught:
            target.deploy(lock_timeout=1)
    assert caught.value.holder is not None
    assert caught.value.holder.pid == pid
    assert app.deployed() == ["a"]


def test_who_only_reads_hinders_nobody_who_only_looks(app: App) -> None:
    app.table("a")
    app.deploy()
    with held_elsewhere(app, read_only=True):
        assert app.deployed() == ["a"]
        with app.target() as target:
            target.verify()
        app.table("b")
        with app.target() as target, pytest.raises(LockTimeoutError):
            target.deploy(lock_timeout=1)


def test_an_interrupted_deployment_is_rolled_back(app: App) -> None:
    endless = "SELECT count(*) FROM range(10000000000) a, range(100000) b WHERE (a.range * b.range) % 7 = 3"
    app.plan("a", f"CREATE TABLE a (id INTEGER);\nCREATE TABLE b AS {endless};\n", "DROP TABLE a;")
    process = app.run("deploy", app.subject.uri)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert not app.subject.has("a")


# -- what is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uri", ["db:duckdb:", "db:duckdb::memory:", "db:duckdb://app.duckdb"])
def test_a_database_needs_a_file(app: App, uri: str) -> None:
    app.table("a")
    app.subject = Subject(uri, app.subject.ask)
    with pytest.raises(TargetError, match="No database file in db:duckdb:"):
        app.deploy()


def test_without_duckdb_it_is_said_what_to_install(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.table("a")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in ("backend", "file", "language"):
        monkeypatch.delitem(sys.modules, f"sqitchpy_duckdb.{name}", raising=False)
    with pytest.raises(TargetError) as caught:
        app.deploy()
    assert caught.value.hint == "Run: pip install duckdb"


def test_an_error_names_the_line_within_its_statement(app: App) -> None:
    app.plan("a", "-- one\n\nCREATE TABLE a (id INTEGER);\n/* more\n */ SELECT id,\n  nope\nFROM a;\n", "SELECT 1;")
    with pytest.raises(DeployError) as caught:
        app.deploy()
    assert str(caught.value.failure).startswith("deploy/a.sql:6: Binder Error: Referenced column")
    assert str(caught.value.failure).endswith("LINE 6:   nope\n          ^^^^")


def test_the_mark_stays_under_its_word_when_the_number_grows() -> None:
    assert in_file("Oh\n\nLINE 1: SELECT x\n               ^", 12) == ("Oh\n\nLINE 12: SELECT x\n                ^", 12)
    assert in_file("No line", 3) == ("No line", 3)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("SELECT 1;\nSELEKT 2;\n", 2, "Nothing of the script was run."),
        ("SELECT 1;\n\n.mode csv\n", 3, "Commands that begin with a dot"),
    ],
)
def test_what_does_not_parse_is_known_before_anything_runs(app: App, text: str, line: int, hint: str) -> None:
    app.table("a")
    app.plan("b", text, "SELECT 1;")
    with pytest.raises(ScriptError, match=rf"^deploy/b.sql:{line}: Parser Error") as caught:
        app.deploy()
    assert hint in (caught.value.hint or "")
    assert not app.subject.has("a")


def test_a_statement_that_the_driver_has_no_name_for_is_refused(app: App) -> None:
    app.plan("a", "SELECT 1;\nUPDATE EXTENSIONS;\n", "SELECT 1;")
    with pytest.raises(ScriptError, match=r"^deploy/a.sql:2: .*not a valid StatementType") as caught:
        app.deploy()
    assert "Nothing of the script was run" in (caught.value.hint or "")


def test_a_file_that_cannot_be_opened_is_told_with_what_to_look_at(app: App, tmp_path: Path) -> None:
    app.table("a")
    app.subject = Subject(f"db:duckdb:{tmp_path}/nowhere/app.duckdb", app.subject.ask)
    with pytest.raises(EngineError, match="cannot be opened: IO Error") as caught:
        app.deploy()
    assert caught.value.hint == "Nothing was done. The folder has to be there, and the file one of DuckDB's, or none."


def test_a_script_in_another_encoding_is_refused(app: App) -> None:
    app.plan("a", "SELECT 1;", "SELECT 1;")
    (app.directory / "deploy" / "a.sql").write_bytes(b"SELECT 1;\nSELECT 'caf\xe9';\n")
    with pytest.raises(ScriptError, match=r"^deploy/a.sql:2: not in UTF-8$"):
        app.deploy()


# -- the language ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("BEGIN TRANSACTION", Kind.BEGIN),
        ("start transaction", Kind.BEGIN),
        ("END", Kind.COMMIT),
        ("COMMIT", Kind.COMMIT),
        ("ABORT", Kind.ROLLBACK),
        ("FROM a", Kind.READ),
        ("EXPLAIN SELECT 1", Kind.READ),
        ("WITH x AS (INSERT INTO a VALUES (1) RETURNING id) FROM x", Kind.PLAIN),
        ("SELECT nextval('s')", Kind.PLAIN),
        ("EXPLAIN ANALYZE DELETE FROM a", Kind.PLAIN),
        ("EXPLAIN ANALYZE CREATE TABLE a AS SELECT 1", Kind.PLAIN),
        ("PRAGMA enable_verification", Kind.SESSION),
        ("PRAGMA create_fts_index('a', 'id', 'v')", Kind.PLAIN),
        ("CREATE TABLE a (id INTEGER)", Kind.PLAIN),
        ("CREATE TABLE temperature (id INTEGER)", Kind.PLAIN),
        ("CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1", Kind.LOCAL),
        ("CREATE TABLE temp.t (id INTEGER)", Kind.LOCAL),
        ("CREATE SECRET s (TYPE s3)", Kind.LOCAL),
        ("SET VARIABLE x = current_timestamp", Kind.LOCAL),
        ("SET VARIABLE x = getvariable('y')", Kind.SESSION),
        ("RESET search_path", Kind.SESSION),
        ("ATTACH 'b.duckdb' AS b", Kind.SESSION),
        ("VACUUM", Kind.PLAIN),
        ("FORCE CHECKPOINT", Kind.ALONE),
        ("CALL force_checkpoint()", Kind.ALONE),
    ],
)
def test_a_statement_has_a_kind(text: str, kind: Kind) -> None:
    ((_, found),) = ((each.query, each.type) for each in duckdb.extract_statements(text))
    assert kind_of(text, found) is kind


FILLING = st.lists(st.sampled_from(["\n", " ", "-- a; b\n", "/* c;\n d */", "\t"]), max_size=4).map("".join)
STATEMENTS = st.sampled_from(
    ["SELECT ';'", "SELECT\n 1", "CREATE TABLE a (\n  id INTEGER\n)", "SELECT $$;\n$$", "BEGIN"]
)


@given(st.lists(st.tuples(FILLING, STATEMENTS), max_size=6), FILLING)
def test_every_statement_is_found_where_it_begins(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str]], end: str
) -> None:
    folder = tmp_path_factory.mktemp("scripts", numbered=True)
    text, expected = "", []
    for filling, statement in parts:
        text += filling
        expected.append((statement, 1 + text.count("\n")))
        text += f"{statement};"
    (folder / "s.sql").write_text(text + end, encoding="utf-8")
    found = read_script(Script(Source("s.sql", folder), {}))
    assert [(statement.text.decode(), statement.line) for statement in found] == expected
