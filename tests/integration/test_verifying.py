"""Verifying what is deployed: ranges, problems, and that nothing of it is kept."""

from __future__ import annotations

import pytest

from sqitchpy.errors import RegistryError, UnknownChangeError, VerifyError
from sqitchpy.events import (
    FailureReported,
    ScriptOutput,
    StepFinished,
    StepStarted,
    UndeployedChange,
    UndeployedChanges,
    VerifyProblem,
)
from tests.integration.conftest import App, Build
from tests.projects import Scripts, add_change, remove_line, rework, table, write_script


def four(build: Build) -> App:
    app = build({name: table(name) for name in "abcd"}, tags={"b": "v1"})
    app.deploy()
    app.told.clear()
    return app


def test_everything_that_is_deployed_is_verified(build: Build) -> None:
    app = four(build)
    report = app.verify()
    assert (report.changes, report.errors, report.problems, report.undeployed) == (4, 0, (), ())
    assert [event.label for event in app.of(StepFinished)] == ["a", "b @v1", "c", "d"]


@pytest.mark.parametrize(
    ("since", "to", "labels"),
    [
        ("b", None, ["b @v1", "c", "d"]),
        ("@v1", None, ["b @v1", "c", "d"]),
        (None, "c", ["a", "b @v1", "c"]),
        ("b", "c", ["b @v1", "c"]),
        ("c", "c", ["c"]),
        ("@HEAD^", "@HEAD", ["c", "d"]),
        ("@ROOT", "@ROOT~", ["a", "b @v1"]),
    ],
)
def test_a_range_includes_both_ends(build: Build, since: str | None, to: str | None, labels: list[str]) -> None:
    app = four(build)
    report = app.verify(since, to)
    assert [event.label for event in app.of(StepStarted)] == labels
    assert (report.changes, report.errors) == (len(labels), 0)


def test_a_failing_script_is_a_problem_and_the_others_still_run(build: Build) -> None:
    app = four(build)
    app.rows("DROP TABLE b")
    with pytest.raises(VerifyError) as failure:
        app.verify()
    assert failure.value.message == "Verify failed"
    report = failure.value.report
    assert (report.changes, report.errors) == (4, 1)
    assert report.problems == (("b @v1", 'Verify script "verify/b.sql" failed.'),)
    assert [event.label for event in app.of(StepFinished)] == ["a", "c", "d"]
    (told,) = app.of(FailureReported)
    assert told.text == (
        'psql:verify/b.sql:3: ERROR:  relation "public.b" does not exist\n'
        "LINE 1: SELECT id FROM public.b WHERE false;\n"
        "                       ^\n"
        "SQLSTATE: 42P01"
    )


def test_what_a_verification_does_is_rolled_back_whatever_it_says(build: Build) -> None:
    app = four(build)
    write_script(app.path, "verify", "a", "BEGIN;\nCREATE TABLE left_over ();\nROLLBACK;\n")
    write_script(app.path, "verify", "b", "CREATE TABLE left_over ();\nSET ROLE pg_monitor;\n")
    write_script(app.path, "verify", "c", "BEGIN;\nCREATE TABLE left_over ();\nCOMMIT;\n")
    write_script(app.path, "verify", "d", "BEGIN;\nCREATE TABLE left_over ();\n")
    app.verify()
    assert app.tables() == ["a", "b", "c", "d"]


def test_planned_changes_after_the_last_deployed_one_are_no_errors(build: Build) -> None:
    app = four(build)
    add_change(app.path, "e", table("e"))
    add_change(app.path, "f", table("f"))
    report = app.verify()
    assert (report.changes, report.errors, report.undeployed) == (4, 0, ("e", "f"))
    assert app.of(UndeployedChanges) == [UndeployedChanges(("e", "f"))]
    assert app.verify(to="d").undeployed == ()


def test_a_planned_change_within_the_range_that_is_not_deployed_is_an_error(build: Build) -> None:
    app = four(build)
    app.rows("DELETE FROM sqitch.tags")
    app.rows("DELETE FROM sqitch.changes WHERE change = 'b'")
    with pytest.raises(VerifyError) as failure:
        app.verify()
    assert failure.value.report.problems == (
        ("c", "Out of order"),
        ("d", "Out of order"),
        ("b @v1", "Not deployed"),
    )
    assert (failure.value.report.changes, failure.value.report.errors) == (4, 3)
    assert app.of(UndeployedChange) == [UndeployedChange("b @v1")]


