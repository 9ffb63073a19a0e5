"""Deploying: how far, what is taken back on failure in each mode, and what is refused."""

from __future__ import annotations

import pytest

from sqitchpy.errors import DeployError, PlanError, RegistryError, SqitchpyError, UnknownChangeError
from sqitchpy.events import FailureReported, RevertingAfterFailure, RunStarted
from tests.integration.conftest import App, Build
from tests.projects import Scripts, add_change, add_tag, remove_line, rework, table

BROKEN = Scripts(
    deploy="BEGIN;\nCREATE TABLE broken (id integer);\nSELECT no_such_column FROM broken;\nCOMMIT;\n",
    revert="CREATE TABLE broken_was_reverted ();",
    verify="SELECT 1;",
)
UNVERIFIED = Scripts(
    deploy="BEGIN;\nCREATE TABLE broken (id integer);\nCOMMIT;\n",
    revert="CREATE TABLE broken_was_reverted ();",
    verify="SELECT 1/count(*) FROM broken;",
)


def five(build: Build, third: Scripts) -> App:
    changes = {"a": table("a"), "b": table("b"), "c": table("c"), "bad": third, "d": table("d")}
    return build(changes, tags={"b": "v1"})


@pytest.mark.parametrize("verify", [False, True])
def test_mode_all_takes_back_everything_of_the_run(build: Build, verify: bool) -> None:
    app = five(build, BROKEN)
    with pytest.raises(DeployError) as failure:
        app.deploy(verify=verify)
    assert failure.value.message == "Deploy failed"
    assert app.deployed() == []
    assert app.tables() == []
    assert app.history() == [
        "deploy a", "deploy b", "deploy c", "fail bad", "revert c", "revert b", "revert a",
    ]  # fmt: skip
    assert app.of(RevertingAfterFailure) == [RevertingAfterFailure(None)]


@pytest.mark.parametrize("verify", [False, True])
def test_mode_tag_takes_back_what_came_after_the_last_tag_of_the_run(build: Build, verify: bool) -> None:
    app = five(build, BROKEN)
    with pytest.raises(DeployError):
        app.deploy(mode="tag", verify=verify)
    assert app.deployed() == app.tables() == ["a", "b"]
    assert app.history() == ["deploy a", "deploy b", "deploy c", "fail bad", "revert c"]
    assert app.of(RevertingAfterFailure) == [RevertingAfterFailure("b @v1")]


@pytest.mark.parametrize("verify", [False, True])
def test_mode_change_takes_nothing_back(build: Build, verify: bool) -> None:
    app = five(build, BROKEN)
    with pytest.raises(DeployError) as failure:
        app.deploy(mode="change", verify=verify)
    assert app.deployed() == app.tables() == ["a", "b", "c"]
    assert app.history() == ["deploy a", "deploy b", "deploy c", "fail bad"]
    assert app.of(RevertingAfterFailure) == []
    assert failure.value.hint == (
        "Change bad: nothing of it was kept. 3 changes deployed earlier in this run stayed. "
        "Mend the script and run “sqitchpy deploy” again."
    )


@pytest.mark.parametrize(
    ("mode", "kept", "reverted"),
    [("all", [], ["c", "b", "a"]), ("tag", ["a", "b"], ["c"]), ("change", ["a", "b", "c"], [])],
)
def test_a_failed_verification_leaves_nothing_of_its_change_and_needs_no_revert_script(
    build: Build, mode: str, kept: list[str], reverted: list[str]
) -> None:
    app = five(build, UNVERIFIED)
    with pytest.raises(DeployError):
        app.deploy(mode=mode, verify=True)  # type: ignore[arg-type]
    assert app.deployed() == app.tables() == kept
    assert app.history()[3:] == ["fail bad", *(f"revert {name}" for name in reverted)]
    (told,) = app.of(FailureReported)
    assert told.text.startswith("psql:verify/bad.sql:1: ERROR:  division by zero")
    assert told.text.endswith('Verify script "verify/bad.sql" failed.')


def test_without_verification_the_verify_script_is_not_run(build: Build) -> None:
    app = five(build, UNVERIFIED)
    app.deploy()
    assert app.tables() == ["a", "b", "broken", "c", "d"]


@pytest.mark.parametrize(("mode", "kept"), [("all", ["a", "b"]), ("tag", ["a", "b"]), ("change", ["a", "b", "c"])])
def test_what_was_deployed_before_the_run_stays(build: Build, mode: str, kept: list[str]) -> None:
    app = five(build, BROKEN)
    app.deploy("b")
    with pytest.raises(DeployError):
        app.deploy(mode=mode)  # type: ignore[arg-type]
    assert app.deployed() == app.tables() == kept
    wanted = [] if mode == "change" else [RevertingAfterFailure("b@v1")]
    assert app.of(RevertingAfterFailure) == wanted


