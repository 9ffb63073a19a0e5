"""Reverting and deploying again, under one lock; upgrading; and what is told of it."""

from __future__ import annotations

import pytest

from sqitchpy.errors import DeployError, LockTimeoutError, RevertError, UnknownChangeError
from sqitchpy.events import FailureReported
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script


def steps(report: object) -> list[tuple[str, str, str]]:
    return [(step.action, step.change, step.outcome) for step in report.steps]  # type: ignore[attr-defined]


def rebase(app: App, *words: str, **options: object) -> object:
    with app.session() as target:
        return target.rebase(*words, lock_timeout=5, **options)  # type: ignore[arg-type]


def test_its_report_has_both_halves(build: Build) -> None:
    app = build({name: table(name) for name in "abc"})
    app.deploy()
    assert steps(rebase(app, "b")) == [("revert", "c", "done"), ("deploy", "c", "done")]


def test_the_report_of_its_failure_has_them_too(build: Build) -> None:
    app = build({name: table(name) for name in "abc"})
    app.deploy()
    write_script(app.path, "deploy", "c", "SELECT nothing;")
    with pytest.raises(DeployError) as failure:
        rebase(app, "b", mode="change")
    assert steps(failure.value.report) == [("revert", "c", "done"), ("deploy", "c", "failed")]


def test_a_change_that_is_not_planned_is_known_before_anything_is_reverted(build: Build) -> None:
    app = build({name: table(name) for name in "abc"})
    app.deploy()
    with pytest.raises(UnknownChangeError, match='Unknown change: "typo"'):
        rebase(app, "a", "typo")
    assert app.deployed() == ["a", "b", "c"]


def test_after_a_failure_the_scripts_are_those_that_are_there_and_see_the_deploys_variables(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", "DROP TABLE a; SELECT 'first';"), "b": table("b")})
    app.deploy()

    def edit() -> None:
        write_script(app.path, "revert", "a", "DROP TABLE a; CREATE TABLE second ();")
        write_script(app.path, "deploy", "b", "SELECT nothing;")

    with pytest.raises(DeployError):
        rebase(app, between=edit)
    assert (app.deployed(), app.tables()) == ([], ["second"])


def test_reverting_after_a_failure_uses_the_variables_of_the_deployment(build: Build) -> None:
    script = Scripts("SELECT :'x';", "CREATE TABLE IF NOT EXISTS :x ();")
    app = build({"a": script, "b": table("b")})
    app.deploy(variables={"x": "none"})
    write_script(app.path, "deploy", "b", "SELECT nothing;")
    with pytest.raises(DeployError):
        rebase(app, deploy_variables={"x": "deploys"}, revert_variables={"x": "reverts"})
    assert app.tables() == ["deploys", "reverts"]


def test_an_upgrade_waits_for_a_deployment(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy()
    with app.database.connect() as other:
        other.execute("SELECT pg_advisory_lock(75474063)")
        with app.session() as target, pytest.raises(LockTimeoutError):
            target.upgrade(lock_timeout=0.2)
    with app.session() as target:
        assert target.upgrade() is False


def test_a_verification_after_a_log_only_deployment_leaves_nothing_to_revert(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE a ();", "DROP TABLE a;", "SELECT nothing;")})
    with app.session() as target, pytest.raises(DeployError) as failure:
        target.deploy(log_only=True, verify=True, verify_when="after")
    assert failure.value.kept is False
    assert "nothing of it was kept" in str(failure.value.hint)
    assert app.deployed() == []


def test_a_revert_that_cannot_be_recorded_says_that_its_script_has_run(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE TABLE b ();", "DROP TABLE b; VACUUM a;")})
    app.deploy()
    app.rows(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;"
        " CREATE TRIGGER no BEFORE INSERT ON sqitch.events EXECUTE FUNCTION no()"
    )
    with pytest.raises(RevertError) as failure:
        app.revert("a")
    assert "Change b is still recorded as deployed, though its revert script has run" in str(failure.value.hint)
    assert (app.deployed(), app.tables()) == (["a", "b"], ["a"])
    assert app.of(FailureReported)
