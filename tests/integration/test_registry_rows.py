"""What each action writes into the registry, row by row, and the order of the rows' times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import sqitchpy
from sqitchpy.errors import DeployError
from tests.integration.conftest import App, Build
from tests.projects import Scripts, add_tag, table

ME = ("Ann Ex", "ann@example.com")
PLANNER = ("Pat Planner", "pat@example.com")
PEOPLE = "committer_name, committer_email, planned_at, planner_name, planner_email"


def planned(minute: int) -> datetime:
    return datetime(2024, 1, 2, 3, minute, tzinfo=UTC)


def ids(app: App) -> dict[str, str]:
    plan = sqitchpy.Project.open(app.path).plan(app.database.uri)
    return {change.name: change.id for change in plan.changes}


def three_changes(build: Build) -> App:
    return build(
        {
            "a": table("a", note="First, with ünicode and 'quotes'"),
            "b": table("b", requires=["a"], conflicts=["lost:thing"], note="line one\\nline two"),
            "c": table("c", requires=["b", "a"]),
        },
        tags={"a": "v1", "c": ["v2", "latest"]},
        uri="https://example.com/app",
    )


def test_project_row_holds_the_uri_and_who_made_it(build: Build) -> None:
    app = three_changes(build)
    app.deploy()
    assert app.rows("SELECT project, uri, creator_name, creator_email FROM sqitch.projects") == [
        ("app", "https://example.com/app", *ME)
    ]


def test_change_rows_hold_hash_note_and_people(build: Build) -> None:
    app = build({"a": Scripts(deploy="CREATE TABLE users(id int);\n", note="First")})
    app.deploy()
    assert app.rows(f"SELECT change, script_hash, project, note, {PEOPLE} FROM sqitch.changes") == [
        ("a", "fefa06b649ec4b47ad425c78f6ed53a1c8fc52b0", "app", "First", *ME, planned(3), *PLANNER)
    ]


def test_change_rows_follow_the_plan_and_notes_are_stored_unescaped(build: Build) -> None:
    app = three_changes(build)
    app.deploy()
    assert app.rows("SELECT change_id, change, note, planned_at FROM sqitch.changes ORDER BY committed_at") == [
        (ids(app)["a"], "a", "First, with ünicode and 'quotes'", planned(4)),
        (ids(app)["b"], "b", "line one\nline two", planned(6)),
        (ids(app)["c"], "c", "", planned(7)),
    ]


def test_tag_rows_belong_to_their_change(build: Build) -> None:
    app = three_changes(build)
    app.deploy()
    assert app.rows(f"SELECT tag, change_id, project, note, {PEOPLE} FROM sqitch.tags ORDER BY tag") == [
        ("@latest", ids(app)["c"], "app", "", *ME, planned(9), *PLANNER),
        ("@v1", ids(app)["a"], "app", "", *ME, planned(5), *PLANNER),
        ("@v2", ids(app)["c"], "app", "", *ME, planned(8), *PLANNER),
    ]


def test_dependency_rows_name_the_deployed_change_of_a_requirement_and_none_for_a_conflict(build: Build) -> None:
    app = three_changes(build)
    app.deploy()
    assert app.rows(
        "SELECT change_id, type, dependency, dependency_id FROM sqitch.dependencies ORDER BY 1, 3"
    ) == sorted(
        [
            (ids(app)["b"], "require", "a", ids(app)["a"]),
            (ids(app)["b"], "conflict", "lost:thing", None),
            (ids(app)["c"], "require", "a", ids(app)["a"]),
            (ids(app)["c"], "require", "b", ids(app)["b"]),
        ],
        key=lambda row: (row[0], row[2]),
    )


EVENT = "event, change, note, requires, conflicts, tags"


def test_deploy_events_hold_what_the_plan_says(build: Build) -> None:
    app = three_changes(build)
    app.deploy()
    assert app.rows(f"SELECT {EVENT}, {PEOPLE} FROM sqitch.events ORDER BY committed_at") == [
        ("deploy", "a", "First, with ünicode and 'quotes'", [], [], ["@v1"], *ME, planned(4), *PLANNER),
        ("deploy", "b", "line one\nline two", ["a"], ["lost:thing"], [], *ME, planned(6), *PLANNER),
        ("deploy", "c", "", ["b", "a"], [], ["@v2", "@latest"], *ME, planned(7), *PLANNER),
    ]


def test_a_revert_takes_the_rows_and_leaves_an_event_made_from_them(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = three_changes(build)
    app.deploy()
    monkeypatch.setenv("SQITCH_FULLNAME", "Rev Erter")
    app.revert(to="a")
    assert app.deployed() == ["a"]
    assert app.rows("SELECT tag FROM sqitch.tags") == [("@v1",)]
    assert app.rows("SELECT * FROM sqitch.dependencies") == []
    rows = app.rows(
        "SELECT change, note, ARRAY(SELECT unnest(requires) ORDER BY 1), conflicts,"
        " ARRAY(SELECT unnest(tags) ORDER BY 1), committer_name, planner_name, planned_at"
        " FROM sqitch.events WHERE event = 'revert' ORDER BY committed_at"
    )
    assert rows == [
        ("c", "", ["a", "b"], [], ["@latest", "@v2"], "Rev Erter", "Pat Planner", planned(7)),
        ("b", "line one\nline two", ["a"], ["lost:thing"], [], "Rev Erter", "Pat Planner", planned(6)),
    ]


def test_a_failed_change_leaves_a_fail_event_and_nothing_else(build: Build) -> None:
    app = build(
        {"a": table("a"), "b": Scripts(deploy="CREATE TABLE b (); SELECT 1/0;", requires=["a"], note="no luck")},
        tags={"b": "v1"},
    )
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    assert app.deployed() == ["a"]
    assert app.rows(f"SELECT {EVENT}, {PEOPLE} FROM sqitch.events ORDER BY committed_at OFFSET 1") == [
        ("fail", "b", "no luck", ["a"], [], ["@v1"], *ME, planned(4), *PLANNER)
    ]
    assert app.rows("SELECT * FROM sqitch.tags") == []
    assert app.rows("SELECT * FROM sqitch.dependencies") == []


def test_a_tag_added_to_the_latest_change_is_recorded_by_the_next_deployment_without_an_event(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy()
    add_tag(app.path, "v1", note="late")
    report = app.deploy()
    assert report.message == "Nothing to deploy (up-to-date)"
    assert app.rows(f"SELECT tag, change_id, note, {PEOPLE} FROM sqitch.tags") == [
        ("@v1", ids(app)["a"], "late", *ME, planned(4), *PLANNER)
    ]
    assert app.history() == ["deploy a"]


def test_a_tag_added_to_an_earlier_change_is_never_recorded(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    app.deploy()
    plan = app.path / "sqitch.plan"
    lines = plan.read_text().splitlines(keepends=True)
    position = next(index for index, line in enumerate(lines) if line.startswith("a "))
    lines.insert(position + 1, "@v1 2024-01-02T04:00:00Z Pat Planner <pat@example.com>\n")
    plan.write_text("".join(lines))
    app.deploy()
    assert app.rows("SELECT * FROM sqitch.tags") == []


def test_a_requirement_on_another_project_is_recorded_with_its_prefix_and_its_id(build: Build) -> None:
    base = build({"users": table("users")}, name="base", tags={"users": "v1"})
    app = build({"a": table("a", requires=["base:users", "base:@v1", "base:users@v1"])})
    base.deploy()
    app.deploy()
    users = ids(base)["users"]
    assert app.rows("SELECT type, dependency, dependency_id FROM sqitch.dependencies ORDER BY dependency") == [
        ("require", "base:@v1", users),
        ("require", "base:users", users),
        ("require", "base:users@v1", users),
    ]


def test_log_only_writes_the_same_rows_as_a_deployment(build: Build) -> None:
    app = three_changes(build)
    app.deploy(log_only=True)
    assert app.tables() == []
    assert app.history() == ["deploy a", "deploy b", "deploy c"]
    assert app.value("SELECT count(*) FROM sqitch.dependencies") == 4
    assert app.value("SELECT count(script_hash) FROM sqitch.changes") == 3


def test_times_of_a_project_increase_however_fast_its_changes_come(build: Build) -> None:
    app = build({f"c{number:03}": Scripts(deploy=f"SELECT {number};") for number in range(150)})
    app.deploy(log_only=True)
    assert app.deployed() == [f"c{number:03}" for number in range(150)]
    assert app.value("SELECT count(DISTINCT committed_at) FROM sqitch.changes") == 150
    join = "sqitch.events e JOIN sqitch.changes c USING (change_id)"
    query = f"SELECT e.change FROM {join} WHERE e.committed_at < c.committed_at"
    assert app.rows(query) == []


def test_times_increase_when_the_clock_was_set_back(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})
    app.deploy("a")
    future = datetime(2999, 1, 1, tzinfo=UTC)
    app.rows("UPDATE sqitch.changes SET committed_at = %s", future)
    app.deploy()
    assert app.rows("SELECT change, committed_at FROM sqitch.changes ORDER BY committed_at") == [
        ("a", future),
        ("b", future + timedelta(microseconds=1)),
        ("c", future + timedelta(microseconds=2)),
    ]
    app.revert()
    assert app.deployed() == []
    latest = app.rows("SELECT DISTINCT ON (change) change, event FROM sqitch.events ORDER BY change, committed_at DESC")
    assert latest == [("a", "revert"), ("b", "revert"), ("c", "revert")]


def test_a_tag_is_not_older_than_its_change_when_the_clock_was_set_back(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")}, tags={"b": "v1"})
    app.deploy("a")
    app.rows("UPDATE sqitch.changes SET committed_at = '2999-01-01 00:00:00+00'")
    app.deploy()
    app.revert(to="b@v1")
    assert app.deployed() == ["a", "b"]


def test_a_change_deployed_reverted_and_deployed_again_has_three_events(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy()
    app.revert()
    app.deploy()
    assert app.history() == ["deploy a", "revert a", "deploy a"]


def test_a_script_that_is_not_there_has_no_hash_when_only_logged(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    (app.path / "deploy" / "b.sql").unlink()
    app.deploy(log_only=True)
    assert app.rows("SELECT change, script_hash IS NULL FROM sqitch.changes ORDER BY 1") == [("a", False), ("b", True)]


@pytest.mark.parametrize("mode", ["all", "change"])
def test_identical_scripts_in_two_changes_fail_with_a_clear_error(build: Build, mode: str) -> None:
    app = build(
        {
            "a": Scripts(deploy="SELECT 1;", revert="SELECT 2;"),
            "b": Scripts(deploy="SELECT 1;", revert="CREATE TABLE b_was_reverted ();"),
        }
    )
    with pytest.raises(DeployError) as failure:
        app.deploy(mode=mode)  # type: ignore[arg-type]
    told = failure.value.report.steps[1].why or ""
    assert 'Cannot log change "b": The deploy script is not unique' in told
    assert app.deployed() == ([] if mode == "all" else ["a"])
    assert app.tables() == []  # it was one transaction: there was nothing that a revert script had to undo


def test_a_trigger_on_events_sees_the_other_rows_of_the_change(build: Build) -> None:
    """Sqitch writes the event last; who notifies or audits by such a trigger relies on it."""
    app = build({"a": table("a"), "b": table("b", requires=["a"])}, tags={"b": "v1"})
    app.deploy("a")
    app.rows("CREATE TABLE sqitch.seen (event text, dependencies integer, tags integer)")
    app.rows(
        "CREATE FUNCTION sqitch.see() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO sqitch.seen"
        " SELECT NEW.event, (SELECT count(*) FROM sqitch.dependencies WHERE change_id = NEW.change_id),"
        " (SELECT count(*) FROM sqitch.tags WHERE change_id = NEW.change_id); RETURN NEW; END$$"
    )
    app.rows("CREATE TRIGGER see BEFORE INSERT ON sqitch.events FOR EACH ROW EXECUTE FUNCTION sqitch.see()")
    app.deploy()
    assert app.rows("SELECT * FROM sqitch.seen") == [("deploy", 1, 1)]
