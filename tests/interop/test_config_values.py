"""What sqitchpy writes into sqitch.conf real Sqitch reads, value for value; and the other way round."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sqitchpy.config import parse_config
from sqitchpy.config.editing import set_value
from sqitchpy.config.writing import edit_file

VALUES = [
    "plain",
    "a  b",
    " edges ",
    'semicolon; and "quotes"',
    '"#"',
    "back\\slash\\n; not a line",
    "\ttab\nand line",
    "",
    "é 日本 \u00a0",
    "# all ; of \\ \" it '  ",
    "\\",
    "x = [y]",
]
SAFE = ["plain", " edges ", "a;b", 'say "hi"', "back\\slash", "tab\there", "line\nfeed", "é 日本", ""]
"""Values that Sqitch writes so that it can read them itself."""


def config(command: str, directory: Path, *words: str) -> str:
    done = subprocess.run([command, "config", *words], cwd=directory, capture_output=True, check=True)
    return done.stdout.decode().removesuffix("\n")


@pytest.mark.parametrize("value", VALUES)
def test_sqitch_reads_what_sqitchpy_writes(sqitch: str, tmp_path: Path, value: str) -> None:
    edit_file(tmp_path / "sqitch.conf", lambda text: set_value(text, 'a.b "c".key', value))
    assert config(sqitch, tmp_path, "--get-all", 'a.b "c".key') == value


@pytest.mark.parametrize("value", SAFE)
def test_sqitchpy_reads_what_sqitch_writes(sqitch: str, tmp_path: Path, value: str) -> None:
    config(sqitch, tmp_path, "a.b.key", value)
    (entry,) = parse_config((tmp_path / "sqitch.conf").read_bytes(), "sqitch.conf")
    assert (entry.path, entry.value) == ("a.b.key", value)
