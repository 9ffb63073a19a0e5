"""The registry's tables: those of Sqitch, made, upgraded, refused, and under names of every kind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import sqitchpy
from sqitchpy.errors import RegistryError
from sqitchpy.events import RegistryCreated, RegistryUpgraded
from sqitchpy.testing import Database, DatabaseServer
from tests.dumps import schema_dump
from tests.integration.conftest import App, Build
from tests.integration.old_registries import VERSION_0, VERSION_1_0
from tests.projects import Scripts, add_change, table

CONSTRAINTS = {
    ("changes", "changes_pkey", "PRIMARY KEY (change_id)"),
    ("changes", "changes_project_fkey", "FOREIGN KEY (project) REFERENCES sqitch.projects(project) ON UPDATE CASCADE"),
    ("changes", "changes_project_script_hash_key", "UNIQUE (project, script_hash)"),
    ("dependencies", "dependencies_pkey", "PRIMARY KEY (change_id, dependency)"),
    (
        "dependencies",
        "dependencies_change_id_fkey",
        "FOREIGN KEY (change_id) REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE ON DELETE CASCADE",
    ),
    (
        "dependencies",
        "dependencies_dependency_id_fkey",
        "FOREIGN KEY (dependency_id) REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE",
    ),
    ("events", "events_pkey", "PRIMARY KEY (change_id, committed_at)"),
    ("events", "events_project_fkey", "FOREIGN KEY (project) REFERENCES sqitch.projects(project) ON UPDATE CASCADE"),
    ("projects", "projects_pkey", "PRIMARY KEY (project)"),
    ("projects", "projects_uri_key", "UNIQUE (uri)"),
    ("releases", "releases_pkey", "PRIMARY KEY (version)"),
    ("tags", "tags_pkey", "PRIMARY KEY (tag_id)"),
    ("tags", "tags_project_fkey", "FOREIGN KEY (project) REFERENCES sqitch.projects(project) ON UPDATE CASCADE"),
    ("tags", "tags_change_id_fkey", "FOREIGN KEY (change_id) REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE"),
    ("tags", "tags_project_tag_key", "UNIQUE (project, tag)"),
}


def run_sqitch(sqitch: str, app: App, *words: str, database: Database | None = None) -> str:
    done = subprocess.run(
        [sqitch, *words, (database or app.database).uri],
        cwd=app.path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_registry_is_the_same_to_the_last_constraint_as_that_of_sqitch(
    build: Build, sqitch: str, pg_server: DatabaseServer
) -> None:
    app = build({"a": table("a")})
    app.deploy()
    with pg_server.database() as other:
        run_sqitch(sqitch, app, "deploy", database=other)
        theirs = schema_dump(other, schemas=["sqitch"])
    assert len(theirs) > 50
    assert schema_dump(app.database, schemas=["sqitch"]) == theirs


def test_keys_of_the_registry_have_the_names_that_upgrades_rely_on(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy()
    found = app.rows(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'sqitch'::regnamespace AND contype IN ('p', 'u', 'f')"
    )
    assert {(table.removeprefix("sqitch."), name, words) for table, name, words in found} == CONSTRAINTS
    checks = app.rows(
        "SELECT conname FROM pg_constraint WHERE connamespace = 'sqitch'::regnamespace AND contype = 'c' ORDER BY 1"
    )
    assert checks == [("dependencies_check",), ("events_event_check",)]


def test_first_deployment_records_the_version_and_who_installed_it(build: Build) -> None:
    app = build({"a": table("a")})
    app.deploy()
    assert app.rows("SELECT version::text, installer_name, installer_email FROM sqitch.releases") == [
        ("1.1", "Ann Ex", "ann@example.com")
    ]
    assert app.of(RegistryCreated) == [RegistryCreated(app.database.uri)]


def test_registry_is_made_in_a_schema_that_is_there_already(build: Build) -> None:
    app = build({"a": table("a")})
    app.rows("CREATE SCHEMA sqitch")
    app.deploy()
    assert app.deployed() == ["a"]


def test_a_registry_of_version_1_0_is_upgraded_by_the_next_deployment_to_what_a_new_one_is(
    build: Build, pg_server: DatabaseServer
) -> None:
    app = build({"a": table("a")})
    app.rows(VERSION_1_0)
    app.deploy()
    assert app.of(RegistryUpgraded) == [RegistryUpgraded(("1", "1.1"))]
    assert app.rows("SELECT version::text, installer_name FROM sqitch.releases ORDER BY version") == [
        ("1", "Old Timer"),
        ("1.1", "Ann Ex"),
    ]
    with pg_server.database() as fresh:
        other = App(app.path, fresh)
        other.deploy()
        new = schema_dump(fresh, schemas=["sqitch"])
    assert schema_dump(app.database, schemas=["sqitch"]) == new


def test_a_registry_older_than_versions_is_upgraded_step_by_step(build: Build) -> None:
    app = build({"a": table("a")})
    app.rows(VERSION_0)
    app.deploy()
    assert app.of(RegistryUpgraded) == [RegistryUpgraded(("0", "1.0", "1.1"))]
    assert app.rows("SELECT version::text FROM sqitch.releases ORDER BY version") == [("1",), ("1.1",)]
    assert app.deployed() == ["a"]
    checks = app.rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'sqitch.changes'::regclass AND contype = 'u' ORDER BY 1"
    )
    assert checks == [("changes_project_script_hash_key",)]


@pytest.mark.parametrize("old", [VERSION_0, VERSION_1_0], ids=["0", "1.0"])
def test_an_upgraded_registry_is_the_one_that_sqitch_upgrade_makes(
    build: Build, sqitch: str, pg_server: DatabaseServer, old: str
) -> None:
    app = build({"a": table("a")})
    app.rows(old)
    app.deploy()
    with pg_server.database() as other:
        other.rows(old)
        run_sqitch(sqitch, app, "upgrade", database=other)
        theirs = schema_dump(other, schemas=["sqitch"])
    assert schema_dump(app.database, schemas=["sqitch"]) == theirs


def deploy_in_version_0(app: App) -> None:
    """Rows of the first change, as a Sqitch of version 0 wrote them."""
    change = sqitchpy.Project.open(app.path).plan(app.database.uri).changes[0]
    people = "'2014-01-01 00:00:00+00', 'Ann Ex', 'ann@example.com', '2024-01-02 03:03:00+00', 'Pat', 'pat@example.com'"
    app.rows(VERSION_0)
    app.rows("INSERT INTO sqitch.projects VALUES ('app', NULL, now(), 'Ann Ex', 'ann@example.com')")
    app.rows(f"INSERT INTO sqitch.changes VALUES (%s, 'a', 'app', '', {people})", change.id)


def test_hashes_that_an_upgrade_cannot_know_are_put_in_after_it(build: Build) -> None:
    app = build({"a": Scripts(deploy="CREATE TABLE users(id int);\n")})
    deploy_in_version_0(app)
    add_change(app.path, "b", table("b"))
    app.deploy()
    hashes = dict(app.rows("SELECT change, script_hash FROM sqitch.changes"))
    assert hashes["a"] == "fefa06b649ec4b47ad425c78f6ed53a1c8fc52b0"
    assert app.deployed() == ["a", "b"]


def test_hashes_of_changes_whose_scripts_are_gone_become_unknown(build: Build) -> None:
    app = build({"a": Scripts(deploy="CREATE TABLE users(id int);\n")})
    deploy_in_version_0(app)
    (app.path / "deploy" / "a.sql").unlink()
    assert app.deploy().message == "Nothing to deploy (up-to-date)"
    assert app.rows("SELECT change, script_hash FROM sqitch.changes") == [("a", None)]


def test_status_and_log_of_a_registry_older_than_versions_say_where_it_stands(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    deploy_in_version_0(app)
    status = app.status()
    assert status.state is not None
    assert (status.state.name, status.state.script_hash) == ("a", None)
    assert [change.name for change in status.pending or ()] == ["b"]
    with app.session() as target:
        assert list(target.log()) == []


def test_a_registry_of_a_later_version_is_refused_in_sqitchs_words(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b")})
    app.deploy("a")
    app.rows("INSERT INTO sqitch.releases VALUES (1.2, now(), 'X', 'x@example.com')")
    words = "Registry version is 1.2 but 1.1 is the latest known. Please upgrade Sqitch"
    with pytest.raises(RegistryError) as deploying:
        app.deploy()
    with pytest.raises(RegistryError) as reverting:
        app.revert()
    with pytest.raises(RegistryError) as verifying:
        app.verify()
    assert deploying.value.message == words + "."
    assert (reverting.value.message, verifying.value.message) == (words, words)
    assert (app.deployed(), app.tables()) == (["a"], ["a"])
    assert app.status().state is not None


def test_revert_and_verify_ask_for_the_upgrade_of_an_older_registry(build: Build) -> None:
    app = build({"a": table("a")})
    app.rows(VERSION_1_0)
    words = 'Registry is at version 1 but latest is 1.1. Please run the "upgrade" command'
    with pytest.raises(RegistryError) as reverting:
        app.revert()
    with pytest.raises(RegistryError) as verifying:
        app.verify()
    assert (reverting.value.message, verifying.value.message) == (words, words)
    assert app.status().state is None


NAMES = ["A Registry", 'the "one"', "it's", "100%", "%s", "régistre é", "UPPER", "a.b", "select", "{registry}", "$1"]


@pytest.mark.parametrize("name", NAMES)
def test_a_registry_may_have_any_name(build: Build, name: str) -> None:
    app = build({"a": table("a"), "b": table("b", requires=["a"])}, tags={"a": "v1"}, registry=name)
    app.deploy(verify=True)
    app.verify()
    schemas = app.rows(
        "SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'tags'"
    )
    assert schemas == [(name,)]
    with app.session() as target:
        assert [row.change for row in target.log()] == ["b", "a"]
        assert target.status().state.tags == ()  # type: ignore[union-attr]
    app.revert(to="@v1")
    app.revert()
    assert app.tables() == []


def test_scripts_see_the_name_of_the_registry_and_no_variable_can_take_its_place(build: Build) -> None:
    app = build({"a": Scripts(deploy="CREATE TABLE a AS SELECT :'registry' AS name;")}, registry="My Registry")
    app.deploy(variables={"registry": "mine"})
    assert app.value("SELECT name FROM a") == "My Registry"


def test_two_registries_in_one_database_know_nothing_of_each_other(build: Build, tmp_path: Path) -> None:
    first = build({"a": table("a")}, registry="one")
    second = build({"b": table("b")}, name="other", registry="two")
    first.deploy()
    second.deploy()
    assert first.value("SELECT change FROM one.changes") == "a"
    assert second.value("SELECT change FROM two.changes") == "b"
