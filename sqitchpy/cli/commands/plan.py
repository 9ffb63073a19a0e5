"""``sqitchpy plan``: what is planned, as a list, a graph or a tidied file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.formatting import item_from_change
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.listing import flag, listing_options, number, read_style, write_items
from sqitchpy.cli.options import choice, complete_change, json_option, option, ours, stacked, target_option
from sqitchpy.cli.positionals import Arguments
from sqitchpy.cli.runs import read_arguments
from sqitchpy.cli.search import PlanSearch, search
from sqitchpy.errors import Refusal, SqitchpyError
from sqitchpy.model import Change, Plan
from sqitchpy.target import Target, TargetOverrides

if TYPE_CHECKING:
    from sqitchpy.cli.revising import Wanted

EXAMPLES = (
    "sqitchpy plan                          all changes, in the order of deployment",
    "sqitchpy plan --oneline --reverse -n 3 the last three",
    "sqitchpy plan --graph text             the dependency graph, for the terminal",
    "sqitchpy plan production --graph mermaid   with what is deployed to production marked",
    "sqitchpy plan --rewrite                write the file in its canonical form and order",
    "sqitchpy plan --remove orders          take a change out, that is deployed nowhere, and its scripts",
    "sqitchpy plan --rename order orders    rename a change and its scripts",
    "sqitchpy plan --reset --dry-run        show which changes are not deployed anywhere, to take them out",
)
_GRAPHS: tuple[Literal["mermaid", "dot", "text"], ...] = ("mermaid", "dot", "text")


@click.command(
    "plan",
    cls=Command,
    synopsis="[TARGET]",
    examples=EXAMPLES,
    help="Show the changes of a plan. No database is needed, except to mark in a graph what is deployed: name a "
    "target for that. As in Sqitch, --max-count and --skip choose from the whole plan, and then a change is shown that "
    "any of the other filters lets through. --remove, --rename and --reset edit the plan and its scripts: every "
    "configured target is asked first, since what is deployed somewhere has to stay; what will be done is shown, and "
    "you are asked.",
)
@target_option
@stacked(
    option("--event", metavar="deploy|revert", help="Only changes planned with + (deploy) or - (revert)."),
    option("--change-pattern", "--change", metavar="REGEX", help="Only changes whose name matches."),
    option("--planner-pattern", "--planner", metavar="REGEX", help="Only planners whose name matches."),
    listing_options,
    ours("--graph", metavar="mermaid|dot|text", help="Draw the dependency graph instead."),
    ours("--rewrite", is_flag=True, help="Write the plan file in canonical form, its changes in order."),
    ours("--remove", metavar="NAME", shell_complete=complete_change, help="Take out a change, and its scripts."),
    ours("--rename", nargs=2, metavar="OLD NEW", help="Rename a change, and its scripts."),
    ours("--reset", is_flag=True, help="Take out all changes after the last one that is deployed anywhere."),
    ours("--dry-run", is_flag=True, help="With these three: show what would be done, and do nothing."),
    ours("-y", "yes", is_flag=True, help="With these three: do not ask."),
    ours("--unasked-ok", is_flag=True, help="With these three: never mind targets that cannot be asked."),
    json_option,
)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **options: Any) -> int:
    """Options in, a listing out."""
    style = read_style(invocation, "plan", options)
    wanted = _search(invocation, options)
    named = target or invocation.project.config.get("plan.target")
    arguments = read_arguments(invocation, words, named, TargetOverrides(), takes_changes=False, verb="using")
    found = arguments.targets[0]
    revision = _read_revision(options)
    if revision:
        from sqitchpy.cli.revising import Manner, revise

        manner = Manner(options["dry_run"], options["yes"], options["unasked_ok"])
        return revise(invocation, found, revision, manner)
    plan = invocation.project.plan(found)
    if options["rewrite"]:
        from sqitchpy.cli.planfile import rewrite

        return rewrite(invocation.console, plan)
    if options["graph"]:
        return _draw(invocation, plan, arguments, options["graph"])
    if plan.moved:
        moved = ", ".join(plan.moved)
        why = f"{plan.file} is out of order: {moved} moved so that each change follows what it requires."
        invocation.console.warn(f"{why}\n“sqitchpy plan --rewrite” writes it in that order, which Sqitch reads too.")
    if not plan.changes:
        raise Refusal(f"No changes in {plan.file}")
    changes = search(plan.changes, wanted)
    if invocation.console.as_json:
        from sqitchpy.cli import documents

        deployed = _deployed(invocation, arguments)
        invocation.console.document(documents.plan(plan, changes, deployed))
        return 0
    header = _header(plan) if flag(invocation, options["headers"], "plan.headers", True) else []
    items = (item_from_change(change, plan.project, _deploy_file(found, change)) for change in changes)
    write_items(invocation, header, items, style)
    return 0


def _read_revision(options: Mapping[str, Any]) -> Wanted | None:
    """What is to become of the plan, if anything. Raises SqitchpyError for too much, and for options that need it."""
    wanted: list[Wanted] = []
    if options["remove"] is not None:
        wanted.append(("remove", (options["remove"],)))
    if options["rename"] is not None:
        wanted.append(("rename", tuple(options["rename"])))
    if options["reset"]:
        wanted.append(("reset", ()))
    others = [f"--{name}" for name in ("rewrite", "graph") if options[name]] if wanted else []
    if len(wanted) + len(others) > 1:
        named = " and ".join([*(f"--{action}" for action, _ in wanted), *others])
        raise SqitchpyError(f"{named} exclude each other", hint="Nothing was changed. One after the other.")
    if not wanted and (options["dry_run"] or options["yes"] or options["unasked_ok"]):
        raise SqitchpyError("--dry-run, -y and --unasked-ok belong to --remove, --rename and --reset")
    return wanted[0] if wanted else None


def _header(plan: Plan) -> list[str]:
    return [f"# Project: {plan.project}", f"# File:    {plan.file}", ""]


def _deploy_file(target: Target, change: Change) -> str:
    return f"{target.deploy_dir}/{change.name}.{target.extension}"


def _draw(invocation: Invocation, plan: Plan, arguments: Arguments, style: str) -> int:
    from sqitchpy.plan import draw

    kind = choice(style, invocation.project.config, "plan.graph", _GRAPHS, "text")
    drawn = draw(plan, kind, _deployed(invocation, arguments))
    invocation.console.emit(drawn.rstrip("\n"))
    invocation.console.document({"project": plan.project, "graph": kind, "text": drawn, "error": None})
    return 0


def _deployed(invocation: Invocation, arguments: Arguments) -> frozenset[str] | None:
    """The ids that are deployed to the target, when one was named: only then is there a database to ask."""
    if not arguments.explicit:
        return None
    with invocation.project.target(arguments.targets[0]) as session:
        return session.deployed_ids()


def _search(invocation: Invocation, options: Mapping[str, Any]) -> PlanSearch:
    config = invocation.project.config
    return PlanSearch(
        event=options["event"] or config.get("plan.event"),
        change=options["change_pattern"] or config.get("plan.change_pattern"),
        planner=options["planner_pattern"] or config.get("plan.planner_pattern"),
        limit=number(invocation, options["max_count"], "plan.max_count"),
        offset=number(invocation, options["skip"], "plan.skip"),
        reverse=flag(invocation, options["reverse"], "plan.reverse", False),
    )
