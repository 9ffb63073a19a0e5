"""New changes, reworks, tags and bundles of a project on disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sqitchpy import Project
from sqitchpy.authoring import double_extension
from sqitchpy.bundling import Bundle
from sqitchpy.cli import main
from sqitchpy.errors import SqitchpyError

ENVIRON = {"SQITCH_FULLNAME": "Ann Ex", "SQITCH_EMAIL": "ann@example.com"}
HEADER = "%syntax-version=1.0.0\n%project=flipr\n\n"
LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ Ann Ex <ann@example.com>"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    (tmp_path / "sqitch.plan").write_text(HEADER)
    return Project.open(tmp_path, environ=ENVIRON)


def plan_text(project: Project) -> str:
    return (project.directory / "sqitch.plan").read_text()


def files(project: Project) -> set[str]:
    found = project.directory.rglob("*.sql")
    return {path.relative_to(project.directory).as_posix() for path in found}


def test_a_change_comes_with_its_scripts(project: Project) -> None:
    (draft,) = project.add("app/users", note="People.", conflicts=["carts"]).items
    assert draft.label == "app/users [!carts]"
    assert files(project) == {"deploy/app/users.sql", "revert/app/users.sql", "verify/app/users.sql"}
    assert re.fullmatch(rf"{HEADER}app/users \[!carts\] {LINE} # People\.\n", plan_text(project))
    deploy = (project.directory / "deploy/app/users.sql").read_text()
    assert deploy.startswith("-- Deploy flipr:app/users to pg\n-- conflicts: carts\n\nBEGIN;\n")


def test_a_script_that_is_there_stays(project: Project) -> None:
    (project.directory / "deploy").mkdir()
    (project.directory / "deploy/users.sql").write_text("mine")
    (draft,) = project.add("users", note="People.").items
    assert [(new.file, new.data is None) for new in draft.files] == [
        ("deploy/users.sql", True),
        ("revert/users.sql", False),
        ("verify/users.sql", False),
    ]
    assert (project.directory / "deploy/users.sql").read_text() == "mine"


def test_when_a_template_is_wrong_nothing_is_written(project: Project) -> None:
    (project.directory / "wrong.tmpl").write_text("[% IF change %]")
    with pytest.raises(SqitchpyError, match=r"wrong\.tmpl: line 1: IF has no END"):
        project.add("users", note="x", templates=project.templates(files={"verify": "wrong.tmpl"}))
    assert files(project) == set()
    assert plan_text(project) == HEADER


def test_a_rework_keeps_the_scripts_under_the_tags_name(project: Project) -> None:
    project.add("greet", note="Hello.")
    for kind in ("deploy", "revert", "verify"):
        (project.directory / kind / "greet.sql").write_text(kind)
    project.tag("@v1", note="One.")
    drafts = project.rework("greet", note="Hi.")
    assert drafts.scripts == ("deploy/greet.sql", "revert/greet.sql", "verify/greet.sql")
    assert [change.name for change in project.plan().changes] == ["greet", "greet"]
    texts = {name: (project.directory / name).read_text() for name in files(project)}
    assert texts == {
        "deploy/greet.sql": "deploy",
        "deploy/greet@v1.sql": "deploy",
        "revert/greet.sql": "deploy",
        "revert/greet@v1.sql": "revert",
        "verify/greet.sql": "verify",
        "verify/greet@v1.sql": "verify",
    }


def test_a_bundle_is_a_project_of_its_own(project: Project) -> None:
    project.add("users", note="People.")
    bundle = Bundle(project.directory, "out")
    bundle.add_config("sqitch.conf")
    bundle.add_plan(project.resolve(), None, None, None)
    assert [change.name for change in bundle.add_scripts(project.resolve(), project.plan(), None, None)] == ["users"]
    bundled = Project.open(project.directory / "out", environ=ENVIRON)
    assert bundled.plan().text == project.plan().text
    assert files(bundled) == {"deploy/users.sql", "revert/users.sql", "verify/users.sql"}


def test_a_name_that_ends_in_the_extension_has_it_twice() -> None:
    assert double_extension("deploy/users.sql.sql") == "sql"
    assert double_extension("deploy.sql/users.sql") is None
    assert double_extension("users.sql") is None


def test_every_command_answers_with_a_document(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.directory)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    def answer(*words: str) -> dict[str, Any]:
        assert main([*words, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["error"] is None
        return dict(document)

    (added,) = answer("add", "users", "-n", "People.")["plans"]
    assert added["change"]["change"] == "users"
    assert [file["written"] for file in added["files"]] == [True, True, True]
    (tagged,) = answer("tag", "v1", "-n", "One.")["plans"]
    assert (tagged["tag"]["tag"], tagged["tag"]["note"], tagged["files"]) == ("@v1", "One.", [])
    (listed,) = answer("tag")["tags"]
    assert (listed["tag"], listed["change"]) == ("@v1", "users")
    (reworked,) = answer("rework", "users", "-n", "Again.")["plans"]
    assert reworked["change"]["requires"] == ["users@v1"]
    shown = answer("show", "deploy", "users@v1")
    assert (shown["file"], shown["exists"], shown["change"]) == ("deploy/users@v1.sql", True, "users")
    assert str(shown["text"]).startswith("-- Deploy flipr:users to pg\n")
    assert answer("show", "tag", "v1", "--exists")["text"] is None
    bundled = answer("bundle")
    assert bundled["targets"] == [{"target": "db:pg:", "changes": ["users", "users"]}]