def test_the_report_of_a_failure_lists_every_step(build: Build) -> None:
    app = five(build, BROKEN)
    with pytest.raises(DeployError) as failure:
        app.deploy(mode="tag")
    steps = [(step.action, step.label, step.outcome) for step in failure.value.report.steps]
    assert steps == [
        ("deploy", "a", "done"),
        ("deploy", "b @v1", "done"),
        ("deploy", "c", "done"),
        ("deploy", "bad", "failed"),
        ("revert", "c", "done"),
    ]


def test_a_revert_script_that_fails_while_taking_back_stops_and_says_so(build: Build) -> None:
    app = five(build, BROKEN)
    (app.path / "revert" / "b.sql").write_text("DROP TABLE not_there;")
    with pytest.raises(DeployError) as failure:
        app.deploy()
    assert failure.value.message == "The schema will need to be manually repaired\nDeploy failed"
    assert "Change b is still deployed and recorded so." in (failure.value.hint or "")
    assert app.deployed() == app.tables() == ["a", "b"]
    assert app.history()[-2:] == ["fail bad", "revert c"]


def test_the_next_run_goes_on_where_a_failed_one_stopped(build: Build) -> None:
    app = five(build, BROKEN)
    with pytest.raises(DeployError):
        app.deploy(mode="change")
    (app.path / "deploy" / "bad.sql").write_text("CREATE TABLE mended ();")
    assert app.deploy().done == ("bad", "d")
    assert app.deployed() == ["a", "b", "c", "bad", "d"]


# -- how far ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("b", ["a", "b"]),
        ("@v1", ["a", "b"]),
        ("b@v1", ["a", "b"]),
        ("@ROOT", ["a"]),
        ("ROOT", ["a"]),
        ("@HEAD", ["a", "b", "c", "d"]),
        ("HEAD^", ["a", "b", "c"]),
        ("@HEAD^2", ["a", "b"]),
        ("@v1~", ["a", "b", "c"]),
        ("@ROOT~2", ["a", "b", "c"]),
        ("c^^", ["a"]),
    ],
)
def test_deploy_goes_up_to_the_change_that_is_named(build: Build, to: str, wanted: list[str]) -> None:
    app = build({name: table(name) for name in "abcd"}, tags={"b": "v1"})
    assert app.deploy(to).done == tuple(wanted)
    assert app.deployed() == wanted


def test_a_change_may_be_named_by_its_id(build: Build) -> None:
    app = build({name: table(name) for name in "abc"})
    app.deploy("b")
    change_id = app.value("SELECT change_id FROM sqitch.changes WHERE change = 'b'")
    app.revert()
    assert app.deploy(change_id).done == ("a", "b")
    (_, started) = [event for event in app.of(RunStarted) if event.action == "deploy"]
    assert (started.labels, started.through) == (("a", "b"), "b")


def test_there_is_nothing_to_do_when_everything_is_deployed(build: Build) -> None:
    app = build({name: table(name) for name in "ab"}, tags={"b": "v1"})
    app.deploy()
    assert app.deploy().message == "Nothing to deploy (up-to-date)"
    assert app.deploy("@v1").message == 'Nothing to deploy (already at "@v1")'
    assert app.history() == ["deploy a", "deploy b"]


def test_an_earlier_change_is_not_deployed_but_reverted_to(build: Build) -> None:
    app = build({name: table(name) for name in "ab"})
    app.deploy()
    with pytest.raises(SqitchpyError) as failure:
        app.deploy("a")
    assert failure.value.message == 'Cannot deploy to an earlier change; use "revert" instead'
    assert failure.value.hint == 'Type “sqitchpy revert --to "a"”.'


@pytest.mark.parametrize("to", ["nope", "@nope", "a@nope", "HEAD~", "@ROOT^"])
def test_what_the_plan_does_not_hold_cannot_be_deployed_to(build: Build, to: str) -> None:
    app = build({"a": table("a")})
    with pytest.raises(UnknownChangeError):
        app.deploy(to)
    assert app.value("SELECT to_regclass('sqitch.changes')") is None


def test_an_empty_plan_is_an_error(build: Build) -> None:
    app = build({})
    with pytest.raises(SqitchpyError, match=r"Nothing to deploy \(empty plan\)"):
        app.deploy()


