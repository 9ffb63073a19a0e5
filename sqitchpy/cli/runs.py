"""What deploy, revert and verify have in common: from the options to a connected target, and from there to the end.

Commands that only read their arguments are spared what tells about a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.positionals import Arguments, classify, pick_change, too_many_targets
from sqitchpy.errors import SqitchpyError
from sqitchpy.target import Target, TargetOverrides

if TYPE_CHECKING:
    from sqitchpy.events import Action
    from sqitchpy.report import Report, VerifyReport
    from sqitchpy.session import TargetSession

Result = TypeVar("Result", "Report", "VerifyReport")


def split_overrides(options: Mapping[str, Any]) -> tuple[TargetOverrides, dict[str, Any]]:
    """Take the options that change the target out of ``options``; what is left is the command's own."""
    rest = dict(options)
    port = rest.pop("db_port", None)
    overrides = TargetOverrides(
        dbname=rest.pop("db_name", None),
        user=rest.pop("db_user", None),
        host=rest.pop("db_host", None),
        port=None if port is None else str(port),
        registry=rest.pop("registry", None),
        client=rest.pop("client", None),
        plan_file=rest.pop("plan_file", None),
        top_dir=rest.pop("top_dir", None),
    )
    return overrides, rest


def warn_of_top_dir(invocation: Invocation, command: str, overrides: TargetOverrides) -> None:
    """Sqitch's words (and its blanks) on the deprecated option."""
    if overrides.top_dir is not None:
        why = f"  Option --top-dir is deprecated for {command} and other non-configuration commands."
        invocation.console.warn(f"{why}\n  Use --chdir instead.")


def read_arguments(
    invocation: Invocation,
    words: tuple[str, ...],
    target: str | None,
    overrides: TargetOverrides,
    *,
    takes_changes: bool = True,
    takes_names: int = 0,
    verb: str = "connecting to",
) -> Arguments:
    """Tell the arguments apart, and warn when there are more targets than one can use."""
    arguments = classify(
        invocation.project,
        words,
        target=target,
        overrides=overrides,
        takes_changes=takes_changes,
        takes_names=takes_names,
    )
    for text in too_many_targets(arguments, verb):
        invocation.console.warn(text)
    return arguments


def read_range(
    invocation: Invocation, words: tuple[str, ...], target: str | None, given: Mapping[str, Any], command: str
) -> tuple[Target, str | None, str | None]:
    """The target and the range of changes of ``verify`` or ``check``."""
    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, command, overrides)
    arguments = read_arguments(invocation, words, target, overrides)
    changes = list(arguments.changes)
    since = pick_change(options["from_change"], changes)
    to = pick_change(options["to_change"], changes)
    if changes:
        doing = {"verify": "verifying", "check": "checking"}[command]
        invocation.console.warn(f'Too many changes specified; {doing} from "{since}" to "{to}"')
    return arguments.targets[0], since, to


def conduct(
    invocation: Invocation,
    action: Action,
    target: Target,
    work: Callable[[TargetSession], Result],
) -> Result:
    """Connect, do the work, print what happens, and write the document of ``--json``.

    Errors are raised again when they have been documented; the message is for the caller to print.
    """
    from sqitchpy.cli import documents
    from sqitchpy.cli.watcher import Watcher

    console = invocation.console
    watcher = Watcher(console)
    try:
        with invocation.project.target(target, on_event=watcher) as session:
            report = work(session)
    except SqitchpyError as error:
        step = watcher.failure.error if watcher.failure else None
        fields = documents.error_fields(error, step)
        report_so_far = documents.report_of(error)
        console.document(documents.run(action, target.destination, report_so_far, watcher.output, fields))
        raise
    finally:
        watcher.close()
    if report.message:
        console.info(report.message)
    console.document(documents.run(action, target.destination, report, watcher.output))
    return report
