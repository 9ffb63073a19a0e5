"""What ``log`` and ``plan`` have in common: format, dates, colours and the pager."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from sqitchpy.cli.formatting import (
    ONELINE_ABBREV,
    DateFormat,
    Format,
    Item,
    compile_format,
    local_zone,
    parse_date_format,
    render,
    wants_color,
)
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.options import choice, evaluated, option, stacked
from sqitchpy.cli.pager import pager_program, paging
from sqitchpy.errors import SqitchpyError

F = TypeVar("F", bound=Callable[..., Any])
Kind = Literal["log", "plan"]
_COLORS = ("always", "never", "auto")


class Style(NamedTuple):
    """How items are written."""

    format: Format
    date_format: DateFormat
    abbrev: int
    color: bool


def listing_options(function: F) -> F:
    """The options on how items are written, which both commands have."""
    return stacked(
        option("--format", "-f", metavar="FORMAT", help="raw, full, long, medium, short, oneline or format:…"),
        option(
            "--date-format",
            "--date",
            metavar="FORMAT",
            help="iso, rfc, raw, full, long, medium, short, cldr:…, strftime:…",
        ),
        option("--max-count", "-n", type=int, metavar="N", help="At most N of them."),
        option("--skip", type=int, metavar="N", help="Without the first N."),
        option("--reverse/--no-reverse", default=None, help="In the opposite order."),
        option("--color", metavar="always|never|auto", help="Colours; auto means on a terminal."),
        option("--no-color", is_flag=True, help="The same as --color never."),
        option("--abbrev", type=int, metavar="N", help="Shorten ids to N digits."),
        option("--oneline", is_flag=True, help="The same as --format oneline --abbrev 6."),
        option("--headers/--no-headers", default=None, help="Begin with a header; it is there by default."),
    )(function)


def read_style(invocation: Invocation, kind: Kind, options: Mapping[str, Any]) -> Style:
    """The style that options and configuration ask for. Raises ``ConfigError``, in Sqitch's order of checks."""
    config = invocation.project.config
    date_format = parse_date_format(options["date_format"] or config.get(f"{kind}.date_format") or "iso")
    named = options["format"] or ("oneline" if options["oneline"] else config.get(f"{kind}.format"))
    compiled = compile_format(named or "medium", kind)
    asked = "never" if options["no_color"] else options["color"]
    mode = choice(asked, config, f"{kind}.color", _COLORS, "auto")
    abbrev = options["abbrev"] or (ONELINE_ABBREV if options["oneline"] and options["abbrev"] is None else 0)
    color = wants_color(mode, terminal=invocation.console.terminal, environ=invocation.environ)
    return Style(compiled, date_format, abbrev, color)


def write_items(invocation: Invocation, header: Iterable[str], items: Iterable[Item], style: Style) -> None:
    """Write the header and the items, through the pager when the output is a terminal."""
    console, environ = invocation.console, invocation.environ
    wanted = console.terminal and not invocation.no_pager
    program = pager_program(invocation.project.config, environ) if wanted else None
    zone = local_zone(environ)
    with paging(console.out, program, environ) as write:
        for line in header:
            write(f"{line}\n")
        for item in items:
            write(
                render(
                    style.format, item, abbrev=style.abbrev, date_format=style.date_format, color=style.color, tz=zone
                )
            )


@evaluated()
def flag(invocation: Invocation, given: bool | None, key: str, default: bool) -> bool:
    """A switch: from the command line, else from configuration, else the default."""
    return invocation.project.config.get_bool(key, default) if given is None else given


@evaluated()
def number(invocation: Invocation, given: int | None, key: str) -> int | None:
    """A count: from the command line, else from configuration."""
    return invocation.project.config.get_int(key) if given is None else given


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression of the user's. Raises ``SqitchpyError`` when it is none."""
    try:
        return re.compile(text)
    except re.error as error:
        raise SqitchpyError(f'"{text}" is not a regular expression: {error}') from error