def test_log_only_runs_no_deploy_script_but_the_verify_scripts(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    with pytest.raises(DeployError):
        app.deploy(log_only=True, verify=True)
    app.rows("CREATE TABLE a (id int)")
    app.rows("CREATE TABLE b (id int)")
    assert app.deploy(log_only=True, verify=True).done == ("a", "b")
    assert app.deployed() == ["a", "b"]


def test_a_failed_verification_of_log_only_runs_no_revert_script(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    app.rows("CREATE TABLE a (id int)")
    with pytest.raises(DeployError):
        app.deploy(log_only=True, verify=True)
    assert app.tables() == ["a"]
    assert app.history() == ["deploy a", "fail b", "revert a"]


def test_a_missing_verify_script_is_told_and_passes(build: Build) -> None:
    app = build({"a": table("a")})
    (app.path / "verify" / "a.sql").unlink()
    app.deploy(verify=True)
    assert app.of(FailureReported) == [FailureReported("Verify script verify/a.sql does not exist")]
    assert app.deployed() == ["a"]


def test_a_missing_deploy_script_is_known_before_anything_runs(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    (app.path / "deploy" / "b.sql").unlink()
    with pytest.raises(SqitchpyError, match=r"Deploy script deploy/b.sql does not exist"):
        app.deploy()
    assert (app.deployed(), app.tables()) == ([], [])


# -- dependencies -----------------------------------------------------------------------------------------------


def test_missing_requirements_are_all_named_and_nothing_is_deployed(build: Build) -> None:
    app = build(
        {
            "a": table("a", requires=["base:users", "base:@v1"]),
            "b": table("b", requires=["a", "base:users", "other:x@v2"]),
        }
    )
    with pytest.raises(RegistryError) as failure:
        app.deploy()
    assert failure.value.message == "Missing required changes: base:users base:@v1 other:x@v2"
    assert app.tables() == []


def test_one_missing_requirement_is_named_in_the_singular(build: Build) -> None:
    app = build({"a": table("a", requires=["base:users"])})
    with pytest.raises(RegistryError, match=r"\AMissing required change: base:users\Z"):
        app.deploy()


def test_a_requirement_on_another_project_is_met_by_its_deployment(build: Build) -> None:
    base = build({"users": table("users")}, name="base")
    app = build({"a": table("a", requires=["base:users"])})
    base.deploy()
    assert app.deploy().done == ("a",)


def test_conflicts_with_what_is_deployed_are_refused_together_with_what_is_missing(build: Build) -> None:
    base = build({"users": table("users")}, name="base")
    base.deploy()
    app = build(
        {
            "a": table("a"),
            "b": table("b", conflicts=["a", "base:users"], requires=["base:nothing"]),
        }
    )
    with pytest.raises(RegistryError) as failure:
        app.deploy()
    assert failure.value.message == (
        "Conflicts with previously deployed changes: a base:users\nMissing required change: base:nothing"
    )
    app.deploy("a")
    with pytest.raises(RegistryError, match="Conflicts with previously deployed changes: a base:users"):
        app.deploy()
    assert app.deployed() == ["users", "a"]


def test_a_conflict_with_something_that_is_not_deployed_is_no_conflict(build: Build) -> None:
    app = build({"a": table("a", conflicts=["base:users"])})
    assert app.deploy().done == ("a",)


def test_a_conflict_within_the_project_that_the_plan_does_not_know_is_an_error(build: Build) -> None:
    app = build({"a": table("a", conflicts=["nobody"])})
    with pytest.raises(UnknownChangeError, match=r'Unable to find change "nobody" in plan sqitch.plan'):
        app.deploy()


def test_a_change_that_is_deployed_out_of_the_plans_order_is_refused(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    app.deploy()
    (first,) = app.rows("SELECT change_id FROM sqitch.changes WHERE change = 'b'")
    app.rows("UPDATE sqitch.changes SET committed_at = committed_at - interval '1 day' WHERE change = 'b'")
    with pytest.raises(RegistryError) as failure:
        app.deploy()
    assert failure.value.message == f'Change "b ({first[0]})" has already been deployed'


def test_several_changes_that_are_deployed_already_are_all_named(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})
    app.deploy()
    ids = dict(app.rows("SELECT change, change_id FROM sqitch.changes"))
    app.rows("UPDATE sqitch.changes SET committed_at = committed_at - interval '1 day' WHERE change <> 'a'")
    with pytest.raises(RegistryError) as failure:
        app.deploy()
    assert failure.value.message == f"Changes have already been deployed: b ({ids['b']}), c ({ids['c']})"


def test_a_deployed_change_that_the_plan_does_not_hold_stops_everything(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")}, tags={"b": "v1"})
    app.deploy()
    change_id = app.value("SELECT change_id FROM sqitch.changes WHERE change = 'b'")
    remove_line(app.path, "b ")
    remove_line(app.path, "@v1 ")
    add_change(app.path, "c", table("c"))
    with pytest.raises(RegistryError) as failure:
        app.deploy()
    assert failure.value.message == f"Cannot find change {change_id} (b @v1) in sqitch.plan"
    assert app.tables() == ["a", "b"]


# -- rework -----------------------------------------------------------------------------------------------------


def reworked(build: Build) -> App:
    """``f`` is reworked twice: its scripts write down which of them ran."""

    def scripts(version: int) -> Scripts:
        return Scripts(
            deploy=f"INSERT INTO ran VALUES ('deploy {version}');",
            revert=f"INSERT INTO ran VALUES ('revert {version}');",
            verify=f"INSERT INTO ran VALUES ('verify {version}');",
        )

    app = build({"f": scripts(1)}, tags={"f": "v1"})
    rework(app.path, "f", "v1", scripts(2))
    add_tag(app.path, "v2")
    add_tag(app.path, "v2.0.1")
    rework(app.path, "f", "v2", scripts(3))
    app.rows("CREATE TABLE ran (what text, at timestamptz DEFAULT clock_timestamp())")
    return app


def ran(app: App) -> list[str]:
    return [what for (what,) in app.rows("SELECT what FROM ran ORDER BY at")]


def test_each_instance_of_a_reworked_change_has_its_own_scripts(build: Build) -> None:
    app = reworked(build)
    app.deploy()
    assert ran(app) == ["deploy 1", "deploy 2", "deploy 3"]
    app.revert()
    assert ran(app)[3:] == ["revert 3", "revert 2", "revert 1"]


def test_instances_of_a_reworked_change_require_the_one_before(build: Build) -> None:
    app = reworked(build)
    app.deploy()
    assert app.rows(
        "SELECT d.dependency, c.committed_at = (SELECT max(committed_at) FROM sqitch.changes WHERE committed_at <"
        " (SELECT committed_at FROM sqitch.changes WHERE change_id = d.change_id))"
        " FROM sqitch.dependencies d JOIN sqitch.changes c ON c.change_id = d.dependency_id ORDER BY 1"
    ) == [("f@v1", True), ("f@v2", True)]


def test_hashes_of_reworked_changes_are_those_of_their_own_scripts(build: Build) -> None:
    app = build({"f": Scripts(deploy="CREATE TABLE users(id int);\n")}, tags={"f": "v1"})
    rework(app.path, "f", "v1", Scripts(deploy="SELECT 2;\n"))
    app.deploy()
    assert app.rows("SELECT script_hash FROM sqitch.changes ORDER BY committed_at") == [
        ("fefa06b649ec4b47ad425c78f6ed53a1c8fc52b0",),
        ("ed826b70947f4e16e1ed7f2a317a1d77990e8b4d",),
    ]


def test_a_reworked_change_is_deployed_to_by_its_tag(build: Build) -> None:
    app = reworked(build)
    assert app.deploy("f@v2").done == ("f", "f")
    with pytest.raises(UnknownChangeError):
        app.deploy("f")
    assert app.deploy("f@HEAD").done == ("f",)


def test_files_of_another_tag_of_the_same_change_are_found(build: Build) -> None:
    app = reworked(build)
    for kind in ("deploy", "revert", "verify"):
        (app.path / kind / "f@v2.sql").rename(app.path / kind / "f@v2.0.1.sql")
    app.deploy()
    assert ran(app) == ["deploy 1", "deploy 2", "deploy 3"]


# -- plans ------------------------------------------------------------------------------------------------------


def test_a_broken_plan_is_refused_before_the_database_is_touched(build: Build) -> None:
    app = build({"a": table("a")})
    plan = app.path / "sqitch.plan"
    plan.write_text(plan.read_text() + "b\n")
    with pytest.raises(PlanError, match=r"Syntax error in sqitch.plan at line 5: Missing timestamp and planner"):
        app.deploy()
    assert app.value("SELECT to_regnamespace('sqitch')") is None


def test_a_change_marked_for_revert_is_deployed_all_the_same(build: Build) -> None:
    app = build({"a": table("a")})
    plan = app.path / "sqitch.plan"
    plan.write_text(plan.read_text().replace("\na ", "\n-a "))
    assert app.deploy().done == ("a",)


def test_scripts_of_changes_with_slashes_lie_in_folders(build: Build) -> None:
    app = build({"x/y/z": Scripts(deploy="CREATE TABLE z ();", revert="DROP TABLE z;")})
    app.deploy()
    assert app.tables() == ["z"]
    app.revert()
    assert app.tables() == []


def test_variables_reach_scripts_and_verifications(build: Build) -> None:
    app = build(
        {
            "a": Scripts(
                deploy="CREATE TABLE :\"name\" AS SELECT :'text' AS v, :number AS n;",
                verify="SELECT 1/count(*) FROM :\"name\" WHERE v = :'text' AND n = :number;",
            )
        }
    )
    values = {"name": 'My "Table', "text": "it's; \\not", "number": "42"}
    app.deploy(verify=True, variables=values)
    assert app.rows('SELECT v, n FROM "My ""Table"') == [("it's; \\not", 42)]
