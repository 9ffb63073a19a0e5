"""The tests that every engine passes, ours and yours: what deploying, reverting and verifying mean.

Subclass :class:`EngineConformance` in a test module of yours, and define a fixture ``subject`` that gives each test an
empty database::

    class TestMyEngine(EngineConformance):
        @pytest.fixture
        def subject(self, tmp_path):
            return Subject("db:mine:…", ask=…)

Scripts are SQL that every database takes: ``CREATE TABLE name (id INTEGER)``, ``INSERT``, ``DROP TABLE``.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sqitchpy.errors import (
    DeployError,
    LockTimeoutError,
    Refusal,
    RegistryError,
    RevertError,
    SqitchpyError,
    VerifyError,
)
from sqitchpy.events import Event, OnEvent, ScriptOutput, StepStarted, Warned
from sqitchpy.options import LogFilter, Transaction
from sqitchpy.project import Project
from sqitchpy.session import TargetSession

PLANNER = "Pat Planner <pat@example.com>"
IDENTITY = {
    "SQITCH_FULLNAME": "Ann Ex",
    "SQITCH_EMAIL": "ann@example.com",
    "SQITCH_SYSTEM_CONFIG": os.devnull,
    "SQITCH_USER_CONFIG": os.devnull,
}
BROKEN = "SELECT no_such_column FROM no_such_table"


@dataclass(frozen=True)
class Subject:
    """An empty database for one test. ``ask`` runs a query over a connection of its own and gives its rows."""

    uri: str
    ask: Callable[[str], Sequence[Sequence[Any]]]
    atomic: bool = True
    """Whether a change that makes a table is one transaction with its record (in MySQL DDL commits by itself)."""
    registry: str | None = None
    """The registry's name, if it must not be ``sqitch``."""
    environ: dict[str, str] = field(default_factory=dict)
    """What the engine needs in the environment."""
    tables: Callable[[], Collection[str]] | None = None
    """The names of all tables: say it where to connect takes long, or each of hundreds is looked for by ``ask``."""

    there: Callable[[], bool] | None = None
    """Whether the database is there at all: say it where the first deployment makes it, as it makes a file."""

    def among(self, names: Sequence[str]) -> list[str]:
        """Those of the names that are tables."""
        there = None if self.tables is None else self.tables()
        return [name for name in names if (self.has(name) if there is None else name in there)]

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        try:
            self.ask(f"SELECT id FROM {table} WHERE 1 = 0")
        except Exception:  # noqa: BLE001  # every driver has errors of its own
            return False
        return True


