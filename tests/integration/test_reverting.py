"""Reverting: back to where, in which order, and what is refused."""

from __future__ import annotations

import pytest

from sqitchpy import RevertQuestion
from sqitchpy.errors import Refusal, RegistryError, RevertError, SqitchpyError, UnknownChangeError
from sqitchpy.events import RunStarted
from tests.integration.conftest import App, Build
from tests.projects import Scripts, add_change, remove_line, rework, table, write_script


def four(build: Build) -> App:
    app = build({name: table(name) for name in "abcd"}, tags={"b": ["v1", "v1.1"]})
    app.deploy()
    return app


def test_everything_is_reverted_newest_first(build: Build) -> None:
    app = four(build)
    assert app.revert().done == ("d", "c", "b", "a")
    assert app.deployed() == app.tables() == []
    assert app.history()[4:] == ["revert d", "revert c", "revert b", "revert a"]


@pytest.mark.parametrize(
    ("to", "kept"),
    [
        ("a", ["a"]),
        ("@v1", ["a", "b"]),
        ("@v1.1", ["a", "b"]),
        ("b@v1", ["a", "b"]),
        ("@ROOT", ["a"]),
        ("ROOT", ["a"]),
        ("@HEAD^", ["a", "b", "c"]),
        ("HEAD^^", ["a", "b"]),
        ("@HEAD^3", ["a"]),
        ("@ROOT~", ["a", "b"]),
        ("c@HEAD", ["a", "b", "c"]),
    ],
)
def test_the_change_that_is_named_stays(build: Build, to: str, kept: list[str]) -> None:
    app = four(build)
    app.revert(to)
    assert app.deployed() == app.tables() == kept


def test_a_change_may_be_named_by_its_id(build: Build) -> None:
    app = four(build)
    app.revert(app.value("SELECT change_id FROM sqitch.changes WHERE change = 'c'"))
    assert app.deployed() == ["a", "b", "c"]


def test_there_is_nothing_to_revert_when_nothing_follows(build: Build) -> None:
    app = four(build)
    assert app.revert("d").message == 'No changes deployed since: "d"'
    assert app.revert("@HEAD").message == 'No changes deployed since: "@HEAD"'
    app.revert()
    assert app.revert().message == "Nothing to revert (nothing deployed)"


def test_a_change_that_is_planned_but_not_deployed_cannot_stay(build: Build) -> None:
    app = four(build)
    app.revert("c")
    with pytest.raises(UnknownChangeError) as planned:
        app.revert("d")
    with pytest.raises(UnknownChangeError) as unknown:
        app.revert("nobody")
    assert planned.value.message == 'Change not deployed: "d"'
    assert unknown.value.message == 'Unknown change: "nobody"'


def test_without_a_registry_there_was_never_a_deployment(build: Build) -> None:
    app = build({"a": table("a")})
    with pytest.raises(RegistryError) as failure:
        app.revert()
    assert failure.value.message == f"No registry found in {app.database.uri}. Have you ever deployed?"


