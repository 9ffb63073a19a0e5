"""The command line on a real PostgreSQL. Texts are those that Sqitch 1.3.1 printed for the same project."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sqitchpy.testing import Database
from tests.acceptance.cli import COMMAND, Result, environment, run
from tests.projects import make_project, table, write_script


@pytest.fixture
def project(tmp_path: Path) -> Path:
    changes = {name: table(name, note=f"note {name}") for name in ("a", "bb", "ccccc")}
    return make_project(tmp_path / "widgets", changes, tags={"bb": "v1"}, name="widgets")


@pytest.fixture
def uri(pg_database: Database) -> str:
    return pg_database.uri


def shown(result: Result, uri: str) -> Result:
    """The result with what differs from run to run made equal: the database, ids and times."""
    code, *texts = result
    texts = [text.replace(displayed(uri), "DB") for text in texts]
    texts = [re.sub(r"\b[0-9a-f]{40}\b", "ID", text) for text in texts]
    return Result(code, *(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000", "TIME", text) for text in texts))


def displayed(uri: str) -> str:
    return re.sub(r"(//[^/@:]*:)[^/@]*@", r"\1@", uri)


def test_a_life_of_a_database(project: Path, uri: str) -> None:
    def sqitchpy(*words: str) -> Result:
        return shown(run(project, *words, uri), uri)

    assert sqitchpy("status") == (1, "# On database DB\nNo changes deployed\n", "")
    assert sqitchpy("log") == (1, "Database DB has not been initialized for Sqitch\n", "")
    assert sqitchpy("deploy", "--to", "bb") == (
        0,
        "Adding registry tables to DB\nDeploying changes through bb @v1 to DB\n  + a ....... ok\n  + bb @v1 .. ok\n",
        "",
    )
    assert sqitchpy("status") == (
        0,
        "# On database DB\n# Project:  widgets\n# Change:   ID\n# Name:     bb\n# Tag:      @v1\n# Deployed: TIME\n"
        "# By:       Ann Ex <ann@example.com>\n# \nUndeployed change:\n  * ccccc\n",
        "",
    )
    assert sqitchpy("deploy", "--verify") == (0, "Deploying changes to DB\n  + ccccc .. ok\n", "")
    assert sqitchpy("deploy") == (0, "Nothing to deploy (up-to-date)\n", "")
    assert sqitchpy("deploy", "--quiet") == (0, "", "")
    assert sqitchpy("verify") == (
        0,
        "Verifying DB\n  * a ....... ok\n  * bb @v1 .. ok\n  * ccccc ... ok\nVerify successful\n",
        "",
    )
    assert sqitchpy("verify", "--quiet", "--from", "bb", "--to", "bb") == (
        0,
        "  * bb @v1 .. ok\nVerify successful\n",
        "",
    )
    assert sqitchpy("revert", "-y", "--to", "a") == (
        0,
        "Reverting changes to a from DB\n  - ccccc ... ok\n  - bb @v1 .. ok\n",
        "",
    )
    assert sqitchpy("log", "--oneline", "--abbrev", "3", "-n", "2").out.splitlines()[1:] == [
        f"{line[:3]} revert widgets:{name} note {name}"
        for name, line in zip(("bb", "ccccc"), _ids(project, "bb", "ccccc"), strict=True)
    ]
    assert sqitchpy("revert", "-y") == (0, "Reverting all changes from DB\n  - a .. ok\n", "")
    assert sqitchpy("revert") == (0, "Nothing to revert (nothing deployed)\n", "")


def _ids(project: Path, *names: str) -> list[str]:
    changes = json.loads(run(project, "plan", "--json").out)["changes"]
    return [change["change_id"] for name in names for change in changes if change["change"] == name]


def test_status_lists_changes_and_tags_newest_first(project: Path, uri: str) -> None:
    run(project, "deploy", uri)
    status = shown(run(project, "status", "--show-changes", "--show-tags", uri), uri)
    assert status.out.partition("# \n")[2] == (
        "# Changes:\n#   ccccc - TIME - Ann Ex <ann@example.com>\n#   bb    - TIME - Ann Ex <ann@example.com>\n"
        "#   a     - TIME - Ann Ex <ann@example.com>\n# \n# Tag:\n#   @v1 - TIME - Ann Ex <ann@example.com>\n# \n"
        "Nothing to deploy (up-to-date)\n"
    )


ALL = "Revert all changes from DB? "


@pytest.mark.parametrize(
    ("answers", "code", "out"),
    [
        ("n", 1, f"{ALL}[Yes] Nothing reverted\n"),
        ("No\n", 1, f"{ALL}[Yes] Nothing reverted\n"),
        ("y\n", 0, f"{ALL}[Yes]   - a .. ok\n"),
        ("YE\n", 0, f"{ALL}[Yes]   - a .. ok\n"),
        ("\n", 0, f"{ALL}[Yes]   - a .. ok\n"),
        ("", 0, f"{ALL}[Yes] Yes\n  - a .. ok\n"),
        ("maybe\nn\n", 1, f'{ALL}[Yes] Please answer "y" or "n".\n{ALL}[Yes] Nothing reverted\n'),
        ("nope", 0, f'{ALL}[Yes] Please answer "y" or "n".\n{ALL}[Yes] Yes\n  - a .. ok\n'),
        ("x\nx\nx\n", 2, f'{ALL}[Yes] Please answer "y" or "n".\n' * 3),
    ],
)
def test_revert_asks_first(project: Path, uri: str, answers: str, code: int, out: str) -> None:
    run(project, "deploy", "--to", "a", uri)
    result = shown(run(project, "revert", uri, answers=answers), uri)
    assert result[:2] == (code, out)
    assert result.err == ("No valid answer after 3 attempts; aborting\n" if code == 2 else "")


def test_the_default_answer_can_be_no(project: Path, uri: str) -> None:
    run(project, "deploy", uri)
    (project / "sqitch.conf").write_text("[core]\n\tengine = pg\n[revert]\n\tprompt_accept = false\n")
    assert shown(run(project, "revert", uri), uri) == (1, f"{ALL}[No] No\nNothing reverted\n", "")
    question = "Revert changes to a from DB? [No] "
    assert shown(run(project, "revert", "--to", "a", uri, answers="\n"), uri) == (
        1,
        f"{question}Nothing reverted\n",
        "",
    )


def test_no_prompt_can_be_configured(project: Path, uri: str) -> None:
    run(project, "deploy", "--to", "a", uri)
    (project / "sqitch.conf").write_text("[core]\n\tengine = pg\n[revert]\n\tno_prompt = true\n")
    assert shown(run(project, "revert", uri), uri) == (0, "Reverting all changes from DB\n  - a .. ok\n", "")


def test_strict_reverts_want_to_be_told_how_far(project: Path, uri: str) -> None:
    (project / "sqitch.conf").write_text("[core]\n\tengine = pg\n[revert]\n\tstrict = true\n")
    assert run(project, "revert", "-y", uri) == (1, "Must specify a target revision in strict mode\n", "")
    assert run(project, "revert", "-y", uri, "a", "bb") == (2, "", "Too many changes specified\n")


def test_a_failing_change_takes_the_run_back(project: Path, uri: str, pg_database: Database) -> None:
    write_script(project, "deploy", "ccccc", "SELECT 42;\nSELECT 1/0;\n")
    result = shown(run(project, "deploy", uri), uri)
    assert (result.code, result.out) == (
        2,
        "Adding registry tables to DB\nDeploying changes to DB\n  + a ....... ok\n  + bb @v1 .. ok\n  + ccccc ... 42\n"
        "not ok\n  - bb @v1 .. ok\n  - a ....... ok\n",
    )
    lines = result.err.splitlines()
    assert lines[0] == "psql:deploy/ccccc.sql:2: ERROR:  division by zero"
    assert lines.index("Reverting all changes") < lines.index("Deploy failed")
    assert pg_database.rows("SELECT event FROM sqitch.events ORDER BY committed_at") == [
        ("deploy",),
        ("deploy",),
        ("fail",),
        ("revert",),
        ("revert",),
    ]


def test_a_failing_verification_is_summed_up(project: Path, uri: str) -> None:
    run(project, "deploy", uri)
    write_script(project, "verify", "bb", "SELECT 43;\nSELECT 1/0;\n")
    result = shown(run(project, "verify", uri), uri)
    out = (
        'Verifying DB\n  * a ....... ok\n  * bb @v1 .. {}# Verify script "verify/bb.sql" failed.\nnot ok\n'
        "  * ccccc ... ok\n\nVerify Summary Report\n---------------------\nChanges: 3\nErrors:  1\n"
    )
    assert (result.code, result.out) == (2, out.format(""))
    assert result.err.splitlines()[0] == "psql:verify/bb.sql:2: ERROR:  division by zero"
    assert "Verify failed" in result.err.splitlines()
    assert shown(run(project, "-VV", "verify", uri), uri).out == out.format("43\n")


def test_too_many_changes_and_targets_are_warned_about(project: Path, uri: str) -> None:
    result = shown(run(project, "deploy", uri, "pg", "a", "bb"), uri)
    assert result.code == 0
    assert result.err == (
        'warning: Too many targets specified; connecting to DB\nwarning: Too many changes specified; deploying to "a"\n'
    )


def test_the_top_dir_option_is_deprecated_in_sqitchs_words(project: Path, uri: str) -> None:
    assert run(project, "status", "--top-dir", ".", uri).err == (
        "warning:   Option --top-dir is deprecated for status and other non-configuration commands.\n"
        "warning:   Use --chdir instead.\n"
    )


def test_a_target_by_name_is_shown_by_name_and_its_password_never(project: Path, pg_database: Database) -> None:
    host, port = pg_database.params["host"], pg_database.params.get("port", "5432")
    user = pg_database.params.get("user", "postgres")
    secret = pg_database.params.get("password", "open-sesame")
    place = f"{user}:{secret}@{host.replace('/', '%2F')}:{port}"
    conf = f'[core]\n\tengine = pg\n[target "dev"]\n\turi = db:pg://{place}/{pg_database.name}\n'
    (project / "sqitch.conf").write_text(conf)
    assert run(project, "deploy", "dev", "--to", "a").out.endswith("Deploying changes through a to dev\n  + a .. ok\n")
    for words in (
        ("status", "dev"),
        ("log", "dev"),
        ("status", "--db-name", "not_there", "dev"),
        ("-VV", "verify", "dev"),
    ):
        assert secret not in "".join(map(str, run(project, *words)))
    by_uri = run(project, "status", f"db:pg://{place}/{pg_database.name}")
    assert by_uri.out.startswith(f"# On database db:pg://{user}:@")
    assert secret not in by_uri.out


def test_variables_reach_the_script(project: Path, uri: str, pg_database: Database) -> None:
    write_script(project, "deploy", "a", "CREATE TABLE public.a (id integer);\nCOMMENT ON TABLE a IS :'words';\n")
    assert run(project, "deploy", "-s", "words=from here = there", uri, "a").code == 0
    assert pg_database.rows("SELECT obj_description('public.a'::regclass)") == [("from here = there",)]


def test_a_dry_run_tells_and_does_nothing(project: Path, uri: str, pg_database: Database) -> None:
    expected = "Would add registry tables to DB\nWould deploy 2 changes to DB\n  + a\n  + bb @v1\n"
    assert shown(run(project, "deploy", "--dry-run", "--to", "bb", uri), uri) == (0, expected, "")
    assert pg_database.rows("SELECT nspname FROM pg_namespace WHERE nspname = 'sqitch'") == []
    run(project, "deploy", uri)
    with_sql = shown(run(project, "revert", "--dry-run", "--sql", "--to", "bb", uri), uri)
    assert with_sql == (
        0,
        "Would revert 1 change from DB\n  - ccccc\n-- revert/ccccc.sql, in one transaction\n"
        "BEGIN;\nDROP TABLE public.ccccc;\nCOMMIT;\n\n",
        "",
    )
    assert run(project, "verify", uri).code == 0


def test_a_deployment_as_json(project: Path, uri: str) -> None:
    write_script(project, "deploy", "a", "CREATE TABLE public.a (id integer);\nSELECT 42;\n")
    result = run(project, "deploy", "--json", "--to", "a", uri)
    document = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert {key: document[key] for key in ("action", "message", "output", "error")} == {
        "action": "deploy",
        "message": None,
        "output": "42\n",
        "error": None,
    }
    assert [(step["action"], step["change"], step["outcome"]) for step in document["steps"]] == [
        ("deploy", "a", "done")
    ]
    again = json.loads(run(project, "deploy", "--json", "--to", "a", uri).out)
    assert (again["message"], again["steps"]) == ('Nothing to deploy (already at "a")', [])


def test_a_failure_as_json(project: Path, uri: str) -> None:
    write_script(project, "deploy", "bb", "SELECT 1;\n\nINSERT INTO public.a VALUES ('x');\n")
    result = run(project, "deploy", "--json", uri)
    document = json.loads(result.out)
    assert result.code == 2
    assert [(step["action"], step["change"], step["outcome"]) for step in document["steps"]] == [
        ("deploy", "a", "done"),
        ("deploy", "bb", "failed"),
        ("revert", "a", "done"),
    ]
    error = document["error"]
    assert {key: error[key] for key in ("message", "exit_code", "sqlstate", "file", "line", "server_message")} == {
        "message": "Deploy failed",
        "exit_code": 2,
        "sqlstate": "22P02",
        "file": "deploy/bb.sql",
        "line": 3,
        "server_message": 'invalid input syntax for type integer: "x"',
    }
    assert "INSERT INTO public.a VALUES ('x')" in error["statement"]


def test_status_log_and_verify_as_json(project: Path, uri: str) -> None:
    empty = run(project, "status", "--json", uri)
    assert (empty.code, json.loads(empty.out)["state"]) == (1, None)
    run(project, "deploy", "--to", "bb", uri)
    status = json.loads(run(project, "status", "--json", uri).out)
    assert (status["state"]["change"], status["in_plan"]) == ("bb", True)
    assert [change["change"] for change in status["pending"]] == ["ccccc"]
    assert [change["change"] for change in status["deployed"]] == ["a", "bb"]
    log = json.loads(run(project, "log", "--json", uri).out)
    assert [(event["event"], event["change"], event["tags"]) for event in log["events"]] == [
        ("deploy", "bb", ["@v1"]),
        ("deploy", "a", []),
    ]
    verified = json.loads(run(project, "verify", "--json", uri).out)
    assert (verified["changes"], verified["errors"], verified["undeployed"]) == (2, 0, ["ccccc"])
    plan = json.loads(run(project, "plan", "--json", uri).out)
    assert [change["deployed"] for change in plan["changes"]] == [True, True, False]


def test_an_unreachable_database_as_json_is_one_document(project: Path, uri: str) -> None:
    result = run(project, "status", "--json", "--db-name", "not_there", uri)
    error = json.loads(result.out)["error"]
    assert result.code == error["exit_code"] == 2
    assert "not_there" in error["message"]
    assert error["message"] in result.err


def test_the_question_of_a_json_revert_is_on_stderr(project: Path, uri: str) -> None:
    run(project, "deploy", uri)
    result = shown(run(project, "revert", "--json", uri, answers="n\n"), uri)
    assert result.code == 1
    assert result.err.startswith(f"{ALL}[Yes] ")
    assert json.loads(result.out)["error"]["message"] == "Nothing reverted"


def test_a_graph_marks_what_is_deployed_when_a_target_is_named(project: Path, uri: str) -> None:
    run(project, "deploy", "--to", "a", uri)
    with_target = run(project, "plan", "--graph", "mermaid", uri).out
    assert 'a"]:::deployed\n' in with_target
    assert 'ccccc"]:::deployed\n' not in with_target
    assert ":::deployed" not in run(project, "plan", "--graph", "mermaid").out


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_cancels_the_statement_and_leaves_the_registry_true(
    project: Path, uri: str, pg_database: Database, name: str
) -> None:
    write_script(project, "deploy", "bb", "CREATE TABLE public.bb (id integer);\nSELECT pg_sleep(60);\n")
    with subprocess.Popen(
        [*COMMAND, "deploy", uri],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        _wait_for(
            pg_database,
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND state = 'active' AND query LIKE '%pg_sleep(60)%'",
        )
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out.endswith("  + a ....... ok\n  + bb @v1 .. not ok\n")
    assert err.startswith("Interrupted\n")
    assert "Traceback" not in err
    assert pg_database.rows("SELECT change FROM sqitch.changes") == [("a",)]
    assert pg_database.rows("SELECT to_regclass('public.bb') IS NULL") == [(True,)]


def _wait_for(database: Database, query: str) -> None:
    for _ in range(200):
        if database.rows(query):
            return
        time.sleep(0.05)
    pytest.fail(f"nothing came of: {query}")


def test_the_step_is_shown_before_its_script_runs(project: Path, uri: str) -> None:
    write_script(project, "deploy", "a", "SELECT pg_sleep(60);\n")
    with subprocess.Popen(
        [*COMMAND, "deploy", uri], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
    ) as process:
        assert process.stdout is not None
        seen = b""
        while not seen.endswith(b"  + a ....... "):
            byte = process.stdout.read(1)
            assert byte, f"ended after {seen!r}"
            seen += byte
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_a_reader_that_leaves_does_not_stop_a_deployment(project: Path, uri: str, pg_database: Database) -> None:
    with subprocess.Popen(
        [*COMMAND, "deploy", uri], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
    assert pg_database.rows("SELECT count(*) FROM sqitch.changes") == [(3,)]


def test_a_rebase_gives_each_kind_of_script_its_variables(project: Path, uri: str) -> None:
    write_script(project, "deploy", "ccccc", "SELECT :'one', :'two';\n")
    write_script(project, "revert", "ccccc", "SELECT :'one', :'three';\n")
    assert run(project, "deploy", "--set", "one=1", "--set", "two=2", uri).code == 0
    words = ("--onto", "bb", "-y", "--set", "one=a", "--set-deploy", "two=b", "--set-revert", "three=c")
    result = shown(run(project, "rebase", *words, uri), uri)
    assert result == (
        0,
        "Reverting changes to bb @v1 from DB\n  - ccccc .. a|c\nok\nDeploying changes to DB\n  + ccccc .. a|b\nok\n",
        "",
    )


def test_a_rebase_is_one_document(project: Path, uri: str) -> None:
    assert run(project, "deploy", uri).code == 0
    document = json.loads(run(project, "rebase", "--onto", "bb", "-y", "--json", uri).out)
    assert [(step["action"], step["change"]) for step in document["steps"]] == [
        ("revert", "ccccc"),
        ("deploy", "ccccc"),
    ]


def test_strict_mode_forbids_to_rebase(project: Path, uri: str) -> None:
    with (project / "sqitch.conf").open("a") as config:
        config.write("[revert]\n\tstrict = true\n")
    result = run(project, "rebase", "-y", uri)
    assert (result.code, result.out.splitlines()[0]) == (1, '"rebase" cannot be used in strict mode.')


def test_a_check_as_json_has_both_hashes(project: Path, uri: str) -> None:
    assert run(project, "deploy", uri).code == 0
    write_script(project, "deploy", "bb", "")
    result = run(project, "check", "--json", uri)
    document = json.loads(result.out)
    assert (result.code, document["diverged"], document["changes"]) == (1, "bb @v1", 2)
    assert document["script_hash"] == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert len(document["deployed_hash"]) == 40
    assert document["error"]["exit_code"] == 1


def test_an_upgrade_as_json(project: Path, uri: str) -> None:
    assert run(project, "upgrade", uri).code == 2
    assert run(project, "deploy", uri).code == 0
    document = json.loads(run(project, "upgrade", "--json", uri).out)
    assert (document["version"], document["upgraded"], document["error"]) == (1.1, False, None)


def test_the_exit_code_of_status_can_tell_whether_anything_is_to_be_deployed(project: Path, uri: str) -> None:
    def codes() -> tuple[int, int]:
        return run(project, "status", uri).code, run(project, "status", "--exit-code", uri).code

    assert codes() == (1, 1)
    run(project, "deploy", "--to", "a", uri)
    assert codes() == (0, 1)
    run(project, "deploy", uri)
    assert codes() == (0, 0)
