"""Values as booleans and numbers, as the types of ``config`` (``--bool`` and so on) show them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

from sqitchpy.errors import ConfigError

Type = Literal["bool", "int", "num", "bool-or-int"]

_TRUE = re.compile(r"true|yes|on|-?0*1", re.IGNORECASE)
_FALSE = re.compile(r"false|no|off|0*", re.IGNORECASE)
_NUMBER = re.compile(r"(-?[0-9]*\.?[0-9]*)([kmg]?)")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def cast(value: str | None, kind: Type | None) -> str | None:
    """The value as a word of its type; ``None`` stands for a key without a value.

    Raises:
        ConfigError: it is none of that type (Sqitch's words).
    """
    return value if kind is None else _CASTS[kind](value)


def _bool(value: str | None) -> str:
    if value is None:
        return "1"  # Sqitch's word for it; where there is a value it says true
    if _TRUE.fullmatch(value):
        return "true"
    if _FALSE.fullmatch(value):
        return "false"
    raise ConfigError(f"Invalid bool '{value}'", hint="Write true, yes, on or 1; or false, no, off or 0")


def _int(value: str | None) -> str:
    return _shown(Decimal(int(_number(value, "int"))))


def _num(value: str | None) -> str:
    return _shown(_number(value, "num"))


def _bool_or_int(value: str | None) -> str:
    is_number = value is not None and _NUMBER.fullmatch(value) and any(map(str.isdigit, value))
    return _int(value) if is_number else _bool(value)


def _number(value: str | None, kind: str) -> Decimal:
    """The number; what has no digit is 0."""
    number = _NUMBER.fullmatch(value or "")
    if number is None:
        raise ConfigError(
            f"Invalid unit while casting to {kind}", hint="Write a number, with k, m or g after it or without"
        )
    digits = number[1] if any(map(str.isdigit, number[1])) else "0"
    return Decimal(digits) * _UNITS[number[2]]


def _shown(number: Decimal) -> str:
    """The number as Perl writes it: whole ones of 64 bits with all digits, others with 15 at most."""
    if number == int(number) and -(2**63) <= number < 2**64:
        return str(int(number))
    return f"{float(number):.15g}"


_CASTS: Mapping[Type, Callable[[str | None], str]] = {
    "bool": _bool,
    "int": _int,
    "num": _num,
    "bool-or-int": _bool_or_int,
}
