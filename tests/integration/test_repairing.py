"""A registry that does not match an edited plan, or edited scripts, any more; and how it is re-linked."""

from __future__ import annotations

from typing import Any

import pytest

import sqitchpy
from sqitchpy.errors import LockTimeoutError, Refusal, RegistryError
from sqitchpy.report import RepairReport
from tests.integration.conftest import App, Build
from tests.projects import Scripts, add_change, add_tag, rework, table, write_script

EVERYTHING = """
    SELECT 'change', change_id, change, script_hash, note, committed_at::text, planner_name FROM sqitch.changes
    UNION ALL SELECT 'tag', tag_id, tag, change_id, note, committed_at::text, planner_name FROM sqitch.tags
    UNION ALL SELECT 'dependency', change_id, type, dependency, dependency_id, NULL, NULL FROM sqitch.dependencies
    UNION ALL SELECT 'event', change_id, change, event, note, committed_at::text, planner_name FROM sqitch.events
    ORDER BY 1, 6, 2, 4
"""


def edit(app: App, old: str, new: str) -> None:
    path = app.path / "sqitch.plan"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def repair(app: App, **options: Any) -> RepairReport:
    with app.session() as target:
        return target.repair(lock_timeout=5, **options)


def plan_of(app: App) -> sqitchpy.Plan:
    return sqitchpy.Project.open(app.path).plan(app.database.uri)


def is_content(app: App, pending: int = 0) -> None:
    """Everything that the registry says is what the plan says."""
    with app.session() as target:
        assert target.check().diverged is None
        assert target.verify().errors == 0
        status = target.status()
        assert status.pending is not None
        assert len(status.pending) == pending
        assert target.preview_repair() == RepairReport(target.destination)
    plan = plan_of(app)
    deployed = plan.changes[: len(plan.changes) - pending]
    assert app.rows("SELECT change_id, change, note, planner_name FROM sqitch.changes ORDER BY committed_at") == [
        (change.id, change.name, change.note, change.planner.name) for change in deployed
    ]
    assert set(app.rows("SELECT tag_id, tag, change_id, note FROM sqitch.tags")) == {
        (tag.id, f"@{tag.name}", change.id, tag.note) for change in deployed for tag in change.tags
    }
    assert set(app.rows("SELECT change_id, type, dependency FROM sqitch.dependencies")) == {
        (change.id, "conflict" if wanted.conflict else "require", wanted.text)
        for change in deployed
        for wanted in (*change.requires, *change.conflicts)
    }


def whole(build: Build) -> App:
    """Four deployed changes with a rework, tags and dependencies."""
    app = build(
        {
            "a": table("a", note="First"),
            "b": table("b", requires=["a"], conflicts=["lost:thing"], note="Second"),
            "c": table("c", requires=["b", "a"]),
        },
        tags={"a": "v1", "c": ["v2", "latest"]},
    )
    again = Scripts(
        "CREATE TABLE IF NOT EXISTS public.a2 ();\n", "DROP TABLE public.a2;\n", "SELECT 1;\n", note="Again"
    )
    rework(app.path, "a", "v2", again)
    add_tag(app.path, "v3")
    app.deploy()
    return app


def names_and_hashes(app: App) -> list[tuple[Any, ...]]:
    return app.rows("SELECT change, script_hash FROM sqitch.changes ORDER BY committed_at")


def test_the_hash_of_an_edited_script_becomes_that_of_the_script(build: Build) -> None:
    app = build({"a": Scripts("SELECT 1;\n"), "b": Scripts("SELECT 2;\n")})
    app.deploy()
    write_script(app.path, "deploy", "a", "SELECT 1; -- one\n")
    report = repair(app)
    (mended,) = report.mended
    assert (report.done, mended.label, mended.script, mended.line_ends) == (True, "a", "deploy/a.sql", None)
    assert mended.change_id == mended.deployed_id
    assert names_and_hashes(app) == [
        ("a", "d74a3093b193206dfa788ef17af9fabe31a50703"),
        ("b", "ed826b70947f4e16e1ed7f2a317a1d77990e8b4d"),
    ]
    is_content(app)


LF, CRLF = b"SELECT 1;\nSELECT 2;\n", b"SELECT 1;\r\nSELECT 2;\r\n"


@pytest.mark.parametrize(("deployed", "now", "ends"), [(CRLF, LF, "CRLF"), (LF, CRLF, "LF"), (LF, CRLF[:-2], None)])
def test_a_difference_in_line_ends_alone_is_named(build: Build, deployed: bytes, now: bytes, ends: str | None) -> None:
    app = build({"a": Scripts(deployed)})
    app.deploy()
    write_script(app.path, "deploy", "a", now)
    with app.session() as target:
        checked = target.check()
        assert (checked.diverged, checked.line_ends) == ("a", ends)
        assert [mended.line_ends for mended in target.repair().mended] == [ends]
    is_content(app)


