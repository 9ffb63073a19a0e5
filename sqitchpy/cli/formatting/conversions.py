"""What each conversion code prints: ``%n`` the change's name, ``%{date:rfc}c`` when it was committed, and so on.

Every builder takes the argument in braces (``None`` without braces) and returns the part that prints it. Where
Sqitch's versions differ (an empty separator, ``%F``) this is Sqitch 1.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqitchpy.cli.formatting import colors
from sqitchpy.cli.formatting.dates import RAW, format_date, parse_date_format
from sqitchpy.cli.formatting.item import Item
from sqitchpy.cli.formatting.template import Kind, Part, Settings
from sqitchpy.errors import ConfigError
from sqitchpy.model import Person

_Builder = Callable[[str | None, Kind], Part]
_When = Callable[[Item], datetime | None]

_NOBODY: Final = Person("", "")
_BREAKS: Final = "\n\v\f\r\x85\u2028\u2029"  # what Perl calls vertical white space
_BREAK: Final = re.compile(f"[{_BREAKS}]")
_SUBJECT: Final = re.compile(rf"\A.+[{_BREAKS}]+")
_DATE: Final = re.compile(r"d(?:ate)?(?::(.*)|)", re.DOTALL)
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+")
_LABELS: Final = (
    "event", "change", "committer", "planner", "by", "date", "committed", "planned", "name", "project", "email",
    "requires", "conflicts",
)  # fmt: skip


def build(code: str, argument: str | None, kind: Kind) -> Part:
    """The part for one conversion. Raises ``ConfigError`` (exit code 2) for an unknown code or a bad argument."""
    builder = _BUILDERS.get(code)
    if builder is None:
        raise ConfigError(f'Unknown format code "{code}"', hint="Write %% for a percent sign")
    return builder(argument, kind)


def _plain(value: Callable[[Item], str]) -> _Builder:
    """A conversion that takes no notice of its argument."""
    return lambda argument, kind: lambda item, settings: value(item)


def _short_id(argument: str | None, kind: Kind) -> Part:
    """An argument without a number in it counts as 0 digits, as Perl has it; a negative one cuts from the end."""
    if argument in (None, "", "0"):
        return lambda item, settings: item.id[: settings.abbrev or None]
    number = _NUMBER.match(argument or "")
    length = int(number[0]) if number else 0
    return lambda item, settings: item.id[:length]


def _committer(argument: str | None, kind: Kind) -> Part:
    if kind == "plan" and argument is not None and _DATE.fullmatch(argument):
        raise ConfigError(f"%{{{argument}}}c is of no use in a plan: nothing is committed yet", hint="Use %{date}p")
    return _person(argument, lambda item: item.committer or _NOBODY, lambda item: item.committed_at)


def _planner(argument: str | None, kind: Kind) -> Part:
    return _person(argument, lambda item: item.planner, lambda item: item.planned_at)


def _person(argument: str | None, who: Callable[[Item], Person], when: _When) -> Part:
    """Name and email, one of them, or the date; nothing for an argument that is none of these."""
    if argument is None:
        return lambda item, settings: str(who(item))
    if argument in ("n", "name"):
        return lambda item, settings: who(item).name
    if argument in ("e", "email"):
        return lambda item, settings: who(item).email
    date = _DATE.fullmatch(argument)
    return _date(date[1] or "", when) if date else lambda item, settings: ""


def _date(spec: str, when: _When) -> Part:
    # "default" is no --date-format, but in an argument Sqitch takes it: the locale's default, medium
    name = "medium" if spec == "default" else spec
    own = None if spec in ("", "0") else parse_date_format(name, exit_code=2)

    def part(item: Item, settings: Settings) -> str:
        moment = when(item)
        return "" if moment is None else format_date(moment, own or settings.date_format, settings.tz)

    return part


def _list(values: Callable[[Item], tuple[str, ...]], before: str, after: str = "") -> _Builder:
    """A list joined by the argument, between ``before`` and ``after``; nothing for an empty list."""

    def builder(argument: str | None, kind: Kind) -> Part:
        separator = ", " if argument is None else argument
        return lambda item, settings: f"{before}{separator.join(values(item))}{after}" if values(item) else ""

    return builder


def _subject(argument: str | None, kind: Kind) -> Part:
    prefix = argument or ""
    return lambda item, settings: prefix + _BREAK.split(item.note, maxsplit=1)[0]


def _body(argument: str | None, kind: Kind) -> Part:
    def part(item: Item, settings: object) -> str:
        body = _SUBJECT.sub("", item.note, count=1) if _BREAK.search(item.note) else ""
        return _prefixed(body, argument or "") if body else ""

    return part


def _whole_note(argument: str | None, kind: Kind) -> Part:
    return lambda item, settings: _prefixed(item.note, argument or "")


def _prefixed(text: str, prefix: str) -> str:
    """Each line with ``prefix``, empty ones too; a line feed at the very end begins no line."""
    return prefix + text[:-1].replace("\n", f"\n{prefix}") + text[-1:]


def _color(argument: str | None, kind: Kind) -> Part:
    if argument == ":event":
        return lambda item, settings: colors.event_escape(item.event) if settings.color else ""
    if argument is None or argument in ("", "0"):
        # without an argument Sqitch leaves its own placeholder in the message
        raise ConfigError(f"{'{color}' if argument is None else argument} is not a valid ANSI color")
    sequence = colors.escape(argument)
    return lambda item, settings: sequence if settings.color else ""


def _label(argument: str | None, kind: Kind) -> Part:
    if argument is None:
        raise ConfigError("No label passed to the _ format", hint=f"Use one of {', '.join(_LABELS)}")
    if argument not in _LABELS:
        message = f'Unknown label "{argument}" passed to the _ format'
        raise ConfigError(message, hint=f"Use one of {', '.join(_LABELS)}")
    label = f"{argument.capitalize()}:".ljust(10)
    return lambda item, settings: label


def _attribute(argument: str | None, kind: Kind) -> Part:
    """A line with an attribute's name and value; no line for an empty list."""
    known = {**_ATTRIBUTES, **_ATTRIBUTES_OF[kind]}
    if argument is None or argument not in known:
        # without an argument Sqitch leaves its own placeholder in the message
        message = f"{'{attr}' if argument is None else argument} is not a valid change attribute"
        raise ConfigError(message, hint=f"Use one of {', '.join(known)}")
    value = known[argument]

    def part(item: Item, settings: object) -> str:
        text = value(item)
        return "" if text is None else f"{argument:<9} {text}\n"

    return part


