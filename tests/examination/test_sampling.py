"""Choosing a sample that anybody can choose again."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from apps.examination.sampling import Item, allot, draw, key_of, population_digest


def items(count: int, tier: str = "2", outcome: str = "deny", start: int = 0) -> list[Item]:
    return [Item(f"{start + at:04}", f"sha256:{at}", (tier, outcome)) for at in range(count)]


def test_the_same_seed_and_population_give_the_same_sample_in_any_order():
    rows = items(200) + items(50, outcome="allow", start=200)
    assert draw(rows, seed="a", size=20) == draw(rows[::-1], seed="a", size=20)
    assert draw(rows, seed="a", size=20).chosen != draw(rows, seed="b", size=20).chosen


def test_the_method_can_be_done_by_hand():
    rows = items(9)
    by_hand = sorted(rows, key=lambda row: hashlib.sha256(f"seed\n{row.id}".encode()).hexdigest())[:3]
    assert draw(rows, seed="seed", size=3).chosen == by_hand
    lines = "".join(f"{row.id} {row.digest}\n" for row in rows)
    assert population_digest(rows) == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()
    assert key_of("seed", "1") == hashlib.sha256(b"seed\n1").hexdigest()


def test_rare_strata_are_not_missed():
    rows = items(997) + items(3, tier="1", start=997)
    drawn = draw(rows, seed="x", size=10, least=2)
    assert drawn.taken == {("1", "deny"): 2, ("2", "deny"): 8}
    assert (drawn.population, drawn.counts["1", "deny"]) == (1000, 3)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(1, 300), st.integers(0, 5))
def test_totals_add_up_and_no_stratum_gives_more_than_it_has(sizes: list[int], size: int, least: int) -> None:
    counts = {(str(at), "deny"): count for at, count in enumerate(sizes)}
    given_ = allot(counts, size, least)
    floor = sum(min(count, least) for count in sizes)
    assert sum(given_.values()) == max(floor, min(size, sum(sizes)))
    assert all(min(least, counts[name]) <= count <= counts[name] for name, count in given_.items())


def test_every_item_is_as_likely_as_another():
    rows = items(50)
    hits = dict.fromkeys((row.id for row in rows), 0)
    for seed in range(1000):
        for row in draw(rows, seed=str(seed), size=5).chosen:
            hits[row.id] += 1
    assert 65 <= min(hits.values()) and max(hits.values()) <= 140  # 100 expected, standard deviation 9.5
