"""What is special about MySQL: definitions commit, the registry is a database, the client's words, locks by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sqitchpy import Project
from sqitchpy.errors import (
    DeployError,
    EngineError,
    LockTimeoutError,
    SqitchpyError,
)
from sqitchpy.events import Event, Warned
from tests.mariadb import MariaDatabase, MariaServer
from tests.projects import Scripts, make_project
from tests.waiting import until

CONF = "[core]\n\tengine = mysql\n"


def table(name: str) -> Scripts:
    return Scripts(f"CREATE TABLE {name} (id INT);\n", f"DROP TABLE {name};\n", f"SELECT id FROM {name} WHERE 0;\n")


class App:
    """A project on a database of MySQL."""

    def __init__(self, path: Path, database: MariaDatabase) -> None:
        self.path, self.database = path, database
        self.told: list[Event] = []

    def deploy(self, to: str | None = None, **options: Any) -> tuple[str, ...]:
        with Project.open(self.path).target(self.database.uri, on_event=self.told.append) as target:
            return target.deploy(to, **{"lock_timeout": 10, **options}).done

    def revert(self) -> tuple[str, ...]:
        with Project.open(self.path).target(self.database.uri, on_event=self.told.append) as target:
            return target.revert(lock_timeout=10).done

    def write(self, name: str, text: str) -> None:
        (self.path / "deploy" / f"{name}.sql").write_text(text)

    def tables(self) -> list[str]:
        return sorted(name for (name,) in self.database.rows("SHOW TABLES"))

    def deployed(self) -> list[str]:
        return [name for (name,) in self.database.rows("SELECT `change` FROM sqitch.changes ORDER BY committed_at")]

    def warnings(self) -> list[str]:
        return [event.text for event in self.told if isinstance(event, Warned)]

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sqitchpy", *words, self.database.uri],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def sqitch(self, command: str, *words: str) -> str:
        done = subprocess.run([command, *words], cwd=self.path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def running(self, words: str) -> list[int]:
        """The sessions that run a statement which begins so."""
        query = "SELECT id FROM information_schema.processlist WHERE info LIKE %s AND id <> CONNECTION_ID()"
        return [number for (number,) in self.database.rows(query, f"{words}%")]


Build = Callable[[Mapping[str, Scripts]], App]


@pytest.fixture
def build(tmp_path: Path, mysql_database: MariaDatabase) -> Build:
    return lambda changes: App(make_project(tmp_path / "app", changes, conf=CONF), mysql_database)


# -- the registry ----------------------------------------------------------------------------------------------------


def definitions(database: MariaDatabase, registry: str = "sqitch") -> list[str]:
    """The registry's tables, triggers and functions, without rows."""
    command = ["mariadb-dump", "--no-defaults", *database.client_options, "--routines", "--triggers", "--no-data"]
    options = ["--skip-comments", f"--ignore-table={registry}.sqitchpy_progress", registry]
    text = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if "-- " not in line]


def test_the_registry_is_the_one_that_sqitch_makes(build: Build, sqitch: str) -> None:
    app = build({"a": table("a")})
    app.deploy()
    ours = definitions(app.database)
    app.database.rows("DROP DATABASE sqitch")
    app.sqitch(sqitch, "deploy", "--log-only", app.database.uri)
    assert "CREATE TABLE `changes` (" in ours
    assert ours == definitions(app.database)


OLDER = {
    "1.0": [
        "ALTER TABLE changes ADD INDEX own (project)",
        "ALTER TABLE changes DROP INDEX project, ADD UNIQUE script_hash (script_hash)",
        "UPDATE releases SET version = 1.0",
    ],
    "without versions": [
        "ALTER TABLE changes ADD INDEX own (project)",
        "ALTER TABLE changes DROP INDEX project, DROP COLUMN script_hash",
        "ALTER TABLE events CHANGE event event ENUM ('deploy', 'fail', 'revert') NOT NULL",
        "DROP TABLE releases",
    ],
}