def _raw_date(moment: datetime | None) -> str | None:
    return None if moment is None else format_date(moment, RAW)


_Attributes = Mapping[str, Callable[[Item], str | None]]

_ATTRIBUTES: Final[_Attributes] = MappingProxyType(
    {
        "event": lambda item: item.event,
        "project": lambda item: item.project,
        "change_id": lambda item: item.id,
        "change": lambda item: item.change,
        "note": lambda item: item.note,
        "tags": lambda item: ", ".join(item.tags) if item.tags else None,
        "requires": lambda item: ", ".join(item.requires) if item.requires else None,
        "conflicts": lambda item: ", ".join(item.conflicts) if item.conflicts else None,
        "planned_at": lambda item: _raw_date(item.planned_at),
        "planner_name": lambda item: item.planner.name,
        "planner_email": lambda item: item.planner.email,
    }
)
_ATTRIBUTES_OF: Final[Mapping[Kind, _Attributes]] = MappingProxyType(
    {
        "log": {
            "committed_at": lambda item: _raw_date(item.committed_at),
            "committer_name": lambda item: (item.committer or _NOBODY).name,
            "committer_email": lambda item: (item.committer or _NOBODY).email,
        },
        "plan": {"deploy_file": lambda item: item.deploy_file},
    }
)

_BUILDERS: Final[Mapping[str, _Builder]] = MappingProxyType(
    {
        "e": _plain(lambda item: item.event),
        "L": _plain(lambda item: item.event.capitalize()),
        "l": _plain(lambda item: item.event),
        "H": _plain(lambda item: item.id),
        "h": _short_id,
        "n": _plain(lambda item: item.change),
        "o": _plain(lambda item: item.project),
        "F": _plain(lambda item: item.deploy_file or ""),
        "c": _committer,
        "p": _planner,
        "t": _list(lambda item: item.tags, " "),
        "T": _list(lambda item: item.tags, " (", ")"),
        "r": _list(lambda item: item.requires, " "),
        "R": _list(lambda item: item.requires, "Requires:  ", "\n"),
        "x": _list(lambda item: item.conflicts, " "),
        "X": _list(lambda item: item.conflicts, "Conflicts: ", "\n"),
        "s": _subject,
        "b": _body,
        "B": _whole_note,
        "v": _plain(lambda item: "\n"),
        "C": _color,
        "_": _label,
        "a": _attribute,
    }
)
