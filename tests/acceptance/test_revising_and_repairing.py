"""``plan --remove``, ``--rename``, ``--reset`` and ``check --repair``, from outside, on a real PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sqitchpy.testing import Database
from tests.acceptance.cli import Result, run
from tests.projects import Scripts, add_tag, make_project, rework, table


@pytest.fixture
def project(tmp_path: Path, pg_database: Database) -> Path:
    """``a``, tagged, ``b`` and a rework of ``a``; the target ``dev`` is this test's database."""
    conf = f'[core]\n\ttarget = dev\n[target "dev"]\n\turi = {pg_database.uri}\n'
    changes = {"a": table("a", note="One"), "b": table("b", requires=["a"])}
    root = make_project(tmp_path / "widgets", changes, tags={"a": "v1"}, name="widgets", conf=conf)
    add_tag(root, "v2")
    rework(root, "a", "v2", Scripts("SELECT 1;\n", "SELECT 1;\n", "SELECT 1;\n"))
    return root


def contents(project: Path) -> dict[str, bytes]:
    return {str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()}


def without_target(result: Result) -> Result:
    lines = [line.partition(" (")[0] if line.startswith("  * dev (") else line for line in result.out.splitlines(True)]
    return Result(result.code, "".join(f"{line.rstrip()}\n" for line in lines), result.err)


REMOVAL = """\
To be removed in sqitch.plan
  * a (line 8)
Scripts
  * deploy/a@v2.sql → deploy/a.sql, in place of what is there
  * revert/a@v2.sql → revert/a.sql, in place of what is there
  * verify/a@v2.sql → verify/a.sql, in place of what is there
Targets
  * dev
"""


def test_a_dry_run_shows_what_removing_would_do_and_does_nothing(project: Path) -> None:
    before = contents(project)
    assert without_target(run(project, "plan", "--remove", "a@HEAD", "--dry-run")) == (0, REMOVAL, "")
    assert contents(project) == before


@pytest.mark.parametrize(
    ("answers", "code", "end"),
    [
        ("y\n", 0, '[No] Removed "a" from sqitch.plan\n'),
        ("n\n", 1, "[No] Nothing changed\n"),
        ("\n", 1, "[No] Nothing changed\n"),
        ("", 1, "[No] No\nNothing changed\n"),
    ],
)
def test_removing_asks_first_and_the_answer_is_no_by_default(project: Path, answers: str, code: int, end: str) -> None:
    before = contents(project)
    result = run(project, "plan", "--remove", "a@HEAD", answers=answers)
    assert (result.code, result.err) == (code, "")
    assert result.out.endswith(f"Change sqitch.plan? {end}")
    assert (contents(project) == before) is (code == 1)


def test_rename_takes_two_words_wherever_they_stand(project: Path) -> None:
    assert run(project, "plan", "dev", "--rename", "b", "bee", "-y").out.endswith(
        'Renamed "b" to "bee" in sqitch.plan\n'
    )
    assert run(project, "plan", "--rename=bee", "b", "-y", "dev").out.endswith('Renamed "bee" to "b" in sqitch.plan\n')
    assert run(project, "plan", "--rename", "b").err.startswith("Option rename requires an argument\n")


def test_reset_takes_out_what_is_not_deployed(project: Path) -> None:
    run(project, "deploy", "--to", "@v2")
    result = run(project, "plan", "--reset", "-y", "--json")
    document = json.loads(result.out)
    assert (document["action"], document["written"], document["dry_run"], document["error"]) == (
        "reset",
        True,
        False,
        None,
    )
    assert [change["change"] for change in document["changes"]] == ["a"]
    assert document["scripts"][0] == {"file": "deploy/a@v2.sql", "to": "deploy/a.sql"}
    (target,) = document["targets"]
    assert (target["target"], target["deployed"], target["why_not_asked"]) == ("dev", 2, None)
    assert run(project, "plan", "--reset") == (
        1,
        "Nothing to reset: everything in sqitch.plan is deployed, or the plan is empty\n",
        "",
    )