@pytest.mark.parametrize("version", OLDER)
def test_an_older_registry_is_upgraded_as_sqitch_does_it(version: str, build: Build, sqitch: str) -> None:
    app = build({"a": table("a")})
    found = []
    for upgrade in (
        lambda: app.sqitch(sqitch, "upgrade", app.database.uri),
        lambda: subprocess.run(
            [sys.executable, "-m", "sqitchpy", "upgrade", app.database.uri], cwd=app.path, check=True
        ),
    ):
        app.sqitch(sqitch, "deploy", "--log-only", app.database.uri)
        for statement in OLDER[version]:
            with closing(app.database.connect(database="sqitch")) as connection:
                connection.cursor().execute(statement)
        upgrade()
        rows = app.database.rows("SELECT version FROM sqitch.releases ORDER BY version")
        hashes = app.database.rows("SELECT script_hash = change_id FROM sqitch.changes")
        found.append((definitions(app.database), rows, hashes))
        app.database.rows("DROP DATABASE sqitch")
    assert found[0] == found[1]


def test_looking_makes_no_registry(build: Build) -> None:
    app = build({"a": table("a")})
    with Project.open(app.path).target(app.database.uri) as target:
        target.status()
        target.preview_deploy()
    assert app.database.rows("SHOW DATABASES LIKE 'sqitch'") == []
    assert app.tables() == []


def test_verify_scripts_use_checkit(build: Build) -> None:
    check = "SELECT sqitch.checkit(COUNT(*) = 2, 'there are not two') FROM a;\n"
    app = build({"a": Scripts("CREATE TABLE a (id INT);\nINSERT INTO a VALUES (1);\n", "DROP TABLE a;", check)})
    with pytest.raises(DeployError) as caught:
        app.deploy(verify=True)
    assert "ERROR 1644 (ERR0R) at line 1 in file: 'verify/a.sql': there are not two" in str(caught.value.failure)
    app.write("a", "CREATE TABLE a (id INT);\nINSERT INTO a VALUES (1), (2);\n")
    assert app.deploy(verify=True) == ("a",)


# -- scripts ---------------------------------------------------------------------------------------------------------


def test_variables_are_the_sessions(build: Build) -> None:
    app = build({"a": Scripts('CREATE TABLE a AS SELECT @name AS name, @"it\'s" AS other;', "DROP TABLE a;")})
    app.deploy(variables={"name": "O'Neil \\n", "it's": '"x"'})
    assert app.database.rows("SELECT * FROM a") == [("O'Neil \\n", '"x"')]


def test_rows_alone_are_one_transaction_with_their_record(build: Build) -> None:
    app = build({"a": table("a"), "rows": Scripts("INSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (2);\n")})
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    assert app.database.rows("SELECT * FROM a") == []


def test_a_script_goes_on_behind_what_is_done_once_its_failing_statement_is_mended(build: Build) -> None:
    first = "CREATE TABLE b (id INT);\nINSERT INTO b VALUES (1);\n"
    app = build({"a": table("a"), "b": Scripts(f"{first}CREATE TABEL c (id INT);\nINSERT INTO b VALUES (2);\n")})
    with pytest.raises(DeployError) as caught:
        app.deploy(mode="change")
    assert "ERROR 1064 (42000) at line 3 in file: 'deploy/b.sql'" in str(caught.value.failure)
    assert str(caught.value.report.steps[-1].why).startswith("deploy/b.sql:3: ERROR: You have an error in your SQL")
    assert app.deployed() == ["a"]
    assert app.tables() == ["a", "b"]
    app.write("b", f"{first}-- so it is written\nCREATE TABLE c (id INT);\nINSERT INTO b VALUES (2);\n")
    assert app.deploy() == ("b",)
    assert app.warnings() == ["deploy/b.sql:4: going on here, where an earlier run has ended"]
    assert app.database.rows("SELECT id FROM b ORDER BY id") == [(1,), (2,)]
    assert app.database.rows("SELECT count(*) FROM sqitch.sqitchpy_progress") == [(0,)]


