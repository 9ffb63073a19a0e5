"""Changes taken out and renamed together with their scripts. No target here can be asked: there is no such engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy import Project
from sqitchpy.errors import SqitchpyError
from tests.projects import Scripts, add_change, add_tag, make_project, rework

CONF = "[core]\n\tengine = firebird\n"
ENVIRON = {"SQITCH_FULLNAME": "Ann Ex", "SQITCH_EMAIL": "ann@example.com"}


def scripts(name: str, **more: tuple[str, ...]) -> Scripts:
    return Scripts(
        f"-- Deploy app:{name} to pg\n-- requires: a\n",
        f"-- Revert app:{name} from pg\n",
        f"-- Verify app:{name} on pg\n",
        **more,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """``a``, tagged, reworked, tagged and reworked again; and ``b``."""
    root = make_project(tmp_path / "app", {"a": scripts("a")}, tags={"a": "v1"}, conf=CONF)
    rework(root, "a", "v1", Scripts("-- Deploy app:a to pg\ntwo\n", "-- Deploy app:a to pg\none\n"))
    add_tag(root, "v2")
    rework(root, "a", "v2", Scripts("three\n", "-- Deploy app:ab to pg\ntwo\n"))
    add_change(root, "b", scripts("b", requires=("a@v2",)))
    return Project.open(root, environ=ENVIRON)


def files(project: Project) -> dict[str, str]:
    root = project.directory
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_the_scripts_of_a_removed_change_go_with_it(project: Project) -> None:
    before = files(project)
    revision = project.remove("b", unasked_ok=True)
    assert [change.name for change in revision.changes] == ["b"]
    gone = {"deploy/b.sql", "revert/b.sql", "verify/b.sql"}
    after = {name: text for name, text in before.items() if name not in gone}
    after["sqitch.plan"] = "".join(line for line in before["sqitch.plan"].splitlines(True) if not line.startswith("b "))
    assert files(project) == after


def test_the_scripts_of_before_come_back_when_a_rework_goes(project: Project) -> None:
    before = files(project)
    project.remove("b", unasked_ok=True)
    project.remove("a@HEAD", unasked_ok=True)
    after = files(project)
    for kind in ("deploy", "revert", "verify"):
        assert after[f"{kind}/a.sql"] == before[f"{kind}/a@v2.sql"]
        assert after[f"{kind}/a@v1.sql"] == before[f"{kind}/a@v1.sql"]
        assert f"{kind}/a@v2.sql" not in after


def test_a_script_that_only_the_rework_has_goes(project: Project) -> None:
    (project.directory / "verify" / "a@v2.sql").unlink()
    project.remove("a@HEAD", unasked_ok=True)
    assert "verify/a.sql" not in files(project)


def test_reset_undoes_one_rework_after_the_other(project: Project) -> None:
    before = files(project)
    revision = project.reset(unasked_ok=True)
    assert [change.name for change in revision.changes] == ["a", "a", "a", "b"]
    assert files(project) == {
        "sqitch.conf": CONF,
        "sqitch.plan": "".join(before["sqitch.plan"].splitlines(True)[:3]),
    }


def test_a_rename_moves_every_instance_and_puts_the_new_name_into_the_head_of_the_templates(project: Project) -> None:
    before = files(project)
    project.rename("a", "people/all", unasked_ok=True)
    after = files(project)
    assert {name for name in after if "people" in name} == {
        f"{kind}/people/all{tag}.sql" for kind in ("deploy", "revert", "verify") for tag in ("@v1", "@v2", "")
    }
    assert not {name for name in after if name.partition("/")[2].startswith("a")}
    assert after["deploy/people/all@v1.sql"] == "-- Deploy app:people/all to pg\n-- requires: a\n"
    assert after["revert/people/all@v2.sql"] == "-- Deploy app:people/all to pg\none\n"
    assert after["deploy/people/all.sql"] == "three\n"
    assert after["revert/people/all.sql"] == "-- Deploy app:ab to pg\ntwo\n"
    assert after["deploy/b.sql"] == before["deploy/b.sql"]
    assert [change.requires for change in project.plan().changes][-1][0].text == "people/all@v2"


def test_a_rename_there_and_back_changes_nothing(project: Project) -> None:
    before = files(project)
    project.rename("a", "people", unasked_ok=True)
    project.rename("people", "a", unasked_ok=True)
    assert files(project) == before


def refused(project: Project, *names: str) -> tuple[str, str]:
    before = files(project)
    with pytest.raises(SqitchpyError) as caught:
        (project.remove if len(names) == 1 else project.rename)(*names, unasked_ok=True)
    assert files(project) == before
    return caught.value.message, str(caught.value.hint)


def test_a_file_that_is_there_is_not_overwritten(project: Project) -> None:
    (project.directory / "revert" / "c.sql").write_text("mine\n")
    assert refused(project, "b", "c") == (
        "revert/c.sql exists already",
        "Nothing was changed. Move that file away first.",
    )


def test_the_last_script_of_a_change_that_stays_is_not_deleted(project: Project) -> None:
    (project.directory / "deploy" / "a@v2.sql").unlink()
    told, hint = refused(project, "a@HEAD")
    assert told == "Cannot remove deploy/a.sql: deploy/a@v2.sql does not exist, and a would have no script"
    assert hint.startswith("Nothing was changed. ")


def test_targets_that_cannot_be_asked_are_named_and_the_plan_stays(project: Project) -> None:
    before = files(project)
    (project.directory / "sqitch.conf").write_text(f'{CONF}[target "far"]\n\turi = db:pg:${{NOWHERE}}\n')
    reopened = Project.open(project.directory, environ=ENVIRON)
    with pytest.raises(SqitchpyError) as caught:
        reopened.remove("b")
    first, *targets = caught.value.message.splitlines()
    assert first == 'Cannot remove "b": not every target says what it has'
    assert targets[0] == "  * db:firebird: cannot be asked: This version of sqitchpy has no firebird engine"
    assert targets[1].startswith("  * far cannot be asked: ")
    assert "NOWHERE" in targets[1]
    assert "--unasked-ok" in str(caught.value.hint)
    assert files(reopened)["sqitch.plan"] == before["sqitch.plan"]


def test_a_plan_that_has_changed_since_it_was_read_is_not_overwritten(project: Project) -> None:
    revision = project.reviser(unasked_ok=True).remove("b")
    add_tag(project.directory, "v3")
    before = files(project)
    with pytest.raises(SqitchpyError, match=r"sqitch\.plan has changed meanwhile"):
        revision.write(project.directory)
    assert files(project) == before


def test_nothing_is_changed_when_a_file_cannot_be_written(project: Project) -> None:
    (project.directory / "verify" / "people").write_text("a file where a folder is needed")
    before = files(project)
    with pytest.raises(SqitchpyError, match="Cannot write"):
        project.rename("b", "people/b", unasked_ok=True)
    assert files(project) == before


def test_the_scripts_of_all_targets_with_the_plan_are_edited(project: Project) -> None:
    root = project.directory
    (root / "sqitch.conf").write_text(f'{CONF}[target "two"]\n\turi = db:firebird:two\n\tdeploy_dir = two\n')
    (root / "two").mkdir()
    (root / "two" / "b.sql").write_text("two\n")
    reopened = Project.open(root, environ=ENVIRON)
    reopened.rename("b", "c", unasked_ok=True)
    assert {name for name in files(reopened) if name.endswith(("/b.sql", "/c.sql"))} == {
        "deploy/c.sql",
        "revert/c.sql",
        "two/c.sql",
        "verify/c.sql",
    }