TWO = "@v2 2024-01-02T03:07:00Z Pat Planner <pat@example.com>"
EDITS = {
    "a note": (" # First", " # The first"),
    "a note of the last change": (" # Again", " # Once more"),
    "a planner": ("03:03:00Z Pat Planner", "03:03:00Z Eve Else"),
    "a planner of a change": ("Pat Planner <pat@example.com> # Second", "Eve Else <eve@example.com> # Second"),
    "a new requirement": ("\nb [a !lost:thing]", "\nb [a@v1 !lost:thing]"),
    "a requirement less": ("\nc [b a]", "\nc [b]"),
    "requirements in another order": ("\nc [b a]", "\nc [a b]"),
    "a conflict more": ("\nb [a !lost:thing]", "\nb [a !lost:thing !other]"),
    "the note of a tag": (TWO, f"{TWO} # Two"),
    "the name of a tag": ("@latest ", "@newest "),
    "a date": ("\nb [a !lost:thing] 2024-01-02T03:05:00Z", "\nb [a !lost:thing] 2024-01-02T03:05:30Z"),
}


@pytest.mark.parametrize("what", EDITS)
def test_ids_that_an_edited_line_has_moved_are_relinked(build: Build, what: str) -> None:
    app = whole(build)
    edit(app, *EDITS[what])
    times = app.rows("SELECT committed_at, committer_name FROM sqitch.changes ORDER BY committed_at")
    tag_times = app.rows("SELECT committed_at FROM sqitch.tags ORDER BY committed_at")
    events = app.rows("SELECT * FROM sqitch.events ORDER BY committed_at")
    report = repair(app)
    assert report.done
    assert report.left == ()
    is_content(app)
    assert app.rows("SELECT committed_at, committer_name FROM sqitch.changes ORDER BY committed_at") == times
    assert app.rows("SELECT committed_at FROM sqitch.tags ORDER BY committed_at") == tag_times
    assert app.rows("SELECT * FROM sqitch.events ORDER BY committed_at") == events
    app.revert()
    assert app.rows("SELECT change FROM sqitch.changes") == []


def move_scripts(app: App, old: str, new: str) -> None:
    for kind in ("deploy", "revert", "verify"):
        (app.path / kind / f"{old}.sql").rename(app.path / kind / f"{new}.sql")


def test_a_renamed_change_is_recognised_by_its_script(build: Build) -> None:
    app = whole(build)
    edit(app, "\nb [a", "\nbee [a")
    edit(app, "\nc [b a]", "\nc [bee a]")
    move_scripts(app, "b", "bee")
    report = repair(app)
    assert [(each.deployed_as, each.change) for each in report.mended] == [("b", "bee"), ("c", "c"), ("a", "a")]
    is_content(app)
    assert app.rows("SELECT DISTINCT change FROM sqitch.events ORDER BY change") == [("a",), ("b",), ("c",)]


def test_a_script_that_was_edited_too_is_recognised_by_name_and_place(build: Build) -> None:
    app = whole(build)
    edit(app, " # First", " # The first")
    write_script(app.path, "deploy", "a", "CREATE TABLE IF NOT EXISTS public.a2 (); -- edited\n")
    write_script(app.path, "deploy", "a@v2", "CREATE TABLE IF NOT EXISTS public.a (); -- edited\n")
    assert [each.label for each in repair(app).mended] == ["a @v1", "b", "c @v2 @latest", "a @v3"]
    is_content(app)