def test_where_the_changes_before_it_were_reverted_what_is_left_is_to_be_undone_by_hand(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b (id INT);\nCREATE TABEL c (id INT);\n")})
    with pytest.raises(DeployError) as caught:
        app.deploy()
    assert "its script will start from its beginning: undo by hand what is still there of it" in str(caught.value.hint)
    assert app.tables() == ["b"]
    app.database.rows("DROP TABLE b")
    app.write("b", "CREATE TABLE b (id INT);\nCREATE TABLE c (id INT);\n")
    assert app.deploy() == ("a", "b")


def test_a_script_that_was_edited_within_what_is_done_starts_anew_and_says_so(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE a (id INT);\nCREATE TABEL b (id INT);\n")})
    with pytest.raises(DeployError):
        app.deploy()
    app.write("a", "CREATE TABLE IF NOT EXISTS a (id INT);\nCREATE TABLE b (id INT);\n")
    assert app.deploy() == ("a",)
    assert app.warnings() == [
        "deploy/a.sql: edited within the statements that an earlier run had begun: it starts from its beginning, "
        "and what they did stays"
    ]


def test_what_a_script_leaves_in_its_session_is_gone_in_the_next(build: Build) -> None:
    first = "SET sql_mode = 'ANSI_QUOTES', foreign_key_checks = 0;\nCREATE TEMPORARY TABLE t (id INT);\n"
    app = build(
        {
            "a": Scripts(f"{first}CREATE TABLE a (id INT);\n", "DROP TABLE a;"),
            "b": Scripts('CREATE TABLE b AS SELECT @@foreign_key_checks AS x, "text" AS y;', "DROP TABLE b;"),
        }
    )
    app.deploy()
    assert app.database.rows("SELECT x, y FROM b") == [(1, "text")]


# -- interruptions ---------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(build: Build) -> Iterator[tuple[App, subprocess.Popen[str]]]:
    """A deployment in the midst of its second change."""
    text = "CREATE TABLE b (id INT);\nCREATE TABLE c AS SELECT SLEEP(2) AS x;\nINSERT INTO b VALUES (1);\n"
    app = build({"a": table("a"), "b": Scripts(text, "DROP TABLE c;\nDROP TABLE b;\n")})
    process = app.start("deploy")
    until(lambda: bool(app.running("CREATE TABLE c")), "the slow statement")
    yield app, process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_after_kill_9_in_a_slow_definition_the_next_run_waits_for_it_and_goes_on(
    slow: tuple[App, subprocess.Popen[str]],
) -> None:
    app, process = slow
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert app.deploy() == ("b",)
    assert app.tables() == ["a", "b", "c"]
    assert app.database.rows("SELECT id FROM b") == [(1,)]
    assert app.deployed() == ["a", "b"]
    assert app.warnings() == [
        "deploy/b.sql:2: going on here, where an earlier run has ended",
        "deploy/b.sql:2: an earlier run was interrupted in this statement: table c is there, so it was completed",
    ]


def test_ctrl_c_ends_the_statement_on_the_server(slow: tuple[App, subprocess.Popen[str]]) -> None:
    app, process = slow
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.startswith("Interrupted\n")
    assert "Traceback" not in err
    until(lambda: not app.running("CREATE TABLE c"), "the end of the statement")
    assert app.deploy() == ("b",)


def test_a_session_that_somebody_kills_is_said_and_the_next_run_goes_on(
    slow: tuple[App, subprocess.Popen[str]],
) -> None:
    app, process = slow
    (number,) = app.running("CREATE TABLE c")
    app.database.rows(f"KILL {number}")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "Traceback" not in err
    assert "Run “sqitchpy status” to see where the database stands" in err
    assert app.deploy() == ("b",)
    assert app.deployed() == ["a", "b"]


# -- locks -----------------------------------------------------------------------------------------------------------


def test_sqitch_and_we_wait_for_each_other(build: Build, sqitch: str) -> None:
    app = build({"a": Scripts("CREATE TABLE a AS SELECT SLEEP(2) AS x;", "DROP TABLE a;"), "b": table("b")})
    process = subprocess.Popen([sqitch, "deploy", app.database.uri], cwd=app.path, stdout=subprocess.PIPE)
    until(lambda: bool(app.running("CREATE TABLE a")), "Sqitch's script")
    with pytest.raises(LockTimeoutError, match=r"Timed out waiting 0\.2 seconds for another instance of Sqitch"):
        app.deploy(lock_timeout=0.2)
    assert app.deploy() == ()
    process.communicate()
    assert app.deployed() == ["a", "b"]


def test_sqitch_waits_for_us(build: Build, sqitch: str) -> None:
    app = build({"a": Scripts("CREATE TABLE a AS SELECT SLEEP(2) AS x;", "DROP TABLE a;"), "b": table("b")})
    process = app.start("deploy")
    until(lambda: bool(app.running("CREATE TABLE a")), "our script")
    said = app.sqitch(sqitch, "deploy", app.database.uri)
    assert "Nothing to deploy (up-to-date)" in said
    assert process.wait(10) == 0
    process.communicate()


def test_who_holds_the_lock_is_named(build: Build) -> None:
    app = build({"a": table("a")})
    with closing(app.database.connect()) as other:
        cursor = other.cursor()
        cursor.execute("SELECT CONNECTION_ID()")
        ((number,),) = cursor.fetchall()
        cursor.execute("SELECT GET_LOCK(%s, 0)", [f"sqitch working on {app.database.name}"])
        with pytest.raises(LockTimeoutError) as caught:
            app.deploy(lock_timeout=0.2)
        assert caught.value.holder is not None
        assert caught.value.holder.pid == number
        assert f"KILL {number} ends it." in str(caught.value.hint)


# -- what users get wrong --------------------------------------------------------------------------------------------


@pytest.fixture
def account(mysql_server: MariaServer) -> Iterator[str]:
    mysql_server.execute("CREATE USER sqitchpy_ann IDENTIFIED BY 'right'")
    yield "sqitchpy_ann"
    mysql_server.execute("DROP USER sqitchpy_ann")


def failing(app: App, uri: str) -> EngineError:
    with Project.open(app.path).target(uri) as target, pytest.raises(EngineError) as caught:
        target.status()
    return caught.value


def test_a_wrong_password_is_said_and_not_shown(build: Build, account: str) -> None:
    app = build({"a": table("a")})
    address = quote(str(app.database.params.get("unix_socket", "")), safe="/")
    error = failing(app, f"db:mysql://{account}:wrong@/{app.database.name}?mysql_socket={address}")
    assert error.message.startswith("ERROR 1045 (28000): Access denied for user 'sqitchpy_ann'@")
    assert "Nothing was changed" in str(error.hint)
    assert "wrong" not in f"{error}{error.hint}"


def test_a_host_that_is_not_there_is_said(build: Build) -> None:
    error = failing(build({"a": table("a")}), "db:mysql://root@nowhere.invalid/x")
    assert error.message.startswith("ERROR 2003: Can't connect to MySQL server on 'nowhere.invalid'")
    assert "nowhere.invalid:3306 as the user root" in str(error.hint)


def test_a_database_that_is_not_there_is_said_before_anything_is_made(build: Build) -> None:
    app = build({"a": table("a")})
    with (
        Project.open(app.path).target(app.database.uri_of("nowhere")) as target,
        pytest.raises(SqitchpyError) as caught,
    ):
        target.deploy()
    assert "ERROR 1049 (42000): Unknown database 'nowhere'" in str(caught.value)
    assert app.database.rows("SHOW DATABASES LIKE 'sqitch'") == []


def test_a_missing_driver_is_said_with_what_brings_it(build: Build) -> None:
    app = build({"a": table("a")})
    code = "import sys; sys.modules['pymysql'] = None; from sqitchpy.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "status", app.database.uri], cwd=app.path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "PyMySQL, which the mysql engine needs, cannot be loaded" in done.stderr
    assert "pip install 'sqitchpy[mysql]'" in done.stderr


def test_scripts_run_in_the_client_when_that_is_asked_for(build: Build) -> None:
    app = build({"a": Scripts("-- sqitchpy: runner=mysql\nsystem touch touched\nCREATE TABLE a (id INT);\n")})
    assert app.deploy() == ("a",)
    assert (app.path / "touched").exists()
    assert app.tables() == ["a"]
