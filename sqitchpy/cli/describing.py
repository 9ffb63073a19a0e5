"""How engine and target list and show what is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from sqitchpy.cli.failures import UsageError
from sqitchpy.cli.founding import KINDS, Founder, has_password, shown_uri
from sqitchpy.cli.invocation import CoreOptions, Invocation
from sqitchpy.errors import SqitchpyError
from sqitchpy.target import Target
from sqitchpy.uri import parse_uri

_WIDTH = 15

Action = Callable[[Sequence[str]], None]


def perform(name: str, actions: Mapping[str, Action], words: tuple[str, ...]) -> None:
    """Do what the first word says; without one, list. Raises UsageError."""
    action = (words[0] if words else "list").replace("-", "_") or "list"
    if action not in actions:
        raise usage(name, f'Unknown action "{action}"')
    actions[action](words[1:])


def usage(name: str, *complaints: str) -> UsageError:
    """That a command line is not understood."""
    from sqitchpy.cli.app import help_page

    return UsageError(*complaints, usage=help_page(name))


def words_of(name: str, words: Sequence[str], count: int) -> Sequence[str]:
    """The first ``count`` words. Raises UsageError when one is missing or empty."""
    if len(words) < count or not all(word and word != "0" for word in words[:count]):
        raise usage(name)
    return words[:count]


def report(founder: Founder) -> None:
    """What ``--json`` prints of an action that changes something."""
    founder.console.document({"created": founder.created, "error": None})


def write_list(invocation: Invocation, kind: str, value: str, found: Mapping[str, str]) -> None:
    """Write names, with their values when ``--verbose`` was said."""
    core: CoreOptions = click.get_current_context().obj or CoreOptions()
    named = {name: without_password(text) for name, text in found.items()}
    for name, text in named.items():
        invocation.console.emit(f"{name}\t{text}" if core.verbose else name)
    listed = [{kind: name, value: text} for name, text in named.items()]
    invocation.console.document({f"{kind}s": listed, "error": None})


def without_password(reference: str) -> str:
    """A target's name or URI as it is written, but without a password."""
    if ":" not in reference:
        return reference
    try:
        uri = parse_uri(reference)
    except SqitchpyError:
        return reference
    return uri.display if has_password(uri) else reference


def write_description(invocation: Invocation, name: str, label: str, value: str, target: Target) -> None:
    """Write all that is configured of a target, below a name."""
    invocation.console.emit("\n".join(_lines(name, label, value, target)))


def description(target: Target) -> dict[str, Any]:
    """The same as a value."""
    keys = ("engine", "registry", "client", "top_dir", "plan_file", "extension")
    directories = [f"{kind}_dir" for kind in (*KINDS, "reworked", *(f"reworked_{kind}" for kind in KINDS))]
    return {
        "uri": shown_uri(target.uri),
        **{key: getattr(target, key) for key in (*keys, *directories)},
        "protected": target.protected,
        "variables": target.variables,
    }


def _lines(name: str, label: str, value: str, target: Target) -> Iterator[str]:
    yield f"* {name}"
    yield _line(label, value)
    yield _line("Registry", target.registry)
    yield _line("Client", target.client)
    yield _line("Top Directory", target.top_dir)
    yield _line("Plan File", target.plan_file)
    yield _line("Extension", target.extension)
    if target.protected:  # else all lines are Sqitch's
        yield _line("Protected", "yes")
    yield "    Script Directories:"
    yield from (_line(f"  {kind.title()}", getattr(target, f"{kind}_dir")) for kind in KINDS)
    yield "    Reworked Script Directories:"
    yield _line("  Reworked", target.reworked_dir)
    yield from (_line(f"  {kind.title()}", getattr(target, f"reworked_{kind}_dir")) for kind in KINDS)
    yield from _variables(target.variables)


def _variables(variables: Mapping[str, str]) -> Iterator[str]:
    if not variables:
        yield "    No Variables"
        return
    yield "    Variables:"
    width = max(map(len, variables)) + 1
    for name in sorted(variables, key=lambda name: (name.lower(), name)):
        yield f"  {name + ':':<{width}} {variables[name]}"


def _line(label: str, value: str) -> str:
    return f"    {label + ':':<{_WIDTH}}{value}"
