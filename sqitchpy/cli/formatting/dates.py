"""The date formats of ``status``, ``log`` and ``plan``.

All are in English: Sqitch writes ``full``, ``long``, ``medium``, ``short`` and patterns in the language of
``LC_TIME``, and what it writes in the C locale and in en_US is what we write everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Final, NamedTuple

from sqitchpy.cli.formatting import zones
from sqitchpy.cli.formatting.cldr import compile_cldr, day_name, month_name
from sqitchpy.cli.formatting.strftime import compile_strftime
from sqitchpy.errors import ConfigError


class DateFormat(NamedTuple):
    """A way to write a moment, compiled. ``utc`` formats ignore the reader's time zone."""

    spec: str
    write: Callable[[datetime], str]
    utc: bool = False


def parse_date_format(spec: str, *, exit_code: int = 255) -> DateFormat:
    """The format of a name (``raw``, ``iso``, ``rfc``, ``full`` …), or of ``cldr:PATTERN`` or ``strftime:PATTERN``.

    Nothing means ``iso``, as an empty option does in Sqitch. Raises ``ConfigError`` for anything else.
    """
    kind, colon, pattern = spec.partition(":")
    if colon and kind == "cldr":
        return DateFormat(spec, compile_cldr(pattern))
    if colon and kind == "strftime":
        return DateFormat(spec, compile_strftime(pattern))
    write = _NAMED.get(spec or "iso")
    if write is None:
        message = f'Unknown date format "{spec}"'
        raise ConfigError(
            message, hint=f"Use {', '.join(_NAMED)}, cldr:PATTERN or strftime:PATTERN", exit_code=exit_code
        )
    return DateFormat(spec or "iso", write, utc=spec == "raw")


def format_date(moment: datetime, date_format: DateFormat, tz: tzinfo | None = None) -> str:
    """``moment``, an aware datetime, in zone ``tz``; ``None`` is the system's local time. Fractions are dropped.

    Only ``zones.local_zone`` knows the local zone's own name, which ``full`` prints.
    """
    return date_format.write(moment.astimezone(UTC if date_format.utc else tz))


def _clock(moment: datetime, separator: str = " ") -> str:
    """Date and time without the offset; isoformat, unlike strftime, gives every year four digits."""
    return moment.replace(microsecond=0, tzinfo=None).isoformat(separator)


def _iso(moment: datetime) -> str:
    return f"{_clock(moment)} {zones.offset(moment)}"


def _raw(moment: datetime) -> str:
    return f"{_clock(moment, 'T')}Z"


def _rfc(moment: datetime) -> str:
    """RFC 2822; a zero offset is written ``-0000`` as Sqitch does."""
    away = zones.offset(moment).replace("+0000", "-0000")
    return f"{day_name(moment, 3)}, {moment.day:02d} {month_name(moment, 3)} {moment.year} {moment:%H:%M:%S} {away}"


RAW: Final = DateFormat("raw", _raw, utc=True)

_NAMED: Final[Mapping[str, Callable[[datetime], str]]] = MappingProxyType(
    {
        "raw": _raw,
        "iso": _iso,
        "iso8601": _iso,
        "rfc": _rfc,
        "rfc2822": _rfc,
        # U+202F, a narrow blank that does not break, stands before AM and PM since CLDR 42
        "full": compile_cldr("EEEE, MMMM d, y, h:mm:ss\u202fa zzzz"),
        "long": compile_cldr("MMMM d, y, h:mm:ss\u202fa z"),
        "medium": compile_cldr("MMM d, y, h:mm:ss\u202fa"),
        "short": compile_cldr("M/d/yy, h:mm\u202fa"),
    }
)
