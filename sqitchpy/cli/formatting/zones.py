"""The local time zone and the names and offsets of zones, as Sqitch's DateTime module writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UTC: Final = re.compile(r"(?:Etc/)?(?:UTC|UCT|GMT|GMT0|GMT\+0|GMT-0|Zulu|Universal|Greenwich)")
_LOCALTIME: Final = Path("/etc/localtime")


def local_zone(environ: Mapping[str, str], localtime: Path = _LOCALTIME) -> tzinfo | None:
    """The zone that ``TZ`` names, else the one that ``localtime`` is a link to; ``None`` when that has no name.

    ``None`` stands for the system's own idea of local time (a ``TZ`` in POSIX notation, Windows). A named zone is
    worth looking for only because the date format ``full`` prints its name.
    """
    name = environ.get("TZ")
    if name is None:
        _, found, name = str(localtime.resolve()).partition("zoneinfo/")
        return _zone(name.removeprefix("posix/")) if found else None
    return _zone(name.removeprefix(":"))


def offset(moment: datetime, separator: str = "") -> str:
    """The distance from UTC: ``+0100``, with seconds where the zone has them."""
    away = moment.utcoffset() or timedelta()
    seconds = int(abs(away).total_seconds())
    parts = [seconds // 3600, seconds // 60 % 60] + ([seconds % 60] if seconds % 60 else [])
    return ("-" if away < timedelta() else "+") + separator.join(f"{part:02d}" for part in parts)


def short_name(moment: datetime) -> str:
    """``CET``, ``UTC``, or the offset where the zone has no letters of its own."""
    key = getattr(moment.tzinfo, "key", "")
    if _UTC.fullmatch(key):
        return "UTC"
    if key.startswith("Etc/GMT"):
        return offset(moment)
    name = moment.tzname() or ""
    return offset(moment) if name[:4] in ("", "UTC+", "UTC-") else name  # UTC+ is Python's name for a bare offset


def long_name(moment: datetime) -> str:
    """``Europe/Berlin``; the short name for UTC, for fixed offsets and where the zone's name is not known."""
    key = getattr(moment.tzinfo, "key", None)
    if key is None or _UTC.fullmatch(key) or key.startswith("Etc/GMT"):
        return short_name(moment)
    return str(key)


def _zone(name: str) -> tzinfo | None:
    """A zone of the database; ``None`` when there is none of that name, or no database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as Europe
        return None
