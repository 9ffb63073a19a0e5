"""Values by type, as ``sqitch config`` 1.3.1 shows them."""

from __future__ import annotations

import pytest

from sqitchpy.config.casting import Type, cast
from sqitchpy.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("bool", "Yes", "true"),
        ("bool", "-01", "true"),
        ("bool", "", "false"),
        ("bool", "000", "false"),
        ("bool", None, "1"),
        ("int", "2k", "2048"),
        ("int", "0.5k", "512"),
        ("int", "-3.7", "-3"),
        ("int", "", "0"),
        ("int", ".", "0"),
        ("int", "99999999999999999999", "1e+20"),
        ("num", "1.50", "1.5"),
        ("num", "3m", "3145728"),
        ("bool-or-int", "12", "12"),
        ("bool-or-int", "off", "false"),
        ("bool-or-int", None, "1"),
    ],
)
def test_a_value_is_shown_by_its_type(kind: Type, value: str | None, shown: str) -> None:
    assert cast(value, kind) == shown


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("bool", "2", "Invalid bool '2'"),
        ("int", "two", "Invalid unit while casting to int"),
        ("num", "2x", "Invalid unit while casting to num"),
        ("bool-or-int", "maybe", "Invalid bool 'maybe'"),
    ],
)
def test_another_value_is_refused(kind: Type, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        cast(value, kind)
    assert raised.value.message == message


def test_without_a_type_a_value_is_as_it_is() -> None:
    assert cast("2k", None) == "2k"
