"""Every check's state is the same to the last byte in any split and any order, whatever the rows hold."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Check, Subject, Tools, Unmeasurable
from apps.evidence.kernels import counts, patterns, states, survey
from apps.evidence.kernels.batches import Batch
from tests.evidence.test_checks import CREDIT, Rows

COUNTING = [check for check in registry().values() if check.reads]
NUMBERS = st.one_of(
    st.none(), st.integers(-9, 9), st.sampled_from([0.0, -0.0, 0.5, 1e12, -1e-300, float("inf"), float("nan")])
)
TEXTS = st.one_of(
    st.none(), st.sampled_from(["own", "rent", "", " ", "ä", "4111111111111111", "a@example.org", "\x00"])
)
ROW = st.fixed_dictionaries(
    {
        "income": NUMBERS.map(lambda value: None if value is None else float(value)),
        "duration": st.one_of(st.none(), st.integers(-5, 5)),
        "housing": TEXTS,
        "sex": st.sampled_from(["f", "m", None]),
        "age": st.integers(18, 80),
        "good": st.integers(0, 1),
        "decision": st.integers(0, 1),
        "score": st.floats(0, 1),
    }
)
TABLES = st.lists(ROW, min_size=4, max_size=40)


def whole_types(rows: list[dict[str, Any]]) -> Batch:
    """All rows as one batch, so that the parts have the types of the whole."""
    return Batch.of_rows(rows)


def parts(rows: list[dict[str, Any]], cuts: list[int], *, is_reference: bool = False) -> list[Batch]:
    """The rows, cut."""
    whole, edges = whole_types(rows).table, [0, *cuts, len(rows)]
    found = [
        Batch(whole.slice(low, high - low), low) for low, high in zip(edges, edges[1:], strict=False) if high > low
    ]
    for batch in found:
        batch.is_reference = is_reference
    return found


def state_of(check: Check, subject: Subject, batches: list[Batch]) -> str:
    """One state per batch, each sent as text, added in this order."""
    try:
        whole = check.plan(subject, check.Params())
    except Unmeasurable as reason:
        return str(reason)
    for batch in batches:
        part = check.update(check.plan(subject, check.Params()), batch)
        whole = check.merge(whole, states.loads(states.dumps(part)))
    return states.dumps(whole)


def nested(check: Check, subject: Subject, batches: list[Batch]) -> str:
    """The same batches, added in pairs, then the pairs."""
    try:
        empty = check.plan(subject, check.Params())
    except Unmeasurable as reason:
        return str(reason)
    found = [check.update(empty, batch) for batch in batches] or [empty]
    while len(found) > 1:
        found = [
            check.merge(*found[at : at + 2]) if at + 1 < len(found) else found[at] for at in range(0, len(found), 2)
        ]
    return states.dumps(check.merge(empty, found[0]))


@pytest.mark.parametrize("check", COUNTING, ids=lambda check: check.key)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=TABLES, cuts=st.sets(st.integers(1, 39), max_size=6), seed=st.integers(0, 99))
def test_random_tables_give_the_same_bytes_in_any_split_and_order(
    check: Check, rows: list[dict[str, Any]], cuts: set[int], seed: int
) -> None:
    other = list(reversed(rows))[: len(rows) - 1]
    whole = Rows(rows)
    subject = engine.surveyed(engine.Pair(whole, Rows(other)) if check.compares_with else whole, CREDIT, Tools())
    within = sorted(cut for cut in cuts if cut < len(rows))
    once, cut = parts(rows, []), parts(rows, within)
    if check.compares_with:
        once += parts(other, [], is_reference=True)
        cut += parts(other, [cut for cut in within if cut < len(other)], is_reference=True)
    random.Random(seed).shuffle(cut)
    assert state_of(check, subject, cut) == state_of(check, subject, once) == nested(check, subject, cut)


@settings(max_examples=15, deadline=None)
@given(rows=TABLES, cuts=st.sets(st.integers(1, 39), max_size=6), seed=st.integers(0, 99))
def test_the_survey_is_the_same_in_any_split_and_order(rows: list[dict[str, Any]], cuts: set[int], seed: int) -> None:
    found = []
    for batches in (parts(rows, []), parts(rows, sorted(cut for cut in cuts if cut < len(rows)))):
        random.Random(seed).shuffle(batches)
        state = survey.start()
        for batch in batches:
            state = survey.merge(state, states.loads(states.dumps(survey.update(survey.start(), batch))))
        found.append(states.dumps(state))
    assert found[0] == found[1]


def test_texts_that_look_like_numbers_in_one_part_have_no_range_beside_other_texts() -> None:
    rows = [{"card": "4111111111111111"}, {"card": "own"}]
    found = []
    for batches in (parts(rows, []), parts(rows, [1])):
        state = survey.start()
        for batch in batches:
            state = survey.merge(state, survey.update(survey.start(), batch))
        found.append(states.dumps(state))
    assert found[0] == found[1]


def test_checksums_are_tried_on_the_same_rows_in_any_split() -> None:
    rows = [{"card": "4111111111111111" if number % 3 else "4111111111111112"} for number in range(30_000)]
    whole = whole_types(rows).table
    once = patterns.count(Batch(whole), "card")
    halves = [patterns.count(Batch(whole.slice(start, 11_000), start), "card") for start in range(0, 30_000, 11_000)]
    added: dict[str, int] = {}
    for half in halves:
        added = states.sums(added, half)
    assert added == once and 2_000 < once["credit_card:tested"] < 3_000


def test_moments_of_a_large_batch_do_not_wrap() -> None:
    import numpy as np

    found = counts.moments(np.full(2**20, 1.0), 0.0, 1.0)
    assert found["squares"] == 2**20 * counts.SCALE**2 == 2**60
