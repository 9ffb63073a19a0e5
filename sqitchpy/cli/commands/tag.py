"""``sqitchpy tag``: give a change of the plan a tag, or list the tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli import authoring
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.notes import commented
from sqitchpy.cli.options import complete_change, complete_words, json_option, option, plan_file_option, stacked
from sqitchpy.cli.runs import split_overrides, warn_of_top_dir

if TYPE_CHECKING:
    from sqitchpy.authoring import Drafts

EXAMPLES = (
    'sqitchpy tag v1.0 -n "The first release."   tag the last change of the plan',
    'sqitchpy tag v0.9 users -n "Beta."          tag another one',
    "sqitchpy tag                                list the tags",
)
_PROMPT = "Write a tag note.\nLines starting with '#' will be ignored."


@click.command(
    "tag",
    cls=Command,
    synopsis="[TAG [CHANGE]] [TARGET...]",
    examples=EXAMPLES,
    help="Tag the last change of the plan, or another one: a name for the state that is reached with it, for --to and "
    "for requirements, after which changes can be reworked. Without a name, list the tags in the plan's order.",
)
@click.argument("words", nargs=-1, metavar="", shell_complete=complete_words)
@stacked(
    option("--tag-name", "--tag", "-t", metavar="NAME", help="The tag's name, with @ or without."),
    option(
        "--change-name",
        "--change",
        "-c",
        metavar="CHANGE",
        shell_complete=complete_change,
        help="The change to tag, instead of the last one.",
    ),
    authoring.note_option,
    authoring.all_option,
    plan_file_option,
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], **given: Any) -> int:
    """Options in, a plan out."""
    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, "tag", overrides)
    given_names = [options["tag_name"], options["change_name"]]
    named = authoring.read_names(invocation, "tag", words, given_names, overrides, options["everything"])
    name, change = named.names
    if name is None:
        authoring.refuse_target_as_name(named, words, "tag")
        return _list(invocation, named)
    wish = invocation.project.wish

    def prepare(note: str) -> Drafts:
        return invocation.project.author(named.targets).tag(wish(name, note), change)

    drafts = authoring.settle(invocation, options["notes"], prepare, lambda drafts: commented(_PROMPT))
    for draft in drafts.items:
        invocation.console.info(f'Tagged "{draft.change.name}" with {draft.tag} in {draft.plan.file}')
    invocation.console.document(authoring.document("tag", drafts))
    return 0


def _list(invocation: Invocation, named: authoring.Named) -> int:
    plans = [invocation.project.plan(target) for target in named.targets]
    tags = {str(tag): (tag, change) for plan in plans for change in plan.changes for tag in change.tags}
    for text in tags:
        invocation.console.info(text)
    listed = [
        {"tag": text, "tag_id": tag.id, "change": change.name, "change_id": change.id, "note": tag.note}
        for text, (tag, change) in tags.items()
    ]
    invocation.console.document({"action": "list", "tags": listed, "error": None})
    return 0
