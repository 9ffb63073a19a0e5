"""Whatever is wrong: one clear error, Sqitch's exit code, no traceback, no password, and a truthful registry."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sqitchpy.testing import Database, DatabaseServer
from tests.acceptance.cli import COMMAND, Result, environment, run
from tests.projects import Scripts, add_change, make_project, remove_line, table, write_script
from tests.waiting import until


@dataclass(frozen=True)
class Place:
    """A project of the changes a (tagged v1) and b, and a database."""

    path: Path
    database: Database

    def __call__(self, *words: str) -> Result:
        result = run(self.path, *words, self.database.uri)
        assert "Traceback" not in result.out + result.err
        assert "internal error" not in result.err
        return result

    @property
    def plan(self) -> Path:
        return self.path / "sqitch.plan"

    def deployed(self) -> list[str]:
        if self.database.rows("SELECT to_regclass('sqitch.changes')") == [(None,)]:
            return []
        return [name for (name,) in self.database.rows("SELECT change FROM sqitch.changes ORDER BY committed_at")]

    def tables(self) -> list[str]:
        rows = self.database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in rows]


@pytest.fixture
def place(tmp_path: Path, pg_database: Database) -> Place:
    changes = {"a": table("a"), "b": table("b")}
    uri = "https://example.com/app"
    return Place(make_project(tmp_path / "app", changes, tags={"a": "v1"}, uri=uri), pg_database)


# -- the plan ---------------------------------------------------------------------------------------------------


def test_a_missing_plan(place: Place) -> None:
    place.plan.unlink()
    assert place("deploy") == (
        2,
        "",
        "Plan file sqitch.plan does not exist\n"
        "hint: Run this in the project's directory, or name the file with --plan-file or core.plan_file.\n",
    )


def test_a_plan_that_is_a_directory(place: Place) -> None:
    place.plan.unlink()
    place.plan.mkdir()
    code, _, err = place("deploy")
    assert (code, err.splitlines()[0]) == (2, "Plan file sqitch.plan is not a regular file")


def test_a_plan_in_latin_1(place: Place) -> None:
    place.plan.write_bytes(place.plan.read_text().replace("Pat", "Pät").encode("latin-1"))
    code, _, err = place("deploy")
    assert code == 2
    assert err.startswith("Can't decode ill-formed UTF-8 octet sequence <E4> in sqitch.plan at line 5")
    assert "iconv -f latin1 -t utf-8" in err
    assert place.tables() == []


def test_a_plan_with_nul_bytes(place: Place) -> None:
    place.plan.write_bytes(place.plan.read_bytes().replace(b"\nb ", b"\nb\0 "))
    code, _, err = place("deploy")
    assert (code, err.startswith("Syntax error in sqitch.plan at line 7: Invalid name; names must not")) == (2, True)


def test_a_plan_with_a_line_of_ten_megabytes(place: Place) -> None:
    place.plan.write_bytes(place.plan.read_bytes() + b"x" * 10_000_000 + b"\n")
    code, _, err = place("deploy")
    assert code == 2
    assert err == "Syntax error in sqitch.plan at line 8: Missing timestamp and planner name and email\n"


def test_a_note_of_ten_megabytes_is_no_mistake(place: Place) -> None:
    add_change(place.path, "c", Scripts("SELECT 1;", note="x" * 10_000_000))
    assert place("deploy").code == 0
    assert place.database.rows("SELECT length(note) FROM sqitch.changes WHERE change = 'c'") == [(10_000_000,)]


def test_a_tag_that_does_not_exist(place: Place) -> None:
    assert place("deploy", "--to", "@nope") == (
        2,
        "",
        'Unknown change: "@nope"\nhint: “sqitchpy plan” lists the changes.\n',
    )
    place("deploy")
    code, _, err = place("revert", "-y", "--to", "@nope")
    assert (code, err.splitlines()[0]) == (2, 'Unknown change: "@nope"')
    assert place.deployed() == ["a", "b"]


def test_a_change_that_is_deployed_but_not_planned(place: Place) -> None:
    place("deploy")
    ((change_id,),) = place.database.rows("SELECT change_id FROM sqitch.changes WHERE change = 'b'")
    remove_line(place.path, "b ")
    code, _, err = place("deploy")
    assert (code, err.splitlines()[0]) == (2, f"Cannot find change {change_id} (b) in sqitch.plan")
    assert "hint: " in err
    code, _, err = place("status")
    assert (code, err.splitlines()[0]) == (2, "Cannot find this change in sqitch.plan")
    code, _, err = place("verify")
    assert (code, err) == (2, "Verify failed\n")


# -- scripts ----------------------------------------------------------------------------------------------------


def test_a_script_that_cannot_be_read(place: Place) -> None:
    script = place.path / "deploy" / "b.sql"
    if os.geteuid() == 0:  # who may read everything
        script.unlink()
        script.symlink_to("/proc/self/mem")
    else:
        script.chmod(0)
    code, _, err = place("deploy")
    why = "Input/output error" if os.geteuid() == 0 else "Permission denied"
    assert code == 2
    assert err == (
        f"deploy/b.sql: {why}\n"
        "hint: Nothing of the script was run. Make the file readable, then run the command again.\n"
    )
    assert place.tables() == []


def test_a_script_that_is_a_directory(place: Place) -> None:
    (place.path / "deploy" / "b.sql").unlink()
    (place.path / "deploy" / "b.sql").mkdir()
    code, _, err = place("deploy")
    assert (code, err.splitlines()[0]) == (2, "Deploy script deploy/b.sql does not exist")
    assert place.tables() == []


@pytest.mark.parametrize(
    ("text", "line"),
    [(b"SELECT 1;\n\0SELECT 2;\n", 2), ("CREATE TABLE t ();\n".encode("utf-16-le"), 1)],
    ids=["nul", "utf-16 without a mark"],
)
def test_a_script_with_nul_bytes(place: Place, text: bytes, line: int) -> None:
    write_script(place.path, "deploy", "b", text)
    code, _, err = place("deploy")
    assert code == 2
    assert err.startswith(f"deploy/b.sql:{line}: a NUL byte, which no SQL can hold\nhint: ")
    assert place.tables() == []


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (b"PGDMP\x01\x0e\x00\n", "an archive of pg_dump's, in its custom format, not SQL", "pg_restore --file"),
        (b"toc.dat" + bytes(505), "an archive of pg_dump's, in its tar format, not SQL", "pg_restore --file"),
        (gzip.compress(b"SELECT 1;\n"), "compressed (gzip), not SQL", "gunzip"),
        ("CREATE TABLE t ();\n".encode("utf-16"), "text in UTF-16, which the database does not read", "iconv"),
        (codecs.BOM_UTF16_BE + "漢".encode("utf-16-be"), "text in UTF-16, which the database does not read", "iconv"),
    ],
    ids=["custom", "tar", "gzip", "utf-16", "utf-16 without a NUL"],
)
def test_a_script_that_is_no_sql(place: Place, text: bytes, what: str, hint: str) -> None:
    write_script(place.path, "deploy", "b", text)
    code, _, err = place("deploy")
    assert code == 2
    assert err.startswith(f"deploy/b.sql is {what}\nhint: Nothing of the script was run. ")
    assert hint in err
    assert err.splitlines()[1].endswith("deploy/b.sql")
    assert place.tables() == []


def test_a_script_with_a_line_of_ten_megabytes_is_no_mistake(place: Place) -> None:
    write_script(place.path, "deploy", "b", f"CREATE TABLE b AS SELECT length('{'x' * 10_000_000}') AS n;\n")
    assert place("deploy").code == 0
    assert place.database.rows("SELECT n FROM b") == [(10_000_000,)]


def test_a_script_that_is_not_in_the_encoding_it_seems_to_be_in(place: Place) -> None:
    write_script(place.path, "deploy", "b", "CREATE TABLE b AS SELECT 'é' AS v;\n".encode("latin-1"))
    code, out, err = place("deploy")
    assert (code, out.splitlines()[-1]) == (2, "  - a @v1 .. ok")
    assert 'psql:deploy/b.sql:1: ERROR:  invalid byte sequence for encoding "UTF8": 0xe9' in err
    assert place.deployed() == []


def test_a_script_with_a_mistake(place: Place) -> None:
    write_script(place.path, "deploy", "b", "CREATE TABLE b ();\nSELECT missing;\n")
    code, out, err = place("deploy")
    assert code == 2
    assert out.splitlines()[1:] == [
        f"Deploying changes to {shown(place.database.uri)}",
        "  + a @v1 .. ok",
        "  + b ...... not ok",
        "  - a @v1 .. ok",
    ]
    assert err == (
        'psql:deploy/b.sql:2: ERROR:  column "missing" does not exist\n'
        "LINE 1: SELECT missing;\n"
        "               ^\n"
        "SQLSTATE: 42703\n"
        "Reverting all changes\n"
        "Deploy failed\n"
        "hint: Change b: nothing of it was kept. Mend the script and run “sqitchpy deploy” again.\n"
    )
    assert (place.deployed(), place.tables()) == ([], [])


# -- the registry -----------------------------------------------------------------------------------------------


def test_a_registry_of_another_project_with_the_same_uri(place: Place) -> None:
    place("deploy")
    make_project(place.path, {"x": table("x")}, name="other", uri="https://example.com/app")
    code, _, err = place("deploy")
    assert code == 2
    assert err.splitlines()[0] == (
        'Cannot register "other" with URI https://example.com/app: project "app" already using that URI'
    )
    assert "hint: " in err
    assert place.deployed() == ["a", "b"]


def test_a_registry_that_is_none(place: Place) -> None:
    place.database.rows("CREATE SCHEMA sqitch")
    place.database.rows("CREATE TABLE sqitch.changes (id int)")
    code, _, err = place("deploy")
    assert code == 2
    assert err.startswith("ERROR:  ")
    assert "hint: " in err


# -- the server -------------------------------------------------------------------------------------------------


def shown(uri: str) -> str:
    """A URI as messages show it: without the password."""
    head, at, tail = uri.rpartition("@")
    return f"{head.rpartition(':')[0]}:@{tail}" if at and head.count(":") > 2 else uri


COMMANDS: list[tuple[str, ...]] = [
    ("deploy",),
    ("deploy", "--dry-run"),
    ("deploy", "--json"),
    ("revert", "-y"),
    ("verify",),
    ("status",),
    ("status", "--json"),
    ("log",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_server_that_is_down(place: Place, words: tuple[str, ...]) -> None:
    code, out, err = run(place.path, *words, "db:pg://ann:sEcret@127.0.0.1:1/none?connect_timeout=5")
    assert code == 2
    assert "Connection refused" in err
    assert "hint: db:pg://ann:@127.0.0.1:1/none?connect_timeout=5 was not changed. Is the server running" in err
    assert "sEcret" not in out + err
    assert "Traceback" not in err
    if "--json" in words:
        assert "Connection refused" in json.dumps(json.loads(out))


def test_a_host_that_does_not_exist(place: Place) -> None:
    code, out, err = run(place.path, "deploy", "db:pg://ann:sEcret@no-such-host.invalid/none")
    assert code == 2
    assert "no-such-host.invalid" in err
    assert "sEcret" not in out + err


def test_a_database_that_does_not_exist(place: Place) -> None:
    uri = place.database.uri.replace(place.database.name, "no_such_database")
    code, _, err = run(place.path, "deploy", uri)
    assert code == 2
    assert 'database "no_such_database" does not exist' in err
    assert "Create the database (createdb)" in err


def test_a_parameter_that_libpq_does_not_know(place: Place) -> None:
    code, out, err = run(place.path, "deploy", f"{place.database.uri}?nonsense=1&password=sEcret")
    assert code == 2
    assert "nonsense" in err
    assert "sEcret" not in out + err


@pytest.fixture
def stranger(pg_server: DatabaseServer, place: Place) -> Iterator[tuple[str, str]]:
    """A role that may log in and nothing else: its name, and a target for it."""
    name = f"{place.database.name}_stranger"
    pg_server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'sEcret'")
    head, _, tail = place.database.uri.partition("//")
    host = tail.rpartition("@")[2]
    yield name, f"{head}//{name}:sEcret@{host}"
    place.database.rows(f"DROP OWNED BY {name}")
    pg_server.execute(f"DROP ROLE {name}")


def test_a_role_that_may_not_make_the_registry(place: Place, stranger: tuple[str, str]) -> None:
    code, out, err = run(place.path, "deploy", stranger[1])
    assert code == 2
    assert err.startswith(f"ERROR:  permission denied for database {place.database.name}\nhint: ")
    assert "GRANT CREATE ON DATABASE" in err
    assert "sEcret" not in out + err
    assert place.deployed() == []


def test_a_role_that_may_not_read_the_registry(place: Place, stranger: tuple[str, str]) -> None:
    place("deploy")
    for words in (("deploy",), ("status",), ("log",), ("verify",), ("revert", "-y")):
        code, out, err = run(place.path, *words, stranger[1])
        assert code == 2
        assert "ERROR:  permission denied for schema sqitch\nhint: " in err
        assert 'GRANT USAGE ON SCHEMA "sqitch"' in err
        assert "sEcret" not in out + err
    assert place.deployed() == ["a", "b"]


def test_a_role_that_may_not_write_the_registry(place: Place, stranger: tuple[str, str]) -> None:
    place("deploy", "--to", "a")
    name, uri = stranger
    place.database.rows(f"GRANT USAGE ON SCHEMA sqitch TO {name}")
    place.database.rows(f"GRANT SELECT ON ALL TABLES IN SCHEMA sqitch TO {name}")
    place.database.rows(f"GRANT ALL ON SCHEMA public TO {name}")
    code, _, err = run(place.path, "deploy", uri)
    assert code == 2
    assert 'Cannot log change "b": ERROR:  permission denied for table changes\nDeploy failed\nhint: ' in err
    assert "GRANT USAGE ON SCHEMA" in err
    assert (place.deployed(), place.tables()) == (["a"], ["a"])


def test_a_role_that_may_not_do_what_a_script_does(place: Place, stranger: tuple[str, str]) -> None:
    name, uri = stranger
    place.database.rows(f'GRANT CREATE ON DATABASE "{place.database.name}" TO {name}')
    place.database.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    code, _, err = run(place.path, "deploy", uri)
    assert code == 2
    assert "psql:deploy/a.sql:3: ERROR:  permission denied for schema public\n" in err
    assert place.database.rows("SELECT event, change FROM sqitch.events") == [("fail", "a")]


def test_a_database_that_is_read_only(place: Place) -> None:
    place("deploy", "--to", "a")
    place.database.rows(f'ALTER DATABASE "{place.database.name}" SET default_transaction_read_only = on')
    code, _, err = place("deploy")
    assert code == 2
    assert "in a read-only transaction" in err
    assert (place.deployed(), place.tables()) == (["a"], ["a"])
    assert place("status").code == 0


def test_a_connection_that_is_lost_in_the_middle_of_a_script(place: Place) -> None:
    write_script(place.path, "deploy", "b", "CREATE TABLE half ();\nSELECT pg_terminate_backend(pg_backend_pid());\n")
    code, out, err = place("deploy")
    assert code == 2
    assert out.splitlines()[-1] == "  + b ...... not ok"
    assert "Deploy failed: the connection was lost while change b was under way\n" in err
    hint = "Whatever transaction was open has been rolled back by the server, unless its COMMIT was on the way."
    assert f"hint: {hint}" in err
    assert (place.deployed(), place.tables()) == (["a"], ["a"])
    write_script(place.path, "deploy", "b", "CREATE TABLE b ();\n")
    assert place("deploy").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_control_c_in_the_middle_of_a_script(place: Place) -> None:
    write_script(place.path, "deploy", "b", "CREATE TABLE half ();\nSELECT pg_sleep(60);\n")
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    process = subprocess.Popen(
        [*COMMAND, "deploy", place.database.uri],
        cwd=place.path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: place.database.rows(asleep) == [(1,)], "the script")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == (
        "Interrupted\n"
        "hint: What was running for change b was cancelled and rolled back; 1 change completed. "
        "Run the command again to go on.\n"
    )
    assert place.database.rows(asleep) == [(0,)]
    assert (place.deployed(), place.tables()) == (["a"], ["a"])


# -- configuration ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conf", "words", "code", "first"),
    [
        (None, ("deploy",), 2, 'No project configuration found. Run the "init" command to initialize a project'),
        ("[user]\n\tname = x\n", ("deploy",), 2, "No engine specified; specify via target or core.engine"),
        ("[core]\n\tengine = pg\n", ("deploy", "--target", "nope"), 2, 'Cannot find target "nope"'),
        ("[core]\n\tengine = pg\n", ("deploy", "db:nonsense:x"), 2, "Unknown engine: nonsense"),
        ("[core]\n\tengine = pg\n", ("deploy", "--mode", "some"), 255, 'Unknown value "some" for --mode'),
        ("[core]\n\tengine = pg\n", ("deploy", "what", "ever"), 2, "Unknown arguments: what, ever"),
        ("[core]\n\tengine = pg\n", ("depoly",), 2, '"depoly" is not a valid command'),
    ],
)
def test_a_configuration_or_command_line_that_says_nothing_useful(
    place: Place, conf: str | None, words: tuple[str, ...], code: int, first: str
) -> None:
    (place.path / "sqitch.conf").unlink()
    if conf is not None:
        (place.path / "sqitch.conf").write_text(conf)
    result = run(place.path, *words)
    assert (result.code, result.err.splitlines()[0]) == (code, first)
    assert "Traceback" not in result.err


def test_a_password_is_never_shown(place: Place, stranger: tuple[str, str]) -> None:
    _, uri = stranger
    place.database.rows(f'GRANT CREATE ON DATABASE "{place.database.name}" TO {stranger[0]}')
    place.database.rows(f"GRANT ALL ON SCHEMA public TO {stranger[0]}")
    write_script(place.path, "deploy", "b", "SELECT missing;")
    for words in (
        ("deploy", "--mode", "change"),
        ("deploy", "--dry-run", "--sql"),
        ("deploy", "--json"),
        ("status", "-VV"),
        ("verify", "--json"),
        ("log",),
        ("revert", "-y", "-VV"),
    ):
        result = run(place.path, *words, uri)
        assert "sEcret" not in result.out + result.err
        assert "stranger" in result.out  # the database is named, with its user