class App:
    """A project on the database of a test."""

    def __init__(self, directory: Path, subject: Subject) -> None:
        self.directory = directory
        self.subject = subject
        self.told: list[Event] = []
        self._lines = ["%project=app", ""]
        registry = f"[core]\n\tregistry = {subject.registry}\n" if subject.registry else "[core]\n"
        (directory / "sqitch.conf").write_text(registry, encoding="utf-8")

    @property
    def environ(self) -> dict[str, str]:
        """The environment, without the configuration and identity of whoever runs the tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SQITCH_")}
        return {**kept, **IDENTITY, **self.subject.environ}

    def plan(
        self, name: str, deploy: str, revert: str, verify: str | None = None, requires: Sequence[str] = ()
    ) -> None:
        """Plan a change, with its scripts."""
        wanted = f" [{' '.join(requires)}]" if requires else ""
        self._line(f"{name}{wanted}")
        for kind, text in (("deploy", deploy), ("revert", revert), ("verify", verify)):
            if text is not None:
                self.write(kind, name, text)

    def table(self, name: str, requires: Sequence[str] = ()) -> None:
        """Plan a change that makes a table of its name, in scripts laid out as Sqitch's templates lay them out."""
        self.plan(
            name,
            f"BEGIN;\nCREATE TABLE {name} (id INTEGER);\nCOMMIT;\n",
            f"BEGIN;\nDROP TABLE {name};\nCOMMIT;\n",
            f"BEGIN;\nSELECT id FROM {name} WHERE 1 = 0;\nROLLBACK;\n",
            requires,
        )

    def tag(self, name: str) -> None:
        """Tag the last change."""
        self._line(f"@{name}")

    def _line(self, words: str) -> None:
        hour, minute = divmod(3 * 60 + len(self._lines), 60)
        self._lines.append(f"{words} 2024-01-02T{hour:02}:{minute:02}:00Z {PLANNER} # {words}")
        (self.directory / "sqitch.plan").write_text("\n".join(self._lines) + "\n", encoding="utf-8")

    def write(self, kind: str, name: str, text: str) -> None:
        """Write a script."""
        path = self.directory / kind / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def target(self, on_event: OnEvent | None = None) -> TargetSession:
        """The database as a target of the project."""
        tell = on_event or self.told.append
        return Project.open(self.directory, environ=self.environ).target(self.subject.uri, on_event=tell)

    def deploy(self, to: str | None = None, **options: Any) -> tuple[str, ...]:
        """Deploy; the names of what was deployed."""
        with self.target() as target:
            return target.deploy(to, lock_timeout=10, **options).done

    def revert(self, to: str | None = None, **options: Any) -> tuple[str, ...]:
        """Revert; the names of what was reverted."""
        with self.target() as target:
            return target.revert(to, lock_timeout=10, **options).done

    def deployed(self) -> list[str]:
        """The names of the deployed changes, in their order."""
        with self.target() as target:
            status = target.status(with_changes=True)
        return [change.name for change in status.deployed or ()]

    def events(self) -> list[str]:
        """What was recorded, oldest first: ``deploy a``, ``fail b`` …"""
        with self.target() as target:
            return [f"{row.event} {row.change}" for row in target.log(LogFilter(reverse=True))]

    def run(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the command ``sqitchpy`` in the project's folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "sqitchpy", *words],
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )


