"""Protected targets and ``--only``, from the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sqitchpy.testing import Database
from tests.acceptance.cli import run
from tests.projects import Scripts, add_change, make_project, table

REFUSED = 'Target "prod" is protected and is not reverted without its name\n'
HINT = "hint: Nothing was reverted. If you really mean it, add --yes-really prod\n"


@pytest.fixture
def project(tmp_path: Path, pg_database: Database) -> Path:
    changes = {"a": table("a"), "b": table("b"), "c": table("c", requires=["a"])}
    conf = f'[core]\n\tengine = pg\n\ttarget = prod\n[target "prod"]\n\turi = {pg_database.uri}\n\tprotected = true\n'
    directory = make_project(tmp_path / "widgets", changes, tags={"b": "v1"}, conf=conf)
    assert run(directory, "deploy").code == 0
    return directory


def deployed(directory: Path) -> list[str]:
    document = json.loads(run(directory, "status", "--json").out)
    return [change["change"] for change in document["deployed"]]


@pytest.mark.parametrize(
    "words",
    [
        ("revert",),
        ("revert", "-y"),
        ("revert", "prod", "--to", "a", "-y"),
        ("revert", "-y", "--only", "c"),
        ("revert", "-y", "--modified"),
        ("revert", "-y", "--log-only"),
        ("rebase", "-y"),
        ("rebase", "-y", "--onto", "a"),
    ],
)
def test_a_protected_target_is_not_reverted_whatever_else_is_said(project: Path, words: tuple[str, ...]) -> None:
    result = run(project, *words, answers="y\n")
    assert (result.code, result.out) == (2, "")
    assert result.err == REFUSED + HINT
    assert deployed(project) == ["a", "b", "c"]


def test_not_even_the_configuration_answers_for_its_name(project: Path) -> None:
    run(project, "config", "revert.no_prompt", "true")
    assert run(project, "revert").err == REFUSED + HINT
    assert deployed(project) == ["a", "b", "c"]


def test_the_name_has_to_be_its_own(project: Path) -> None:
    result = run(project, "revert", "-y", "--yes-really", "staging")
    assert result.code == 2
    assert result.err == (
        '--yes-really staging is not the name of this target, which is "prod"\n'
        "hint: Nothing was reverted. If you mean this one, type --yes-really prod\n"
    )
    assert deployed(project) == ["a", "b", "c"]


def test_with_its_name_it_is_asked_about_and_reverted_like_any_other(project: Path) -> None:
    assert run(project, "revert", "--yes-really", "prod", answers="n\n").out == (
        "Revert all changes from prod? [Yes] Nothing reverted\n"
    )
    result = run(project, "revert", "-y", "--to", "@v1", "--yes-really", "prod")
    assert (result.code, result.out, result.err) == (
        0,
        "Reverting changes to b @v1 from prod\n  - c .. ok\n",
        "",
    )
    assert run(project, "rebase", "-y", "--yes-really", "prod").code == 0
    assert deployed(project) == ["a", "b", "c"]


def test_a_wrong_name_is_refused_for_a_target_that_is_not_protected_as_well(project: Path) -> None:
    run(project, "target", "alter", "prod", "--no-protected")
    assert run(project, "revert", "-y", "--yes-really", "prodd").code == 2
    assert deployed(project) == ["a", "b", "c"]
    assert run(project, "revert", "-y", "--yes-really", "prod").code == 0


def test_a_dry_run_needs_no_name(project: Path) -> None:
    result = run(project, "revert", "--dry-run")
    assert result.code == 0
    assert result.out.startswith("Would revert 3 changes from prod\n")


def test_the_database_is_protected_also_when_it_is_called_by_its_uri(project: Path, pg_database: Database) -> None:
    result = run(project, "revert", "-y", pg_database.uri)
    assert result.code == 2
    assert "is protected" in result.err
    shown = result.err.partition('Target "')[2].partition('"')[0]
    assert run(project, "revert", "-y", pg_database.uri, "--yes-really", "prod").code == 2
    assert run(project, "revert", "-y", pg_database.uri, "--yes-really", shown).code == 0


def test_what_a_failed_run_has_deployed_is_taken_back_all_the_same(project: Path) -> None:
    add_change(project, "d", table("d"))
    add_change(project, "e", Scripts("SELECT no_such_column;", "SELECT 1;"))
    result = run(project, "deploy")
    assert result.code == 2
    assert "Reverting to c" in result.err
    assert "  - d .. ok" in result.out
    assert deployed(project) == ["a", "b", "c"]


def test_checkout_reverts_no_protected_target_and_leaves_the_branch(project: Path) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        done = subprocess.run(["git", *identity, *words], cwd=project, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "Three changes.")
    git("branch", "other")
    add_change(project, "d", table("d"))
    git("add", ".")
    git("commit", "-qm", "A fourth.")
    assert run(project, "deploy").code == 0
    result = run(project, "checkout", "-y", "other")
    assert (result.code, result.err) == (2, REFUSED + HINT)
    assert git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert deployed(project) == ["a", "b", "c", "d"]
    assert run(project, "checkout", "-y", "other", "--yes-really", "prod").code == 0
    assert deployed(project) == ["a", "b", "c"]


def test_a_target_is_marked_and_shown_as_protected(project: Path, pg_database: Database) -> None:
    assert "    Protected:     yes\n" in run(project, "target", "show", "prod").out
    run(project, "target", "add", "test", "db:pg:test")
    assert "Protected" not in run(project, "target", "show", "test").out
    run(project, "target", "alter", "test", "--protected")
    assert run(project, "config", "target.test.protected").out == "true\n"
    (shown,) = json.loads(run(project, "target", "show", "test", "--json").out)["targets"]
    assert shown["protected"] is True


def test_json_tells_the_refusal(project: Path) -> None:
    document = json.loads(run(project, "revert", "-y", "--json").out)
    assert document["error"]["message"] + "\n" == REFUSED
    assert f"hint: {document['error']['help']}\n" == HINT


# -- --only -----------------------------------------------------------------------------------------------------


def test_only_on_the_command_line(project: Path) -> None:
    sure = ("--yes-really", "prod")
    result = run(project, "revert", "--only", "a", *sure, answers="y\n")
    assert result.out == "Revert only c, a from prod? [Yes]   - c .. ok\n  - a .. ok\n"
    assert run(project, "revert", "-y", "--only", "b", *sure).out == "Reverting only b @v1 from prod\n  - b @v1 .. ok\n"
    result = run(project, "deploy", "--only", "c")
    assert result.out == "Deploying only a, c to prod\n  + a .. ok\n  + c .. ok\n"
    told = "warning: planned before c, this change is not deployed: b @v1. “sqitchpy deploy --only b” deploys it\n"
    assert result.err == told
    assert run(project, "deploy") == (0, "Nothing to deploy (up-to-date)\n", told)
    status = run(project, "status", "--exit-code")
    assert (status.code, status.out.splitlines()[-1], status.err) == (1, "Nothing to deploy (up-to-date)", told)
    document = json.loads(run(project, "status", "--json").out)
    assert [gap["change"] for gap in document["gaps"]] == ["b"]
    assert run(project, "deploy", "--only", "b") == (0, "Deploying only b @v1 to prod\n  + b @v1 .. ok\n", "")
    assert run(project, "deploy", "--only", "b") == (0, 'Nothing to deploy ("b" is deployed)\n', "")
    assert run(project, "status", "--exit-code").code == 0


def test_only_tells_what_is_taken_back(project: Path) -> None:
    add_change(project, "d", table("d"))
    add_change(project, "e", table("e"))
    add_change(project, "f", Scripts("SELECT no_such_column;", "SELECT 1;", requires=["d", "e"]))
    add_change(project, "g", table("g"))
    run(project, "deploy", "--only", "g")
    result = run(project, "deploy", "--only", "f")
    assert result.out == (
        "Deploying only d, e, f to prod\n  + d .. ok\n  + e .. ok\n  + f .. not ok\n  - e .. ok\n  - d .. ok\n"
    )
    assert "\nReverting e, d\n" in result.err
    assert deployed(project) == ["a", "b", "c", "g"]


def test_a_dry_run_of_only(project: Path) -> None:
    assert run(project, "revert", "--only", "a", "--dry-run").out == "Would revert 2 changes from prod\n  - c\n  - a\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("revert", "--only", "a", "--to", "b"), "--to"),
        (("revert", "--only", "a", "--modified"), "--modified"),
        (("revert", "--only", "a", "b"), '"b"'),
        (("deploy", "--only", "a", "--to", "b"), "--to"),
        (("deploy", "--only", "a", "--change", "b"), "--to"),
        (("deploy", "--only", "a", "b"), '"b"'),
    ],
)
def test_only_is_all_that_is_named(project: Path, words: tuple[str, ...], said: str) -> None:
    result = run(project, *words)
    assert result.code == 2
    assert f"--only CHANGE says all that is to be done: leave {said} out." in result.err
    assert deployed(project) == ["a", "b", "c"]


def test_strict_reverts_are_content_with_only(project: Path) -> None:
    run(project, "config", "revert.strict", "true")
    assert run(project, "revert", "-y", "--only", "c", "--yes-really", "prod").code == 0
