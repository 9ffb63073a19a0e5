"""The formats that have names: raw, full, long, medium, short and oneline, for ``log`` and for ``plan``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqitchpy.cli.formatting.template import Kind

_TITLE: Final = "%{:event}C%L %h%{reset}C"
_NOTE: Final = ("", "%{    }B")


def _lines(*lines: str) -> str:
    return "\n".join((*lines, ""))


def _field(label: str, value: str) -> str:
    return f"%{{{label}}}_ {value}"


_NAME: Final = _field("name", "%n")
_PROJECT: Final = _field("project", "%o")
_PLANNER: Final = _field("planner", "%p")
_COMMITTER: Final = _field("committer", "%c")
_RAW: Final = (
    "%{:event}C%e %H%{reset}C%T",
    "name      %n",
    "project   %o",
    "%{requires}a%{conflicts}aplanner   %p",
    "planned   %{date:raw}p",
)
_FULL: Final = (f"{_TITLE}%T", _NAME, _PROJECT, f"%R%X{_PLANNER}", _field("planned", "%{date}p"))
_LONG: Final = (f"{_TITLE}%T", _NAME, _PROJECT, _PLANNER)

TEMPLATES: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        "log": MappingProxyType(
            {
                "raw": _lines(*_RAW, "committer %c", "committed %{date:raw}c", *_NOTE),
                "full": _lines(*_FULL, _COMMITTER, _field("committed", "%{date}c"), *_NOTE),
                "long": _lines(*_LONG, _COMMITTER, *_NOTE),
                "medium": _lines(_TITLE, _NAME, _COMMITTER, _field("date", "%{date}c"), *_NOTE),
                "short": _lines(_TITLE, _NAME, _COMMITTER, "", "%{    }s"),
                "oneline": "%{:event}C%h %l%{reset}C %o:%n %s",
            }
        ),
        "plan": MappingProxyType(
            {
                "raw": _lines(*_RAW, *_NOTE),
                "full": _lines(*_FULL, *_NOTE),
                "long": _lines(*_LONG, *_NOTE),
                "medium": _lines(_TITLE, _NAME, _PLANNER, _field("date", "%{date}p"), *_NOTE),
                "short": _lines(_TITLE, _NAME, _PLANNER, "", "%{    }s"),
                "oneline": "%{:event}C%h %l%{reset}C %n%{cyan}C%t%{reset}C",
            }
        ),
    }
)
"""By command and name. A template that ends in a line feed leaves an empty line after each item."""
