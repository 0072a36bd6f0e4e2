"""The propagation table, and that the layout is drawable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.lineage.layout import layout
from apps.lineage.propagation import INFLUENCED, MASKED, PLAIN, Flow, Strength, propagate

PII = {"a": [("personal", PLAIN)]}


def arrived(*flows: Flow, at: str = "z") -> dict[str, Strength]:
    """Form to strength of the tag at a node."""
    return {form: mark.strength for (_, form), mark in propagate(PII, flows).get(at, {}).items()}


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (Flow("a", "z", "DIRECT", "IDENTITY"), {PLAIN: Strength.CERTAIN}),
        (Flow("a", "z", "DIRECT", "TRANSFORMATION"), {PLAIN: Strength.CERTAIN}),
        (Flow("a", "z", "DIRECT", "AGGREGATION"), {PLAIN: Strength.LIKELY}),
        (Flow("a", "z", "DIRECT", "TRANSFORMATION", is_masked=True), {MASKED: Strength.CERTAIN}),
        (Flow("a", "z", "INDIRECT", "FILTER"), {INFLUENCED: Strength.NONE}),
        (Flow("a", "z", "INDIRECT", "JOIN"), {INFLUENCED: Strength.POSSIBLE}),
        (Flow("a", "z", "INDIRECT", "GROUP_BY"), {INFLUENCED: Strength.POSSIBLE}),
        (Flow("a", "z"), {PLAIN: Strength.LIKELY}),
        (Flow("a", "z", is_assumed=True), {PLAIN: Strength.POSSIBLE}),
        (Flow("a", "z", "DIRECT", "IDENTITY", is_incomplete=True), {PLAIN: Strength.POSSIBLE}),
    ],
)
def test_each_row_of_the_table(flow: Flow, expected: dict[str, Strength]) -> None:
    assert arrived(flow) == expected


def test_masking_counts_only_if_every_direct_way_masks() -> None:
    masked, plain = Flow("a", "z", "DIRECT", "IDENTITY", True), Flow("a", "z", "DIRECT", "AGGREGATION")
    assert arrived(masked) == {MASKED: Strength.CERTAIN}
    assert PLAIN in arrived(masked, plain)


def test_a_masked_path_beside_an_unmasked_one_leaves_both() -> None:
    found = arrived(
        Flow("a", "m", "DIRECT", "IDENTITY", True),
        Flow("m", "z", "DIRECT", "IDENTITY"),
        Flow("a", "p", "DIRECT", "AGGREGATION"),
        Flow("p", "z", "DIRECT", "IDENTITY"),
    )
    assert found == {MASKED: Strength.CERTAIN, PLAIN: Strength.LIKELY}


def test_the_weakest_step_counts_along_a_path_and_the_strongest_path_wins() -> None:
    weak = (Flow("a", "w", is_assumed=True), Flow("w", "z", "DIRECT", "IDENTITY"))
    strong = (Flow("a", "s"), Flow("s", "z", "DIRECT", "IDENTITY"))
    assert arrived(*weak) == {PLAIN: Strength.POSSIBLE}
    assert arrived(*weak, *strong) == {PLAIN: Strength.LIKELY}


def test_a_refuted_tag_goes_no_further() -> None:
    flows = (Flow("a", "m", "DIRECT", "IDENTITY"), Flow("m", "z", "DIRECT", "IDENTITY"))
    found = propagate(PII, flows, frozenset({("m", "personal")}))
    assert set(found) == {"a"}


nodes = st.sampled_from("abcdef")
flow_lists = st.lists(
    st.builds(
        Flow,
        nodes,
        nodes,
        st.sampled_from(["DIRECT", "INDIRECT", "UNKNOWN"]),
        st.sampled_from(["IDENTITY", "AGGREGATION", "JOIN"]),
        st.booleans(),
    ),
    max_size=15,
)


@given(flow_lists, st.randoms())
def test_the_order_of_edges_does_not_matter(flows: list[Flow], random: Any) -> None:
    before = {node: {key: mark.strength for key, mark in held.items()} for node, held in propagate(PII, flows).items()}
    random.shuffle(flows)
    after = {node: {key: mark.strength for key, mark in held.items()} for node, held in propagate(PII, flows).items()}
    assert before == after


@given(flow_lists, flow_lists)
def test_more_lineage_never_makes_data_look_cleaner(flows: list[Flow], more: list[Flow]) -> None:
    fewer, all_of_them = propagate(PII, flows), propagate(PII, [*flows, *more])
    for node, marks in fewer.items():
        for tag, _ in marks:
            assert any(held == tag for held, _ in all_of_them[node])


@given(st.lists(st.tuples(nodes, nodes), max_size=20))
def test_a_layout_puts_no_box_on_another(edges: list[tuple[str, str]]) -> None:
    sizes = {node: (100, 20 + 10 * index) for index, node in enumerate("abcdef")}
    places = list(layout(sizes, edges).values())
    for index, one in enumerate(places):
        for other in places[index + 1 :]:
            apart = one.rank != other.rank or one.y + one.height <= other.y or other.y + other.height <= one.y
            assert apart
    assert places == list(layout(sizes, edges).values())
