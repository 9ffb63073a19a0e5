"""The dependency graph. The only module that imports networkx, and imported only when a graph is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import networkx as nx

from sqitchpy.model import Plan
from sqitchpy.plan.refs import resolve_requirement

Edge = tuple[int, int]


def dependency_graph(plan: Plan) -> nx.DiGraph:
    """Build the graph of a plan: nodes are change ids, an edge leads from what is required to what requires it.

    Only requirements within the plan are edges. Each node has the ``Change`` as its attribute ``change``.
    ``networkx.lexicographical_topological_sort`` by ``change.position`` gives the plan's own order.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from((change.id, {"change": change}) for change in plan.changes)
    for change in plan.changes:
        for required in (resolve_requirement(plan, wanted) for wanted in change.requires):
            if required:
                graph.add_edge(required.id, change.id)
    return graph


def sorted_positions(count: int, edges: Iterable[Edge]) -> list[int] | None:
    """Sort ``range(count)`` so that edges lead forward, else as it was; ``None`` when there is a cycle."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(edges)
    try:
        return list(nx.lexicographical_topological_sort(graph))
    except nx.NetworkXUnfeasible:
        return None


def cycles(edges: Iterable[Edge]) -> Iterator[Sequence[int]]:
    """Show one cycle of each knot, from its first position, each followed by what it requires."""
    requires = nx.DiGraph((after, before) for before, after in sorted(edges))
    knots = [knot for knot in nx.strongly_connected_components(requires) if len(knot) > 1]
    for knot in sorted(knots, key=min):
        found = [start for start, _ in nx.find_cycle(requires.subgraph(knot), min(knot))]
        first = found.index(min(found))
        yield found[first:] + found[:first]
