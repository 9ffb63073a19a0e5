"""``sqitchpy rework``: plan a change once more, to edit its scripts where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli import authoring
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import complete_words, json_option, option, plan_file_option, stacked
from sqitchpy.cli.runs import split_overrides, warn_of_top_dir

if TYPE_CHECKING:
    from sqitchpy.authoring import Drafts

EXAMPLES = (
    'sqitchpy rework greet -n "Greet by name."              copy its scripts to greet@TAG, and plan it again',
    'sqitchpy rework greet -r users -n "Greet our users."   which requires another change now',
    "sqitchpy rework greet --edit                           the editor asks for the note, and opens the scripts",
)


@click.command(
    "rework",
    cls=Command,
    synopsis="CHANGE [TARGET...]",
    examples=EXAMPLES,
    help="Plan a change once more, after it was tagged, for definitions that can be replaced: functions, views. Its "
    "scripts are kept as they are under the name of the latest tag (deploy/greet@v1.sql), and the deploy script of "
    "before becomes the revert script of now. Then edit the scripts in their old places.",
)
@click.argument("words", nargs=-1, metavar="", shell_complete=complete_words)
@stacked(
    option("--change-name", "--change", "-c", metavar="NAME", help="The change's name, also where a target has it."),
    authoring.dependency_options,
    authoring.note_option,
    authoring.all_option,
    authoring.edit_option,
    plan_file_option,
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], **given: Any) -> int:
    """Options in, files out."""
    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, "rework", overrides)
    everything = options["everything"]
    named = authoring.read_names(invocation, "rework", words, [options["change_name"]], overrides, everything)
    name = named.names[0]
    if not name:
        raise authoring.usage("rework")
    wish = invocation.project.wish

    def prepare(note: str) -> Drafts:
        wanted = wish(name, note, options["requires"], options["conflicts"])
        return invocation.project.author(named.targets).rework(wanted)

    drafts = authoring.settle(
        invocation, options["notes"], prepare, lambda drafts: authoring.change_prompt("rework", drafts)
    )
    for draft in drafts.items:
        invocation.console.info(f'Added "{draft.label}" to {draft.plan.file}.')
    these = "this file" if len(drafts.scripts) == 1 else "these files"
    invocation.console.info("\n".join([f"Modify {these} as appropriate:", *(f"  * {file}" for file in drafts.scripts)]))
    keys = ["rework.open_editor", "add.open_editor"]
    authoring.edit_scripts(invocation, options["open_editor"], keys, drafts)
    invocation.console.document(authoring.document("rework", drafts))
    return 0
