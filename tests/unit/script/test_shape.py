"""A look at a script before anything runs: can it be one transaction?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sqitchpy.errors import ScriptError
from sqitchpy.script.shape import Shape, examine
from sqitchpy.script.source import Source
from sqitchpy.script.trace import Trace


@pytest.fixture
def look(tmp_path: Path) -> Callable[[str], Shape]:
    def run(script: str) -> Shape:
        (tmp_path / "s.sql").write_text(script)
        return examine(Source("s.sql", tmp_path), {})

    return run


@pytest.mark.parametrize(
    "script",
    [
        "",
        "-- nothing but a comment\n",
        "CREATE TABLE t ();",
        "BEGIN; CREATE TABLE t (); COMMIT;",
        "begin work;\ncreate table t ();\nend;",
        "START TRANSACTION; CREATE TABLE t (); COMMIT",
        "SET search_path = x; BEGIN; CREATE TABLE t (); COMMIT;",
        "CREATE EXTENSION x; BEGIN; CREATE TABLE t (); COMMIT;",
        "BEGIN; SAVEPOINT a; ROLLBACK TO a; RELEASE a; COMMIT;",
        "BEGIN; SELECT 1; ROLLBACK;",
        "COPY t FROM stdin;\n1\n\\.\n",
        "DO $$ BEGIN COMMIT; END $$;",
    ],
)
def test_these_fold(look: Callable[[str], Shape], script: str) -> None:
    assert look(script).reason is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "CREATE INDEX CONCURRENTLY i ON t (a);",
            "s.sql:1: CREATE INDEX CONCURRENTLY i cannot run inside a transaction",
        ),
        ("BEGIN;\nVACUUM;\nCOMMIT;", "s.sql:2: VACUUM cannot run inside a transaction block"),
        ("BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;", "s.sql:1: more than one transaction"),
        ("SELECT 1; COMMIT;", "s.sql:1: COMMIT without BEGIN"),
        ("BEGIN; SELECT 1; COMMIT AND CHAIN; COMMIT;", "s.sql:1: COMMIT AND CHAIN"),
        ("BEGIN; PREPARE TRANSACTION 'x';", "s.sql:1: PREPARE TRANSACTION"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE; COMMIT;", "s.sql:1: a transaction with characteristics of its own"),
        (
            "BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT;",
            "s.sql:1: SET TRANSACTION ISOLATION LEVEL must",
        ),
        ("SELECT 1 \\; COMMIT;", r"s.sql:1: transaction control joined with \;"),
        ("-- sqitchpy: transaction=off\nSELECT 1;", "s.sql:1: transaction=off"),
    ],
)
def test_these_do_not_fold_and_it_says_why(look: Callable[[str], Shape], script: str, reason: str) -> None:
    assert str(look(script).reason).startswith(reason)


def test_a_transaction_that_never_ends_is_seen(look: Callable[[str], Shape]) -> None:
    shape = look("-- x\nBEGIN;\nSELECT 1;")
    assert str(shape.left_open) == "s.sql:2: transaction opened here"


def test_what_may_change_the_session_is_not_inert(look: Callable[[str], Shape]) -> None:
    assert look("CREATE TABLE t (); COMMENT ON TABLE t IS 'x'; DROP TABLE t;").trace is Trace.NONE
    for script in (
        "SET x.y = 1;",
        "SELECT set_config('a.b', 'c', false);",
        "DO $$ BEGIN END $$;",
        "LISTEN x;",
        "CREATE TEMP TABLE t ();",
        "INSERT INTO t SELECT f();",
        "PREPARE p AS SELECT 1;",
    ):
        assert look(script).trace is not Trace.NONE, script


def test_settings_of_roles_and_databases_want_a_new_session(look: Callable[[str], Shape]) -> None:
    assert look("ALTER DATABASE d SET search_path = x;").new_connection
    assert look("ALTER ROLE r SET work_mem = '1MB';").new_connection
    assert not look("ALTER ROLE r LOGIN;").new_connection


def test_a_script_that_asks_the_world_is_not_certain(look: Callable[[str], Shape]) -> None:
    assert look("SELECT 1;").certain
    for script in ("SELECT 1 \\gset", "\\set x `date`", "\\getenv h HOME", "SELECT :ROW_COUNT;", "\\! ls"):
        assert not look(script).certain, script


def test_actions_of_a_small_certain_script_are_kept(look: Callable[[str], Shape]) -> None:
    assert len(look("\\set x 1\nSELECT :x;\n\\echo hi").actions or ()) == 2
    assert look("SELECT 1 \\gset").actions is None
    assert look("COPY t FROM stdin;\n1\n\\.\n").actions is None


def test_a_misspelt_setting_on_the_first_line_is_an_error(look: Callable[[str], Shape]) -> None:
    with pytest.raises(ScriptError, match="unknown setting 'transaction=of'"):
        look("-- sqitchpy: transaction=of\nSELECT 1;")
    assert look("-- sqitchpy: allow drop-column — agreed\nSELECT 1;").directives == {}


def test_a_script_for_psql_is_not_read_any_further(look: Callable[[str], Shape]) -> None:
    shape = look("-- sqitchpy: runner=psql\n\\connect elsewhere\n")
    assert shape.runner == "psql"
    assert not shape.folds


def test_only_small_scripts_are_kept_and_echoes_count_too(look: Callable[[str], Shape]) -> None:
    def kept(text: str) -> bool:
        return look(text).actions is not None

    assert kept("SELECT 1;\n" * 70)
    assert not kept("SELECT 1;\n" * 100)
    assert kept("\\echo a\n" * 70)
    assert not kept("\\echo a\n" * 100)
    assert kept(f"SELECT '{'x' * 10_000}';\n")
    assert not kept(f"SELECT '{'x' * 20_000}';\n")
    assert not kept("COPY t FROM stdin;\n\\.\n")


@pytest.mark.parametrize(
    "script",
    [
        "",
        "SELECT 1;",
        "\ufeffSELECT 1;\r\n",
        "SELECT 1;\n\\q\nwhat psql does not read\n",
        "-- sqitchpy: runner=psql\n\\watch\n",
        "COPY t FROM stdin;\n1\n\\.\nSELECT 1;\n" * 20_000,
        "SELECT '" + "x" * 200_000 + "';\nSELECT 2;",
    ],
    ids=["empty", "no line end", "mark", "ended early", "psql", "many pieces", "a long line"],
)
def test_the_hash_is_that_of_the_whole_file(look: Callable[[str], Shape], tmp_path: Path, script: str) -> None:
    shape = look(script)
    assert shape.script_hash == hashlib.sha1((tmp_path / "s.sql").read_bytes(), usedforsecurity=False).hexdigest()
