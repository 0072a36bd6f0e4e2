"""Small groups: counts of 1 to 10, what they follow from, and what would reveal them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.dossiers.suppression import HIDDEN, is_small, suppress, without

KINDS = {"group": "text", "n": "count", "selected": "count", "rate": "number", "z": "number"}
COLUMNS = [{"key": key, "kind": kind} for key, kind in KINDS.items()]


def table(*rows: tuple[Any, Any]) -> dict[str, Any]:
    made = [{"group": str(place), "n": n, "selected": k, "rate": 0.5, "z": 1.0} for place, (n, k) in enumerate(rows)]
    return {"key": "t", "title": "T", "note": "", "columns": COLUMNS, "rows": made}


def column(found: Any, key: str) -> list[Any]:
    return [row[key] for row in found.table["rows"]]


def test_a_table_of_large_groups_stays_as_it_is() -> None:
    given_table = table((100, 50), (90, 40))
    found = suppress(given_table)
    assert not found.is_changed
    assert found.table == given_table


def test_one_small_count_takes_a_second_with_it_because_the_total_would_reveal_it() -> None:
    found = suppress(table((100, 50), (90, 40), (60, 4)))
    assert column(found, "selected") == [50, HIDDEN, HIDDEN]
    assert column(found, "rate") == [0.5, HIDDEN, HIDDEN]
    assert column(found, "z") == [1.0, 1.0, 1.0]


def test_few_who_were_refused_are_as_small_as_few_who_were_chosen() -> None:
    assert column(suppress(table((100, 50), (90, 40), (60, 55))), "selected") == [50, HIDDEN, HIDDEN]


def test_a_table_that_is_not_about_groups_is_left_alone() -> None:
    found = suppress(
        {
            "columns": [{"key": "column", "kind": "text"}, {"key": "n", "kind": "count"}],
            "rows": [{"column": "a", "n": 3}],
        }
    )
    assert not found.is_changed


def test_a_count_that_the_check_left_out_already_stays_a_word() -> None:
    assert column(suppress(table((100, 50), (90, 40), ("1–10", None))), "n") == [100, 90, "1–10"]


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(lambda pair: pair[1] <= pair[0]),
        min_size=1,
        max_size=6,
    )
)
def test_no_small_count_and_no_single_gap_is_ever_left(rows: list[tuple[int, int]]) -> None:
    found = suppress(table(*rows))
    for key in ("n", "selected"):
        shown = column(found, key)
        assert not any(is_small(value) for value in shown)
        rest = [value for value in shown if value != HIDDEN]
        assert shown.count(HIDDEN) != 1 or not any(rest)
    for row in found.table["rows"]:
        if HIDDEN in (row["n"], row["selected"]):
            assert row["rate"] == HIDDEN


def test_a_drawing_loses_the_rows_of_withheld_groups_and_keeps_the_others() -> None:
    found = suppress({**table((100, 50), (90, 40), (60, 4)), "key": "by-age"})
    assert {"age: 2", "age: 1"} <= found.labels
    spec = {
        "data": {"values": [{"group": "age: 0", "value": 1}, {"group": "age: 2", "value": 0.1}]},
        "layer": [{"mark": "point"}],
    }
    drawn, taken = without(spec, found.labels)
    assert taken == 1
    assert drawn == {"data": {"values": [{"group": "age: 0", "value": 1}]}, "layer": [{"mark": "point"}]}


ATTRIBUTES = st.lists(st.tuples(st.sampled_from(["sex", "age"]), st.integers(0, 60)), min_size=2, max_size=10)


@given(ATTRIBUTES)
def test_no_attribute_of_a_shared_table_can_be_computed_from_its_total(rows: list[tuple[str, int]]) -> None:
    made = [{"group": f"{name}: {place}", "n": n} for place, (name, n) in enumerate(rows)]
    columns = [{"key": "group", "kind": "text"}, {"key": "n", "kind": "count"}]
    found = suppress({"key": "groups", "title": "T", "columns": columns, "rows": made})
    for attribute in {name for name, _ in rows}:
        mine = [(n, row["n"]) for (name, n), row in zip(rows, found.table["rows"], strict=True) if name == attribute]
        hidden = [n for n, shown in mine if shown == HIDDEN]
        assert not any(is_small(shown) for _, shown in mine)
        if hidden and any(shown != HIDDEN and shown > 0 for _, shown in mine):
            assert len(hidden) >= 2 and sum(hidden) > 10


def test_a_rate_that_says_how_few_were_decided_one_way_is_withheld() -> None:
    columns = [{"key": "group", "kind": "text"}, {"key": "n", "kind": "count"}, {"key": "rate", "kind": "number"}]
    rows = [
        {"group": "a", "n": 40, "rate": 0.2},
        {"group": "b", "n": 200, "rate": 0.5},
        {"group": "c", "n": 80, "rate": 0.9},
    ]
    found = suppress({"key": "intersections", "columns": columns, "rows": rows})
    assert column(found, "rate") == [HIDDEN, 0.5, HIDDEN]
    assert column(found, "n") == [40, 200, 80]
    assert found.labels


def test_a_crossed_table_names_its_groups_in_several_columns() -> None:
    columns = [{"key": "sex", "kind": "text"}, {"key": "age", "kind": "text"}, {"key": "n", "kind": "count"}]
    rows = [
        {"sex": "f", "age": "old", "n": 4},
        {"sex": "m", "age": "old", "n": 30},
        {"sex": "m", "age": "young", "n": 90},
    ]
    found = suppress({"key": "intersections", "columns": columns, "rows": rows})
    assert column(found, "n") == [HIDDEN, HIDDEN, 90]
