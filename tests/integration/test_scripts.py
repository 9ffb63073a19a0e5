r"""Scripts mean what they mean in psql: what they print, what they are told, variables, conditions, files, data."""

from __future__ import annotations

import os
import subprocess

import pytest

from sqitchpy.errors import DeployError, ScriptError
from sqitchpy.events import FailureReported, ScriptMessage, ScriptOutput, Warned
from sqitchpy.testing import Database
from tests.conftest import need
from tests.dumps import pg_program
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table, write_script


def real_psql(app: App, script: str) -> subprocess.CompletedProcess[str]:
    """What psql itself does with a script, called as Sqitch calls it; rolled back by the database going away."""
    with app.database.connect() as connection:
        program = pg_program("psql", connection.info.server_version)
    words = ["--quiet", "--no-psqlrc", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"]
    return subprocess.run(
        [program, *words, "--set", "registry=sqitch", "--file", script],
        cwd=app.path,
        env={**os.environ, **app.database.environ},
        capture_output=True,
        text=True,
        check=False,
    )


TALKATIVE = r"""-- A script that says much
BEGIN;
DROP TABLE IF EXISTS
    nothing;
CREATE TABLE t (id int PRIMARY KEY, name text);
CREATE TABLE IF NOT EXISTS t (id int);
DO $$
BEGIN
    RAISE NOTICE 'plain';
    RAISE NOTICE 'with more' USING DETAIL = 'the detail', HINT = 'the hint';
    RAISE WARNING E'two\nlines é';
    RAISE INFO 'info';
    RAISE LOG 'for the log only';
    RAISE DEBUG 'unseen';
END $$;
\warn to standard error
INSERT INTO t VALUES (1, 'one'), (2, NULL) RETURNING id, name;
BEGIN;
COMMIT;
"""

PRINTING = r"""SELECT 1 AS one, 'two' AS two, NULL AS three, true AS four, 1.50 AS five;
SELECT i, repeat('x', i) FROM generate_series(1, 3) AS i;
SELECT;
SELECT 'a|b', E'new\nline', E'tab\there', '{1,2}'::int[], '{"a": 1}'::jsonb, 'é ✓';
SELECT WHERE false;
VALUES (1), (2);
SHOW DateStyle;
TABLE pg_catalog.pg_am LIMIT 0;
\echo echoed :registry 'quoted  words' "and \\ these"
\qecho also echoed
\echo -n no newline
\echo
CREATE TABLE t (id int, name text);
INSERT INTO t VALUES (1, 'x') RETURNING *;
UPDATE t SET name = 'y';
COPY (SELECT 1, 'x', NULL) TO STDOUT;
COPY t TO STDOUT WITH (FORMAT csv, HEADER);
EXPLAIN (COSTS OFF) SELECT 1;
DELETE FROM t RETURNING id;
SELECT '\x00ff'::bytea, 'Infinity'::float8, '2024-01-02'::date, interval '1 day';
SELECT 1 \; SELECT 2;
SELECT 1 AS a, 2 AS b \gset
\echo :a :b
SELECT 'SELECT 3 AS made' \gexec
\if :{?a}
SELECT 'if';
\else
SELECT 'else';
\endif
"""


DESCRIBING = r"""CREATE TABLE t (who text, "when" text, much int, "Rank" numeric(4,2));
INSERT INTO t VALUES ('bob','feb',1,2),('ann','jan',2,1),('ann','feb',NULL,2),(NULL,'mar',4,NULL),('cid',NULL,5,-3);
SELECT * FROM t \crosstabview who when much
SELECT * FROM t \crosstabview WHEN "who" "Rank" much
SELECT who, "when", much FROM t
\crosstabview
\crosstabview 2 1
SELECT 1, 2, 3 WHERE false \crosstabview
DELETE FROM t WHERE who IS NULL \crosstabview
SELECT 1 AS one, 'x'::varchar(3) AS "Two ""q\", now(), ARRAY[1.5::numeric(4,2)], 'é' AS é \gdesc
\gdesc
INSERT INTO t VALUES (:'registry', 'apr', 1) \gdesc
INSERT INTO t VALUES ('dan', 'apr', 7) RETURNING *, 1 \gdesc
SELECT \gdesc
VACUUM \gdesc
BEGIN \gdesc
COPY t FROM STDIN \gdesc
SELECT $1::int \gdesc
SELECT count(*) FROM t;
"""


@pytest.mark.parametrize("text", [TALKATIVE, PRINTING, DESCRIBING], ids=["talkative", "printing", "describing"])
def test_what_a_script_says_is_word_for_word_what_psql_shows(build: Build, text: str) -> None:
    app = build({"a": Scripts(text)})
    real = real_psql(app, "deploy/a.sql")
    assert real.returncode == 0
    app.rows("DROP TABLE t")
    app.deploy()
    assert app.text_of(ScriptOutput) == real.stdout
    assert app.text_of(ScriptMessage) == real.stderr


ERRORS = {
    "syntax": "SELECT 1;\n\nSELEC 2;\n",
    "column": "CREATE TABLE t (id int);\nSELECT\n  id,\n  missing\nFROM t;\n",
    "unique": "CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t\nVALUES (1), (1);\n",
    "function": "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1/0;\nEND $$;\nSELECT f();\n",
    "raised": "DO $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'P0099'; END $$;\n",
    "long": f"SELECT '{'x' * 200}', missing, '{'y' * 200}';\n",
    "long at the left": f"SELECT 'x', missing, '{'y' * 200}';\n",
    "long at the right": f"SELECT '{'x' * 200}', missing;\n",
    "long and wide": f"SELECT '{'é漢' * 50}', missing, '{'é漢' * 50}';\n",
    "just too long": f"SELECT missing, '{'x' * 43}';\n",
    "wide": "SELECT 'éééé ✓', missing;\n",
    "tabs": "SELECT\t'x',\tmissing;\n",
    "end of file": "SELECT 1;\nSELECT missing\n",
    "described": "SELECT 1;\nSELECT\n  missing\n\\gdesc\n",
    "described together": "SELECT 1 \\; SELECT 2 \\gdesc\n",
}


@pytest.mark.parametrize("text", ERRORS.values(), ids=list(ERRORS))
def test_an_error_is_told_word_for_word_as_psql_tells_it_with_its_sqlstate(build: Build, text: str) -> None:
    app = build({"a": Scripts(text)})
    with pytest.raises(DeployError):
        app.deploy()
    app.rows("DROP TABLE IF EXISTS t")
    real = real_psql(app, "deploy/a.sql")
    assert real.returncode == 3
    told = app.text_of(FailureReported).splitlines()
    assert told[-1].startswith("SQLSTATE: ")
    assert [*told[:-1]] == real.stderr.splitlines()


@pytest.mark.parametrize("words", ["9", "1 1", "1 2 nothing", "1 4", "2 1 3"])
def test_a_table_that_cannot_be_crossed_fails_in_psqls_words_and_leaves_nothing(build: Build, words: str) -> None:
    query = f"SELECT * FROM (VALUES (1, 2, 3), (1, 2, 4)) v (a, b, c) \\crosstabview {words}\n"
    app = build({"a": Scripts(f"CREATE TABLE t ();\n{query}")})
    with pytest.raises(DeployError):
        app.deploy()
    assert app.tables() == []
    real = real_psql(app, "deploy/a.sql")
    assert real.returncode == 3
    assert real.stderr == app.text_of(FailureReported).replace("deploy/a.sql:2:", "psql:deploy/a.sql:2: error:") + "\n"


# -- data -------------------------------------------------------------------------------------------------------


def test_data_may_follow_a_copy_in_the_script(build: Build) -> None:
    script = (
        "BEGIN;\nCREATE TABLE t (id int, name text);\nCOPY t (id, name) FROM stdin;\n"
        "1\tone; with 'quotes\n2\t\\N\n3\ta\\tb\\\\c :registry\n\\.\nINSERT INTO t VALUES (4, 'after');\n"
        'COPY t FROM STDIN WITH (FORMAT csv);\n5,"a,b"\n\\.\nCOMMIT;\n'
    )
    app = build({"a": Scripts(script)})
    app.deploy()
    assert app.rows("SELECT id, name FROM t ORDER BY id") == [
        (1, "one; with 'quotes"),
        (2, None),
        (3, "a\tb\\c :registry"),
        (4, "after"),
        (5, "a,b"),
    ]


def test_data_without_an_end_goes_to_the_end_of_the_file(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE t (id int);\nCOPY t FROM STDIN;\n1\n2\n")})
    app.deploy()
    assert app.rows("SELECT id FROM t") == [(1,), (2,)]


def test_data_that_does_not_fit_leaves_nothing_of_the_change(build: Build) -> None:
    app = build({"a": Scripts("CREATE TABLE t (id int);\nCOPY t FROM STDIN;\nx\n\\.\nSELECT 1;\n")})
    with pytest.raises(DeployError):
        app.deploy()
    assert app.text_of(FailureReported) == (
        'psql:deploy/a.sql:2: ERROR:  invalid input syntax for type integer: "x"\n'
        'CONTEXT:  COPY t, line 1, column id: "x"\nSQLSTATE: 22P02'
    )
    assert (app.tables(), app.history()) == ([], ["fail a"])


def test_much_data_goes_through(build: Build) -> None:
    lines = "".join(f"{number}\t{'x' * 80}\n" for number in range(30_000))
    app = build({"a": Scripts(f"CREATE TABLE t (id int, pad text);\nCOPY t FROM STDIN;\n{lines}\\.\nSELECT 1;\n")})
    app.deploy()
    assert app.rows("SELECT count(*), sum(id) FROM t") == [(30_000, 449_985_000)]


def test_many_statements_go_through(build: Build) -> None:
    inserts = "".join(f"INSERT INTO t VALUES ({number});\n" for number in range(3_000))
    app = build({"a": Scripts(f"CREATE TABLE t (id int);\n{inserts}", verify="SELECT 1/(count(*) - 2999) FROM t;")})
    app.deploy(verify=True)
    assert app.value("SELECT count(*) FROM t") == 3_000


def test_a_statement_larger_than_the_buffers_goes_through(build: Build) -> None:
    app = build({"a": Scripts(f"CREATE TABLE t AS SELECT length('{'é' * 2_000_000}') AS n;")})
    app.deploy()
    assert app.value("SELECT n FROM t") == 2_000_000


# -- the language -----------------------------------------------------------------------------------------------


def test_variables_conditions_and_results_work_together(build: Build) -> None:
    script = r"""
\set table_name 'my table'
CREATE TABLE :"table_name" (id int, v text);
SELECT count(*) = 0 AS empty, 'x;y' AS value FROM :"table_name" \gset
\if :empty
INSERT INTO :"table_name" VALUES (1, :'value');
\elif true
INSERT INTO :"table_name" VALUES (2, 'never');
\else
INSERT INTO :"table_name" VALUES (3, 'never');
\endif
\unset value
SELECT format('INSERT INTO %I VALUES (%s, %L)', :'table_name', i, :'table_name') FROM generate_series(10, 11) i \gexec
"""
    app = build({"a": Scripts(script)})
    app.deploy()
    assert app.rows('SELECT id, v FROM "my table" ORDER BY id') == [(1, "x;y"), (10, "my table"), (11, "my table")]


def test_files_are_included_from_the_project_or_from_beside_the_script(build: Build) -> None:
    app = build({"x/a": Scripts("\\i shared/common.sql\n\\ir beside.sql\nINSERT INTO t VALUES (3);\n")})
    (app.path / "shared").mkdir()
    (app.path / "shared" / "common.sql").write_text("CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n")
    write_script(app.path, "deploy", "x/beside", "INSERT INTO t VALUES (2);\n")
    app.deploy()
    assert app.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


def test_errors_name_the_included_file_and_its_line(build: Build) -> None:
    app = build({"a": Scripts("SELECT 1;\n\\ir part.sql\n")})
    write_script(app.path, "deploy", "part", "SELECT 2;\nSELECT missing;\n")
    with pytest.raises(DeployError):
        app.deploy()
    assert app.text_of(FailureReported).startswith('psql:deploy/part.sql:2: ERROR:  column "missing" does not exist')


def test_a_file_that_is_not_there_is_known_before_anything_runs(build: Build) -> None:
    app = build({"first": table("first"), "a": Scripts("SELECT 1;\n\\i nowhere.sql\n")})
    with pytest.raises(ScriptError) as failure:
        app.deploy(mode="change")
    assert failure.value.message == "deploy/a.sql:2: nowhere.sql: No such file or directory"
    assert (app.tables(), app.history()) == ([], [])


@pytest.mark.parametrize("command", ["\\connect other", "\\prompt name", "\\watch 1", "\\cd /tmp", "\\nonsense"])
def test_a_command_that_cannot_be_obeyed_is_known_before_anything_runs(build: Build, command: str) -> None:
    app = build({"first": table("first"), "a": Scripts(f"SELECT 1;\n{command}\n")})
    with pytest.raises(ScriptError) as failure:
        app.deploy(mode="change")
    assert (failure.value.file, failure.value.line) == ("deploy/a.sql", 2)
    assert failure.value.message.startswith("deploy/a.sql:2: ")
    assert (app.tables(), app.history()) == ([], [])


def test_a_command_in_a_branch_that_is_not_taken_does_no_harm(build: Build) -> None:
    app = build({"a": Scripts("\\if false\n\\connect other\n\\endif\nCREATE TABLE t ();\n")})
    app.deploy()
    assert app.tables() == ["t"]


# -- psql itself ------------------------------------------------------------------------------------------------


@pytest.fixture
def psql() -> None:
    import shutil

    need("psql", shutil.which("psql") is not None)


WITH_PSQL = "CREATE TABLE t (id int);\n\\d t\nSELECT :'registry', :'x';\nDO $$ BEGIN RAISE NOTICE 'hello'; END $$;\n"


@pytest.mark.usefixtures("psql")
@pytest.mark.parametrize("how", ["option", "first line"])
def test_scripts_run_in_the_real_psql_when_asked(build: Build, how: str) -> None:
    first = "-- sqitchpy: runner=psql\n" if how == "first line" else "-- nothing\n"
    app = build({"a": Scripts(first + WITH_PSQL, "DROP TABLE t;", "SELECT 1/(count(*) = 0)::int FROM t;")})
    app.deploy(verify=True, variables={"x": "it's", "registry": "no"}, runner="psql" if how == "option" else "native")
    assert app.deployed() == ["a"]
    assert "sqitch|it's\n" in app.text_of(ScriptOutput)
    assert "id|integer|" in app.text_of(ScriptOutput)
    assert app.text_of(ScriptMessage) == "psql:deploy/a.sql:5: NOTICE:  hello\n"


@pytest.mark.usefixtures("psql")
def test_a_script_that_fails_in_psql_is_told_in_sqitchs_words(build: Build) -> None:
    app = build({"a": Scripts("-- sqitchpy: runner=psql\nCREATE TABLE t ();\nSELECT 1/0;\n")})
    with pytest.raises(DeployError):
        app.deploy()
    assert app.text_of(FailureReported) == '"psql" unexpectedly returned exit value 3'
    assert app.text_of(ScriptMessage) == "psql:deploy/a.sql:3: ERROR:  division by zero\n"
    assert (app.tables(), app.history()) == (["t"], ["fail a"])


@pytest.mark.usefixtures("psql")
def test_psql_runs_what_is_refused_otherwise(build: Build) -> None:
    app = build({"a": Scripts("-- sqitchpy: runner=psql\n\\connect -\nCREATE TABLE t ();\n", "DROP TABLE t;")})
    app.deploy()
    assert app.tables() == ["t"]
    app.revert()
    assert app.history() == ["deploy a", "revert a"]


def test_a_psql_that_is_not_there_is_told(build: Build) -> None:
    conf = '[core]\n\tengine = pg\n[engine "pg"]\n\tclient = /no/such/psql\n'
    app = build({"a": Scripts("-- sqitchpy: runner=psql\nSELECT 1;\n")}, conf=conf)
    with pytest.raises(DeployError):
        app.deploy()
    assert app.text_of(FailureReported) == "/no/such/psql cannot be run: No such file or directory"


def test_strings_are_read_as_the_database_is_set_to(build: Build, pg_database: Database) -> None:
    """Databases of the 1990s have standard_conforming_strings off, and scripts that count on it."""
    name = pg_database.rows("SELECT current_database()")[0][0]
    with pg_database.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET standard_conforming_strings = off")
        connection.execute(f"ALTER DATABASE {name} SET escape_string_warning = off")
    app = build({"a": Scripts(r"CREATE TABLE a AS SELECT 'it\'s; one' AS text;"), "b": table("b")})
    app.deploy()
    assert app.rows("SELECT text FROM a") == [("it's; one",)]
    assert app.deployed() == ["a", "b"]


def test_a_command_of_the_system_runs_when_the_statements_before_it_are_done(build: Build) -> None:
    marks = (
        "CREATE TABLE seen (n int);\nSELECT 42 AS n;\n\\! echo first\nSELECT 43;\n\\echo `echo second`\nSELECT 44;\n"
    )
    app = build({"a": Scripts(marks)})
    app.deploy()
    assert app.text_of(ScriptOutput) == "42\nfirst\n43\nsecond\n44\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            r"\copy a from program 'echo 1; echo 2; exit 3'",
            "echo 1; echo 2; exit 3: child process exited with exit code 3",
        ),
        (r"\copy a from program 'echo 1; kill -9 $$'", "child process was terminated by signal 9"),
        (r"\copy (SELECT 1) to program 'cat > /dev/null; exit 4'", "child process exited with exit code 4"),
        (r"\copy (SELECT repeat('x', 1000) FROM generate_series(1, 2000)) to program 'exit 0'", "Broken pipe"),
        (r"\copy (SELECT repeat('x', 100000)) to '/dev/full'", "/dev/full: No space left on device"),
        (r"\copy a from 'nowhere.csv'", "nowhere.csv: No such file or directory"),
    ],
)
def test_a_copy_whose_other_end_fails_leaves_nothing(build: Build, command: str, words: str) -> None:
    app = build({"a": Scripts(f"CREATE TABLE a (n int);\n{command}\n")})
    with pytest.raises(DeployError) as failure:
        app.deploy()
    assert str(failure.value.failure).startswith("deploy/a.sql:2: ")
    assert words in str(failure.value.failure)
    assert (app.deployed(), app.tables()) == ([], [])
    write_script(app.path, "deploy", "a", "CREATE TABLE a ();")
    assert app.deploy().done == ("a",)


