"""The Merkle tree of the log: RFC 9162 section 2.1 with SHA-256. Pure: hashes in, hashes and proofs out.

A perfect subtree is named (height, index): it covers the leaves index * 2**height up to, not including,
(index + 1) * 2**height. Proof functions ask a `node(height, index)` callable for the hashes they need, so the
same code runs over a list in memory and over stored nodes.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = tuple[int, int]
NodeHash = Callable[[int, int], bytes]


def leaf_hash(body: bytes) -> bytes:
    """Hash of one leaf."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass
class Frontier:
    """The right edge of a growing tree: enough to append leaves and to know the root, in O(log n) memory."""

    size: int = 0
    stack: list[tuple[int, bytes]] = field(default_factory=list)

    @classmethod
    def at(cls, size: int, node: NodeHash) -> "Frontier":
        """The frontier of the tree of `size` leaves, read from stored nodes."""
        return cls(size, [(height, node(height, index)) for height, index in decompose(0, size)])

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; returns (height, index, hash) of every inner node that became complete."""
        height, current = 0, leaf
        index = self.size
        self.size += 1
        completed = []
        while self.stack and self.stack[-1][0] == height:
            current = node_hash(self.stack.pop()[1], current)
            height, index = height + 1, index >> 1
            completed.append((height, index, current))
        self.stack.append((height, current))
        return completed

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return fold(found for _, found in self.stack)


def fold(hashes: Iterable[bytes]) -> bytes:
    """Root of neighbouring perfect subtrees given from left (largest) to right."""
    parts = list(hashes)
    if not parts:
        return EMPTY_ROOT
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over a sequence of leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def decompose(start: int, end: int) -> list[Node]:
    """The perfect subtrees that make up the tree over leaves start..end-1, where start is aligned to that tree."""
    nodes = []
    while start < end:
        height = (end - start).bit_length() - 1
        nodes.append((height, start >> height))
        start += 1 << height
    return nodes


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaf ranges whose roots form the inclusion proof of leaf `index`, in proof order (bottom to top)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """The leaf ranges whose roots form the consistency proof between two sizes, in proof order."""
    if not 0 < first <= second:
        raise ValueError(f"a tree of {first} leaves has no consistency proof to one of {second}")
    ranges = []
    start, end, whole = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def nodes_of(ranges: Iterable[tuple[int, int]]) -> set[Node]:
    """The perfect subtrees that the roots of these ranges are made of."""
    return {node for start, end in ranges for node in decompose(start, end)}


def roots(ranges: Iterable[tuple[int, int]], node: NodeHash) -> list[bytes]:
    """The root of each range."""
    return [fold(node(*name) for name in decompose(start, end)) for start, end in ranges]


def inclusion_proof(index: int, size: int, node: NodeHash) -> list[bytes]:
    """Inclusion proof of leaf `index` in the tree of `size` leaves."""
    return roots(inclusion_ranges(index, size), node)


def consistency_proof(first: int, second: int, node: NodeHash) -> list[bytes]:
    """Proof that the tree of `second` leaves begins with the tree of `first` leaves."""
    return roots(consistency_ranges(first, second), node)


def node_from_leaves(leaves: Sequence[bytes]) -> NodeHash:
    """A node callable over leaf hashes held in memory."""
    return lambda height, index: root_of(leaves[index << height : (index + 1) << height])


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that `leaf` is leaf `index` of the tree with this size and root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    left, last, found = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return False
        if left & 1 or left == last:
            found = node_hash(part, found)
            while left and not left & 1:
                left, last = left >> 1, last >> 1
        else:
            found = node_hash(found, part)
        left, last = left >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(first: int, second: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> bool:
    """Whether `proof` shows that the second tree begins with the first (RFC 9162 2.1.4.2)."""
    if not 0 < first <= second or not _are_hashes([root1, root2, *proof]):
        return False
    if first == second:
        return not proof and root1 == root2
    if not proof:
        return False
    parts = [root1, *proof] if first & (first - 1) == 0 else list(proof)
    left, last = first - 1, second - 1
    while left & 1:
        left, last = left >> 1, last >> 1
    before = after = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if left & 1 or left == last:
            before, after = node_hash(part, before), node_hash(part, after)
            while left and not left & 1:
                left, last = left >> 1, last >> 1
        else:
            after = node_hash(after, part)
        left, last = left >> 1, last >> 1
    return last == 0 and before == root1 and after == root2


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
