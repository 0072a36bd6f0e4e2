"""How a classification travels along lineage. Pure.

Strength lattice: certain > likely > possible > none. Along a path the weakest step counts, over several paths the strongest.
A mark has one of three forms: ``plain`` (the value itself), ``masked`` (pseudonymous: masking stops the value, not the
duty), ``influenced`` (the value only steered which rows or groups are there; said of the dataset, not of a column).
Terms of use need no rule: they travel with every edge, so they are those of all datasets upstream.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

Node = Hashable

PLAIN, MASKED, INFLUENCED = "plain", "masked", "influenced"
KEY_REMAINS = frozenset({"GROUP_BY", "JOIN"})


class Strength(IntEnum):
    """How sure it is that the value arrived."""

    NONE = 0
    POSSIBLE = 1
    LIKELY = 2
    CERTAIN = 3


@dataclass(frozen=True)
class Flow:
    """One transformation from one node to another, as the producer described it."""

    source: Node
    target: Node
    type: str = "UNKNOWN"
    subtype: str = ""
    is_masked: bool = False
    is_assumed: bool = False
    is_incomplete: bool = False


@dataclass(frozen=True)
class Carry:
    """What a step does: the form that comes out of a plain value, and how sure that is."""

    form: str
    strength: Strength


@dataclass(frozen=True)
class Mark:
    """A tag on a node: how it got there and how sure it is. ``via`` is the node before, None at the origin."""

    tag: str
    form: str
    strength: Strength
    origin: Node
    via: Node | None = None
    steps: int = 0


def carry(flow: Flow) -> Carry:
    """The propagation table for one transformation."""
    if flow.is_assumed:
        return Carry(PLAIN, Strength.POSSIBLE)
    if flow.type == "INDIRECT":
        remains = flow.subtype in KEY_REMAINS
        return Carry(INFLUENCED, Strength.POSSIBLE if remains else Strength.NONE)
    if flow.type == "DIRECT":
        strength = Strength.LIKELY if flow.subtype == "AGGREGATION" else Strength.CERTAIN
    else:
        strength = Strength.LIKELY
    if flow.is_incomplete:
        strength = min(strength, Strength.POSSIBLE)
    return Carry(MASKED if flow.is_masked else PLAIN, strength)


def combine(flows: Iterable[Flow]) -> list[Carry]:
    """What one pair of nodes carries: masking counts only where every value-carrying way masks; the strongest applies."""
    carries = [carry(flow) for flow in flows]
    found = []
    forms = {item.form for item in carries}
    if PLAIN in forms:
        found.append(Carry(PLAIN, max(item.strength for item in carries if item.form != INFLUENCED)))
    elif MASKED in forms:
        found.append(Carry(MASKED, max(item.strength for item in carries if item.form == MASKED)))
    if INFLUENCED in forms:
        found.append(Carry(INFLUENCED, max(item.strength for item in carries if item.form == INFLUENCED)))
    return found


def step(form: str, carried: Carry) -> tuple[str, Strength] | None:
    """The form and the cap on the strength after a step, or None where nothing goes on."""
    if form == INFLUENCED:
        return None
    if carried.form == INFLUENCED:
        return INFLUENCED, carried.strength
    return (MASKED if MASKED in (form, carried.form) else PLAIN), carried.strength


def propagate(
    seeds: Mapping[Node, Iterable[tuple[str, str]]],
    flows: Iterable[Flow],
    cleared: frozenset[tuple[Node, str]] = frozenset(),
) -> dict[Node, dict[tuple[str, str], Mark]]:
    """Every mark on every node. Seeds are (tag, form) pairs; a ``cleared`` (node, tag) was refuted by a person and stops."""
    onward: dict[Node, dict[Node, list[Carry]]] = defaultdict(dict)
    pairs: dict[tuple[Node, Node], list[Flow]] = defaultdict(list)
    for flow in flows:
        pairs[flow.source, flow.target].append(flow)
    for (source, target), ways in pairs.items():
        onward[source][target] = combine(ways)
    marks: dict[Node, dict[tuple[str, str], Mark]] = defaultdict(dict)
    waiting: deque[tuple[Node, Mark]] = deque(
        (node, Mark(tag, form, Strength.CERTAIN, node)) for node, held in seeds.items() for tag, form in sorted(held)
    )
    while waiting:
        node, mark = waiting.popleft()
        if (node, mark.tag) in cleared or not _improves(marks[node].get((mark.tag, mark.form)), mark):
            continue
        marks[node][mark.tag, mark.form] = mark
        for target, carries in onward[node].items() if node in onward else ():
            for carried in carries:
                after = step(mark.form, carried)
                if after is not None:
                    strength = min(mark.strength, after[1])
                    waiting.append((target, Mark(mark.tag, after[0], strength, mark.origin, node, mark.steps + 1)))
    return {node: found for node, found in marks.items() if found}


def _improves(present: Mark | None, mark: Mark) -> bool:
    if present is None:
        return True
    return (mark.strength, -mark.steps, repr(present.origin)) > (present.strength, -present.steps, repr(mark.origin))