def test_what_is_deployed_stays_and_the_error_says_where_and_what_to_do(project: Path) -> None:
    run(project, "deploy", "--to", "b")
    before = contents(project)
    code, out, err = run(project, "plan", "--rename", "b", "bee", "-y")
    assert (code, out) == (2, "")
    first, second, hint = err.splitlines()
    assert first == 'Cannot rename "b"'
    assert second.startswith('sqitch.plan:6: change "b" is deployed on dev (db:pg:')
    assert "“sqitchpy revert dev --to a”" not in hint  # of the instances of a, which one?
    assert hint.startswith("hint: Nothing was changed. ")
    assert contents(project) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--remove", "b", "--reset"), "--remove and --reset exclude each other"),
        (("--rename", "a", "b", "--rewrite"), "--rename and --rewrite exclude each other"),
        (("--dry-run",), "--dry-run, -y and --unasked-ok belong to --remove, --rename and --reset"),
    ],
)
def test_options_that_do_not_go_together_are_refused(project: Path, words: tuple[str, ...], told: str) -> None:
    code, out, err = run(project, "plan", *words)
    assert (code, out, err.splitlines()[0]) == (2, "", told)


# -- check --repair ------------------------------------------------------------------------------------------------


def edit_note(project: Path) -> None:
    plan = project / "sqitch.plan"
    plan.write_text(plan.read_text().replace("# One", "# The first"))


def test_line_ends_alone_are_named_by_check(project: Path) -> None:
    run(project, "deploy")
    script = project / "deploy" / "b.sql"
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    assert run(project, "check") == (
        1,
        "Checking dev\nScript signatures diverge at change b @v2\nFailed one check\n",
        "hint: The script differs from what was deployed in its line ends alone: it was deployed with LF. Turn them "
        "back (Git: .gitattributes, core.autocrlf), or record the script as it is with “sqitchpy check --repair”.\n",
    )
    assert json.loads(run(project, "check", "--json").out)["line_ends"] == "LF"


def test_repair_shows_what_it_will_do_and_asks(project: Path) -> None:
    run(project, "deploy")
    edit_note(project)
    script = project / "deploy" / "b.sql"
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    document = json.loads(run(project, "check", "--repair", "--dry-run", "--json").out)
    (a, b, again) = document["changes"]

    def ids(change: dict[str, str]) -> str:
        return f"id {change['deployed_id'][:10]} → {change['change_id'][:10]}"

    shown = (
        "Checking dev\nTo be re-linked in the registry of dev\n"
        f"  * a @v1: {ids(a)}; tag @v1\n"
        f"  * b @v2: {ids(b)}; deploy/b.sql differs in its line ends alone, deployed with LF, hash "
        f"{b['deployed_hash'][:10]} → {b['script_hash'][:10]}; tag @v2\n"
        f"  * a: {ids(again)}\n"
    )
    assert (document["action"], document["dry_run"], document["repaired"], document["left"]) == (
        "repair",
        True,
        False,
        [],
    )
    assert run(project, "check", "--repair", "--dry-run") == (0, f"{shown}Would repair 3 changes\n", "")
    question = "Repair the registry of dev? "
    assert run(project, "check", "--repair") == (1, f"{shown}{question}[No] No\nNothing repaired\n", "")
    assert run(project, "status").code == 2
    assert run(project, "check", "--repair", answers="y\n") == (0, f"{shown}{question}[No] Repaired 3 changes\n", "")
    assert run(project, "check", "--repair") == (0, "Checking dev\nNothing to repair\n", "")
    assert run(project, "check") == (0, "Checking dev\nCheck successful\n", "")
    assert run(project, "status").out.endswith("Nothing to deploy (up-to-date)\n")


def test_what_is_left_alone_is_an_error(project: Path) -> None:
    run(project, "deploy")
    (project / "deploy" / "b.sql").unlink()
    code, out, err = run(project, "check", "--repair", "-y")
    assert (code, err) == (1, "")
    head, *lines = out.splitlines()
    assert head == "Checking dev"
    assert lines[0] == "Left alone"
    assert lines[1].startswith("  ! b @v2 (")
    assert lines[1].endswith("): its deploy script does not exist; its hash stays as it is")
    assert lines[2:] == ["Nothing repaired", "1 thing left alone, because repairing would mean guessing"]
    document = json.loads(run(project, "check", "--repair", "-y", "--json").out)
    assert document["left"][0]["label"] == "b @v2"
    assert document["error"]["exit_code"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--repair", "--from", "a"), "--repair is for everything that is deployed, and takes no range"),
        (("--dry-run",), "--dry-run, -y and --lock-timeout belong to --repair"),
    ],
)
def test_options_of_repair_that_do_not_go_together_are_refused(
    project: Path, words: tuple[str, ...], told: str
) -> None:
    code, out, err = run(project, "check", *words)
    assert (code, out, err.splitlines()[0]) == (2, "", told)


def test_status_says_how_a_moved_id_is_repaired(project: Path) -> None:
    run(project, "deploy")
    edit_note(project)
    assert "“sqitchpy check --repair --dry-run” shows" in run(project, "status").err
