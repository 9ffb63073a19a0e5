"""``plan`` on plans that Sqitch refuses, and on odd ones that it reads: the command line begins with Sqitch's words."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqitchpy.cli import main

VECTORS = json.loads((Path(__file__).parents[1] / "unit/golden/golden-plan-errors.json").read_text(encoding="utf-8"))
SORTED = "accepted, sorted"


def verdict(vector: dict[str, Any]) -> dict[str, Any]:
    """Sqitch's verdict; where Sqitch has changed its mind since 1.5, the new one."""
    found: dict[str, Any] = vector.get("since_1_5", vector)
    return found


REFUSED = [vector for vector in VECTORS if verdict(vector)["exit"] and vector.get("sqitchpy") != SORTED]
READ = [vector for vector in VECTORS if not verdict(vector)["exit"]]


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    """The command line makes SIGTERM an interruption; this process is to have its own handling back."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["name"])
def test_a_refused_plan_is_refused_in_sqitchs_words(
    vector: dict[str, Any], directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (directory / "sqitch.plan").write_bytes(vector["plan"].encode())
    code = main(["plan"])
    told = capfd.readouterr()
    assert told.err.startswith(verdict(vector)["stderr"])
    assert (code, told.out) == (verdict(vector)["exit"], "")


@pytest.mark.parametrize("vector", READ, ids=lambda vector: vector["name"])
def test_an_odd_plan_that_sqitch_reads_lists_the_same_changes(
    vector: dict[str, Any], directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (directory / "sqitch.plan").write_bytes(vector["plan"].encode())
    code = main(["plan", "--no-headers", "--format", "format:%n"])
    told = capfd.readouterr()
    names = verdict(vector)["names"]
    assert told.out.splitlines() == (names or ["No changes in sqitch.plan"])
    assert (code, told.err) == (0 if names else 1, "")
