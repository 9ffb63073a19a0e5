"""Scripts for SQLite do and print what they do and print in the real sqlite3 shell, called as Sqitch calls it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sqitchpy import Project
from sqitchpy.errors import DeployError, ScriptError
from sqitchpy.events import ScriptOutput
from tests.conftest import need
from tests.projects import Scripts, make_project

SCRIPTS = {
    "values": (
        "SELECT 1, -2.50, 1e300, 0.1, 'a', 'a b', '', NULL, 'a,b', 'say \"x\"', 'it''s', 'é', x'41', 1.0/3, 9e999;"
    ),
    "several rows": (
        "CREATE TABLE t (a, b);\nINSERT INTO t VALUES (1, 'x'), (2, 'y');\nSELECT * FROM t; SELECT b FROM t;"
    ),
    "a transaction": "BEGIN;\nCREATE TABLE t (a);\nINSERT INTO t VALUES (1);\nSELECT * FROM t;\nCOMMIT;\n",
    "print and echo": ".print one 'two  three' \"four\\tfive\"\n.echo on\nSELECT 1;\n.print x\n.echo off\nSELECT 2;\n",
    "headers": (
        '.headers on\nCREATE TABLE t (a, "b c");\nSELECT * FROM t;\nINSERT INTO t VALUES (1, 2);\nSELECT * FROM t;'
    ),
    "modes": (
        ".mode list\nSELECT 1, 'a b';\n.separator ;\nSELECT 1, 'a b';\n"
        ".mode tabs\nSELECT 1, 2;\n.mode csv\nSELECT 'a b';"
    ),
    "nulls": ".nullvalue NIL\nSELECT NULL, 1;\n",
    "reading another": ".read 'more/one.sql'\nSELECT 'after';\n",
    "comments": (
        "-- a comment; with a semicolon\n# a line for the shell\n"
        "SELECT 1; -- and ; one more\n/* SELECT 2;\n*/ SELECT 3;\n"
    ),
    "a trigger": (
        "CREATE TABLE t (a);\nCREATE TRIGGER g AFTER INSERT ON t BEGIN\n"
        "  UPDATE t SET a = CASE WHEN a > 1 THEN a END;\n"
        "  DELETE FROM t WHERE a IS NULL;\nEND;\nINSERT INTO t VALUES (1), (2);\nSELECT * FROM t;\n"
    ),
    "no semicolon at the end": "CREATE TABLE t (a);\nSELECT 5",
    "an early exit": "SELECT 1;\n.quit\nSELECT 2;\n",
    "settings": "PRAGMA foreign_keys = ON;\nPRAGMA user_version = 7;\nPRAGMA user_version;\nPRAGMA foreign_keys;\n",
    "foreign keys": (
        "PRAGMA foreign_keys = ON;\nBEGIN;\nCREATE TABLE p (id INTEGER PRIMARY KEY);\n"
        "CREATE TABLE c (p REFERENCES p ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n"
        "DELETE FROM p;\nSELECT count(*) FROM c;\nCOMMIT;\n"
    ),
    "temporary tables": (
        "CREATE TEMP TABLE t (a);\nINSERT INTO t VALUES (1);\nSELECT * FROM t;\nCREATE TABLE u AS SELECT * FROM t;"
    ),
    "names of the registry": (
        "CREATE TABLE changes (a);\nDROP TABLE IF EXISTS tags;\n"
        "DROP TABLE IF EXISTS events;\nCREATE TABLE projects (b);"
    ),
    "attached": (
        "ATTACH 'more/other.db' AS o;\nCREATE TABLE o.t (a);\nINSERT INTO o.t VALUES (1);\nSELECT * FROM o.t;\n"
    ),
    "vacuumed": "CREATE TABLE t (a);\nVACUUM;\nINSERT INTO t VALUES (1);\nSELECT * FROM t;\n",
    "two transactions": (
        "BEGIN;\nCREATE TABLE t (a);\nCOMMIT;\nBEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\nSELECT * FROM t;"
    ),
    "rolled back": "BEGIN;\nCREATE TABLE t (a);\nROLLBACK;\n",
    "savepoints": (
        "CREATE TABLE t (a);\nSAVEPOINT s;\nINSERT INTO t VALUES (1);\n"
        "ROLLBACK TO s;\nRELEASE s;\nSELECT count(*) FROM t;"
    ),
}
BROKEN = {
    "a word that is none": "CREATE TABLE t (a);\n\nselec 1;\n",
    "a table that is there": "CREATE TABLE t (a);\nCREATE TABLE t (b);\n",
    "a column that is not": "CREATE TABLE t (a);\nINSERT INTO t VALUES (1);\nSELECT a, nope FROM t;\n",
    "twice the same": "CREATE TABLE t (a UNIQUE);\nINSERT INTO t VALUES (1), (1);\n",
    "far to the right": "SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 FROM x y z w;\n",
    "not closed": "SELECT 1;\nSELECT 'abc\n",
    "not complete": "CREATE TABLE t (a",
}


@pytest.fixture
def shell() -> str:
    found = shutil.which("sqlite3")
    need("sqlite3", found is not None)
    return found or ""


def prepare(directory: Path, script: str) -> Path:
    (directory / "more").mkdir(parents=True, exist_ok=True)
    (directory / "more" / "one.sql").write_text("SELECT 'one';\n.print between\nSELECT 'two';\n")
    return make_project(directory, {"a": Scripts(script, "SELECT 1;")}, conf="[core]\n\tengine = sqlite\n")


def in_shell(shell: str, directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    prepare(directory, script)
    words = [shell, "-noheader", "-bail", "-batch", "-csv", "app.db", ".read 'deploy/a.sql'"]
    return subprocess.run(words, cwd=directory, capture_output=True, text=True)


def in_process(directory: Path, script: str) -> str:
    printed: list[str] = []
    project = Project.open(prepare(directory, script))
    with project.target("db:sqlite:app.db", on_event=lambda event: printed.append(_text(event))) as target:
        target.deploy()
    return "".join(printed)


def _text(event: object) -> str:
    return event.text if isinstance(event, ScriptOutput) else ""


def dump(shell: str, file: Path) -> str:
    return subprocess.run([shell, str(file), ".dump"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_and_leaves_what_it_does_in_the_shell(
    name: str, shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = in_shell(shell, tmp_path / "shell", SCRIPTS[name])
    assert there.returncode == 0, there.stderr
    prepare(tmp_path / "here", SCRIPTS[name])
    monkeypatch.chdir(tmp_path / "here")
    assert in_process(tmp_path / "here", SCRIPTS[name]) == there.stdout
    for file in ("app.db", "more/other.db"):
        if (tmp_path / "shell" / file).exists():
            assert dump(shell, tmp_path / "here" / file) == dump(shell, tmp_path / "shell" / file)


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_is_told_in_the_words_of_the_shell_and_nothing_is_left(name: str, shell: str, tmp_path: Path) -> None:
    there = in_shell(shell, tmp_path / "shell", BROKEN[name])
    assert there.returncode != 0
    with pytest.raises(DeployError) as caught:
        in_process(tmp_path / "here", BROKEN[name])
    said = str(caught.value.failure).rpartition("\nIn deploy/a.sql:")[0]
    assert said.split("\n") == there.stderr.rstrip("\n").split("\n")
    assert "CREATE TABLE" not in dump(shell, tmp_path / "here" / "app.db")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (".import data.csv t\n", "deploy/a.sql:2: this command of the sqlite3 shell is not built in"),
        ("SELECT 1;\n.bail off\n", "deploy/a.sql:3: a script ends at its first error here"),
        (".shell rm x\n", "commands of the system are not run"),
        (".read nothing.sql\n", 'cannot open "nothing.sql"'),
        (".read deploy/a.sql\n", "nested more than 25 deep"),
        (".mode box\n", "of the modes csv, list, tabs, ascii are built in"),
        (".exit 3\n", "makes the script fail"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_before_anything_runs(
    script: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScriptError, match=why) as caught:
        in_process(tmp_path, f"CREATE TABLE t (a);\n{script}")
    assert "runner=sqlite3" in str(caught.value.hint)
    assert not (tmp_path / "app.db").exists() or dump("sqlite3", tmp_path / "app.db").count("CREATE TABLE") == 0


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(blacklist_characters="\0\r", blacklist_categories=["Cs"]), max_size=12),
    st.none(),
)


@given(st.lists(VALUES, min_size=1, max_size=20))
@example([2496839544407495.0])  # SQLite rounds its 16th digit down
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_is_printed_as_the_shell_prints_it(
    shell: str, tmp_path_factory: pytest.TempPathFactory, values: list[object]
) -> None:
    def literal(value: object) -> str:
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        return "NULL" if value is None else repr(value).replace("inf", "9e999")

    script = "".join(f"SELECT {literal(value)}, 0;\n" for value in values)
    directory = tmp_path_factory.mktemp("values")
    there = subprocess.run(
        [shell, "-noheader", "-bail", "-batch", "-csv", ":memory:"],
        input=script.encode(),
        capture_output=True,
        check=True,
    )
    assert in_process(directory, script) == there.stdout.decode("utf-8", "replace")
