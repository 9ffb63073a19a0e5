"""What add, rework and tag have in common: their options, the names among the arguments, the note, the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqitchpy.cli import documents
from sqitchpy.cli.failures import UsageError
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.notes import ask_for_note, commented, edit_files
from sqitchpy.cli.options import complete_change, option, stacked
from sqitchpy.cli.positionals import classify
from sqitchpy.errors import SqitchpyError
from sqitchpy.target import Target, TargetOverrides, configured_targets

if TYPE_CHECKING:
    from sqitchpy.authoring import Draft, Drafts

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Named:
    """What the arguments say: the names that the command takes (None where one is missing), and targets."""

    names: tuple[str | None, ...]
    targets: tuple[Target, ...]
    changes: tuple[str, ...] = ()


def note_option(function: F) -> F:
    """``--note``, several times."""
    words = "A note; several are paragraphs. Without, the editor asks for one."
    return option("--note", "-n", "-m", "notes", multiple=True, metavar="TEXT", help=words)(function)


def all_option(function: F) -> F:
    """``--all``."""
    words = "The plans of all configured targets."
    return option("--all/--no-all", "-a", "everything", default=None, help=words)(function)


def dependency_options(function: F) -> F:
    """``--requires`` and ``--conflicts``."""
    more = {"multiple": True, "metavar": "CHANGE", "shell_complete": complete_change}
    return stacked(
        option("--requires", "-r", help="A change that has to be deployed before. Several times.", **more),
        option("--conflicts", "-x", help="A change that must not be deployed. Several times.", **more),
    )(function)


def edit_option(function: F) -> F:
    """``--open-editor``."""
    names = ("--open-editor/--no-open-editor", "--edit/--no-edit", "-e", "open_editor")
    return option(*names, default=None, help="Open the scripts in the editor afterwards.")(function)


def read_names(
    invocation: Invocation,
    command: str,
    words: Sequence[str],
    given: Sequence[str | None],
    overrides: TargetOverrides,
    everything: bool | None,
    *,
    takes_changes: bool = False,
) -> Named:
    """Tell names from targets. What an option names (``given``) is not looked for among the arguments.

    Raises:
        SqitchpyError: an argument is nothing that we know, ``--all`` together with a target.
    """
    missing = sum(not name for name in given)
    project = invocation.project
    arguments = classify(project, words, overrides=overrides, takes_changes=takes_changes, takes_names=missing)
    unknown = iter(arguments.names)
    names = tuple(name or next(unknown, None) for name in given)
    if everything and arguments.explicit:
        raise SqitchpyError("Cannot specify both --all and engine, target, or plan arugments")
    targets = arguments.targets
    if everything or (not arguments.explicit and project.config.get_bool(f"{command}.all")):
        every = (project.resolve(reference, overrides) for reference in configured_targets(project.config))
        targets = tuple({target.name: target for target in every}.values()) or targets
    return Named(names, targets, arguments.changes)


def refuse_target_as_name(named: Named, words: Sequence[str], option_name: str) -> None:
    """Raise SqitchpyError when what was meant as a name was taken for a target."""
    name = next((target.name for target in named.targets if target.name in words), None)
    if name is not None:
        words_of_sqitch = f'Name "{name}" identifies a target; use "--{option_name} {name}"'
        raise SqitchpyError(f"{words_of_sqitch} to use it for the {option_name} name")


def usage(command: str) -> UsageError:
    """What is raised when something is missing in the command line."""
    from sqitchpy.cli.app import help_page

    return UsageError(usage=help_page(command))


def settle(
    invocation: Invocation,
    notes: Sequence[str],
    prepare: Callable[[str], Drafts],
    prompt: Callable[[Drafts], str],
) -> Drafts:
    """Prepare what is to be, ask for a note if none was given, and write everything.

    The plans are read again after the editor: somebody may have pulled meanwhile.
    """
    from sqitchpy.plan.editing import note_of

    note = note_of(notes)
    drafts = prepare(note)
    if not note.strip():
        drafts = prepare(ask_for_note(invocation, prompt(drafts)))
    drafts.write(invocation.project.directory)
    return drafts


def change_prompt(command: str, drafts: Drafts) -> str:
    """What the editor shows below the note of a change: Sqitch's words, its blanks at the end as well."""
    scripts = "".join(f"\n    {file}" for file in drafts.scripts)
    told = (
        "Please enter a note for your change. Lines starting with '#' will\n"
        f"be ignored, and an empty message aborts the {command}.\n"
        f"Change to {command}:\n\n  {drafts.items[0].label}{scripts}\n    "
    )
    return commented(told) + "\n"


def edit_scripts(invocation: Invocation, wanted: bool | None, keys: Iterable[str], drafts: Drafts) -> None:
    """Open the scripts in the editor, when an option or the first of some configuration keys that is set says so."""
    config = invocation.project.config
    if wanted is None:
        wanted = next((config.get_bool(key) for key in keys if config.setting(key)), False)
    if wanted:
        edit_files(invocation, drafts.scripts)


def document(action: str, drafts: Drafts) -> documents.Document:
    """The document of ``--json``."""
    return {"action": action, "plans": [_plan(draft) for draft in drafts.items], "error": None}


def _plan(draft: Draft) -> documents.Document:
    return {
        "project": draft.plan.project,
        "file": draft.plan.file,
        "change": documents.planned_change(draft.change),
        "tag": None if draft.tag is None else {"tag": str(draft.tag), "tag_id": draft.tag.id, "note": draft.tag.note},
        "files": [{"file": new.file, "written": new.data is not None} for new in draft.files],
    }