def test_what_a_revert_script_did_outside_a_transaction_before_it_failed_is_said_to_be_kept(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();", "DROP TABLE b;\nVACUUM a;\nSELECT nothing;")})
    app.deploy()
    with pytest.raises(RevertError) as failure:
        app.revert()
    assert (failure.value.change, failure.value.kept) == ("b", True)
    assert "Change b is still recorded as deployed; what its revert script did before it failed was kept" in str(
        failure.value.hint
    )
    assert (app.deployed(), app.tables()) == (["a", "b"], ["a"])


def test_a_revert_script_that_fails_stops_the_run_and_is_rolled_back(build: Build) -> None:
    app = four(build)
    write_script(app.path, "revert", "b", "BEGIN;\nDROP TABLE b;\nDROP TABLE nothing;\nCOMMIT;\n")
    with pytest.raises(RevertError) as failure:
        app.revert()
    assert failure.value.message == "Revert failed"
    assert failure.value.hint == (
        "Change b is still deployed and recorded so. After it 1 more was to be reverted. "
        "Mend its revert script, then run “sqitchpy revert” again."
    )
    assert failure.value.report.done == ("d", "c")
    assert app.deployed() == app.tables() == ["a", "b"]
    assert app.history()[4:] == ["revert d", "revert c"]  # no fail event: Sqitch writes none either


def test_a_missing_revert_script_is_known_before_anything_runs(build: Build) -> None:
    app = four(build)
    (app.path / "revert" / "b.sql").unlink()
    with pytest.raises(SqitchpyError, match=r"Revert script revert/b.sql does not exist"):
        app.revert()
    assert app.deployed() == ["a", "b", "c", "d"]


def test_log_only_changes_the_registry_alone(build: Build) -> None:
    app = four(build)
    (app.path / "revert" / "d.sql").unlink()
    app.revert("b", log_only=True)
    assert app.deployed() == ["a", "b"]
    assert app.tables() == ["a", "b", "c", "d"]
    assert app.history()[4:] == ["revert d", "revert c"]


def test_a_change_that_is_no_longer_planned_can_be_reverted_by_its_script(build: Build) -> None:
    app = four(build)
    remove_line(app.path, "d ")
    app.revert("b")
    assert app.tables() == ["a", "b"]


def test_the_plan_may_have_lost_its_tags(build: Build) -> None:
    app = four(build)
    remove_line(app.path, "@v1 ")
    app.revert("@v1")
    assert app.deployed() == ["a", "b"]


# -- what others require ----------------------------------------------------------------------------------------


def test_what_another_project_requires_is_not_reverted(build: Build) -> None:
    base = build({"users": table("users"), "roles": table("roles")}, name="base", tags={"users": "v1"})
    app = build({"a": table("a", requires=["base:users"]), "b": table("b", requires=["base:users"])}, tags={"b": "v9"})
    base.deploy()
    app.deploy()
    with pytest.raises(RegistryError) as failure:
        base.revert()
    assert failure.value.message == ('Change "users @v1" required by currently deployed changes: app:a@v9 app:b@v9')
    assert base.tables() == ["a", "b", "roles", "users"]
    base.revert("users")
    app.revert()
    base.revert()
    assert base.tables() == []


def test_all_requirements_that_stand_in_the_way_are_told(build: Build) -> None:
    base = build({"users": table("users"), "roles": table("roles")}, name="base")
    app = build({"a": table("a", requires=["base:users", "base:roles"])})
    base.deploy()
    app.deploy()
    with pytest.raises(RegistryError) as failure:
        base.revert()
    assert failure.value.message == (
        'Change "roles" required by currently deployed change: app:a\n'
        'Change "users" required by currently deployed change: app:a'
    )


# -- asking -----------------------------------------------------------------------------------------------------


def test_the_question_says_what_would_go(build: Build) -> None:
    app = four(build)
    asked: list[RevertQuestion] = []

    def yes(question: RevertQuestion) -> bool:
        asked.append(question)
        return True

    app.revert("@v1", confirm=yes)
    app.revert(confirm=yes)
    destination = app.database.uri
    assert asked == [
        RevertQuestion(destination, "b @v1 @v1.1", ("d", "c")),
        RevertQuestion(destination, None, ("b @v1 @v1.1", "a")),
    ]
    started = [event for event in app.of(RunStarted) if event.action == "revert"]
    assert [event.asked for event in started] == [True, True]
    assert app.tables() == []


def test_whoever_says_no_keeps_everything(build: Build) -> None:
    app = four(build)
    with pytest.raises(Refusal, match="Nothing reverted"):
        app.revert(confirm=lambda question: False)
    assert app.deployed() == app.tables() == ["a", "b", "c", "d"]


def test_nobody_is_asked_when_there_is_nothing_to_do(build: Build) -> None:
    app = four(build)

    def never(question: RevertQuestion) -> bool:
        raise AssertionError(question)

    assert app.revert("d", confirm=never).message == 'No changes deployed since: "d"'


def test_other_deployers_are_kept_out_while_the_question_is_asked(build: Build) -> None:
    app = four(build)
    locked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 75474063 AND granted"
    seen: list[int] = []

    def look(question: RevertQuestion) -> bool:
        seen.append(
            app.value(f"{locked} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
        )
        return False

    with pytest.raises(Refusal):
        app.revert(confirm=look)
    assert seen == [1]


# -- modified ---------------------------------------------------------------------------------------------------


def test_modified_reverts_to_before_the_first_edited_script(build: Build) -> None:
    app = four(build)
    write_script(app.path, "deploy", "c", "CREATE TABLE c (id integer, name text);")
    assert app.revert(modified=True).done == ("d", "c")
    assert app.deploy().done == ("c", "d")
    last = app.value("SELECT change_id FROM sqitch.changes WHERE change = 'd'")
    assert app.revert(modified=True).message == f'No changes deployed since: "{last}"'


def test_modified_reverts_everything_when_the_first_script_was_edited(build: Build) -> None:
    app = four(build)
    write_script(app.path, "deploy", "a", "CREATE TABLE a ();")
    assert app.revert(modified=True).done == ("d", "c", "b", "a")


def test_modified_takes_a_lost_script_for_an_edited_one(build: Build) -> None:
    app = four(build)
    (app.path / "deploy" / "d.sql").unlink()
    assert app.revert(modified=True).done == ("d",)


# -- rework -----------------------------------------------------------------------------------------------------


def test_a_reworked_change_is_taken_back_to_its_earlier_instance(build: Build) -> None:
    app = build({"f": Scripts("CREATE TABLE one ();", "DROP TABLE one;"), "g": table("g")}, tags={"g": "v1"})
    rework(app.path, "f", "v1", Scripts("ALTER TABLE one RENAME TO two;", "ALTER TABLE two RENAME TO one;"))
    app.deploy()
    assert app.tables() == ["g", "two"]
    app.revert("f@v1")
    assert app.tables() == ["one"]
    app.revert()
    assert app.tables() == []


def test_an_ambiguous_name_is_refused(build: Build) -> None:
    app = build({"f": table("f")}, tags={"f": "v1"})
    rework(app.path, "f", "v1", Scripts("ALTER TABLE f ADD x int;", "ALTER TABLE f DROP x;"))
    add_change(app.path, "g", table("g"))
    app.deploy()
    with pytest.raises(SqitchpyError) as failure:
        app.revert("f")
    assert failure.value.message == (
        'Change "f" is ambiguous. Please specify a tag-qualified change:\n  * f@HEAD\n  * f@v1\nChange Lookup Failed'
    )
    app.revert("f@HEAD")
    assert app.deployed() == ["f", "f"]


def test_files_of_reworked_changes_are_found_by_the_registrys_tags_when_the_plan_has_lost_them(build: Build) -> None:
    app = build({"f": Scripts("CREATE TABLE one ();", "DROP TABLE one;")}, tags={"f": "v1"})
    rework(app.path, "f", "v1", Scripts("ALTER TABLE one RENAME TO two;", "ALTER TABLE two RENAME TO one;"))
    app.deploy()
    remove_line(app.path, "f ")
    remove_line(app.path, "@v1 ")
    add_change(app.path, "other", table("other"))
    app.revert()
    assert app.tables() == []