def test_programs_of_copy_see_the_environment_and_what_they_say_is_the_scripts(build: Build) -> None:
    script = (
        "CREATE TABLE a (n int);\n\\setenv HOW 7\n\\copy a from program 'echo $HOW'\n"
        "\\copy a to program 'sed s/7/seven/'\n\\echo after\n"
    )
    app = build({"a": Scripts(script)})
    app.deploy()
    assert app.rows("SELECT n FROM a") == [(7,)]
    assert app.text_of(ScriptOutput) == "seven\nafter\n"


UNFORESEEN = {
    "a block that is made": ("SELECT 'CREATE TABLE one ()' UNION ALL SELECT 'COMMIT' \\gexec\n", ["one"]),
    "a transaction in a file that a variable names": ("\\set f `echo inner.sql`\n\\i :f\n", []),
}


@pytest.mark.parametrize(("script", "tables"), UNFORESEEN.values(), ids=UNFORESEEN)
def test_transactions_that_show_only_when_they_begin_or_end_are_the_scripts_own(
    build: Build, script: str, tables: list[str]
) -> None:
    app = build({"a": Scripts(script)})
    (app.path / "inner.sql").write_text("BEGIN;\nCREATE TABLE inner_t ();\nROLLBACK;\n")
    app.deploy()
    assert (app.deployed(), app.tables()) == (["a"], tables)
    (warning,) = app.of(Warned)
    assert "which could not be foreseen" in warning.text


def test_inside_a_transaction_of_the_script_they_are_refused_and_nothing_is_left(build: Build) -> None:
    app = build(
        {"a": Scripts("BEGIN;\nCREATE TABLE a ();\nSELECT 'COMMIT AND CHAIN' \\gexec\nSELECT 1 / 0;\nCOMMIT;\n")}
    )
    with pytest.raises(DeployError) as failure:
        app.deploy()
    assert "COMMIT AND CHAIN, which could not be foreseen" in str(failure.value.failure)
    assert failure.value.kept is False
    assert (app.deployed(), app.tables()) == ([], [])
