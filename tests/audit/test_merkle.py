"""The tree of RFC 9162, against its published roots and against itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.audit import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = ["6e340b9c", "fac54203", "aeb6bcfe", "d37ee418", "4e3bbb1f", "76e67dad", "ddb89be4", "5dc9da79"]
WHOLE = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def leaves_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(size)]


def defined_root(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 9162, written down as it stands there."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(defined_root(leaves[:split]), defined_root(leaves[split:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    leaves = [merkle.leaf_hash(body) for body in LEAVES[:size]]
    assert merkle.root_of(leaves).hex().startswith(ROOTS[size - 1])


def test_the_whole_and_the_empty_root_are_the_published_ones() -> None:
    assert merkle.root_of([merkle.leaf_hash(body) for body in LEAVES]).hex() == WHOLE
    assert merkle.root_of([]).hex() == EMPTY


def test_every_inclusion_proof_up_to_65_leaves_holds_and_no_changed_one_does() -> None:
    for size in range(1, 66):
        leaves = leaves_of(size)
        root, node = defined_root(leaves), merkle.node_from_leaves(leaves)
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, node)
            assert merkle.verify_inclusion(index, size, leaves[index], proof, root)
            assert not merkle.verify_inclusion(index, size, leaves[index], [*proof, root], root)
            assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(b"other"), proof, root)
            assert not merkle.verify_inclusion(index + size, size, leaves[index], proof, root)
            if proof:
                assert not merkle.verify_inclusion(index, size, leaves[index], proof[:-1], root)
                assert not merkle.verify_inclusion(index ^ 1, size, leaves[index], proof, root)


def test_every_consistency_proof_up_to_65_leaves_holds_and_no_changed_one_does() -> None:
    for second in range(1, 66):
        leaves = leaves_of(second)
        root, node = defined_root(leaves), merkle.node_from_leaves(leaves)
        for first in range(1, second + 1):
            before = defined_root(leaves[:first])
            proof = merkle.consistency_proof(first, second, node)
            assert merkle.verify_consistency(first, second, proof, before, root)
            assert not merkle.verify_consistency(first, second, [*proof, root], before, root)
            if first != second:
                assert not merkle.verify_consistency(first, second, proof, root, root)
                assert not merkle.verify_consistency(first, second, proof, before, before)
                assert not merkle.verify_consistency(first, second, proof[:-1], before, root)
                # the defect once found in another implementation: a wrong second size was accepted
                assert not merkle.verify_consistency(first, second * 4 + 1, proof, before, root)


@settings(max_examples=60)
@given(st.integers(1, 700), st.data())
def test_a_frontier_grown_leaf_by_leaf_gives_the_defined_root_and_every_complete_node(
    size: int, choose: st.DataObject
) -> None:
    leaves = leaves_of(size)
    cut = choose.draw(st.integers(0, size))
    frontier = merkle.Frontier.at(cut, merkle.node_from_leaves(leaves))
    completed = 0
    for leaf in leaves[cut:]:
        for height, index, found in frontier.append(leaf):
            completed += 1
            assert found == defined_root(leaves[index << height : (index + 1) << height])
    assert completed == (size - size.bit_count()) - (cut - cut.bit_count())
    assert frontier.size == size
    assert frontier.root() == defined_root(leaves)


def test_degenerate_questions_are_refused() -> None:
    leaf = merkle.leaf_hash(b"x")
    assert not merkle.verify_inclusion(0, 0, leaf, [], leaf)
    assert not merkle.verify_inclusion(-1, 1, leaf, [], leaf)
    assert not merkle.verify_inclusion(0, 1, b"short", [], b"short")
    assert not merkle.verify_inclusion(0, 2, leaf, [b""], leaf)
    assert not merkle.verify_consistency(0, 1, [], merkle.EMPTY_ROOT, leaf)
    assert not merkle.verify_consistency(2, 1, [], leaf, leaf)
    assert not merkle.verify_consistency(1, 2, [], leaf, leaf)
    assert not merkle.verify_consistency(1, 1, [leaf], leaf, leaf)
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="no consistency proof"):
        merkle.consistency_ranges(0, 3)


def test_a_frontier_begins_empty_and_names_the_nodes_that_became_complete() -> None:
    frontier, leaves = merkle.Frontier(), leaves_of(4)
    assert (frontier.size, frontier.root()) == (0, merkle.EMPTY_ROOT)
    named = [[(height, index) for height, index, _ in frontier.append(leaf)] for leaf in leaves]
    assert named == [[], [(1, 0)], [], [(1, 1), (2, 0)]]
    assert frontier.size == 4


def test_the_nodes_that_ranges_are_made_of() -> None:
    assert merkle.nodes_of([(0, 6), (6, 7)]) == {(2, 0), (1, 2), (0, 6)}
    assert merkle.nodes_of([]) == set()


def test_equal_sizes_are_consistent_with_equal_roots_only() -> None:
    one, other = merkle.leaf_hash(b"x"), merkle.leaf_hash(b"y")
    assert merkle.verify_consistency(3, 3, [], one, one)
    assert not merkle.verify_consistency(3, 3, [], one, other)
