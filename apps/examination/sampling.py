"""Choosing a sample that anybody can choose again: pure, from a seed and the population alone.

The key of an item is SHA-256 over `seed`, a line feed and its id. Within a stratum the items with the smallest keys are
taken. Each stratum gets `least` items, or all it has; the rest of the size goes by largest remainder in proportion to what
is left in each. The population's digest is SHA-256 over the lines `id digest`, sorted by id.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Stratum = tuple[str, str]  # tier ("1" to "4", or "none") and outcome


@dataclass(frozen=True)
class Item:
    """One member of a population."""

    id: str
    digest: str
    stratum: Stratum


@dataclass(frozen=True)
class Draw:
    """What was chosen, in the order of strata and keys, out of how much."""

    population: int
    population_digest: str
    counts: dict[Stratum, int]
    taken: dict[Stratum, int]
    chosen: list[Item]


def key_of(seed: str, item: str) -> str:
    """The number in the lot of an item."""
    return hashlib.sha256(f"{seed}\n{item}".encode()).hexdigest()


def population_digest(items: Iterable[Item]) -> str:
    """Equal for two populations with the same members."""
    whole = hashlib.sha256()
    for item in sorted(items, key=lambda row: row.id):
        whole.update(f"{item.id} {item.digest}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def allot(counts: Mapping[Stratum, int], size: int, least: int) -> dict[Stratum, int]:
    """How many items each stratum gives."""
    given = {stratum: min(count, least) for stratum, count in counts.items()}
    rest = max(0, min(size, sum(counts.values())) - sum(given.values()))
    left = {stratum: counts[stratum] - given[stratum] for stratum in counts}
    total = sum(left.values())
    if not rest or not total:
        return given
    for stratum in counts:
        given[stratum] += left[stratum] * rest // total
    remainders = sorted(counts, key=lambda stratum: (-(left[stratum] * rest % total), stratum))
    missing = rest - sum(left[stratum] * rest // total for stratum in counts)
    for stratum in remainders[:missing]:
        given[stratum] += 1
    return given


def draw(items: Iterable[Item], *, seed: str, size: int, least: int = 1) -> Draw:
    """The sample of this size; the same seed and population give the same."""
    members: dict[Stratum, list[Item]] = defaultdict(list)
    for item in items:
        members[item.stratum].append(item)
    counts = {stratum: len(members[stratum]) for stratum in sorted(members)}
    taken = allot(counts, size, least)
    chosen = [
        item
        for stratum in counts
        for item in sorted(members[stratum], key=lambda row: (key_of(seed, row.id), row.id))[: taken[stratum]]
    ]
    whole = population_digest(item for rows in members.values() for item in rows)
    return Draw(sum(counts.values()), whole, counts, taken, chosen)
