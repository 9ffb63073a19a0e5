"""Dates by strftime patterns, in English: ``%Y-%m-%d``.

Not the C library's: the conversions are those of Perl's DateTime, which is what Sqitch calls, so that a format
prints the same on every system. What is not a conversion there is printed as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqitchpy.cli.formatting import cldr, zones

_Write = Callable[[datetime], str]

_TOKEN: Final = re.compile(r"%\{(\w+)\}|%([%a-zA-Z])|%([0-9]+)N")


def compile_strftime(pattern: str) -> _Write:
    """A function that writes a moment by ``pattern``. Every pattern means something; nothing is raised.

    ``%{name}`` stands for a value that DateTime has under that name, such as ``%{day_name}``; the common ones are
    known, others are printed as they stand.
    """
    parts: list[str | _Write] = []
    done = 0
    for token in _TOKEN.finditer(pattern):
        parts += pattern[done : token.start()], _part(token)
        done = token.end()
    parts.append(pattern[done:])
    return lambda moment: "".join(part if isinstance(part, str) else part(moment) for part in parts)


def _part(token: re.Match[str]) -> str | _Write:
    name, letter, precision = token.groups()
    if precision is not None:
        return "0" * int(precision)  # fractions are dropped before
    return (_NAMES.get(name) if name else _LETTERS.get(letter)) or token[0]


def _week_from(first: int) -> Callable[[datetime], int]:
    """The number of the week in a year whose weeks begin on weekday ``first`` (0 is Sunday) and are counted from 0."""
    return lambda moment: (cldr.day_of_year(moment) - (moment.isoweekday() - first) % 7 + 6) // 7


_LETTERS: Final[Mapping[str, str | _Write]] = MappingProxyType(
    {
        "a": cldr.compile_cldr("EEE"),
        "A": cldr.compile_cldr("EEEE"),
        "b": cldr.compile_cldr("MMM"),
        "B": cldr.compile_cldr("MMMM"),
        "c": cldr.compile_cldr("MMM d, y, h:mm:ss\u202fa"),
        "C": lambda moment: str(moment.year // 100),
        "d": cldr.compile_cldr("dd"),
        "D": cldr.compile_cldr("MM/dd/yy"),
        "e": lambda moment: f"{moment.day:2d}",
        "F": cldr.compile_cldr("y-MM-dd"),
        "g": lambda moment: str(moment.isocalendar().year)[-2:],
        "G": cldr.compile_cldr("Y"),
        "h": cldr.compile_cldr("MMM"),
        "H": cldr.compile_cldr("HH"),
        "I": cldr.compile_cldr("hh"),
        "j": cldr.compile_cldr("DDD"),
        "k": lambda moment: f"{moment.hour:2d}",
        "l": lambda moment: f"{cldr.hour_12(moment):2d}",
        "m": cldr.compile_cldr("MM"),
        "M": cldr.compile_cldr("mm"),
        "n": "\n",
        "N": "000000000",
        "p": cldr.am_pm,
        "P": lambda moment: cldr.am_pm(moment).lower(),
        "r": cldr.compile_cldr("hh:mm:ss a"),
        "R": cldr.compile_cldr("HH:mm"),
        "s": lambda moment: str(int(moment.timestamp())),
        "S": cldr.compile_cldr("ss"),
        "t": "\t",
        "T": cldr.compile_cldr("HH:mm:ss"),
        "u": cldr.compile_cldr("c"),
        "U": lambda moment: f"{_week_from(0)(moment):02d}",
        "V": cldr.compile_cldr("ww"),
        "w": lambda moment: str(moment.isoweekday() % 7),
        "W": lambda moment: f"{_week_from(1)(moment):02d}",
        "x": cldr.compile_cldr("MMM d, y"),
        "X": cldr.compile_cldr("h:mm:ss\u202fa"),
        "y": cldr.compile_cldr("yy"),
        "Y": cldr.compile_cldr("y"),
        "z": zones.offset,
        "Z": zones.short_name,
        "%": "%",
    }
)

# Names of DateTime's methods, as CLDR patterns; those that a date does not have have no place here.
_CLDR_NAMES: Final = {
    "year": "y", "month": "M", "mon": "M", "day": "d", "day_of_month": "d", "mday": "d",
    "hour": "H", "hour_1": "k", "hour_12": "h", "hour_12_0": "K", "minute": "m", "min": "m", "second": "s", "sec": "s",
    "month_name": "MMMM", "month_abbr": "MMM", "day_name": "EEEE", "day_abbr": "EEE", "am_or_pm": "a",
    "day_of_week": "c", "wday": "c", "dow": "c", "local_day_of_week": "e", "day_of_year": "D", "doy": "D",
    "week_number": "w", "week_year": "Y", "week_of_month": "W", "weekday_of_month": "F",
    "quarter": "Q", "quarter_name": "QQQQ", "quarter_abbr": "QQQ", "era_name": "GGGG", "era_abbr": "G",
    "ymd": "yyyy-MM-dd", "date": "yyyy-MM-dd", "mdy": "MM-dd-yyyy", "dmy": "dd-MM-yyyy",
    "hms": "HH:mm:ss", "time": "HH:mm:ss", "iso8601": "yyyy-MM-dd'T'HH:mm:ss", "datetime": "yyyy-MM-dd'T'HH:mm:ss",
    "time_zone_long_name": "zzzz", "time_zone_short_name": "z",
}  # fmt: skip

_NAMES: Final[Mapping[str, str | _Write]] = MappingProxyType(
    {name: cldr.compile_cldr(pattern) for name, pattern in _CLDR_NAMES.items()}
    | {"epoch": lambda moment: str(int(moment.timestamp()))}
)
