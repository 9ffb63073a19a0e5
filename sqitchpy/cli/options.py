"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, get_args

import click

from sqitchpy.cli.command import CONNECTION, Option
from sqitchpy.config import Config
from sqitchpy.errors import ConfigError
from sqitchpy.options import Mode, Runner, Transaction, VerifyWhen

F = TypeVar("F", bound=Callable[..., Any])
W = TypeVar("W", bound=str)

MODES: tuple[Mode, ...] = get_args(Mode)
RUNNERS: tuple[Runner, ...] = get_args(Runner)
TRANSACTIONS: tuple[Transaction, ...] = get_args(Transaction)
VERIFY_WHEN: tuple[VerifyWhen, ...] = get_args(VerifyWhen)


def option(*names: str, **attrs: Any) -> Callable[[F], F]:
    """``click.option`` with our :class:`Option`."""
    return click.option(*names, cls=Option, **attrs)


def ours(*names: str, **attrs: Any) -> Callable[[F], F]:
    """An option that Sqitch does not have."""
    return option(*names, ours=True, section="Beyond Sqitch", **attrs)


def stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one; the first is listed first."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def target_option(function: F) -> F:
    """``--target`` and the arguments, which may name one as well."""
    named = option("--target", "-t", metavar="TARGET", shell_complete=complete_target, help="The database to work on.")
    words = click.argument("words", nargs=-1, metavar="", shell_complete=complete_words)
    return named(words(function))


def only_option(words: str) -> Callable[[F], F]:
    """``--only``: one change and what belongs to it."""
    return ours("--only", metavar="CHANGE", shell_complete=complete_change, help=words)


def yes_really_option(function: F) -> F:
    """``--yes-really``, without which no protected target is reverted."""
    words = "Revert although the target is protected; NAME is its name, as messages show it."
    return ours("--yes-really", metavar="NAME", whole=True, help=words)(function)


def refuse_with_only(options: Mapping[str, Any], changes: Sequence[str], *others: str) -> None:
    """That ``--only`` says it all. Raises click.UsageError where the command line names more."""
    given = [f"--{name.removesuffix('_change')}" for name in others if options[name]]
    if options["only"] is not None and (given or changes):
        said = given[0] if given else f'"{changes[0]}"'
        raise click.UsageError(
            f"--only CHANGE says all that is to be done: leave {said} out.",
            click.get_current_context(),
        )


def set_option(function: F) -> F:
    """``--set``, which becomes ``variables``."""
    words = "Set a script variable, like psql's."
    return option(
        "--set", "-s", "variables", pair=True, multiple=True, metavar="NAME=VALUE", callback=_pairs, help=words
    )(function)


def range_options(function: F) -> F:
    """``--from`` and ``--to``: a range of deployed changes."""
    return stacked(
        option("--from-change", "--from", metavar="CHANGE", shell_complete=complete_change, help="Begin with CHANGE."),
        option("--to-change", "--to", metavar="CHANGE", shell_complete=complete_change, help="End with CHANGE."),
    )(function)


def run_variables(function: F) -> F:
    """The variables of a command that reverts and deploys: for both, and for either alone."""
    more = {"pair": True, "multiple": True, "metavar": "NAME=VALUE", "callback": _pairs}
    words = "The same, for {} scripts only."
    return stacked(
        set_option,
        option("--set-deploy", "-e", "deploy_variables", help=words.format("deploy and verify"), **more),
        option("--set-revert", "-r", "revert_variables", help=words.format("revert"), **more),
    )(function)


def connection_options(function: F) -> F:
    """The options that change parts of the target's URI."""
    return stacked(
        _connection("--registry", metavar="NAME", help="Name of the registry (its schema, file or database)."),
        _connection("--client", "--db-client", metavar="PATH", help="Path of psql, sqlite3 or mysql."),
        _connection("--db-name", "-d", metavar="NAME", help="Database name."),
        _connection("--db-user", "--db-username", "-u", metavar="NAME", help="User name."),
        _connection("--db-host", "-h", metavar="HOST", help="Host name, or the folder of the socket."),
        _connection("--db-port", "-p", type=int, metavar="PORT", help="Port number."),
    )(function)


def plan_file_option(function: F) -> F:
    """``--plan-file``, and ``--top-dir`` which Sqitch has deprecated."""
    top_dir = option("--top-dir", metavar="DIR", hidden=True)
    words = "Path of the plan file."
    return option("--plan-file", "-f", metavar="FILE", help=words)(top_dir(function))


def json_option(function: F) -> F:
    """``--json``."""
    return ours("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")(function)


def runner_option(function: F) -> F:
    """``--runner``."""
    words = "native: scripts run in-process; psql, sqlite3 or mysql: each in that client program, as Sqitch runs them."
    return ours("--runner", metavar="|".join(RUNNERS), help=words)(function)


@contextmanager
def evaluated() -> Iterator[None]:
    """Where options and configuration are read, before the command runs: what is wrong there has exit code 255."""
    try:
        yield
    except ConfigError as error:
        error.code = 255
        raise


def choice(value: str | None, config: Config, key: str, allowed: Iterable[W], default: W) -> W:
    """One of several words, from the command line, else from configuration, else the default.

    Raises:
        ConfigError: another word (exit code 255, as Sqitch).
    """
    words = {word: word for word in allowed}
    chosen = value or config.get(key) or default
    if chosen not in words:
        name = f"--{key.rpartition('.')[2]}" if value else key
        raise ConfigError(f'Unknown value "{chosen}" for {name}', hint=f"Use {_listed(list(words))}.", exit_code=255)
    return words[chosen]


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _connection(*names: str, **attrs: Any) -> Callable[[F], F]:
    return option(*names, section=CONNECTION, **attrs)


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    return dict(value.partition("=")[::2] for value in values)


def complete_target(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of targets, for the shell."""
    from sqitchpy.cli.completion import targets

    return targets(ctx, incomplete)


def complete_change(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of changes and tags, for the shell."""
    from sqitchpy.cli.completion import changes

    return changes(ctx, incomplete)


def complete_words(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What an argument may be, for the shell."""
    return [*complete_target(ctx, param, incomplete), *complete_change(ctx, param, incomplete)]
