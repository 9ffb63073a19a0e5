"""The dependency graph and its pictures."""

from __future__ import annotations

import pytest

from sqitchpy.plan import dependency_graph, draw, parse_plan

ANN = " 2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
LINES = ["users", 'po"sts [users other:x]', "@v1", 'users [users@v1 !po"sts !legacy]']
PLAN = parse_plan("%project=p\n\n" + "".join(f"{line}{ANN}\n" for line in LINES), "f")


def test_edges_lead_from_what_is_required_to_what_requires_it() -> None:
    first, posts, second = (change.id for change in PLAN.changes)
    graph = dependency_graph(PLAN)
    assert set(graph.nodes) == {first, posts, second}
    assert set(graph.edges) == {(first, posts), (first, second)}
    assert graph.nodes[posts]["change"] is PLAN.changes[1]


def test_the_text_lists_changes_in_order_with_what_they_need() -> None:
    assert draw(PLAN, "text") == (
        'users\npo"sts  ← users, other:x\n── @v1 ─────────────────\nusers   ← users@v1  ⊘ po"sts, legacy\n'
    )


def test_the_text_marks_what_is_deployed() -> None:
    lines = draw(PLAN, "text", {PLAN.changes[0].id}).splitlines()
    assert lines[:2] == ["✓ users", '· po"sts  ← users, other:x']


def test_mermaid_has_escaped_labels_dashed_conflicts_and_outside_nodes() -> None:
    assert draw(PLAN, "mermaid", [PLAN.changes[1].id]) == (
        "flowchart TD\n"
        '    c0["users"]\n'
        '    c1["po#34;sts #64;v1"]:::deployed\n'
        '    c2["users"]\n'
        '    x0(["other#58;x"]):::outside\n'
        '    x1(["legacy"]):::outside\n'
        "    c0 --> c1\n"
        "    x0 --> c1\n"
        "    c0 --> c2\n"
        "    c1 -. conflict .-x c2\n"
        "    x1 -. conflict .-x c2\n"
        "    classDef deployed fill:#d4edda,stroke:#28a745,color:#155724\n"
        "    classDef outside stroke-dasharray:4 3\n"
    )


def test_dot_has_escaped_labels_dashed_conflicts_and_outside_nodes() -> None:
    assert draw(PLAN, "dot", [PLAN.changes[0].id]) == (
        'digraph "p" {\n'
        '    node [shape=box, style="rounded", fontname="sans-serif"];\n'
        '    c0 [label="users", style="rounded,filled", fillcolor="#d4edda"];\n'
        '    c1 [label="po\\"sts @v1"];\n'
        '    c2 [label="users"];\n'
        '    x0 [label="other:x", style="rounded,dashed"];\n'
        '    x1 [label="legacy", style="rounded,dashed"];\n'
        "    c0 -> c1;\n"
        "    x0 -> c1;\n"
        "    c0 -> c2;\n"
        "    c1 -> c2 [style=dashed, arrowhead=tee];\n"
        "    x1 -> c2 [style=dashed, arrowhead=tee];\n"
        "}\n"
    )


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown style 'png'"):
        draw(PLAN, "png")  # type: ignore[arg-type]


def test_an_empty_plan_has_an_empty_picture() -> None:
    assert draw(parse_plan("%project=p\n", "f"), "text") == ""