class EngineConformance:
    """The suite. Every test gets an ``app`` with no changes planned."""

    rounds = 6
    """How often a deployment is killed."""

    @pytest.fixture
    def app(self, tmp_path: Path, subject: Subject) -> App:
        """A project on the database."""
        directory = tmp_path / "project"
        directory.mkdir()
        return App(directory, subject)

    # -- deploying ----------------------------------------------------------------------------------------------

    def test_changes_are_deployed_and_recorded_in_their_order(self, app: App) -> None:
        app.table("a")
        app.table("b", ["a"])
        assert app.deploy() == ("a", "b")
        assert app.subject.has("a")
        assert app.subject.has("b")
        assert app.deployed() == ["a", "b"]
        assert app.events() == ["deploy a", "deploy b"]

    def test_a_second_deployment_has_nothing_to_do(self, app: App) -> None:
        app.table("a")
        app.deploy()
        with app.target() as target:
            assert target.deploy().message == "Nothing to deploy (up-to-date)"
        assert app.events() == ["deploy a"]

    def test_looking_at_a_database_that_was_never_deployed_to_changes_nothing(self, app: App) -> None:
        app.table("a")
        with app.target() as target:
            assert target.status().state is None
        with app.target() as target, pytest.raises(Refusal, match="has not been initialized for Sqitch"):
            list(target.log())
        with app.target() as target, pytest.raises(RegistryError, match="No registry found"):
            target.verify()
        with app.target() as target:
            target.preview_deploy(sql=True)
        assert app.subject.there is None or not app.subject.there()

    def test_a_dry_run_says_what_would_be_done_and_does_nothing(self, app: App) -> None:
        app.table("a")
        with app.target() as target:
            preview = target.preview_deploy(sql=True)
        assert [step.change for step in preview.steps] == ["a"]
        assert preview.creates_registry
        assert not app.subject.has("a")
        assert app.deploy() == ("a",)

    def test_what_is_recorded_is_what_was_planned(self, app: App) -> None:
        app.table("a")
        app.table("b", ["a", "!old:legacy"])
        app.tag("v1")
        app.tag("v1.1")
        app.deploy()
        with app.target() as target:
            plan = Project.open(app.directory).plan(app.subject.uri)
            first, change = target.status(with_changes=True).deployed
            events = list(target.log())
        planned = plan.changes[1]
        assert (change.id, change.name, change.note, change.planner) == (
            planned.id,
            "b",
            "b [a !old:legacy]",
            planned.planner,
        )
        assert f"{change.planned_at:%Y-%m-%dT%H:%M:%SZ}" == planned.planned_at
        assert (change.requires, change.conflicts) == (("a",), ("old:legacy",))
        assert sorted(tag.name for tag in change.tags) == ["v1", "v1.1"]
        assert {tag.id for tag in change.tags} == {tag.id for tag in planned.tags}
        assert first.committed_at < change.committed_at
        assert (events[0].requires, events[0].conflicts, events[0].tags) == (("a",), ("old:legacy",), ("@v1", "@v1.1"))

    def test_order_is_kept_when_many_are_recorded_at_once(self, app: App) -> None:
        names = [f"t{number}" for number in range(40)]
        for name in names:
            app.table(name)
        app.deploy(log_only=True)
        assert app.deployed() == names
        assert not app.subject.has("t1")

    def test_an_unknown_requirement_is_refused_before_anything_runs(self, app: App) -> None:
        app.table("a")
        app.table("b", ["other:thing"])
        with pytest.raises(SqitchpyError, match="Missing required change: other:thing"):
            app.deploy()
        assert not app.subject.has("a")

    def test_a_tag_that_was_added_later_is_recorded(self, app: App) -> None:
        app.table("a")
        app.deploy()
        app.tag("late")
        app.deploy()
        with app.target() as target:
            state = target.status().state
        assert state is not None
        assert [tag.name for tag in state.tags] == ["late"]

    def test_two_projects_share_a_registry_and_require_each_other(self, app: App, tmp_path: Path) -> None:
        app.table("a")
        app.tag("v1")
        app.deploy()
        (tmp_path / "second").mkdir()
        other = App(tmp_path / "second", app.subject)
        other._lines[0] = "%project=other"
        other.plan("x", "SELECT 1;", "SELECT 1;", requires=["app:a", "app:@v1", "app:a@v1"])
        assert other.deploy() == ("x",)
        with pytest.raises(RegistryError, match='Change "a @v1" required by currently deployed change'):
            app.revert()

    def test_a_project_cannot_take_anothers_uri(self, app: App, tmp_path: Path) -> None:
        app._lines.insert(1, "%uri=https://example.com/")
        app.table("a")
        app.deploy()
        (tmp_path / "second").mkdir()
        other = App(tmp_path / "second", app.subject)
        other._lines[:1] = ["%project=other", "%uri=https://example.com/"]
        other.plan("x", "SELECT 1;", "SELECT 1;")
        with pytest.raises(RegistryError, match='project "app" already using that URI'):
            other.deploy()

    # -- failing ------------------------------------------------------------------------------------------------

    def test_a_failing_script_leaves_nothing_but_its_event(self, app: App) -> None:
        app.table("a")
        app.plan("b", f"INSERT INTO a VALUES (1);\n{BROKEN};\n", "SELECT 1;")
        with pytest.raises(DeployError) as caught:
            app.deploy(mode="change")
        assert caught.value.change == "b"
        assert app.deployed() == ["a"]
        assert list(map(tuple, app.subject.ask("SELECT count(*) FROM a"))) == [(0,)]
        assert app.events() == ["deploy a", "fail b"]

    def test_an_error_says_where(self, app: App) -> None:
        app.plan("a", f"SELECT 1;\n\n{BROKEN};\n", "SELECT 1;")
        with pytest.raises(DeployError) as caught:
            app.deploy()
        assert "deploy/a.sql:3" in str(caught.value.failure)

    def test_the_whole_run_is_taken_back_unless_asked_otherwise(self, app: App) -> None:
        app.table("a")
        app.table("b")
        app.plan("c", f"{BROKEN};", "SELECT 1;")
        with pytest.raises(DeployError):
            app.deploy()
        assert app.events() == ["deploy a", "deploy b", "fail c", "revert b", "revert a"]
        assert not app.subject.has("a")

    def test_mode_tag_goes_back_to_the_last_tag(self, app: App) -> None:
        app.table("a")
        app.tag("v1")
        app.table("b")
        app.plan("c", f"{BROKEN};", "SELECT 1;")
        with pytest.raises(DeployError):
            app.deploy(mode="tag")
        assert app.deployed() == ["a"]

    def test_a_failing_verification_leaves_nothing(self, app: App) -> None:
        app.plan("a", "CREATE TABLE a (id INTEGER);", "DROP TABLE a;", f"{BROKEN};")
        with pytest.raises(DeployError):
            app.deploy(verify=True, mode="change")
        assert not app.subject.has("a")
        assert app.events() == ["fail a"]

    def test_a_verification_after_the_commit_that_fails_is_taken_back(self, app: App) -> None:
        app.plan("a", "CREATE TABLE a (id INTEGER);", "DROP TABLE a;", f"{BROKEN};")
        with pytest.raises(DeployError):
            app.deploy(verify=True, mode="change", verify_when="after")
        assert not app.subject.has("a")
        assert app.deployed() == []

    def test_what_a_verification_writes_is_not_kept(self, app: App) -> None:
        app.plan("a", "CREATE TABLE a (id INTEGER);", "DROP TABLE a;", "BEGIN;\nINSERT INTO a VALUES (1);\nROLLBACK;\n")
        app.deploy(verify=True)
        with app.target() as target:
            target.verify()
        assert list(map(tuple, app.subject.ask("SELECT count(*) FROM a"))) == [(0,)]

    def test_a_transaction_that_is_never_committed_is_refused(self, app: App) -> None:
        if not app.subject.atomic:
            pytest.skip("DDL commits by itself here")
        app.plan("a", "BEGIN;\nCREATE TABLE a (id INTEGER);\n", "SELECT 1;")
        with pytest.raises(DeployError) as caught:
            app.deploy()
        assert "deploy/a.sql:1: the transaction opened here is never committed" in str(caught.value.failure)

    def test_the_same_script_twice_is_refused(self, app: App) -> None:
        app.plan("a", "SELECT 1;", "SELECT 1;")
        app.plan("b", "SELECT 1;", "SELECT 1;")
        with pytest.raises(DeployError) as caught:
            app.deploy(mode="change")
        assert "The deploy script is not unique" in str(caught.value.failure)
        assert app.deployed() == ["a"]

    # -- transactions -------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("transaction", ["change", "run", "script"])
    def test_every_transaction_mode_comes_to_the_same(self, app: App, transaction: Transaction) -> None:
        app.table("a")
        app.table("b", ["a"])
        app.plan("c", "INSERT INTO b VALUES (1);\nINSERT INTO b VALUES (2);\n", "DELETE FROM b;", "SELECT id FROM b;")
        assert app.deploy(verify=True, transaction=transaction) == ("a", "b", "c")
        assert app.deployed() == ["a", "b", "c"]
        assert list(map(tuple, app.subject.ask("SELECT count(*) FROM b"))) == [(2,)]

    def test_a_run_that_is_one_transaction_is_kept_or_not(self, app: App) -> None:
        app.table("a")
        app.plan("b", f"{BROKEN};", "SELECT 1;")
        with pytest.raises(DeployError):
            app.deploy(transaction="run")
        assert app.deployed() == []
        assert not app.subject.has("a")

    def test_a_run_keeps_what_its_mode_lets_stand(self, app: App) -> None:
        app.table("a")
        app.tag("v1")
        app.table("b")
        app.plan("c", f"{BROKEN};", "SELECT 1;")
        with pytest.raises(DeployError):
            app.deploy(transaction="run", mode="tag")
        assert app.deployed() == ["a"]
        assert not app.subject.has("b")

    def test_a_change_that_is_begun_goes_on_where_it_ended(self, app: App) -> None:
        app.table("a")
        app.deploy()
        script = "-- sqitchpy: transaction=off\nINSERT INTO a VALUES (1);\nINSERT INTO a SELECT id FROM later;\n"
        app.plan("b", script, "DELETE FROM a;")
        with pytest.raises(DeployError):
            app.deploy()
        with app.target() as target:
            target.status()
        assert any(isinstance(event, Warned) and "has begun this change" in event.text for event in app.told)
        self._make_table(app, "later")
        assert app.deploy() == ("b",)
        assert list(map(tuple, app.subject.ask("SELECT count(*) FROM a"))) == [(1,)]

    def _make_table(self, app: App, name: str) -> None:
        """Make a table by a project of its own, whose registry is not looked at."""
        elsewhere = app.directory.parent / f"of-{name}"
        elsewhere.mkdir()
        other = App(elsewhere, app.subject)
        other._lines[0] = f"%project={name}"
        other.table(name)
        other.deploy()

    # -- reverting ----------------------------------------------------------------------------------------------

    def test_a_revert_takes_everything_back(self, app: App) -> None:
        app.table("a")
        app.tag("v1")
        app.table("b", ["a"])
        app.deploy()
        assert app.revert() == ("b", "a")
        assert not app.subject.has("a")
        assert app.events() == ["deploy a", "deploy b", "revert b", "revert a"]
        with app.target() as target:
            *_, reverted = target.log(LogFilter(reverse=True))
        assert (reverted.tags, reverted.note) == (("@v1",), "a")

    def test_a_revert_ends_at_the_change_it_names(self, app: App) -> None:
        for name in "abc":
            app.table(name)
        app.deploy()
        assert app.revert("a") == ("c", "b")
        assert app.deploy() == ("b", "c")

    def test_a_failing_revert_leaves_the_change_deployed(self, app: App) -> None:
        app.table("a")
        app.plan("b", "INSERT INTO a VALUES (1);", f"DELETE FROM a;\n{BROKEN};\n")
        app.deploy()
        with pytest.raises(RevertError):
            app.revert()
        assert app.deployed() == ["a", "b"]
        assert list(map(tuple, app.subject.ask("SELECT count(*) FROM a"))) == [(1,)]

    # -- one change and what belongs to it -----------------------------------------------------------------------

    def test_only_deploys_a_change_and_what_it_requires(self, app: App) -> None:
        app.table("a")
        app.table("b")
        app.table("c", ["a"])
        app.table("d", ["c"])
        assert app.deploy(only="c") == ("a", "c")
        assert not app.subject.has("b")
        assert app.deploy() == ("d",)
        assert any(isinstance(event, Warned) and "not deployed: b." in event.text for event in app.told)
        assert app.deploy(only="b") == ("b",)
        assert app.deployed() == ["a", "b", "c", "d"]
        assert app.events() == ["deploy a", "deploy c", "deploy d", "deploy b"]

    def test_only_reverts_a_change_and_what_requires_it(self, app: App) -> None:
        app.table("a")
        app.table("b")
        app.table("c", ["a"])
        app.table("d", ["b"])
        app.table("e", ["c"])
        app.deploy()
        assert app.revert(only="a") == ("e", "c", "a")
        assert app.deployed() == ["b", "d"]
        assert app.deploy(only="e") == ("a", "c", "e")
        assert app.deployed() == ["a", "b", "c", "d", "e"]

    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_the_turn_rows_stand_in_the_order_of_the_plan(self, app: App, seed: int) -> None:
        names = [f"t{number}" for number in range(12)]
        for name in names:
            app.plan(name, f"SELECT '{name}';", f"SELECT 'no {name}';")
            app.tag(f"v_{name}")
        turns = random.Random(seed).sample(names, len(names))
        for turn, name in enumerate(turns, 1):
            assert app.deploy(only=name) == (name,)
            assert app.deployed() == [each for each in names if each in turns[:turn]]
        with app.target() as target:
            rows = target.status(with_changes=True).deployed
            assert [event.change for event in target.log(LogFilter(reverse=True))] == turns
        times = [row.committed_at for row in rows]
        assert sorted(set(times)) == times
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            (tag,) = row.tags
            assert row.committed_at <= tag.committed_at
            assert following is None or tag.committed_at < following.committed_at
        assert app.revert("@v_t4") == tuple(reversed(names[5:]))

    @pytest.mark.parametrize("transaction", ["change", "run", "script"])
    def test_a_failing_run_of_only_takes_back_its_own_changes(self, app: App, transaction: Transaction) -> None:
        app.table("a")
        app.table("b")
        app.plan("c", f"{BROKEN};", "SELECT 1;", requires=["b"])
        app.table("d")
        app.deploy(only="d")
        with pytest.raises(DeployError):
            app.deploy(only="c", transaction=transaction)
        assert app.deployed() == ["d"]
        assert not app.subject.has("b")
        assert app.subject.has("d")

    @pytest.mark.parametrize("transaction", ["change", "run", "script"])
    def test_every_transaction_mode_fills_gaps(self, app: App, transaction: Transaction) -> None:
        app.table("a")
        app.table("b")
        app.tag("v1")
        app.table("c", ["a", "b"])
        app.table("d")
        app.table("e", ["c"])
        app.deploy(only="d", transaction=transaction)
        assert app.deploy(only="e", transaction=transaction) == ("a", "b", "c", "e")
        assert app.deployed() == ["a", "b", "c", "d", "e"]
        assert app.revert("@v1") == ("e", "d", "c")

    def test_a_change_before_others_fails_its_verification_and_is_taken_back(self, app: App) -> None:
        app.plan("a", "CREATE TABLE a (id INTEGER);", "DROP TABLE a;", f"{BROKEN};")
        app.table("b")
        app.deploy(only="b")
        with pytest.raises(DeployError):
            app.deploy(only="a", verify=True, verify_when="after")
        assert app.deployed() == ["b"]
        assert not app.subject.has("a")

    # -- looking ------------------------------------------------------------------------------------------------

    def test_a_verification_finds_what_is_missing(self, app: App) -> None:
        app.table("a")
        app.plan("b", "SELECT 2;", "SELECT 1;", f"{BROKEN};")
        app.deploy()
        with app.target() as target, pytest.raises(VerifyError) as caught:
            target.verify()
        assert caught.value.report.errors == 1

    @pytest.mark.parametrize("jobs", [1, 3])
    def test_verifications_say_the_same_however_many_run_at_once(self, app: App, jobs: int) -> None:
        for number in range(12):
            broken = number in (4, 9)
            app.table(f"t{number}")
            app.write("verify", f"t{number}", f"SELECT 'seen {number}' AS said;\n" + (f"{BROKEN};\n" if broken else ""))
        app.deploy()
        app.told.clear()
        with app.target() as target, pytest.raises(VerifyError) as caught:
            target.verify(jobs=jobs)
        assert [label for label, _ in caught.value.report.problems] == ["t4", "t9"]
        printed = "".join(event.text for event in app.told if isinstance(event, ScriptOutput))
        assert [int(number) for number in re.findall(r"seen (\d+)", printed)] == list(range(12))

    def test_a_check_finds_an_edited_script(self, app: App) -> None:
        app.table("a")
        app.deploy()
        with app.target() as target:
            assert target.check().diverged is None
        app.write("deploy", "a", "SELECT 'edited';")
        with app.target() as target:
            assert target.check().diverged is not None
        assert app.revert(modified=True) == ("a",)

    def test_a_registry_that_an_edited_plan_has_left_behind_is_relinked(self, app: App) -> None:
        app.table("a")
        app.tag("v1")
        app.table("b", ["a"])
        app.table("c", ["b", "!old:thing"])
        app.deploy()
        app._lines[2] = app._lines[2].replace("# a", "# another note")  # the ids of all lines move
        app._lines[-1] = app._lines[-1].replace("c [b", "renamed [b")
        (app.directory / "deploy" / "c.sql").rename(app.directory / "deploy" / "renamed.sql")
        app.write("deploy", "b", "SELECT 'edited';")
        (app.directory / "sqitch.plan").write_text("\n".join(app._lines) + "\n", encoding="utf-8")
        with app.target() as target:
            target.repair()
            planned = Project.open(app.directory).plan(app.subject.uri).changes
            rows = target.status(with_changes=True).deployed
        assert [(row.name, row.id, row.note) for row in rows] == [(each.name, each.id, each.note) for each in planned]
        assert [tag.id for tag in rows[0].tags] == [tag.id for tag in planned[0].tags]
        assert [(row.requires, row.conflicts) for row in rows] == [((), ()), (("a",), ()), (("b",), ("old:thing",))]
        with app.target() as target:
            assert target.check().diverged is None
        for name in ("revert", "verify"):
            (app.directory / name / "c.sql").rename(app.directory / name / "renamed.sql")
        assert app.revert() == ("renamed", "b", "a")

    def test_a_registry_with_a_gap_is_relinked_where_the_plan_has_its_ids(self, app: App) -> None:
        for name in ("a", "b", "c"):
            app.table(name)
        app.deploy(only="c")
        app.write("deploy", "c", "SELECT 'edited';")
        with app.target() as target:
            target.repair()
            (row,) = target.status(with_changes=True).deployed
        assert row.script_hash == hashlib.sha1(b"SELECT 'edited';", usedforsecurity=False).hexdigest()

    def test_the_log_is_filtered(self, app: App) -> None:
        for name in ("users", "posts", "tags"):
            app.table(name)
        app.deploy()
        app.revert("posts")

        def names(wanted: LogFilter) -> list[str]:
            with app.target() as target:
                return [f"{row.event} {row.change}" for row in target.log(wanted)]

        assert names(LogFilter(change="^p")) == ["deploy posts"]
        assert names(LogFilter(events=("revert",))) == ["revert tags"]
        assert names(LogFilter(limit=2)) == ["revert tags", "deploy tags"]
        assert names(LogFilter(limit=1, offset=1, reverse=True)) == ["deploy posts"]
        assert names(LogFilter(project="nope")) == []
        assert names(LogFilter(committer="Ann", change="users")) == ["deploy users"]

    def test_what_a_query_finds_is_printed(self, app: App) -> None:
        app.plan("a", "SELECT 'seen', 42;", "SELECT 1;")
        app.deploy()
        printed = "".join(event.text for event in app.told if isinstance(event, ScriptOutput))
        assert "seen" in printed
        assert "42" in printed

    # -- more than one, and less than all of one ------------------------------------------------------------------

    def test_a_deployer_that_holds_the_lock_is_waited_for(self, app: App) -> None:
        app.table("a")
        begun, enough = threading.Event(), threading.Event()

        def pause(event: Event) -> None:
            if isinstance(event, StepStarted):
                begun.set()
                enough.wait(20)

        def deploy_slowly() -> None:
            with app.target(pause) as target:
                target.deploy()

        first = threading.Thread(target=deploy_slowly)
        first.start()
        assert begun.wait(20)
        with app.target() as second, pytest.raises(LockTimeoutError, match="Timed out waiting 1 seconds"):
            second.deploy(lock_timeout=1)
        enough.set()
        first.join()
        assert app.deployed() == ["a"]

    def test_two_at_once_deploy_everything_once(self, app: App) -> None:
        for number in range(15):
            app.table(f"t{number}")
        results: list[tuple[str, ...]] = []
        threads = [threading.Thread(target=lambda: results.append(app.deploy())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(len, results)) == [0, 15]
        assert app.deployed() == [f"t{number}" for number in range(15)]

    def test_killed_at_any_moment_the_registry_tells_the_truth_and_the_next_run_goes_on(self, app: App) -> None:
        names = [f"t{number}" for number in range(300)]
        for name in names:
            app.plan(name, f"BEGIN;\nCREATE TABLE {name} (id INTEGER);\nCOMMIT;\n", f"DROP TABLE {name};\n")
        pause = random.Random(1)
        killed = 0
        for _ in range(self.rounds):
            process = app.run("deploy", app.subject.uri)
            time.sleep(0.2 + pause.random() * 0.4)
            killed += process.poll() is None
            process.kill()
            process.communicate()
            if app.subject.atomic:
                self._agree(app, names)
        assert killed > 0
        app.deploy()
        assert app.deployed() == names
        self._agree(app, names)
        app.revert()
        self._agree(app, names)

    def _agree(self, app: App, names: Sequence[str]) -> None:
        """The registry and the schema say the same."""
        recorded = app.deployed()
        assert app.subject.among(names) == recorded
