"""Before a line of the plan is changed, every configured target is asked what it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqitchpy import Project
from sqitchpy.errors import DeployError, Refusal, SqitchpyError
from sqitchpy.testing import Database, DatabaseServer
from tests.projects import Scripts, make_project, table

NOBODY = "db:pg://127.0.0.1:1/nobody"
Open = Callable[..., Project]


@pytest.fixture
def dev(pg_server: DatabaseServer) -> Iterator[Database]:
    with pg_server.database() as database:
        yield database


@pytest.fixture
def opened(tmp_path: Path, pg_database: Database, dev: Database) -> Open:
    """A project of ``a``, ``b`` and ``c`` with two targets, ``dev`` and ``prod``, and more configuration."""

    def make(more: str = "", **changes: Scripts) -> Project:
        targets = f'[target "dev"]\n\turi = {dev.uri}\n[target "prod"]\n\turi = {pg_database.uri}\n'
        conf = f"[core]\n\ttarget = dev\n{targets}{more}"
        planned = {name: table(name, note=f"note {name}") for name in "abc"} | changes
        return Project.open(make_project(tmp_path / "app", planned, tags={"b": "v1"}, conf=conf))

    return make


def deploy(project: Project, target: str, to: str | None = None) -> None:
    with project.target(target) as session:
        session.deploy(to)


def names(project: Project) -> list[str]:
    return [change.name for change in project.plan().changes]


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(SqitchpyError) as caught:
        call()
    return caught.value.message, str(caught.value.hint)


def test_what_is_deployed_nowhere_goes(opened: Open) -> None:
    project = opened()
    deploy(project, "prod", "a")
    revision = project.remove("b")
    assert names(project) == ["a", "c"]
    assert [(answer.target, len(answer.deployed), answer.why_not) for answer in revision.asked] == [
        ("dev", 0, None),
        ("prod", 1, None),
    ]
    deploy(project, "prod")
    assert names(project) == ["a", "c"]


def test_what_is_deployed_on_one_target_stays_and_the_target_is_named(opened: Open) -> None:
    project = opened()
    deploy(project, "prod", "b")
    told, hint = refused(lambda: project.remove("b"))
    label = project.resolve("prod").uri.display
    assert told == f'Cannot remove "b"\nsqitch.plan:5: change "b" is deployed on prod ({label})'
    assert "“sqitchpy revert prod --to a”" in hint
    assert names(project) == ["a", "b", "c"]


def test_whoever_has_skipped_changes_is_told_to_revert_to_one_that_is_deployed(opened: Open) -> None:
    project = opened()
    deploy(project, "prod", "a")
    with project.target("prod") as session:
        session.deploy(only="c")
    told, hint = refused(lambda: project.remove("b"))
    assert 'change "c" is deployed on prod' in told
    assert "“sqitchpy revert prod --to a”" in hint


def test_a_line_before_what_is_deployed_stays_too(opened: Open) -> None:
    project = opened(a=table("a", conflicts=["c"]))
    deploy(project, "dev", "a")
    told, hint = refused(lambda: project.rename("c", "sea"))
    assert 'sqitch.plan:4: change "a" is deployed on dev' in told
    assert "“sqitchpy revert dev”" in hint
    project.remove("b", target="prod")
    assert names(project) == ["a", "c"]


def test_a_change_that_is_deployed_under_another_id_is_deployed(opened: Open) -> None:
    project = opened()
    deploy(project, "dev", "b")
    plan = project.directory / "sqitch.plan"
    plan.write_text(plan.read_text().replace("note a", "noted"))
    assert 'change "b" is deployed, under another id, on dev' in refused(lambda: project.remove("b"))[0]
    project.remove("c")
    assert names(project) == ["a", "b"]


def test_a_change_that_is_partly_deployed_stays(opened: Open) -> None:
    halfway = "CREATE TABLE public.b (id int);\nVACUUM missing;\n"
    project = opened(b=Scripts(halfway))
    with project.target("dev") as session, pytest.raises(DeployError):
        session.deploy("b", mode="change")
    assert 'change "b" is partly deployed on dev' in refused(lambda: project.rename("b", "bee"))[0]


def test_a_target_that_does_not_answer_is_named(opened: Open) -> None:
    project = opened(f'[target "far"]\n\turi = {NOBODY}\n')
    told, hint = refused(lambda: project.remove("c"))
    assert told.startswith(
        f'Cannot remove "c": not every target says what it has\n  * far ({NOBODY}) cannot be asked: '
    )
    assert "--unasked-ok" in hint
    assert refused(project.reset)[0].startswith("Cannot reset the plan: not every target says")
    project.remove("c", unasked_ok=True)
    assert names(project) == ["a", "b"]


def test_where_it_is_deployed_is_said_though_another_target_does_not_answer(opened: Open) -> None:
    project = opened(f'[target "far"]\n\turi = {NOBODY}\n')
    deploy(project, "prod")
    assert "is deployed on prod" in refused(lambda: project.remove("c", unasked_ok=True))[0]


def test_targets_of_other_projects_are_not_asked(opened: Open) -> None:
    project = opened(f'[target "far"]\n\turi = {NOBODY}\n\tplan_file = other.plan\n')
    (project.directory / "other.plan").write_text("%project=other\n\n")
    assert [answer.target for answer in project.remove("c").asked] == ["dev", "prod"]


def test_an_embedded_server_that_was_never_started_is_not_made_for_the_question(opened: Open) -> None:
    project = opened('[target "own"]\n\turi = embedded:\n')
    assert [answer.target for answer in project.remove("c").asked] == ["dev", "prod", "own"]
    assert not (project.directory / ".sqitchpy").exists()


def test_reset_keeps_what_is_deployed_on_any_target(opened: Open) -> None:
    project = opened(d=table("d"))
    deploy(project, "prod", "b")
    deploy(project, "dev", "a")
    revision = project.reset()
    assert [change.name for change in revision.changes] == ["c", "d"]
    assert names(project) == ["a", "b"]
    assert [str(tag) for tag in project.plan().changes[-1].tags] == ["@v1"]
    assert not (project.directory / "deploy" / "c.sql").exists()
    with pytest.raises(Refusal, match="Nothing to reset"):
        project.reset()


def test_reset_of_a_plan_that_is_deployed_nowhere_empties_it(opened: Open) -> None:
    project = opened()
    project.reset()
    assert names(project) == []


def test_reset_keeps_what_a_target_has_under_another_id(opened: Open) -> None:
    project = opened()
    deploy(project, "dev", "b")
    plan = project.directory / "sqitch.plan"
    plan.write_text(plan.read_text().replace("note a", "noted"))
    project.reset()
    assert names(project) == ["a", "b"]


def test_reset_is_refused_where_a_target_has_what_the_plan_has_not(opened: Open) -> None:
    project = opened()
    deploy(project, "dev")
    plan = project.directory / "sqitch.plan"
    plan.write_text(plan.read_text().replace("\nc ", "\nsea "))
    assert refused(project.reset)[0] == (
        f'Cannot reset the plan: dev ({project.resolve("dev").uri.display}) has "c", which sqitch.plan does not'
    )
    assert names(project) == ["a", "b", "sea"]
