"""``sqitchpy show``: what identifies a change or a tag, or a change's script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli.authoring import usage
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import complete_change, complete_target, json_option, option, plan_file_option, stacked
from sqitchpy.cli.runs import split_overrides, warn_of_top_dir
from sqitchpy.errors import SqitchpyError, UnknownChangeError

if TYPE_CHECKING:
    from sqitchpy.files import ScriptKind
    from sqitchpy.model import Change, Plan
    from sqitchpy.target import Target

EXAMPLES = (
    "sqitchpy show change users       what its id is the hash of",
    "sqitchpy show tag @v1.0          the same of a tag",
    "sqitchpy show deploy users@v1    the deploy script, as it was at the tag",
    "sqitchpy show -e change users && echo planned",
)


@click.command(
    "show",
    cls=Command,
    synopsis="change|tag|deploy|revert|verify NAME",
    examples=EXAMPLES,
    help="Show a change or a tag as it is hashed into its id, or one of a change's scripts. A change is named as in "
    "deploy --to: users, users@v1, @v1, @HEAD^, or by its id.",
)
@click.argument("words", nargs=-1, metavar="", shell_complete=complete_change)
@stacked(
    option(
        "--target", "-t", metavar="TARGET", shell_complete=complete_target, help="The target whose plan is looked at."
    ),
    option("--exists/--no-exists", "-e", help="Print nothing: exit code 0 when it is there, 2 when it is not."),
    plan_file_option,
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a text out."""
    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, "show", overrides)
    kind, key = (*words, "", "")[:2]
    if kind in ("", "0") or key in ("", "0"):
        raise usage("show")
    found = invocation.project.resolve(target, overrides)
    try:
        text, about = _look_up(invocation, found, kind, key)
    except _Absent as absent:
        if not options["exists"]:
            raise
        invocation.console.document({"type": kind, "exists": False, "error": None})
        return absent.code
    if not options["exists"]:
        invocation.console.emit_bytes(text)
    shown = None if options["exists"] else text.decode("utf-8", "replace")
    invocation.console.document({"type": kind, "exists": True, **about, "text": shown, "error": None})
    return 0


class _Absent(UnknownChangeError):
    """What was asked for is not there."""


def _look_up(invocation: Invocation, target: Target, kind: str, key: str) -> tuple[bytes, dict[str, str | None]]:
    """The text, and what it is the text of."""
    if kind == "tag":
        return _tag(invocation.project.plan(target), key)
    if kind not in ("change", "deploy", "revert", "verify"):
        raise SqitchpyError(f'Unknown object type "{kind}', hint="Say change, tag, deploy, revert or verify.")
    from sqitchpy.plan import change_info, find_in_plan

    plan = invocation.project.plan(target)
    change = find_in_plan(plan, key)
    if change is None:
        raise _Absent(f'Unknown change "{key}"')
    about = {"change": change.name, "change_id": change.id}
    if kind == "change":
        return change_info(plan, change).encode(), {**about, "file": None}
    text, file = _script(invocation, target, plan, change, kind)
    return text, {**about, "file": file}


def _tag(plan: Plan, key: str) -> tuple[bytes, dict[str, str | None]]:
    from sqitchpy.plan import tag_info

    for change in plan.changes:
        for tag in change.tags:
            if key in (tag.id, tag.name, str(tag)):
                about: dict[str, str | None] = {"tag": str(tag), "tag_id": tag.id}
                return tag_info(plan, change, tag).encode(), {**about, "change": change.name, "change_id": change.id}
    raise _Absent(f'Unknown tag "{key}"')


def _script(invocation: Invocation, target: Target, plan: Plan, change: Change, kind: str) -> tuple[bytes, str]:
    from sqitchpy.files import ScriptFiles

    kinds: dict[str, ScriptKind] = {"deploy": "deploy", "revert": "revert", "verify": "verify"}
    source = ScriptFiles(invocation.project.directory, target, plan).source(kinds[kind], change)
    if not source.path.exists():
        raise _Absent(f'File "{source.name}" does not exist')
    if source.path.is_dir():
        raise SqitchpyError(f'"{source.name}" is not a file')
    try:
        return source.path.read_bytes(), source.name
    except OSError as error:
        raise SqitchpyError(f"Cannot open {source.name}: {error.strerror}") from error
