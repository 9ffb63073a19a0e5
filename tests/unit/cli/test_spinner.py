"""What moves on a terminal while a step takes long; and that it leaves no trace."""

from __future__ import annotations

import re
import time
from io import StringIO

import pytest

from sqitchpy.cli.spinner import Spinner

LINE = "  + users .. "


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "80")
    stream = StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    return stream


def wait_for(out: StringIO, text: str) -> None:
    limit = time.monotonic() + 10
    while text not in out.getvalue():
        assert time.monotonic() < limit, f"{text!r} never came in {out.getvalue()!r}"
        time.sleep(0.01)


def test_a_step_that_is_over_soon_shows_nothing(out: StringIO) -> None:
    spinner = Spinner(out, delay=30)
    spinner.start(LINE, time.monotonic())
    spinner.stop()
    assert out.getvalue() == ""


def test_a_long_step_shows_its_seconds_and_then_the_line_as_it_was(out: StringIO) -> None:
    spinner = Spinner(out, delay=0.01)
    spinner.start(LINE, time.monotonic() - 7)
    wait_for(out, " s")
    spinner.stop()
    written = out.getvalue()
    shown = re.search(r"  \+ users \.\. [|/\\-] (\d+) s", written)
    assert shown is not None
    assert int(shown[1]) >= 7
    assert written.startswith("\r\x1b[K")
    assert written.endswith(LINE)
    time.sleep(0.3)
    assert out.getvalue() == written


def test_a_line_that_fills_the_terminal_is_left_alone(out: StringIO) -> None:
    spinner = Spinner(out, delay=0)
    spinner.start("x" * 70, time.monotonic())
    time.sleep(0.2)
    spinner.stop()
    assert out.getvalue() == ""


def test_stopping_twice_does_no_harm(out: StringIO) -> None:
    spinner = Spinner(out, delay=0.01)
    spinner.stop()
    spinner.start(LINE, time.monotonic())
    wait_for(out, " s")
    spinner.stop()
    written = out.getvalue()
    spinner.stop()
    assert out.getvalue() == written
