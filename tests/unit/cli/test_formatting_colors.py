"""Colour names, and when there is colour. The sequences are what Sqitch 1.3.1 printed for the same names."""

from __future__ import annotations

import pytest

from sqitchpy.cli.formatting import wants_color
from sqitchpy.cli.formatting.colors import escape
from sqitchpy.errors import ConfigError


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("red", "\033[31m"),
        ("RED", "\033[31m"),
        ("bold red", "\033[1;31m"),
        ("bold bold", "\033[1;1m"),
        ("  BOLD   Red ", "\033[1;31m"),
        ("blink on_bright_red", "\033[5;101m"),
        ("bright_black", "\033[90m"),
        ("on_cyan", "\033[46m"),
        ("white", "\033[37m"),
        ("faint", "\033[2m"),
        ("reset", "\033[0m"),
        ("clear bold dark faint italic", "\033[0;1;2;2;3m"),
        ("underline underscore blink reverse concealed", "\033[4;4;5;7;8m"),
        ("ansi0", "\033[38;5;0m"),
        ("ansi9", "\033[38;5;9m"),
        ("on_ansi200", "\033[48;5;200m"),
        ("ansi255", "\033[38;5;255m"),
        ("rgb123", "\033[38;5;67m"),
        ("rgb000", "\033[38;5;16m"),
        ("rgb555", "\033[38;5;231m"),
        ("on_grey3", "\033[48;5;235m"),
        ("grey0", "\033[38;5;232m"),
        ("grey23", "\033[38;5;255m"),
        ("r1g2b3", "\033[38;2;1;2;3m"),
        ("on_r001g255b3", "\033[48;2;1;255;3m"),
        ("r1g1b1 bold", "\033[38;2;1;1;1;1m"),
        (" ", ""),
    ],
)
def test_colour_names_become_escape_sequences(names: str, expected: str) -> None:
    assert escape(names) == expected


@pytest.mark.parametrize(
    "names",
    [
        "nope", "red,bold", "bold nope", "bright_on_red", "ansi256", "ansi016", "grey24", "rgb666", "rgb12",
        "r256g0b0", "r0g256b0", "r0g0b256", "default", "red-", "on_bold",
    ],
)  # fmt: skip
def test_a_name_that_is_no_colour_is_refused_in_sqitchs_words(names: str) -> None:
    with pytest.raises(ConfigError) as caught:
        escape(names)
    assert caught.value.message == f"{names} is not a valid ANSI color"
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("mode", "terminal", "environ", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("always", False, {}, True),
        ("never", True, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("always", True, {"NO_COLOR": ""}, False),
        ("always", True, {"ANSI_COLORS_DISABLED": "1"}, True),
        ("auto", True, {"ANSI_COLORS_DISABLED": "1"}, False),
        ("auto", True, {"ANSI_COLORS_DISABLED": ""}, True),
    ],
)
def test_there_is_colour_where_sqitch_has_colour(
    mode: str, terminal: bool, environ: dict[str, str], expected: bool
) -> None:
    assert wants_color(mode, terminal=terminal, environ=environ) is expected


def test_another_colour_mode_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        wants_color("bogus", terminal=True, environ={})
    assert caught.value.message == 'Value "bogus" did not pass type constraint "Enum[always,auto,never]"'
    assert caught.value.code == 255
