"""The command line where no database is needed: help, usage, plan, configuration, completion, start-up."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.cli import COMMAND, environment, run

PLAN = """\
%syntax-version=1.0.0
%project=widgets

a 2024-01-02T03:04:05Z Ann Ex <ann@example.com> # note a
bb [a] 2024-01-02T03:04:06Z Ann Ex <ann@example.com> # note bb
@v1 2024-01-02T03:04:07Z Ann Ex <ann@example.com> # one
ccccc [bb !old:thing] 2024-01-02T03:04:08Z Bob By <bob@example.com> # note ccccc
"""
HEADER = "# Project: widgets\n# File:    sqitch.plan\n\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sqitch.plan").write_text(PLAN)
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    return tmp_path


def ids(project: Path) -> list[str]:
    return [change["change_id"] for change in json.loads(run(project, "plan", "--json").out)["changes"]]


def test_the_version_is_one_line(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"sqitchpy \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize("words", [("--help",), ("--man",), ("help",)])
def test_help_lists_the_commands(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, err = run(tmp_path, *words)
    assert (code, err) == (0, "")
    for command in ("deploy", "revert", "verify", "status", "log", "plan", "embedded", "completion", "help"):
        assert f"\n  {command} " in out


@pytest.mark.parametrize("command", ["deploy", "revert", "verify", "status", "log", "plan", "embedded"])
def test_each_command_explains_itself_with_an_example(tmp_path: Path, command: str) -> None:
    page = run(tmp_path, "help", command)
    assert page.code == 0
    assert "Example" in page.out
    assert f"sqitchpy {command}" in page.out.partition("Example")[2]
    assert run(tmp_path, command, "--help") == page
    assert run(tmp_path, "--help", command) == page


def test_without_a_command_the_overview_is_on_stderr(tmp_path: Path) -> None:
    code, out, err = run(tmp_path)
    assert (code, out) == (2, "")
    assert err == run(tmp_path, "--help").out


def test_an_unknown_command_is_named_before_the_overview(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "foo")
    assert (code, out) == (2, "")
    assert err == '"foo" is not a valid command\n' + run(tmp_path, "--help").out


def test_there_is_no_help_for_what_there_is_not(tmp_path: Path) -> None:
    assert run(tmp_path, "help", "foo") == (1, "No manual entry for sqitchpy-foo\n", "")


def test_an_unknown_option_is_named_before_the_usage(project: Path) -> None:
    code, out, err = run(project, "plan", "--foo", "-n", "x")
    assert (code, out) == (2, "")
    assert err.startswith(
        'Unknown option: foo\nValue "x" invalid for option n (number expected)\nUsage: sqitchpy plan '
    )


def test_the_plan_is_listed(project: Path) -> None:
    assert run(project, "plan", "-n", "1") == (
        0,
        f"{HEADER}Deploy {ids(project)[0]}\n"
        "Name:      a\nPlanner:   Ann Ex <ann@example.com>\nDate:      2024-01-02 03:04:05 +0000\n\n    note a\n\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["a", "bb @v1", "ccccc"]),
        (["--reverse"], ["ccccc", "bb @v1", "a"]),
        (["--skip", "1", "-n1"], ["bb @v1"]),
        (["--reverse", "--skip", "1"], ["bb @v1", "a"]),
        (["-n", "0"], ["a", "bb @v1", "ccccc"]),
        (["-n", "-1"], []),
        (["--skip", "9"], []),
        (["--change", "^b"], ["bb @v1"]),
        (["--planner", "^Bob"], ["ccccc"]),
        (["--event", "revert"], []),
        (["--change", "^b", "--planner", "Bob"], ["bb @v1", "ccccc"]),  # any of them, as with Sqitch
        (["-n", "2", "--change", "c"], []),  # the window comes first
    ],
)
def test_the_plan_is_searched_as_sqitch_does(project: Path, words: list[str], names: list[str]) -> None:
    code, out, err = run(project, "plan", "--no-headers", "--format", "format:%n%t", *words)
    assert (code, out, err) == (0, "".join(f"{name}\n" for name in names), "")


def test_core_options_work_before_and_after_the_command(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    expected = run(project, "plan", "--oneline")
    assert expected.code == 0
    assert run(elsewhere, "-C", "..", "plan", "--oneline") == expected
    assert run(elsewhere, "plan", "--oneline", "-C..") == expected
    assert run(elsewhere, "plan", "--cd=..", "--onel") == expected


def test_a_directory_that_is_not_there_has_exit_code_255(project: Path) -> None:
    assert run(project, "-C", "nowhere", "plan") == (
        255,
        "",
        "Cannot change to directory nowhere: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "--format", "x"], 'Unknown plan format "x"'),
        (["log", "--format", "x"], 'Unknown log format "x"'),
        (["status", "--date", "x"], 'Unknown date format "x"'),
        (["deploy", "--mode", "foo"], 'Unknown value "foo" for --mode'),
        (["plan", "--color", "x"], 'Unknown value "x" for --color'),
    ],
)
def test_a_value_that_is_none_of_those_allowed_has_exit_code_255(project: Path, words: list[str], message: str) -> None:
    code, out, err = run(project, *words)
    assert (code, out, err.partition("\n")[0]) == (255, "", message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "x"], 'Unknown argument "x"\n'),
        (["plan", "x", "y"], "Unknown arguments: x, y\n"),
        (["plan", "--", "--x"], 'Unknown argument "--x"\n'),
        (["deploy", "a", "nope"], 'Unknown argument "nope"\n'),
        (["deploy", "a@nope"], 'Unknown tag "@nope"\n'),
        (["verify", "-t", "nope"], 'Cannot find target "nope"\n'),
        (["plan", "--event", "foo"], 'Unknown change operation "foo"\n'),
    ],
)
def test_an_argument_that_is_nothing_is_an_error(project: Path, words: list[str], message: str) -> None:
    code, out, err = run(project, *words)
    assert (code, out) == (2, "")
    assert err.startswith(message)


def test_too_many_targets_are_warned_about(project: Path) -> None:
    code, _, err = run(project, "plan", "db:pg:one", "db:pg:two")
    assert (code, err) == (0, "warning: Too many targets specified; using db:pg:one\n")


def test_an_empty_plan_is_a_refusal_on_stdout(project: Path) -> None:
    (project / "sqitch.plan").write_text("%project=widgets\n\n")
    assert run(project, "plan") == (1, "No changes in sqitch.plan\n", "")
    assert run(project, "plan", "--quiet") == (1, "", "")


def test_no_project_at_all_says_what_to_do(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "plan")
    assert (code, out) == (2, "")
    assert err.startswith('No project configuration found. Run the "init" command to initialize a project\n')


def test_a_broken_configuration_has_exit_code_255(project: Path) -> None:
    (project / "sqitch.conf").write_text("[core\nengine = pg\n")
    code, out, err = run(project, "plan")
    assert (code, out) == (255, "")
    assert err.startswith(f"Error parsing {project / 'sqitch.conf'} at line ")


def test_options_come_from_the_configuration(project: Path) -> None:
    (project / "sqitch.conf").write_text(
        "[core]\n\tengine = pg\n[plan]\n\tformat = format:%n\n\tmax_count = 2\n\treverse = true\n\theaders = false\n"
    )
    assert run(project, "plan") == (0, "ccccc\nbb\n", "")
    assert run(project, "plan", "--no-reverse", "-n1", "--headers") == (0, f"{HEADER}a\n", "")


def test_a_boolean_that_is_none_has_exit_code_255(project: Path) -> None:
    (project / "sqitch.conf").write_text("[core]\n\tengine = pg\n[plan]\n\theaders = maybe\n")
    code, _, err = run(project, "plan")
    assert (code, err.partition("\n")[0]) == (255, "Invalid bool 'maybe'")


def test_a_plan_as_json(project: Path) -> None:
    code, out, err = run(project, "plan", "--json", "--change", "ccccc")
    document = json.loads(out)
    assert (code, err, document["project"], document["uri"], document["file"]) == (
        0,
        "",
        "widgets",
        None,
        "sqitch.plan",
    )
    (change,) = document["changes"]
    assert len(change.pop("change_id")) == 40
    assert change == {
        "change": "ccccc",
        "operator": "+",
        "line": 7,
        "requires": ["bb"],
        "conflicts": ["old:thing"],
        "tags": [],
        "note": "note ccccc",
        "planner": {"name": "Bob By", "email": "bob@example.com"},
        "planned_at": "2024-01-02T03:04:08Z",
        "deployed": None,
    }


def test_an_error_as_json(project: Path) -> None:
    code, out, err = run(project, "plan", "--json", "nope")
    error = json.loads(out)["error"]
    assert (code, err) == (2, 'Unknown argument "nope"\n')
    assert (error["message"], error["exit_code"]) == ('Unknown argument "nope"', 2)


@pytest.mark.parametrize(("style", "beginning"), [("mermaid", "flowchart "), ("dot", "digraph "), ("text", "a")])
def test_the_plan_is_drawn(project: Path, style: str, beginning: str) -> None:
    code, out, err = run(project, "plan", "--graph", style)
    assert (code, err) == (0, "")
    assert out.startswith(beginning)
    assert "ccccc" in out


def test_a_plan_out_of_order_is_told_and_can_be_rewritten(project: Path) -> None:
    plan = project / "sqitch.plan"
    lines = "b [a] 2024-01-02T03:04:05Z A <a@b.c>\na 2024-01-02T03:04:05Z A <a@b.c>\n"
    plan.write_text(f"%project=widgets\n\n{lines}")
    plan.chmod(0o640)
    code, out, err = run(project, "plan", "--no-headers", "--format", "format:%n")
    assert (code, out) == (0, "a\nb\n")
    assert err.startswith("warning: ")
    assert "sqitchpy plan --rewrite" in err
    before = ids(project)

    assert run(project, "plan", "--rewrite")[0::2] == (0, "")
    assert plan.read_text() == (
        "%syntax-version=1.0.0\n%project=widgets\n\n"
        "a 2024-01-02T03:04:05Z A <a@b.c>\nb [a] 2024-01-02T03:04:05Z A <a@b.c>\n"
    )
    assert plan.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in project.iterdir() if "plan" in path.name] == ["sqitch.plan"]
    assert ids(project) == before
    assert run(project, "plan", "--rewrite") == (0, "sqitch.plan is in canonical form; nothing to rewrite\n", "")


def test_rewriting_follows_a_symbolic_link(project: Path) -> None:
    real = project / "real.plan"
    (project / "sqitch.plan").unlink()
    real.write_text("%project=widgets\n\na 2024-01-02T03:04:05Z A <a@b.c>\n")
    (project / "sqitch.plan").symlink_to("real.plan")
    code, out, _ = run(project, "plan", "--rewrite")
    assert (code, out) == (0, "Rewrote sqitch.plan (1 line changed)\n")
    assert (project / "sqitch.plan").is_symlink()
    assert real.read_text().startswith("%syntax-version=1.0.0\n%project=widgets\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_an_error_and_no_traceback(project: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "plan"],
            cwd=project,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "Cannot write the output: No space left on device\n")


def test_a_reader_that_leaves_early_is_no_error(project: Path) -> None:
    lines = "".join(f"c{n} 2024-01-02T03:04:05Z A <a@b.c>\n" for n in range(20000))
    (project / "sqitch.plan").write_text(f"%project=widgets\n\n{lines}")
    with subprocess.Popen(
        [*COMMAND, "plan"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "# Project: widgets\n"
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


def beforehand(project: Path, code: str) -> dict[str, str]:
    """The environment in which Python runs ``code`` before the program."""
    folder = project / "beforehand"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join((str(folder), environment()["PYTHONPATH"]))}


def test_a_mistake_of_ours_is_no_traceback_either(project: Path) -> None:
    broken = beforehand(
        project,
        "import sqitchpy.cli.search as module\n"
        "def search(*arguments):\n    raise ValueError('db:pg://u:secret@h/x')\n"
        "module.search = search\n",
    )
    code, out, err = run(project, "plan", environ=broken)
    assert (code, out) == (70, "")
    assert err.startswith("sqitchpy: internal error: ValueError: db:pg://u:@h/x\n")
    assert "Traceback" not in err
    assert "Traceback" in run(project, "plan", environ=broken | {"SQITCHPY_DEBUG": "1"}).err


@pytest.mark.parametrize(
    ("line", "word", "names"),
    [
        ("sqitchpy dep", 1, ["deploy"]),
        ("sqitchpy deploy --to ", 3, ["@v1", "a", "bb", "ccccc"]),
        ("sqitchpy deploy b", 2, ["bb"]),
        ("sqitchpy deploy d", 2, ["dev"]),
        ("sqitchpy revert -y -t ", 4, ["dev"]),
        ("sqitchpy deploy --quiet --mode t", 4, ["tag"]),
        ("sqitchpy plan --graph ", 3, ["mermaid", "dot", "text"]),
        ("sqitchpy help st", 2, ["status"]),
        ("sqitchpy deploy --verif", 2, ["--verify", "--verify-when"]),
    ],
)
def test_the_shell_completes_names_from_the_project(project: Path, line: str, word: int, names: list[str]) -> None:
    (project / "sqitch.conf").write_text('[core]\n\tengine = pg\n[target "dev"]\n\turi = db:pg:dev\n')
    typed = {"COMP_WORDS": line, "COMP_CWORD": str(word), "_SQITCHPY_COMPLETE": "bash_complete"}
    code, out, err = run(project, environ=typed)
    assert (code, err) == (0, "")
    assert out.split() == [f"plain,{name}" for name in names]


def test_completion_of_a_broken_plan_is_silent(project: Path) -> None:
    (project / "sqitch.plan").write_text("%project=widgets\n\n!!!\n")
    typed = {"COMP_WORDS": "sqitchpy deploy ", "COMP_CWORD": "2", "_SQITCHPY_COMPLETE": "bash_complete"}
    assert run(project, environ=typed) == (0, "\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(tmp_path: Path, shell: str) -> None:
    code, out, _ = run(tmp_path, "completion", shell)
    assert code == 0
    assert "_SQITCHPY_COMPLETE" in out
    assert f"{shell}_complete" in out


def imported(directory: Path, *words: str) -> set[str]:
    """The modules that a command imports."""
    program = (
        "import sys; from sqitchpy.cli import main; main(sys.argv[1:]); print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", program, *words],
        cwd=directory,
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    return set(done.stderr.splitlines())


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("help", "deploy"), ("plan",)])
def test_commands_import_only_what_they_need(project: Path, words: tuple[str, ...]) -> None:
    assert not {"psycopg", "networkx", "rich", "sqlparse"} & imported(project, *words)


def test_only_the_invoked_command_is_imported(project: Path) -> None:
    commands = {name for name in imported(project, "plan") if name.startswith("sqitchpy.cli.commands.")}
    assert commands == {"sqitchpy.cli.commands.plan"}


def test_the_end_of_the_program_keeps_its_code_and_what_others_do_at_exit(project: Path) -> None:
    """It leaves without taking the interpreter apart; whoever measures coverage, say, is called all the same."""
    registered = beforehand(project, "import atexit\natexit.register(print, 'bye')\n")
    assert run(project, "plan", environ=registered).out.endswith("\nbye\n")
    code, out, _ = run(project, "nonsense", environ=registered)
    assert (code, out) == (2, "bye\n")


def test_the_end_of_the_program_waits_for_somebodys_thread(project: Path) -> None:
    started = beforehand(
        project,
        "import threading, time\n"
        "def late():\n    time.sleep(0.5)\n    print('late', flush=True)\n"
        "threading.Thread(target=late).start()\n",
    )
    assert run(project, "--version", environ=started).out.endswith("\nlate\n")
