"""``transaction="run"``: the whole run in one transaction; and ``"script"``: whatever the scripts say."""

from __future__ import annotations

import pytest

import sqitchpy
from sqitchpy.errors import DeployError, EngineError, InterruptedRunError
from sqitchpy.events import StepFinished, Warned
from sqitchpy.report import Report
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table

FAILS = Scripts(deploy="SELECT nothing;")
ALONE = Scripts(deploy="CREATE TABLE d (a int);\nVACUUM d;\n", revert="DROP TABLE d;")


def deploy(app: App, **options: object) -> Report:
    with app.session() as target:
        return target.deploy(transaction="run", lock_timeout=5, **options)  # type: ignore[arg-type]


def test_a_run_is_one_transaction(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c", requires=["a"])})
    report = deploy(app, verify=True)
    assert report.done == ("a", "b", "c")
    assert app.deployed() == ["a", "b", "c"]
    assert app.history() == ["deploy a", "deploy b", "deploy c"]


def test_nobody_else_sees_any_of_it_before_the_end(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("SELECT count(*) FROM sqitch.changes;"), "c": table("c")})
    seen: list[object] = []
    project = sqitchpy.Project.open(app.path)

    def look(event: object) -> None:
        if isinstance(event, StepFinished):
            seen.append(app.value("SELECT count(*) FROM sqitch.changes"))

    with project.target(app.database.uri, on_event=look) as target:
        target.deploy(transaction="run")
    assert seen == [0, 0, 0]
    assert app.deployed() == ["a", "b", "c"]


def test_it_is_split_around_what_cannot_be_in_it_and_says_so_beforehand(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "d": ALONE, "e": table("e")})
    deploy(app)
    assert app.deployed() == ["a", "b", "d", "e"]
    (warning,) = app.of(Warned)
    assert warning.text == "d is deployed by itself: deploy/d.sql:2: VACUUM d cannot run inside a transaction block"
    assert app.told.index(warning) < 3


def test_mode_all_rolls_the_whole_run_back(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": FAILS}, tags={"a": "v1"})
    with pytest.raises(DeployError) as raised:
        deploy(app, mode="all")
    assert app.tables() == []
    assert app.history() == ["fail c"]
    assert [(step.action, step.change, step.why) for step in raised.value.report.steps[3:]] == [
        ("revert", "b", "rolled back"),
        ("revert", "a", "rolled back"),
    ]


def test_mode_tag_keeps_what_is_tagged(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": FAILS}, tags={"a": "v1"})
    with pytest.raises(DeployError):
        deploy(app, mode="tag")
    assert app.tables() == ["a"]
    assert app.deployed() == ["a"]
    assert app.history() == ["deploy a", "fail c"]


def test_mode_change_keeps_what_was_deployed(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": FAILS})
    with pytest.raises(DeployError):
        deploy(app, mode="change")
    assert app.tables() == ["a", "b"]
    assert app.history() == ["deploy a", "deploy b", "fail c"]


@pytest.mark.parametrize(("mode", "left"), [("all", []), ("tag", ["a", "b"]), ("change", ["a", "b", "d", "e"])])
def test_transactions_committed_before_the_failing_one_are_reverted(build: Build, mode: str, left: list[str]) -> None:
    changes = {"a": table("a"), "b": table("b"), "d": ALONE, "e": table("e"), "f": FAILS}
    app = build(changes, tags={"b": "v1"})
    with pytest.raises(DeployError):
        deploy(app, mode=mode)
    assert app.deployed() == left
    assert app.tables() == left


def test_a_failing_verification_rolls_back_with_it(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();", "DROP TABLE b;", "SELECT 1 / 0;")})
    with pytest.raises(DeployError):
        deploy(app, verify=True)
    assert app.tables() == []
    assert app.history() == ["fail b"]


def test_a_deferred_constraint_that_breaks_at_the_end_takes_everything_back(build: Build) -> None:
    broken = Scripts(
        "CREATE TABLE p (id int PRIMARY KEY);"
        "CREATE TABLE k (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO k VALUES (1);"
    )
    app = build({"a": table("a"), "b": broken})
    with pytest.raises(DeployError):
        deploy(app, mode="change")
    assert app.tables() == []
    assert app.deployed() == []


def test_sessions_settings_do_not_leak_from_change_to_change(build: Build) -> None:
    app = build(
        {
            "a": Scripts("CREATE SCHEMA s; SET search_path = s; CREATE TABLE inside ();"),
            "b": Scripts("CREATE TABLE outside ();"),
        }
    )
    deploy(app)
    assert app.tables() == ["outside"]


def test_too_many_locks_are_foreseen(build: Build) -> None:
    many = "".join(f"CREATE TABLE t{number} (a text);\n" for number in range(12000))
    app = build({"many": Scripts(many)})
    with pytest.raises(EngineError, match="These 1 changes need about 48000 locks at once"):
        deploy(app)
    assert app.tables() == []


def test_script_leaves_transactions_to_the_scripts(build: Build) -> None:
    half = Scripts("CREATE TABLE kept ();\nSELECT nothing;\n", "DROP TABLE kept;")
    app = build({"a": table("a"), "half": half})
    with app.session() as target, pytest.raises(DeployError):
        target.deploy(transaction="script", mode="change")
    assert app.tables() == ["a", "kept"]


def test_verification_after_the_commit_reverts_when_it_fails(build: Build) -> None:
    seen = Scripts(
        "CREATE TABLE b ();", "DROP TABLE b;", "SELECT 1 / (SELECT 0 FROM sqitch.changes WHERE change = 'b');"
    )
    app = build({"a": table("a"), "b": seen})
    with app.session() as target, pytest.raises(DeployError):
        target.deploy(verify=True, verify_when="after", mode="change")
    assert app.tables() == ["a"]
    assert app.deployed() == ["a"]


def test_it_is_refused_inside_the_callers_transaction(build: Build) -> None:
    app = build({"a": table("a")})
    with app.database.connect(autocommit=False) as connection:
        with (
            app.session(connection=connection, transaction="caller") as target,
            pytest.raises(sqitchpy.SqitchpyError, match="cannot be a transaction of its own inside yours"),
        ):
            target.deploy(transaction="run")
        connection.rollback()
    assert app.tables() == []


def test_an_interrupted_run_is_rolled_back_and_the_next_one_goes_on(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    project = sqitchpy.Project.open(app.path)
    stops = [KeyboardInterrupt()]

    def interrupt(event: object) -> None:
        if isinstance(event, StepFinished) and event.label == "a" and stops:
            raise stops.pop()

    with project.target(app.database.uri, on_event=interrupt) as target:
        with pytest.raises(InterruptedRunError) as failure:
            target.deploy(transaction="run")
        assert app.tables() == []
        assert [(step.action, step.change, step.why) for step in failure.value.report.steps] == [
            ("deploy", "a", None),
            ("revert", "a", "rolled back"),
        ]
        target.deploy()
    assert app.deployed() == ["a", "b"]


def test_a_deferred_constraint_that_breaks_what_was_to_be_kept_is_a_failure_too(build: Build) -> None:
    broken = Scripts(
        "CREATE TABLE p (id int PRIMARY KEY);"
        "CREATE TABLE k (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO k VALUES (1);"
    )
    app = build({"a": broken, "c": FAILS})
    with pytest.raises(DeployError):
        deploy(app, mode="change")
    assert app.tables() == []
    assert app.history() == ["fail c"]