def test_a_tag_that_stands_behind_another_change_now_goes_there(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")}, tags={"b": ["v1", "v2"]})
    app.deploy()
    plan = (app.path / "sqitch.plan").read_text("utf-8").splitlines(keepends=True)
    tag = next(line for line in plan if line.startswith("@v1"))
    plan.remove(tag)
    plan.insert(4, tag)
    (app.path / "sqitch.plan").write_text("".join(plan), encoding="utf-8")
    assert [each.tags for each in repair(app).mended] == [("@v1",)]
    is_content(app)


def test_exchanged_scripts_and_tags_are_no_obstacle(build: Build) -> None:
    app = build({"a": Scripts("SELECT 1;\n"), "b": Scripts("SELECT 2;\n")}, tags={"a": "v1", "b": "v2"})
    app.deploy()
    write_script(app.path, "deploy", "a", "SELECT 2;\n")
    write_script(app.path, "deploy", "b", "SELECT 1;\n")
    edit(app, "@v1", "@v0")
    edit(app, "@v2", "@v1")
    edit(app, "@v0", "@v2")
    assert repair(app).left == ()
    is_content(app)


def test_what_is_planned_after_it_is_deployed_afterwards(build: Build) -> None:
    app = build({"a": table("a", note="One")})
    app.deploy()
    edit(app, "One", "Two")
    add_change(app.path, "b", table("b", requires=["a"]))
    with pytest.raises(RegistryError, match="Cannot find change") as failure:
        app.deploy()
    assert "check --repair" in str(failure.value.hint)
    repair(app)
    is_content(app, pending=1)
    assert app.deploy().done == ("b",)


def test_a_requirement_of_another_project_keeps_its_change(build: Build) -> None:
    build({"x": table("x")}, name="other").deploy()
    app = build({"a": table("a", requires=["other:x"], note="One"), "b": table("b", requires=["a"])})
    app.deploy()
    edit(app, "One", "Two")
    before = app.value("SELECT dependency_id FROM sqitch.dependencies WHERE dependency = 'other:x'")
    repair(app)
    assert app.value("SELECT dependency_id FROM sqitch.dependencies WHERE dependency = 'other:x'") == before
    assert app.deployed() == ["x", "a", "b"]


def test_dependents_in_other_projects_follow(build: Build) -> None:
    app = build({"a": table("a", note="One")})
    app.deploy()
    build({"x": table("x", requires=["app:a"])}, name="other").deploy()
    edit(app, "One", "Two")
    repair(app)
    assert app.rows("SELECT dependency_id FROM sqitch.dependencies") == [(plan_of(app).changes[0].id,)]


# -- what is left alone, or refused --------------------------------------------------------------------------------


def left(report: RepairReport) -> list[tuple[str, str]]:
    return [(each.label, each.why) for each in report.left]


def test_a_change_that_was_renamed_and_edited_is_left_alone_and_so_is_what_requires_it(build: Build) -> None:
    app = whole(build)
    edit(app, "\nb [a", "\nbee [a")
    edit(app, "\nc [b a]", "\nc [bee a]")
    move_scripts(app, "b", "bee")
    write_script(app.path, "deploy", "bee", "SELECT 'another';\n")
    report = repair(app)
    assert left(report) == [
        ("b", "neither its name nor its script tells which change of the plan it is"),
        ("c @latest @v2", "the plan has it require bee, which is not deployed"),
    ]
    assert [each.label for each in report.mended] == ["a @v3"]
    planned = {change.id for change in plan_of(app).changes}
    assert [row[0] in planned for row in app.rows("SELECT change_id FROM sqitch.changes ORDER BY committed_at")] == [
        True,
        False,
        False,
        True,
    ]


def test_name_and_script_that_contradict_each_other_are_left_alone(build: Build) -> None:
    app = build({"a": Scripts("SELECT 1;\n", note="One")})
    app.deploy()
    edit(app, "One", "Two")
    add_change(app.path, "b", Scripts("SELECT 1;\n"))
    write_script(app.path, "deploy", "a", "SELECT 2;\n")
    assert left(repair(app)) == [("a", "by its name it is a of the plan, by its script b")]


def test_a_script_that_two_planned_changes_have_tells_nothing(build: Build) -> None:
    app = build({"a": Scripts("SELECT 1;\n")})
    app.deploy()
    edit(app, "\na ", "\nb ")
    write_script(app.path, "deploy", "b", "SELECT 1;\n")
    add_change(app.path, "c", Scripts("SELECT 1;\n"))
    assert left(repair(app)) == [("a", "its script is that of several planned changes: b, c")]


def test_the_hash_stays_where_the_script_is_gone_or_no_longer_unique(build: Build) -> None:
    app = build({"a": Scripts("SELECT 1;\n"), "b": Scripts("SELECT 2;\n"), "c": Scripts("SELECT 3;\n")})
    app.deploy()
    before = names_and_hashes(app)
    (app.path / "deploy" / "a.sql").unlink()
    write_script(app.path, "deploy", "b", "SELECT 3;\n")
    report = repair(app)
    twin = "another deployed change has a script of the very same bytes, which the registry does not allow"
    assert left(report) == [
        ("a", "its deploy script does not exist; its hash stays as it is"),
        ("b", f"{twin}; its hash stays as it is"),
    ]
    assert not report.done
    assert names_and_hashes(app) == before


def test_a_tag_that_the_plan_does_not_have_is_left_alone(build: Build) -> None:
    app = build({"a": table("a")}, tags={"a": "v1"})
    app.deploy()
    plan = (app.path / "sqitch.plan").read_text("utf-8")
    (app.path / "sqitch.plan").write_text("".join(plan.splitlines(keepends=True)[:-1]), encoding="utf-8")
    assert left(repair(app)) == [("a @v1: @v1", "the plan has no such tag")]


def test_a_requirement_that_is_not_found_any_more_leaves_its_change_alone(build: Build) -> None:
    other = build({"x": table("x")}, tags={"x": "v1"}, name="other")
    other.deploy()
    app = build({"a": table("a", requires=["other:x@v1"])})
    app.deploy()
    app.rows("DELETE FROM sqitch.tags")
    write_script(app.path, "deploy", "a", "SELECT 1;\n")
    assert left(repair(app)) == [("a", "the plan has it require other:x@v1, which is not deployed")]


@pytest.mark.parametrize("shape", ["a line before", "another order", "a line less"])
def test_another_order_than_the_plans_is_refused(build: Build, shape: str) -> None:
    app = build({name: Scripts(f"SELECT '{name}';\n") for name in "abc"})
    app.deploy()
    head, (a, b, c) = "%project=app\n\n", (app.path / "sqitch.plan").read_text("utf-8").splitlines(keepends=True)[3:]
    write_script(app.path, "deploy", "new", "SELECT 'new';\n")
    lines = {"a line before": a + f"new{b[1:]}" + b + c, "another order": a + c + b, "a line less": a + c}[shape]
    (app.path / "sqitch.plan").write_text(head + lines, encoding="utf-8")
    before = app.rows(EVERYTHING)
    with pytest.raises(RegistryError) as failure:
        repair(app)
    place = {
        "a line before": ("b", 2, 5, "b", 3),
        "another order": ("b", 2, 5, "b", 3),
        "a line less": ("c", 3, 4, "c", 2),
    }
    name, was, line, label, now = place[shape]
    assert failure.value.message == (
        f"Cannot repair: {name} was deployed as number {was}, and sqitch.plan:{line} plans {label} as number {now}"
    )
    assert app.rows(EVERYTHING) == before


def test_a_changed_uri_of_the_project_is_refused_in_sqitchs_words(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy()
    edit(app, "%project=app\n", "%project=app\n%uri=https://example.com/app\n")
    with pytest.raises(RegistryError, match=r'Cannot register "app" with URI https://example\.com/app: already exists'):
        repair(app)


def test_nothing_is_changed_before_somebody_agrees(build: Build) -> None:
    app = whole(build)
    edit(app, " # First", " # The first")
    before = app.rows(EVERYTHING)
    asked: list[RepairReport] = []

    def no(report: RepairReport) -> bool:
        asked.append(report)
        return False

    with pytest.raises(Refusal, match="Nothing repaired"):
        repair(app, confirm=no)
    assert len(asked[0].mended) == 4
    with app.session() as target:
        assert target.preview_repair() == asked[0]
    assert app.rows(EVERYTHING) == before
    done = repair(app, confirm=lambda report: True)
    assert done == asked[0]._replace(done=True)


@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE sqitch.changes SET script_hash = 'other' WHERE change = 'b'",
        "UPDATE sqitch.changes SET change = 'bee' WHERE change = 'b'",
        "UPDATE sqitch.changes SET change_id = 'other' WHERE change = 'b'",
        "UPDATE sqitch.tags SET tag_id = 'other' WHERE tag = '@v2'",
    ],
)
def test_a_registry_that_moves_under_the_question_is_left_as_it_is(build: Build, meanwhile: str) -> None:
    app = whole(build)
    edit(app, " # First", " # The first")
    seen: list[list[tuple[Any, ...]]] = []

    def yes(report: RepairReport) -> bool:
        app.rows(meanwhile)
        seen.append(app.rows(EVERYTHING))
        return True

    with pytest.raises(RegistryError, match="The registry has changed under this run"):
        repair(app, confirm=yes)
    assert app.rows(EVERYTHING) == seen[0]


def test_it_waits_for_the_deployment_lock(build: Build) -> None:
    app = whole(build)
    edit(app, " # First", " # The first")
    with app.database.connect() as connection, app.session() as target:
        connection.execute("SELECT pg_advisory_lock(75474063)")
        with pytest.raises(LockTimeoutError):
            target.repair(lock_timeout=0.2)


def test_without_a_registry_there_is_nothing_to_repair(build: Build) -> None:
    with pytest.raises(RegistryError, match="Have you ever deployed"):
        repair(build({"a": table("a")}))
