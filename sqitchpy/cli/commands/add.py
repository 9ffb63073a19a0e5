"""``sqitchpy add``: a new change, in the plan and with its scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli import authoring
from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import evaluated, json_option, option, plan_file_option, stacked
from sqitchpy.cli.runs import split_overrides, warn_of_top_dir

if TYPE_CHECKING:
    from sqitchpy.authoring import Draft, Drafts
    from sqitchpy.templates import TemplateSearch, Value

EXAMPLES = (
    'sqitchpy add users -n "People who can log in."       a change with its three scripts',
    'sqitchpy add orders -r users -r items -n "Orders."   one that requires two others',
    "sqitchpy add app/orders --edit                       in folders; the editor asks for the note, and opens them",
    'sqitchpy add logs -t table --set schema=app -n "Log." from the templates {kind}/table.tmpl',
    'sqitchpy add audit --all -n "Audit."                 in the plans of all targets',
)


def _lists(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Value]:
    """What is set once is a text, what is set several times is a list."""
    lists: dict[str, list[str]] = {}
    for value in values:
        name, _, text = value.partition("=")
        lists.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else tuple(texts) for name, texts in lists.items()}


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    return dict(value.partition("=")[::2] for value in values)


@click.command(
    "add",
    cls=Command,
    synopsis="CHANGE [TARGET...]",
    examples=EXAMPLES,
    help="Append a change to the plan, and make its deploy, revert and verify scripts of templates. Scripts that are "
    "there already stay as they are. A change needs a note: pass it, or the editor asks for it. Nothing is written "
    "before everything is known to be right, and the plan is written last.",
)
@click.argument("words", nargs=-1, metavar="")
@stacked(
    option("--change-name", "--change", "-c", metavar="NAME", help="The change's name, also where a target has it."),
    authoring.dependency_options,
    authoring.note_option,
    authoring.all_option,
    option("--template-name", "--template", "-t", metavar="NAME", help="Templates of that name, not the engine's."),
    option("--template-directory", metavar="DIR", help="Look for templates in DIR/deploy and so on first."),
    option("--with", "with_", multiple=True, metavar="KIND", help="Make that kind of script."),
    option("--without", multiple=True, metavar="KIND", help="Make no such script (deploy, revert, verify, ...)."),
    option("--use", pair=True, multiple=True, metavar="KIND=FILE", callback=_pairs, help="The template of one kind."),
    option(
        "--set",
        "-s",
        "variables",
        pair=True,
        multiple=True,
        metavar="NAME=VALUE",
        callback=_lists,
        help="A variable for the templates; set several times it is a list.",
    ),
    authoring.edit_option,
    plan_file_option,
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], **given: Any) -> int:
    """Options in, files out."""
    overrides, options = split_overrides(given)
    warn_of_top_dir(invocation, "add", overrides)
    search = _search(invocation, options)
    variables = invocation.project.template_variables(options["variables"])
    if not words and not options["change_name"]:
        raise authoring.usage("add")
    everything = options["everything"]
    named = authoring.read_names(invocation, "add", words, [options["change_name"]], overrides, everything)
    name = named.names[0]
    if name is None:
        authoring.refuse_target_as_name(named, words, "change")
        raise authoring.usage("add")
    wish = invocation.project.wish

    def prepare(note: str) -> Drafts:
        wanted = wish(name, note, options["requires"], options["conflicts"])
        return invocation.project.author(named.targets).add(wanted, search, variables)

    drafts = authoring.settle(
        invocation, options["notes"], prepare, lambda drafts: authoring.change_prompt("add", drafts)
    )
    for draft in drafts.items:
        _tell(invocation, draft)
    authoring.edit_scripts(invocation, options["open_editor"], ["add.open_editor"], drafts)
    invocation.console.document(authoring.document("add", drafts))
    return 0


@evaluated()
def _search(invocation: Invocation, options: Mapping[str, Any]) -> TemplateSearch:
    return invocation.project.templates(
        name=options["template_name"],
        directory=options["template_directory"],
        files=options["use"],
        wanted=_wanted(options["with_"], options["without"]),
    )


def _wanted(with_: Sequence[str], without: Sequence[str]) -> dict[str, bool]:
    return {**dict.fromkeys(with_, True), **dict.fromkeys(without, False)}


def _tell(invocation: Invocation, draft: Draft) -> None:
    from sqitchpy.authoring import double_extension

    for file, data in draft.files:
        invocation.console.info(f"Skipped {file}: already exists" if data is None else f"Created {file}")
        if data is not None and (extension := double_extension(file)):
            invocation.console.warn(f"File {file} has a double extension of {extension}")
    invocation.console.info(f'Added "{draft.label}" to {draft.plan.file}')
