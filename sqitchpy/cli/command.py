"""The two click classes every command is made of: they know what Sqitch has, and how the help page is laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import click

from sqitchpy.cli.arguments import Kind, OptionSpec

CORE = "Core options (also before the command)"
CONNECTION = "Connection options"
DEFAULT = "Options"


class Option(click.Option):
    """An option that stands in a section of the help page; ``ours`` when Sqitch does not have it."""

    def __init__(
        self,
        *args: Any,
        section: str = DEFAULT,
        ours: bool = False,
        pair: bool = False,
        whole: bool = False,
        **attrs: Any,
    ) -> None:
        if "|" in (attrs.get("metavar") or ""):  # one of several words
            attrs["shell_complete"] = completes(*attrs["metavar"].split("|"))
        super().__init__(*args, **attrs)
        self.section = section
        self.ours = ours
        self.pair = pair
        self.whole = whole

    @property
    def spec(self) -> OptionSpec:
        """What :mod:`sqitchpy.cli.arguments` has to know of it."""
        names = tuple(name.lstrip("-") for name in self.opts)
        return OptionSpec(names, self._kind, bool(self.secondary_opts), self.ours, self.whole)

    @property
    def _kind(self) -> Kind:
        if self.is_flag or self.count:
            return "flag"
        if self.pair:
            return "pair"
        if self.nargs == 2:
            return "two"
        return "integer" if isinstance(self.type, click.types.IntParamType) else "text"


class Command(click.Command):
    """A command with ``examples`` at the end of its help page and ``synopsis`` for what follows its options."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), synopsis: str = "", **attrs: Any) -> None:
        attrs.setdefault("add_help_option", False)  # --help is a core option: it works before the command as well
        super().__init__(*args, **attrs)
        self.examples = tuple(examples)
        self.synopsis = synopsis

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The usage line: options, then the synopsis."""
        return ["[OPTIONS]", *self.synopsis.split()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options in their sections, in the order in which the sections first occur."""
        write_sections(ctx, formatter, self.get_params(ctx))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, as one can type them."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in self.examples))


def completes(*words: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A completion function for the shell that offers some words."""
    return lambda ctx, param, incomplete: [word for word in words if word.startswith(incomplete)]


def specs(command: click.Command) -> tuple[OptionSpec, ...]:
    """The option table of a command."""
    return tuple(param.spec for param in command.params if isinstance(param, Option))


def write_sections(ctx: click.Context, formatter: click.HelpFormatter, params: Iterable[click.Parameter]) -> None:
    """Write the help of ``params``, one block per section."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for section, record in _records(ctx, params):
        sections.setdefault(section, []).append(record)
    for section, records in sections.items():
        with formatter.section(section):
            formatter.write_dl(records, col_max=34)


def _records(ctx: click.Context, params: Iterable[click.Parameter]) -> Iterator[tuple[str, tuple[str, str]]]:
    for param in params:
        record = param.get_help_record(ctx)
        if isinstance(param, Option) and record:
            yield param.section, record
