"""Plans: text to ``Plan`` to text, ids, references and the dependency graph. Pure: nothing here does any I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqitchpy.plan.ids import change_id, change_info, script_hash, tag_id, tag_info
from sqitchpy.plan.parser import parse_plan
from sqitchpy.plan.refs import find_deployed, find_in_plan, resolve_requirement, rework_suffixes, unique_reference
from sqitchpy.plan.uri import canonical_uri, legal_uri
from sqitchpy.plan.writer import format_change_line, format_tag_line, render

if TYPE_CHECKING:
    from sqitchpy.plan.drawing import draw
    from sqitchpy.plan.graph import dependency_graph

__all__ = [
    "canonical_uri",
    "change_id",
    "change_info",
    "dependency_graph",
    "draw",
    "find_deployed",
    "find_in_plan",
    "format_change_line",
    "format_tag_line",
    "legal_uri",
    "parse_plan",
    "render",
    "resolve_requirement",
    "rework_suffixes",
    "script_hash",
    "tag_id",
    "tag_info",
    "unique_reference",
]


def __getattr__(name: str) -> object:
    """Import the graph, and networkx with it, and the drawing when they are first asked for."""
    if name == "draw":
        from sqitchpy.plan.drawing import draw

        return draw
    if name == "dependency_graph":
        from sqitchpy.plan.graph import dependency_graph

        return dependency_graph
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
