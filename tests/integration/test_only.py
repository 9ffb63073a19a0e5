"""One change and what belongs to it: what the registry has then, and what a failure takes back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sqitchpy import RevertQuestion
from sqitchpy.errors import DeployError, Refusal, RegistryError, RevertError, SqitchpyError
from sqitchpy.events import RevertingAfterFailure, RunStarted, Warned
from sqitchpy.report import Preview, Report
from tests.integration.conftest import App, Build
from tests.projects import Scripts, rework, table, write_script

BROKEN = Scripts("SELECT no_such_column;", "SELECT 1;")


def deploy(app: App, only: str, **options: Any) -> Report:
    with app.session() as target:
        return target.deploy(only=only, lock_timeout=5, **options)


def five(build: Build) -> App:
    """a, b and c stand by themselves; d requires b, e requires d."""
    wanted = {"d": ["b"], "e": ["d"]}
    return build({name: table(name, requires=wanted.get(name, ())) for name in "abcde"}, tags={"b": "v1", "d": "v2"})


def test_what_is_required_comes_along_and_nothing_else(build: Build) -> None:
    app = five(build)
    assert deploy(app, "d").done == ("b", "d")
    assert app.deployed() == app.tables() == ["b", "d"]
    assert app.of(RunStarted)[-1].labels == ("b @v1", "d @v2")
    assert app.of(RunStarted)[-1].only


def test_what_was_skipped_is_told_at_once_and_again_by_deploy_and_status(build: Build) -> None:
    app = five(build)
    deploy(app, "d")
    told = Warned(
        "planned before d @v2, these changes are not deployed: a, c. "
        "“sqitchpy deploy --only a” deploys the first of them, and what it requires"
    )
    assert app.of(Warned) == [told]
    assert [change.name for change in app.status().gaps] == ["a", "c"]
    assert app.of(Warned) == [told, told]
    assert app.deploy().done == ("e",)
    app.deploy()
    assert [warned.text.partition(":")[0] for warned in app.of(Warned)[2:]] == [
        "planned before d @v2, these changes are not deployed",
        "planned before e, these changes are not deployed",
    ]


def test_no_gap_is_told_where_there_is_none(build: Build) -> None:
    app = five(build)
    app.deploy("c")
    app.status()
    app.deploy()
    assert app.of(Warned) == []


def test_a_change_that_is_required_and_was_skipped_is_missed_in_sqitchs_words(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c", requires=["a"])})
    deploy(app, "b")
    with pytest.raises(RegistryError, match="Missing required change: a"):
        app.deploy()
    assert deploy(app, "c").done == ("a", "c")


def test_deploying_to_a_gap_names_the_command_that_fills_it(build: Build) -> None:
    app = five(build)
    deploy(app, "c")
    with pytest.raises(SqitchpyError, match="Cannot deploy to an earlier change") as caught:
        app.deploy("a")
    assert caught.value.hint == 'Type “sqitchpy deploy --only "a"”.'


# -- times ------------------------------------------------------------------------------------------------------


def test_a_row_is_put_between_its_neighbours_and_the_event_has_the_true_time(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="c")
    begun = datetime.now(UTC)
    deploy(app, "c")
    assert app.deployed() == list("abcde")
    at = app.value("SELECT committed_at FROM sqitch.changes WHERE change = 'c'")
    tag = app.value("SELECT committed_at FROM sqitch.tags WHERE tag = '@v1'")
    assert at == tag + timedelta(microseconds=1)
    assert app.value("SELECT max(committed_at) FROM sqitch.events WHERE change = 'c'") > begun


def test_a_tag_has_the_time_of_a_change_that_is_put_before_others(build: Build) -> None:
    app = five(build)
    deploy(app, "c")
    deploy(app, "b")
    times = "SELECT c.committed_at, t.committed_at FROM sqitch.changes c JOIN sqitch.tags t USING (change_id)"
    ((change, tag),) = app.rows(times)
    assert change == tag
    assert change + timedelta(microseconds=1) == app.value("SELECT committed_at FROM sqitch.changes WHERE change = 'c'")


def test_rows_that_are_in_the_way_move_with_their_tags(build: Build) -> None:
    app = build({name: table(name) for name in "abcd"}, tags={"a": "v1", "c": "v3", "d": "v4"})
    app.deploy()
    app.revert(only="b")
    begin = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    for name, change, tag in (("a", 0, 5), ("c", 6, 7), ("d", 9, 9)):
        moments = (begin + timedelta(microseconds=change), begin + timedelta(microseconds=tag), name)
        app.rows(
            "WITH c AS (UPDATE sqitch.changes SET committed_at = %s WHERE change = %s RETURNING change_id) "
            "UPDATE sqitch.tags SET committed_at = %s FROM c WHERE tags.change_id = c.change_id",
            moments[0],
            name,
            moments[1],
        )
    deploy(app, "b")
    micro = "(EXTRACT(microseconds FROM c.committed_at) - 5000000)::int"
    tags = "(SELECT (EXTRACT(microseconds FROM t.committed_at) - 5000000)::int FROM sqitch.tags t"
    rows = app.rows(f"SELECT change, {micro}, {tags} WHERE t.change_id = c.change_id) FROM sqitch.changes c ORDER BY 2")
    assert rows == [("a", 0, 5), ("b", 6, None), ("c", 7, 8), ("d", 10, 10)]


def test_rows_of_another_project_do_not_move(build: Build) -> None:
    app = build({name: table(name) for name in "abc"})
    app.deploy()
    app.revert(only="b")
    other = build({"x": table("x")}, name="other")
    other.deploy()
    same = "2024-01-02 03:04:05+00"
    app.rows("UPDATE sqitch.changes SET committed_at = %s", same)
    app.rows("UPDATE sqitch.changes SET committed_at = committed_at + interval '1 us' WHERE change = 'c'")
    before = app.value("SELECT committed_at FROM sqitch.changes WHERE change = 'x'")
    deploy(app, "b")
    assert app.value("SELECT committed_at FROM sqitch.changes WHERE change = 'x'") == before
    assert [name for name in app.deployed() if name != "x"] == ["a", "b", "c"]


def test_a_registry_that_is_out_of_order_is_left_alone(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="a")
    app.rows("UPDATE sqitch.changes SET committed_at = committed_at - interval '1 day' WHERE change = 'c'")
    with pytest.raises(RegistryError, match='"b @v1" was deployed after "c", and is planned before it'):
        deploy(app, "a")
    assert app.deployed() == ["c", "b", "d", "e"]


# -- ways to deploy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transaction", ["change", "run", "script"])
def test_every_kind_of_transaction_fills_gaps(build: Build, transaction: str) -> None:
    app = five(build)
    deploy(app, "e")
    app.revert(only="d")
    deploy(app, "c")
    assert deploy(app, "e", transaction=transaction, verify=True).done == ("d", "e")
    assert deploy(app, "a", transaction=transaction, verify=True).done == ("a",)
    assert app.deployed() == app.tables() == list("abcde")


def test_a_script_that_is_no_transaction_fills_a_gap_and_leaves_one(build: Build) -> None:
    lone = Scripts(
        "-- sqitchpy: transaction=off\nCREATE TABLE b ();\nVACUUM b;\n",
        "-- sqitchpy: transaction=off\nDROP TABLE b;\nVACUUM;\n",
        "SELECT FROM b;",
    )
    app = build({"a": table("a"), "b": lone, "c": table("c")})
    app.deploy()
    assert app.revert(only="b").done == ("b",)
    assert app.deployed() == app.tables() == ["a", "c"]
    assert deploy(app, "b", verify=True).done == ("b",)
    assert app.deployed() == app.tables() == ["a", "b", "c"]


def test_a_change_can_be_recorded_without_its_scripts(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="c", log_only=True)
    assert app.tables() == list("abcde")
    deploy(app, "c", log_only=True)
    assert app.deployed() == list("abcde")


def test_a_dry_run_says_what_would_be_done(build: Build) -> None:
    def steps(preview: Preview) -> list[str]:
        return [f"{step.action} {step.change}" for step in preview.steps]

    app = five(build)
    with app.session() as target:
        assert steps(target.preview_deploy(only="d")) == ["deploy b", "deploy d"]
        target.deploy()
        assert steps(target.preview_revert(only="b")) == ["revert e", "revert d", "revert b"]
        assert target.preview_deploy(only="d").message == 'Nothing to deploy ("d" is deployed)'
    assert app.deployed() == list("abcde")


def test_in_the_callers_transaction_a_gap_is_filled_and_left_again(build: Build) -> None:
    app = five(build)
    app.deploy()
    with app.database.connect() as connection, connection.transaction(force_rollback=True):
        with app.session(connection=connection, transaction="caller") as target:
            assert target.revert(only="b").done == ("e", "d", "b")
            assert target.deploy(only="b").done == ("b",)
        names = connection.execute("SELECT change FROM sqitch.changes ORDER BY committed_at").fetchall()
        assert [name for (name,) in names] == ["a", "b", "c"]
    assert app.deployed() == list("abcde")


@pytest.mark.parametrize("options", [{"to": "a"}, {"to": "a", "modified": True}, {"modified": True}])
def test_only_is_all_that_is_named(build: Build, options: dict[str, Any]) -> None:
    app = five(build)
    app.deploy()
    with app.session() as target, pytest.raises(SqitchpyError, match="--only goes with neither --to nor --modified"):
        target.revert(only="b", **options)
    with app.session() as target, pytest.raises(SqitchpyError, match="--only goes with neither"):
        target.deploy("a", only="b")


# -- failures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transaction", ["change", "run", "script"])
def test_what_this_run_has_deployed_is_taken_back_and_nothing_else(build: Build, transaction: str) -> None:
    changes = {name: table(name) for name in "abcd"} | {"e": BROKEN}
    app = build(changes | {"e": Scripts(BROKEN.deploy, BROKEN.revert, requires=["a", "c"])})
    deploy(app, "b")
    deploy(app, "d")
    with pytest.raises(DeployError) as caught:
        deploy(app, "e", transaction=transaction)
    assert app.deployed() == app.tables() == ["b", "d"]
    assert "run “sqitchpy deploy --only e” again" in (caught.value.hint or "")
    if transaction != "run":
        assert app.of(RevertingAfterFailure) == [RevertingAfterFailure(None, ("c", "a"))]
        assert app.history()[2:] == ["deploy a", "deploy c", "fail e", "revert c", "revert a"]


@pytest.mark.parametrize("transaction", ["change", "run"])
def test_mode_tag_keeps_what_is_tagged_in_this_run(build: Build, transaction: str) -> None:
    broken = Scripts(BROKEN.deploy, BROKEN.revert, requires=["a", "c"])
    app = build({name: table(name) for name in "abcd"} | {"e": broken}, tags={"a": "v1"})
    deploy(app, "d")
    with pytest.raises(DeployError):
        deploy(app, "e", mode="tag", transaction=transaction)
    assert app.deployed() == app.tables() == ["a", "d"]


def test_a_plain_deployment_after_gaps_takes_back_just_its_own(build: Build) -> None:
    app = build({name: table(name) for name in "abcd"} | {"e": BROKEN})
    deploy(app, "b")
    with pytest.raises(DeployError):
        app.deploy()
    assert app.deployed() == app.tables() == ["b"]


def test_a_verification_after_the_commit_that_fails_leaves_the_others(build: Build) -> None:
    broken = Scripts("CREATE TABLE a ();", "DROP TABLE a;", "SELECT no_such_column;")
    app = build({"a": broken, "b": table("b")})
    deploy(app, "b")
    with pytest.raises(DeployError):
        deploy(app, "a", verify=True, verify_when="after")
    assert app.deployed() == app.tables() == ["b"]


@pytest.mark.parametrize("gone", ["c", "e"])
def test_another_deployer_in_between_is_noticed(build: Build, gone: str) -> None:
    app = build({name: table(name) for name in "abcde"})
    app.deploy()
    app.revert(only="b")

    def interfere(event: object) -> None:
        if isinstance(event, RunStarted):
            app.rows("DELETE FROM sqitch.changes WHERE change = %s", gone)

    with app.session(on_event=interfere) as target, pytest.raises(DeployError) as caught:
        target.deploy(only="b", lock_timeout=5)
    assert "another deployer was at work" in str(caught.value.failure)
    with app.session() as target:
        assert "b" not in {change.name for change in target.status(with_changes=True).deployed}


def test_what_another_deployer_has_reverted_is_not_reverted_again(build: Build) -> None:
    app = build({name: table(name) for name in "abc"})
    app.deploy()

    def interfere(event: object) -> None:
        if isinstance(event, RunStarted):
            app.rows("DELETE FROM sqitch.changes WHERE change = 'b'")

    with app.session(on_event=interfere) as target, pytest.raises(RevertError) as caught:
        target.revert(only="b", lock_timeout=5)
    assert "another deployer was at work" in str(caught.value.failure)
    assert app.tables() == ["a", "b", "c"]


# -- reverting --------------------------------------------------------------------------------------------------


def test_what_requires_a_change_goes_with_it_and_all_of_it_is_asked_about(build: Build) -> None:
    app = five(build)
    app.deploy()
    asked: list[RevertQuestion] = []

    def agree(question: RevertQuestion) -> bool:
        asked.append(question)
        return True

    assert app.revert(only="b", confirm=agree).done == ("e", "d", "b")
    with app.session() as target:
        assert asked == [RevertQuestion(target.destination, None, ("e", "d @v2", "b @v1"), only=True)]
    assert app.deployed() == app.tables() == ["a", "c"]
    assert app.history()[5:] == ["revert e", "revert d", "revert b"]


def test_saying_no_leaves_everything(build: Build) -> None:
    app = five(build)
    app.deploy()
    with pytest.raises(Refusal, match="Nothing reverted"):
        app.revert(only="b", confirm=lambda question: False)
    assert app.deployed() == list("abcde")


@pytest.mark.parametrize("name", ["b", "@v1", "b@v1", "@HEAD^3", "@ROOT~"])
def test_a_change_to_revert_is_looked_up_among_the_deployed(build: Build, name: str) -> None:
    app = five(build)
    app.deploy()
    assert app.revert(only=name).done == ("e", "d", "b")


def test_a_change_that_another_project_requires_stays(build: Build) -> None:
    app = five(build)
    app.deploy()
    build({"x": table("x", requires=["app:d"])}, name="other").deploy()
    words = 'Change "d @v2" required by currently deployed change: other:x'
    with pytest.raises(RegistryError, match=words):
        app.revert(only="b")
    assert app.deployed() == [*"abcde", "x"]


def test_a_rework_goes_with_what_it_reworks(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")}, tags={"b": "v1"})
    second = Scripts("ALTER TABLE a ADD more text;", "ALTER TABLE a DROP more;")
    rework(app.path, "a", "v1", second)
    app.deploy()
    assert app.revert(only="a@v1").done == ("a", "a")
    assert app.deployed() == app.tables() == ["b"]
    assert deploy(app, "a@HEAD").done == ("a", "a")
    assert app.deployed() == ["a", "b", "a"]


def test_a_revert_that_fails_stops_and_says_what_is_left(build: Build) -> None:
    app = five(build)
    app.deploy()
    write_script(app.path, "revert", "d", "SELECT no_such_column;")
    with pytest.raises(RevertError):
        app.revert(only="b")
    assert app.deployed() == list("abcd")
    assert app.tables() == list("abcd")


def test_without_gaps_and_with_them_reverting_goes_on_in_the_order_of_the_registry(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="c")
    with pytest.raises(SqitchpyError, match='Change not deployed: "c"'):
        app.revert("c")
    assert app.revert("b").done == ("e", "d")
    assert app.deploy().done == ("c", "d", "e")
    app.revert(only="c")
    assert app.revert().done == ("e", "d", "b", "a")


def test_only_what_was_edited_is_modified_behind_a_gap(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="a")
    assert app.revert(modified=True).done == ()
    write_script(app.path, "deploy", "d", "CREATE TABLE d (more text);")
    assert app.revert(modified=True).done == ("e", "d")
    assert app.deployed() == ["b", "c"]


def test_a_rebase_over_a_gap_fills_it(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="c")
    with app.session() as target:
        assert target.rebase("b", lock_timeout=5).done == ("c", "d", "e")
    assert app.deployed() == list("abcde")


def test_a_rebase_behind_a_gap_leaves_it_and_says_so(build: Build) -> None:
    app = five(build)
    app.deploy()
    app.revert(only="c")
    app.told.clear()
    with app.session() as target:
        target.rebase("d", lock_timeout=5)
    assert app.deployed() == list("abde")
    assert "not deployed: c." in app.of(Warned)[0].text


def test_only_where_there_are_gaps_the_registry_is_asked_for_them(
    build: Build, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    app = five(build)
    app.deploy()

    def statements() -> int:
        """How many statements a deployment sends that has nothing to do, by libpq's own trace."""
        file = tmp_path / "trace"
        with file.open("w") as trace, connection.transaction():
            connection.pgconn.trace(trace.fileno())
            with app.session(connection=connection, transaction="caller") as target:
                assert target.deploy().message == "Nothing to deploy (up-to-date)"
            connection.pgconn.untrace()
        return len(re.findall(r"\tF\t\d+\t(?:Query|Execute)\t", file.read_text()))

    without = statements()
    assert without > 3
    app.revert(only="c")
    assert statements() == without + 1
