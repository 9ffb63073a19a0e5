"""What a deployment takes in memory does not grow with its scripts. (benchmarks/size.py says how much it is.)"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sqitchpy.testing import Database
from tests.acceptance.cli import ROOT, environment
from tests.projects import Scripts, add_change, make_project

PEAK = ROOT / "benchmarks" / "peak.py"
MORE = 12_000_000
"""Bytes by which the larger of two deployments is larger."""
TOLERANCE = 3 * 1024
"""KiB that it may take more; were what was read kept, it would be four times as many."""


def peak(directory: Path, *words: str) -> int:
    """Run the command line and return its peak memory, in KiB."""
    command = [sys.executable, str(PEAK), *words]
    done = subprocess.run(command, cwd=directory, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.splitlines()[-1])


def inserts(size: int) -> str:
    line = f"INSERT INTO t VALUES (1, 'it''s {'x' * 2_000}');\n"
    return "CREATE TEMP TABLE t (id int, note text);\n" + line * (size // len(line))


def one_function_after_the_other(size: int) -> str:
    body = "    RAISE NOTICE 'not raised; %', 1;\n" * 200
    function = f"CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n{body}END $$;\n"
    return function * (size // len(function))


def data(size: int) -> str:
    line = "1\tlorem ipsum dolor sit amet\n"
    return f"CREATE TEMP TABLE t (id int, note text);\nCOPY t FROM stdin;\n{line * (size // len(line))}\\.\nSELECT 1;\n"


@pytest.mark.parametrize("script", [inserts, one_function_after_the_other, data])
def test_memory_does_not_grow_with_the_script(
    tmp_path: Path, pg_database: Database, script: Callable[[int], str]
) -> None:
    used = []
    for size in (2_000_000, 2_000_000 + MORE):
        name = f"p{size}"
        folder = make_project(tmp_path / name, {"a": Scripts(script(size))}, name=name)
        used.append(peak(folder, "deploy", pg_database.uri))
    assert used[1] < used[0] + TOLERANCE


def test_memory_hardly_grows_with_the_plan(tmp_path: Path, pg_database: Database) -> None:
    used = []
    for count in (60, 600):
        name = f"p{count}"
        folder = make_project(tmp_path / name, {}, name=name)
        text = f"SELECT '{'x' * 4_000}' WHERE false;\n" * (MORE // 540 // 4_000 + 1)
        for n in range(count):
            add_change(folder, f"c{n}", Scripts(f"-- {name} {n}\n{text}"))
        used.append(peak(folder, "deploy", pg_database.uri))
    # The scripts of 540 changes more come to 12 MB; a change itself takes a few KiB.
    assert used[1] < used[0] + TOLERANCE
