"""Two versions side by side, in words."""

from hypothesis import given
from hypothesis import strategies as st

from apps.console import comparison


def test_a_higher_auc_is_better_and_a_lower_ratio_is_worse() -> None:
    before = {
        "p.auc": {"label": "AUC", "value": 0.781},
        "f.lowest_ratio": {"label": "Lowest ratio", "value": 0.83, "digits": 2},
    }
    after = {
        "p.auc": {"label": "AUC", "value": 0.793},
        "f.lowest_ratio": {"label": "Lowest ratio", "value": 0.76, "digits": 2},
    }
    auc, ratio = comparison.metrics(before, after)
    assert (auc.before, auc.after, auc.change, auc.tone) == ("0.781", "0.793", "+0.012 better", "is-ok")
    assert (ratio.change, ratio.tone) == ("−0.07 worse", "is-bad")


def test_a_lower_error_is_better() -> None:
    assert comparison.moved("performance.log_loss", 0.5, 0.4, 3) == ("−0.100 better", "is-ok")


def test_a_number_whose_good_direction_is_unknown_carries_no_judgement() -> None:
    assert comparison.moved("selection_rate", 0.5, 0.6, 2) == ("+0.10", "")


def test_a_change_below_the_shown_digits_is_the_same() -> None:
    assert comparison.moved("auc", 0.79301, 0.79302, 3) == ("same", "")


def test_what_one_side_lacks_is_new_or_gone() -> None:
    rows = {row.name: row.change for row in comparison.values({"seed": 1, "image": "a"}, {"seed": 1, "lock": "b"})}
    assert rows == {"seed": "same", "image": "gone", "lock": "new"}


def test_a_feature_that_left_is_said_to_be_gone_with_its_reason_before() -> None:
    (row,) = comparison.sets({"school": "stood for income"}, {})
    assert (row.before, row.after, row.change) == ("stood for income", "not there", "gone")


def test_a_section_hides_equal_rows_and_counts_them() -> None:
    rows = comparison.values({"a": 1, "b": 2}, {"a": 1, "b": 3})
    hidden = comparison.section("x", "Parameters", rows)
    assert [row.name for row in hidden.rows] == ["b"]
    assert hidden.equal == 1
    assert len(comparison.section("x", "Parameters", rows, show_equal=True).rows) == 2


def test_the_summary_counts_by_section_and_says_when_nothing_differs() -> None:
    one = comparison.section("p", "Parameters", comparison.values({"a": 1}, {"a": 2}))
    none = comparison.section("d", "Data", comparison.values({"a": 1}, {"a": 1}))
    assert comparison.summary([one, none]) == "1 difference: 1 in parameters."
    assert comparison.summary([none]) == "Nothing differs."


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.none(), st.integers(), st.booleans(), st.text())))
def test_a_version_never_differs_from_itself(values: dict) -> None:
    assert all(row.is_same for row in comparison.values(values, values))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_better_and_worse_swap_when_the_sides_do(before: float, after: float) -> None:
    there, back = comparison.moved("auc", before, after, 3)[1], comparison.moved("auc", after, before, 3)[1]
    assert (there, back) in {("is-ok", "is-bad"), ("is-bad", "is-ok"), ("", "")}