def test_changes_deployed_in_another_order_than_planned_are_errors(build: Build) -> None:
    app = four(build)
    app.rows("UPDATE sqitch.changes SET committed_at = committed_at - interval '1 day' WHERE change = 'c'")
    with pytest.raises(VerifyError) as failure:
        app.verify()
    assert failure.value.report.problems == (("c", "Out of order"), ("a", "Out of order"), ("b @v1", "Out of order"))


def test_a_deployed_change_that_is_not_planned_is_an_error(build: Build) -> None:
    app = four(build)
    remove_line(app.path, "d ")
    with pytest.raises(VerifyError) as failure:
        app.verify()
    assert failure.value.report.problems == (("d", "Not present in the plan"),)
    assert app.of(VerifyProblem) == [VerifyProblem("Not present in the plan")]


def test_a_change_can_have_two_problems(build: Build) -> None:
    app = four(build)
    remove_line(app.path, "d ")
    app.rows("DROP TABLE d")
    with pytest.raises(VerifyError) as failure:
        app.verify()
    assert failure.value.report.problems == (
        ("d", "Not present in the plan"),
        ("d", 'Verify script "verify/d.sql" failed.'),
    )


def test_a_missing_verify_script_passes_and_is_told(build: Build) -> None:
    app = four(build)
    (app.path / "verify" / "b.sql").unlink()
    assert app.verify().errors == 0
    assert app.of(FailureReported) == [FailureReported("Verify script verify/b.sql does not exist")]


def test_scripts_of_changes_that_were_reworked_are_not_run(build: Build) -> None:
    app = build({"f": Scripts("SELECT 1;", verify="SELECT 1/0;")}, tags={"f": "v1"})
    rework(app.path, "f", "v1", Scripts("SELECT 2;", verify="SELECT 'verified';"))
    app.deploy()
    app.told.clear()
    assert (app.verify().changes, app.text_of(ScriptOutput)) == (2, "verified\n")


def test_before_anything_was_deployed_there_is_no_registry(build: Build) -> None:
    app = build({"a": table("a")})
    with pytest.raises(RegistryError, match=r"No registry found in .*\. Have you ever deployed\?"):
        app.verify()


def test_nothing_deployed_is_not_an_error(build: Build) -> None:
    app = four(build)
    app.revert()
    report = app.verify()
    assert (report.message, report.changes) == ("No changes deployed", 0)
    for name in "abcd":
        remove_line(app.path, f"{name} ")
    remove_line(app.path, "@v1 ")
    assert app.verify().message == "Nothing to verify (no planned or deployed changes)"


def test_an_empty_plan_with_deployed_changes_is_an_error(build: Build) -> None:
    app = four(build)
    for name in "abcd":
        remove_line(app.path, f"{name} ")
    remove_line(app.path, "@v1 ")
    with pytest.raises(RegistryError, match="There are deployed changes, but none planned!"):
        app.verify()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("d", 'Change "d" has not been deployed'),
        ("nobody", 'Cannot find "nobody" in the database or the plan'),
        ("lost", 'Change "lost" is deployed, but not planned'),
    ],
)
@pytest.mark.parametrize("end", ["since", "to"])
def test_ends_of_a_range_must_be_planned_and_deployed(build: Build, spec: str, words: str, end: str) -> None:
    app = build({name: table(name) for name in ("a", "lost", "d")})
    app.deploy("lost")
    remove_line(app.path, "lost ")
    with pytest.raises(UnknownChangeError) as failure:
        app.verify(**{end: spec})
    assert failure.value.message == words


def test_variables_of_the_configuration_reach_verify_scripts(build: Build) -> None:
    conf = '[core]\n\tengine = pg\n[deploy "variables"]\n\tkind = deploy\n[verify "variables"]\n\tkind = verify\n'
    app = build({"a": Scripts("CREATE TABLE a AS SELECT :'kind' AS kind;", verify="SELECT :'kind';")}, conf=conf)
    app.deploy()
    app.told.clear()
    app.verify()
    assert app.value("SELECT kind FROM a") == "deploy"
    assert app.text_of(ScriptOutput) == "verify\n"


def test_verification_takes_no_lock(build: Build) -> None:
    app = four(build)
    with app.database.connect() as other:
        other.execute("SELECT pg_advisory_lock(75474063)")
        assert app.verify().errors == 0
