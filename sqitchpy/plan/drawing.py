"""Pictures of a plan: for Mermaid, for Graphviz, and for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from sqitchpy.model import Change, Dependency, Plan
from sqitchpy.plan.refs import resolve_requirement

Style = Literal["mermaid", "dot", "text"]


def draw(plan: Plan, style: Style, deployed: Collection[str] | None = None) -> str:
    """Draw the changes of a plan and what they require.

    Edges lead from what is required to what requires it; conflicts are dashed, what is not in the plan stands outside.
    The changes whose ids are in ``deployed`` are marked.

    Raises:
        ValueError: there is no such style.
    """
    styles = {"mermaid": _mermaid, "dot": _dot, "text": _text}
    if style not in styles:
        raise ValueError(f"unknown style {style!r}: it is mermaid, dot or text")
    marked = None if deployed is None else frozenset(deployed)
    return "".join(f"{line}\n" for line in styles[style](plan, marked))


def _edges(plan: Plan) -> Iterator[tuple[str, Dependency, int]]:
    """Every dependency as (node it comes from, dependency, index of the change)."""
    nodes = _outside(plan)
    for change in plan.changes:
        for dependency in (*change.requires, *change.conflicts):
            found = resolve_requirement(plan, dependency)
            yield f"c{found.position}" if found else nodes[dependency.text], dependency, change.position


def _outside(plan: Plan) -> dict[str, str]:
    """Nodes for what is not in the plan, by the text of the dependency."""
    texts = (
        dependency.text
        for change in plan.changes
        for dependency in (*change.requires, *change.conflicts)
        if resolve_requirement(plan, dependency) is None
    )
    return {text: f"x{number}" for number, text in enumerate(dict.fromkeys(texts))}


def _mermaid(plan: Plan, deployed: frozenset[str] | None) -> Iterator[str]:
    yield "flowchart TD"
    for change in plan.changes:
        mark = ":::deployed" if deployed and change.id in deployed else ""
        yield f'    c{change.position}["{_mermaid_text(change.label)}"]{mark}'
    for text, node in _outside(plan).items():
        yield f'    {node}(["{_mermaid_text(text)}"]):::outside'
    for node, dependency, index in _edges(plan):
        yield f"    {node} {'-. conflict .-x' if dependency.conflict else '-->'} c{index}"
    yield "    classDef deployed fill:#d4edda,stroke:#28a745,color:#155724"
    yield "    classDef outside stroke-dasharray:4 3"


def _mermaid_text(text: str) -> str:
    """Every character that could mean something to Mermaid or to HTML becomes an entity."""
    return "".join(char if char.isalnum() or char in " _-./" else f"#{ord(char)};" for char in text)


def _dot(plan: Plan, deployed: frozenset[str] | None) -> Iterator[str]:
    yield f"digraph {_dot_text(plan.project)} {{"
    yield '    node [shape=box, style="rounded", fontname="sans-serif"];'
    for change in plan.changes:
        mark = ', style="rounded,filled", fillcolor="#d4edda"' if deployed and change.id in deployed else ""
        yield f"    c{change.position} [label={_dot_text(change.label)}{mark}];"
    for text, node in _outside(plan).items():
        yield f'    {node} [label={_dot_text(text)}, style="rounded,dashed"];'
    for node, dependency, index in _edges(plan):
        look = " [style=dashed, arrowhead=tee]" if dependency.conflict else ""
        yield f"    {node} -> c{index}{look};"
    yield "}"


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")  # labels may hold entities
    return f'"{escaped}"'


def _text(plan: Plan, deployed: frozenset[str] | None) -> Iterator[str]:
    """One line per change in deployment order, tags as rules between them."""
    width = max((len(change.name) for change in plan.changes), default=0)
    for change in plan.changes:
        yield f"{_mark(change, deployed)}{change.name:<{width}}{_needs(change)}".rstrip()
        for tag in change.tags:
            yield f"── {tag} ".ljust(max(width, 20) + 4, "─")


def _mark(change: Change, deployed: frozenset[str] | None) -> str:
    if deployed is None:
        return ""
    return "✓ " if change.id in deployed else "· "


def _needs(change: Change) -> str:
    requires = f"  ← {', '.join(required.text for required in change.requires)}" if change.requires else ""
    conflicts = f"  ⊘ {', '.join(conflict.text for conflict in change.conflicts)}" if change.conflicts else ""
    return requires + conflicts
