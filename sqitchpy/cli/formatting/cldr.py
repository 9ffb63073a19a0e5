"""Dates by CLDR patterns, in English: ``EEEE, MMMM d, y``.

The symbols are those of Unicode TR 35 as Perl's DateTime has them, which is what Sqitch calls: letters without a
meaning there are printed as they stand, more letters than the longest form count as the longest, and a bare ``''``
is nothing (inside quotes it is one quote).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqitchpy.cli.formatting import zones

Write = Callable[[datetime], str]

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_QUARTERS: Final = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
_JULIAN: Final = 678_576  # the modified Julian date counts days from here (1858-11-17)

_TOKEN: Final = re.compile(r"'((?:[^']|'')*)'|(([a-zA-Z])\3*)|(.)", re.DOTALL)


def compile_cldr(pattern: str) -> Write:
    """A function that writes a moment by ``pattern``. Every pattern means something; nothing is raised."""
    parts = [_part(token) for token in _TOKEN.finditer(pattern)]

    def write(moment: datetime) -> str:
        text = "".join(part if isinstance(part, str) else part[0](moment, part[1]) for part in parts)
        return text.replace("''", "'")

    return write


def month_name(moment: datetime, length: int | None = None) -> str:
    """``January``, or its first letters."""
    return MONTHS[moment.month - 1][:length]


def day_name(moment: datetime, length: int | None = None) -> str:
    """``Monday``, or its first letters."""
    return DAYS[moment.weekday()][:length]


def am_pm(moment: datetime) -> str:
    """``AM`` or ``PM``."""
    return "AM" if moment.hour < 12 else "PM"


def hour_12(moment: datetime) -> int:
    """The hour on a clock face, 1 to 12."""
    return (moment.hour - 1) % 12 + 1


def day_of_year(moment: datetime) -> int:
    """The day of the year, from 1."""
    return moment.timetuple().tm_yday


def quarter(moment: datetime) -> int:
    """The quarter of the year, from 1."""
    return (moment.month + 2) // 3


def week_of_month(moment: datetime) -> int:
    """The week of the month, 0 to 5: the first one is that which holds the first Thursday."""
    return (moment.day + 4 - moment.isoweekday() + 6) // 7


_Field = Callable[[datetime, int], str]


def _part(token: re.Match[str]) -> str | tuple[_Field, int]:
    """A piece of a pattern: text, or a field with the number of letters that it had."""
    quoted, run, letter, other = token.groups()
    if run is None:
        return str(quoted if quoted is not None else other)
    field = _FIELDS.get(letter)
    return (field, len(run)) if field else str(run)


def _number(value: Callable[[datetime], int], widest: int) -> _Field:
    """A field that is a number, filled with zeros to the count of its letters, up to ``widest``."""
    return lambda moment, count: f"{value(moment):0{min(count, widest)}d}"


def _always(value: Callable[[datetime], str]) -> _Field:
    """A field that ignores the count of its letters."""
    return lambda moment, count: value(moment)


def _year(moment: datetime, count: int) -> str:
    return f"{moment.year % 100:02d}" if count == 2 else f"{moment.year:0{min(count, 5)}d}"


def _era(moment: datetime, count: int) -> str:
    return "A" if count > 4 else "Anno Domini" if count == 4 else "AD"


def _quarter(moment: datetime, count: int) -> str:
    number = quarter(moment)
    return _QUARTERS[number - 1] if count > 3 else f"Q{number}" if count == 3 else f"{number:0{count}d}"


def _month(moment: datetime, count: int) -> str:
    return f"{moment.month:0{count}d}" if count < 3 else month_name(moment, _letters(count))


def _weekday(moment: datetime, count: int) -> str:
    return day_name(moment, _letters(max(count, 3)))


def _letters(count: int) -> int | None:
    """How much of a name a field of ``count`` letters shows: three letters, all, or one (narrow)."""
    return {3: 3, 4: None}.get(count, 1)


def _local_weekday(moment: datetime, count: int) -> str:
    """The number of the day in an American week, which begins on Sunday."""
    return f"{moment.isoweekday() % 7 + 1:0{count}d}" if count < 3 else _weekday(moment, count)


def _lone_weekday(moment: datetime, count: int) -> str:
    return f"{moment.isoweekday():0{count}d}" if count < 3 else _weekday(moment, count)


def _milliseconds(moment: datetime) -> str:
    return str(((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000)


def _julian_day(moment: datetime) -> int:
    return moment.astimezone(UTC).toordinal() - _JULIAN


def _short_zone_or_long(moment: datetime, count: int) -> str:
    return zones.long_name(moment) if count > 3 else zones.short_name(moment)


def _offset(moment: datetime, count: int) -> str:
    if count > 4:
        return zones.offset(moment, ":")
    return (zones.short_name(moment) if count == 4 else "") + zones.offset(moment)


_ANY: Final = 1_000  # as wide as there are letters

_FIELDS: Final[Mapping[str, _Field]] = MappingProxyType(
    {
        "G": _era,
        "y": _year,
        "u": _number(lambda moment: moment.year, _ANY),
        "Y": _number(lambda moment: moment.isocalendar().year, _ANY),
        "Q": _quarter,
        "q": _quarter,
        "M": _month,
        "L": _month,
        "w": _number(lambda moment: moment.isocalendar().week, 2),
        "W": _number(week_of_month, 1),
        "d": _number(lambda moment: moment.day, 2),
        "D": _number(day_of_year, 3),
        "F": _number(lambda moment: (moment.day + 6) // 7, 1),
        "g": _number(_julian_day, _ANY),
        "E": _weekday,
        "e": _local_weekday,
        "c": _lone_weekday,
        "a": _always(am_pm),
        "h": _number(hour_12, 2),
        "H": _number(lambda moment: moment.hour, 2),
        "K": _number(lambda moment: moment.hour % 12, 2),
        "k": _number(lambda moment: moment.hour or 24, 2),
        "j": _number(hour_12, 2),
        "m": _number(lambda moment: moment.minute, 2),
        "s": _number(lambda moment: moment.second, 2),
        "S": lambda moment, count: "0" * count,  # fractions are dropped before
        "A": _always(_milliseconds),
        "z": _short_zone_or_long,
        "v": _short_zone_or_long,
        "V": _short_zone_or_long,
        "Z": _offset,
    }
)
