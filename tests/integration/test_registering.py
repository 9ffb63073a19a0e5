"""Projects in a registry: several beside each other, and those that cannot be."""

from __future__ import annotations

import shutil

import pytest

from sqitchpy.errors import RegistryError
from tests.integration.conftest import App, Build
from tests.projects import table


def project(build: Build, name: str, uri: str | None = None) -> App:
    return build({f"{name}_a": table(f"{name}_a")}, name=name, uri=uri)


def test_projects_share_a_registry_and_are_told_apart(build: Build) -> None:
    one, two = project(build, "one"), project(build, "two", "https://example.com/two")
    one.deploy()
    two.deploy()
    assert one.rows("SELECT project, uri FROM sqitch.projects ORDER BY project") == [
        ("one", None),
        ("two", "https://example.com/two"),
    ]
    assert one.status().state.name == "one_a"  # type: ignore[union-attr]
    assert one.deploy().message == "Nothing to deploy (up-to-date)"
    assert two.verify().changes == 1
    one.revert()
    assert one.deployed() == ["two_a"]


def clash(build: Build, first: tuple[str, str | None], second: tuple[str, str | None]) -> str:
    app = project(build, *first)
    app.deploy()
    app.revert()
    shutil.rmtree(app.path)
    other = project(build, *second)
    with pytest.raises(RegistryError) as failure:
        other.deploy()
    assert other.deployed() == []
    return failure.value.message


U, V = "https://example.com/u", "https://example.com/v"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (("p", None), ("p", U), f'Cannot register "p" with URI {U}: already exists with NULL URI'),
        (("p", U), ("p", None), f'Cannot register "p" without URI: already exists with URI {U}'),
        (("p", U), ("p", V), f'Cannot register "p" with URI {V}: already exists with URI {U}'),
        (("p", U), ("q", U), f'Cannot register "q" with URI {U}: project "p" already using that URI'),
    ],
)
def test_a_project_that_clashes_with_a_registered_one_is_refused_in_sqitchs_words(
    build: Build, first: tuple[str, str | None], second: tuple[str, str | None], words: str
) -> None:
    assert clash(build, first, second) == words


def test_two_projects_without_uri_do_not_clash(build: Build) -> None:
    project(build, "one").deploy()
    project(build, "two").deploy()


def test_a_preview_finds_the_clash_too(build: Build) -> None:
    project(build, "p", U).deploy()
    other = project(build, "q", U)
    with other.session() as target, pytest.raises(RegistryError, match="already using that URI"):
        target.preview_deploy()


def test_uris_are_stored_as_legal_uris(build: Build) -> None:
    project(build, "p", "https://example.com/ü x").deploy()
    other = project(build, "q")
    assert other.rows("SELECT uri FROM sqitch.projects") == [("https://example.com/%C3%BC%20x",)]


def test_registration_stays_when_the_deployment_is_refused(build: Build) -> None:
    app = build({"a": table("a", requires=["base:users"])})
    with pytest.raises(RegistryError, match="Missing required change"):
        app.deploy()
    assert app.rows("SELECT project FROM sqitch.projects") == [("app",)]
    assert app.rows("SELECT * FROM sqitch.events") == []
