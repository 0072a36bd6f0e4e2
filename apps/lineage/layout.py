"""Layered layout of a directed graph: ranks, order inside a rank, integer coordinates. Pure and deterministic.

Cycles are condensed first, ranks are longest paths over the condensation, the order comes from barycentre sweeps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Node = str
SWEEPS = 4


@dataclass(frozen=True)
class Box:
    """Where a node stands."""

    x: int
    y: int
    width: int
    height: int
    rank: int


def components(nodes: Sequence[Node], edges: Iterable[tuple[Node, Node]]) -> dict[Node, int]:
    """The number of each node's strongly connected component, in reverse topological order (Tarjan, without recursion)."""
    onward: dict[Node, list[Node]] = defaultdict(list)
    for source, target in edges:
        onward[source].append(target)
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    found: dict[Node, int] = {}
    stack: list[Node] = []
    for root in nodes:
        if root in index:
            continue
        work: list[tuple[Node, int]] = [(root, 0)]
        while work:
            node, child = work.pop()
            if child == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
            if child < len(onward[node]):
                work.append((node, child + 1))
                following = onward[node][child]
                if following not in index:
                    work.append((following, 0))
                elif following not in found:
                    low[node] = min(low[node], index[following])
                continue
            for following in onward[node]:
                if following not in found:
                    low[node] = min(low[node], low[following])
            if low[node] == index[node]:
                _close(node, stack, found)
    return found


def _close(node: Node, stack: list[Node], found: dict[Node, int]) -> None:
    number = 1 + max(found.values(), default=-1)
    while True:
        member = stack.pop()
        found[member] = number
        if member == node:
            return


def ranks(nodes: Sequence[Node], edges: Sequence[tuple[Node, Node]]) -> dict[Node, int]:
    """The column of each node: one more than its furthest predecessor; members of a cycle share one."""
    component = components(nodes, edges)
    before: dict[int, set[int]] = defaultdict(set)
    for source, target in edges:
        if component[source] != component[target]:
            before[component[target]].add(component[source])
    rank: dict[int, int] = {}
    for number in sorted(set(component.values()), reverse=True):  # sources have the highest numbers
        rank[number] = 1 + max((rank[earlier] for earlier in before[number]), default=-1)
    _pull_sources(rank, before)
    return {node: rank[component[node]] for node in nodes}


def _pull_sources(rank: dict[int, int], before: Mapping[int, set[int]]) -> None:
    """A node without predecessors stands directly before the first that needs it."""
    nearest: dict[int, int] = {}
    for number, earlier in before.items():
        for source in earlier:
            nearest[source] = min(nearest.get(source, rank[number]), rank[number])
    for number, first in nearest.items():
        if not before.get(number):
            rank[number] = first - 1


def ordered(nodes: Sequence[Node], edges: Sequence[tuple[Node, Node]], rank: Mapping[Node, int]) -> list[list[Node]]:
    """The nodes of each rank from top to bottom, after sweeps that pull each node to the middle of its neighbours."""
    columns: list[list[Node]] = [[] for _ in range(1 + max(rank.values(), default=-1))]
    for node in nodes:
        columns[rank[node]].append(node)
    left: dict[Node, list[Node]] = defaultdict(list)
    right: dict[Node, list[Node]] = defaultdict(list)
    for source, target in edges:
        if rank[source] < rank[target]:
            left[target].append(source)
            right[source].append(target)
    for sweep in range(SWEEPS):
        neighbours = left if sweep % 2 == 0 else right
        place = {node: index / max(1, len(column)) for column in columns for index, node in enumerate(column)}
        for column in columns if sweep % 2 == 0 else reversed(columns):
            middle = {node: _mean([place[item] for item in neighbours[node]], place[node]) for node in column}
            column.sort(key=lambda node: middle[node])
            place.update({node: index / max(1, len(column)) for index, node in enumerate(column)})
    return columns


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def layout(
    sizes: Mapping[Node, tuple[int, int]],
    edges: Sequence[tuple[Node, Node]],
    *,
    gap: tuple[int, int] = (120, 24),
    top: int = 40,
) -> dict[Node, Box]:
    """A box for every node: columns left to right in the direction of the data, each centred on the tallest."""
    nodes = list(sizes)
    known = [(source, target) for source, target in edges if source in sizes and target in sizes and source != target]
    rank = ranks(nodes, known)
    columns = [column for column in ordered(nodes, known, rank) if column]
    heights = [sum(sizes[node][1] for node in column) + gap[1] * (len(column) - 1) for column in columns]
    tallest, x = max(heights, default=0), 0
    boxes: dict[Node, Box] = {}
    for number, column in enumerate(columns):
        y = top + (tallest - heights[number]) // 2
        width = max(sizes[node][0] for node in column)
        for node in column:
            boxes[node] = Box(x, y, width, sizes[node][1], number)
            y += sizes[node][1] + gap[1]
        x += width + gap[0]
    return boxes
