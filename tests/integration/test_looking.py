"""Looking without touching: status, log, and the dry runs that PostgreSQL itself holds read-only."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

from sqitchpy import LogFilter, Preview
from sqitchpy.deploying import Deploying
from sqitchpy.errors import DeployError, Refusal, RegistryError, SqitchpyError
from sqitchpy.events import Warned
from tests.integration.conftest import App, Build
from tests.projects import Scripts, add_change, remove_line, table


def four(build: Build) -> App:
    return build({name: table(name) for name in "abcd"}, tags={"b": ["v1", "v1.1"]})


# -- status -----------------------------------------------------------------------------------------------------


def test_status_tells_the_latest_change_and_what_is_planned_after_it(build: Build) -> None:
    app = four(build)
    app.deploy("b")
    status = app.status()
    assert status.state is not None
    assert (status.project, status.state.label) == ("app", "b @v1 @v1.1")
    assert str(status.state.committer) == "Ann Ex <ann@example.com>"
    assert [change.name for change in status.pending or ()] == ["c", "d"]
    app.deploy()
    assert app.status().pending == ()


@pytest.mark.parametrize("deployed_before", [False, True])
def test_status_without_anything_deployed_has_no_state(build: Build, deployed_before: bool) -> None:
    app = four(build)
    if deployed_before:
        app.deploy()
        app.revert()
    status = app.status()
    assert status.state is None
    assert [change.name for change in status.pending or ()] == ["a", "b", "c", "d"]


def test_status_lists_what_is_deployed_when_asked(build: Build) -> None:
    app = four(build)
    app.deploy("c")
    with app.session() as target:
        status = target.status(with_changes=True)
    assert [change.label for change in status.deployed] == ["a", "b @v1 @v1.1", "c"]


def test_status_says_when_the_deployed_change_is_not_planned(build: Build) -> None:
    app = four(build)
    app.deploy()
    remove_line(app.path, "d ")
    status = app.status()
    assert (status.unknown_to_plan, status.pending) == (True, None)


def test_status_of_another_project_says_nothing_of_this_plan(build: Build) -> None:
    base = build({"users": table("users")}, name="base")
    base.deploy()
    app = four(build)
    with app.session() as target:
        status = target.status(project="base")
    assert status.state is not None
    assert (status.state.name, status.pending, status.unknown_to_plan) == ("users", None, False)


def test_without_a_plan_the_registrys_only_project_is_meant(build: Build) -> None:
    app = four(build)
    (app.path / "sqitch.plan").rename(app.path / "away")
    with pytest.raises(RegistryError, match=r"Database .+ has not been initialized for Sqitch"):
        app.status()
    (app.path / "away").rename(app.path / "sqitch.plan")
    app.deploy("a")
    (app.path / "sqitch.plan").unlink()
    assert app.status().project == "app"
    build({"users": table("users")}, name="base").deploy()
    with pytest.raises(RegistryError, match="Use --project to select which project to query: app, base"):
        app.status()


def test_looking_makes_no_registry(build: Build) -> None:
    app = four(build)
    app.status()
    with app.session() as target, pytest.raises(Refusal):
        list(target.log())
    with app.session() as target:
        assert target.deployed_ids() == frozenset()
        target.preview_deploy()
    assert app.value("SELECT to_regnamespace('sqitch')") is None


# -- log --------------------------------------------------------------------------------------------------------


def with_history(build: Build, monkeypatch: pytest.MonkeyPatch) -> App:
    app = four(build)
    add_change(app.path, "e", Scripts(deploy="SELECT 1/0;"))
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    monkeypatch.setenv("SQITCH_FULLNAME", "Bob Ex")
    app.revert("c")
    build({"users": table("users")}, name="base").deploy()
    return app


def log(app: App, wanted: LogFilter | None = None) -> list[str]:
    with app.session() as target:
        return [f"{row.event} {row.change}" for row in target.log(wanted)]


def test_log_tells_the_events_of_all_projects_newest_first(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    app = with_history(build, monkeypatch)
    everything = ["deploy users", "revert d", "fail e", "deploy d", "deploy c", "deploy b", "deploy a"]
    assert log(app) == everything
    assert log(app, LogFilter(reverse=True)) == everything[::-1]


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (LogFilter(events=("fail",)), ["fail e"]),
        (LogFilter(events=("fail", "revert")), ["revert d", "fail e"]),
        (LogFilter(change="^[ab]$"), ["deploy b", "deploy a"]),
        (LogFilter(project="^ba"), ["deploy users"]),
        (LogFilter(committer="Bob"), ["deploy users", "revert d"]),
        (LogFilter(committer="Ann", events=("deploy",), change="[cd]"), ["deploy d", "deploy c"]),
        (LogFilter(limit=2), ["deploy users", "revert d"]),
        (LogFilter(offset=5), ["deploy b", "deploy a"]),
        (LogFilter(limit=1, offset=2, reverse=True), ["deploy c"]),
        (LogFilter(change="nothing"), []),
    ],
)
def test_log_is_filtered_by_all_that_is_given(
    build: Build, monkeypatch: pytest.MonkeyPatch, wanted: LogFilter, rows: list[str]
) -> None:
    assert log(with_history(build, monkeypatch), wanted) == rows


def test_rows_of_the_log_hold_what_the_events_table_holds(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b", requires=["a"], conflicts=["x:y"], note="N")}, tags={"b": "v1"})
    app.deploy()
    with app.session() as target:
        (newest, _) = target.log()
    assert (newest.project, newest.note, newest.requires, newest.conflicts, newest.tags) == (
        "app", "N", ("a",), ("x:y",), ("@v1",),
    )  # fmt: skip
    assert (newest.committer, newest.planner) == (
        ("Ann Ex", "ann@example.com"),
        ("Pat Planner", "pat@example.com"),
    )
    assert newest.planned_at.isoformat() == "2024-01-02T03:04:00+00:00"


def test_a_pattern_that_is_none_is_the_servers_error_not_a_traceback(build: Build) -> None:
    app = four(build)
    app.deploy()
    with pytest.raises(SqitchpyError, match="invalid regular expression"):
        log(app, LogFilter(change="("))


# -- previews ---------------------------------------------------------------------------------------------------


def preview(app: App, to: str | None = None, **options: Any) -> Preview:
    with app.session() as target:
        return target.preview_deploy(to, **options)


def scripts_of(found: Preview) -> list[tuple[str, str, str]]:
    return [(script.kind, script.file, script.runs) for step in found.steps for script in step.scripts]


def test_a_preview_of_a_deployment_lists_its_steps_and_scripts(build: Build) -> None:
    app = build({"a": table("a"), "b": Scripts("CREATE INDEX CONCURRENTLY i ON a (id);")}, tags={"a": "v1"})
    found = preview(app, verify=True)
    assert found.creates_registry
    assert [(step.action, step.label) for step in found.steps] == [("deploy", "a @v1"), ("deploy", "b")]
    assert scripts_of(found) == [
        ("deploy", "deploy/a.sql", "transaction"),
        ("verify", "verify/a.sql", "transaction"),
        ("deploy", "deploy/b.sql", "statements"),
        ("verify", "verify/b.sql", "missing"),
    ]
    assert [script.sql for step in found.steps for script in step.scripts] == [None] * 4


def test_a_preview_shows_what_would_be_sent_when_asked_to(build: Build) -> None:
    conditions = "username = 'somebody' AND email IS NOT NULL AND id > 42"
    long_query = f"SELECT id, username, email FROM users JOIN profiles USING (id) WHERE {conditions};"
    deploy = f"-- a comment\n\\set name users\nCREATE TABLE :name (id int); {long_query}\nSELECT 1 AS one \\; SELECT 2;"
    app = build({"a": Scripts(deploy), "b": Scripts("\\set x `date`\nSELECT :'x';")})
    first, second = (step.scripts[0] for step in preview(app, sql=True).steps)
    assert first.sql == (
        "CREATE TABLE users (id int);\n"
        "SELECT id, username, email\nFROM users\nJOIN profiles USING (id)\nWHERE username = 'somebody'\n"
        "  AND email IS NOT NULL\n  AND id > 42;\n"
        "SELECT 1 AS one ; SELECT 2;"
    )
    assert not first.as_written
    assert (second.sql, second.as_written) == ("\\set x `date`\nSELECT :'x';", True)


def test_a_preview_tells_which_transaction_each_script_is_part_of(build: Build) -> None:
    verified = Scripts("CREATE TABLE v ();", "DROP TABLE v;", "-- sqitchpy: verify=after\nSELECT 1;")
    alone = Scripts("VACUUM;", "", "SELECT 1;")
    app = build({"a": table("a"), "v": verified, "alone": alone, "z": table("z")})
    assert [runs for _, _, runs in scripts_of(preview(app, verify=True))] == [
        *("transaction", "transaction"),
        *("transaction", "after"),
        *("statements", "transaction"),
        *("transaction", "transaction"),
    ]
    assert [runs for _, _, runs in scripts_of(preview(app, verify=True, verify_when="after"))][:2] == [
        "transaction",
        "after",
    ]
    assert [runs for _, _, runs in scripts_of(preview(app, transaction="run"))] == ["run", "run", "statements", "run"]
    assert [event.text for event in app.of(Warned)] == [
        "alone is deployed by itself: deploy/alone.sql:1: VACUUM cannot run inside a transaction block"
    ]
    assert [runs for _, _, runs in scripts_of(preview(app, transaction="script"))] == ["statements"] * 4


def test_a_preview_begins_where_the_database_stands(build: Build) -> None:
    app = four(build)
    app.deploy("b")
    assert [step.change for step in preview(app, "c").steps] == ["c"]
    app.deploy()
    assert preview(app).message == "Nothing to deploy (up-to-date)"


def test_a_preview_finds_what_a_deployment_would_refuse(build: Build) -> None:
    app = build({"a": table("a", requires=["base:users"])})
    build({"x": table("x")}, name="other").deploy()
    with pytest.raises(RegistryError, match="Missing required change: base:users"):
        preview(app)


def test_a_preview_of_a_first_deployment_finds_missing_requirements_too(build: Build) -> None:
    app = build({"a": table("a", requires=["base:users"])})
    with pytest.raises(RegistryError, match="Missing required change: base:users"):
        preview(app)


def test_a_preview_of_a_revert_lists_the_newest_first(build: Build) -> None:
    app = four(build)
    app.deploy()
    with app.session() as target:
        found = target.preview_revert("@v1")
    assert [(step.action, step.label) for step in found.steps] == [("revert", "d"), ("revert", "c")]
    assert found.steps[0].scripts[0].file == "revert/d.sql"


def test_previews_leave_the_database_as_it_was(build: Build) -> None:
    app = four(build)
    app.deploy("b")
    with app.session() as target:
        target.preview_deploy(verify=True)
        target.preview_revert()
    assert app.deployed() == app.tables() == ["a", "b"]
    assert app.history() == ["deploy a", "deploy b"]


def test_a_preview_opens_no_session_for_scripts(build: Build) -> None:
    app = build({"a": table("a")})
    with app.session() as target:
        target.preview_deploy(sql=True)
        time.sleep(0.3)
        names = app.rows("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
    assert ("sqitchpy control",) in names
    assert ("sqitchpy work",) not in names


def test_previews_take_no_lock_and_wait_for_none(build: Build) -> None:
    app = four(build)
    app.deploy("b")
    with app.database.connect() as other:
        other.execute("SELECT pg_advisory_lock(75474063)")
        assert [step.change for step in preview(app).steps] == ["c", "d"]


def test_postgresql_itself_refuses_changes_during_a_preview(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    app = four(build)
    app.deploy("b")
    refused: list[str | None] = []

    def try_to_write(*ignored: object) -> object:
        with pytest.raises(psycopg.Error) as failure:
            session._place.engine._session.control().execute("CREATE TABLE sneaked ()")  # type: ignore[attr-defined]
        refused.append(failure.value.sqlstate)
        return ()

    with app.session() as session:
        monkeypatch.setattr(Deploying, "_would_deploy", try_to_write)
        session.preview_deploy()
    assert refused == ["25006"]  # read_only_sql_transaction
    assert app.tables() == ["a", "b"]
