"""init, config, engine and target from outside: what they have beyond Sqitch, and how they meet the other commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.acceptance.cli import run


def document(directory: Path, *words: str) -> Any:
    code, out, err = run(directory, *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_project_begins_with_one_command(tmp_path: Path) -> None:
    made = document(tmp_path, "init", "flipr", "--engine", "pg")
    created = ["sqitch.conf", "sqitch.plan", "deploy/", "revert/", "verify/"]
    assert made == {"project": "flipr", "created": created, "error": None}
    code, out, _ = run(tmp_path, "plan")
    assert (code, out) == (1, "No changes in sqitch.plan\n")


def test_the_configuration_is_listed_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n\tbare\n[many]\n\tx = 1\n\tx = 2\n")
    found = document(tmp_path, "config", "--list", "--local")
    place = "sqitch.conf"
    assert found["settings"] == [
        {"key": "core.bare", "values": [None], "file": str((tmp_path / place).resolve()), "line": 3},
        {"key": "core.engine", "values": ["pg"], "file": str((tmp_path / place).resolve()), "line": 2},
        {"key": "many.x", "values": ["1", "2"], "file": str((tmp_path / place).resolve()), "line": 6},
    ]


def test_one_value_is_a_document_too(tmp_path: Path) -> None:
    (tmp_path / "sqitch.conf").write_text("[core]\n\tverbosity = 2k\n")
    assert document(tmp_path, "config", "--int", "Core.Verbosity") == {
        "key": "core.verbosity",
        "values": ["2048"],
        "error": None,
    }


def test_a_value_that_is_not_there_is_an_error_in_the_document(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "config", "core.engine", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["error"]["exit_code"] == 1


def test_pyproject_is_read_and_never_written(tmp_path: Path) -> None:
    text = '[tool.sqitchpy]\nengine = "pg"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert run(tmp_path, "config", "core.engine").out == "pg\n"
    assert run(tmp_path, "config", "core.engine", "sqlite").code == 0
    assert (tmp_path / "pyproject.toml").read_text() == text
    assert (tmp_path / "sqitch.conf").read_text() == "[core]\n\tengine = sqlite\n"


def test_targets_are_listed_and_shown_without_their_passwords(tmp_path: Path) -> None:
    run(tmp_path, "init", "flipr", "--engine", "pg")
    assert document(tmp_path, "target", "add", "dev", "db:pg://ann:geheim@host/x", "-d", "verify=checks") == {
        "created": ["checks/"],
        "error": None,
    }
    listed = {"target": "dev", "uri": "db:pg://ann:@host/x"}
    assert document(tmp_path, "target") == {"targets": [listed], "error": None}
    (shown,) = document(tmp_path, "target", "show", "dev")["targets"]
    assert shown == {
        **listed,
        "engine": "pg",
        "registry": "sqitch",
        "client": "psql",
        "top_dir": ".",
        "plan_file": "sqitch.plan",
        "extension": "sql",
        "deploy_dir": "deploy",
        "revert_dir": "revert",
        "verify_dir": "checks",
        "reworked_dir": ".",
        "reworked_deploy_dir": "deploy",
        "reworked_revert_dir": "revert",
        "reworked_verify_dir": "checks",
        "protected": False,
        "variables": {},
    }


def test_an_engine_can_have_the_embedded_server_as_its_target(tmp_path: Path) -> None:
    run(tmp_path, "init", "flipr", "--engine", "pg", "--target", "embedded:")
    assert "\ttarget = embedded:\n" in (tmp_path / "sqitch.conf").read_text()
    assert document(tmp_path, "engine") == {"engines": [{"engine": "pg", "target": "embedded:"}], "error": None}


def test_a_variable_of_the_environment_stays_one_in_the_file(tmp_path: Path) -> None:
    run(tmp_path, "init", "flipr", "--engine", "pg")
    assert run(tmp_path, "target", "add", "prod", "${DATABASE_URL}").code == 0
    assert run(tmp_path, "config", "target.prod.uri").out == "${DATABASE_URL}\n"
    shown = run(tmp_path, "target", "show", "prod", environ={"DATABASE_URL": "postgresql://u:secret@h/db"})
    assert "    URI:           db:postgresql://u:@h/db\n" in shown.out


def test_the_editor_is_given_the_file(tmp_path: Path) -> None:
    editor = "printf '[core]\\n\\tengine = mysql\\n' >"
    assert run(tmp_path, "config", "--edit", environ={"SQITCH_EDITOR": editor}).code == 0
    assert run(tmp_path, "config", "core.engine").out == "mysql\n"
