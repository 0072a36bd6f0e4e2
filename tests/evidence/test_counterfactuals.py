"""The smallest changes that turn a decision, against a model whose answer is known."""

from typing import Any

from apps.evidence.kernels import flipping


def model(columns: Any) -> list[float]:
    """Half a point for a, more for b."""
    return [0.5 * a + 2.0 * b for a, b in zip(columns["a"], columns["b"], strict=True)]


def test_the_smallest_single_change_of_each_feature_is_kept() -> None:
    columns = {"a": [0.0], "b": [0.0]}
    alone, both = flipping.search(model, columns, {"a": [1, 2, 3, 4], "b": [0.25, 0.5, 1]}, {"a": 2.0, "b": 1.0}, 1.0)
    assert {name: (change.to[name], change.size) for name, change in alone[0].items()} == {
        "a": (2, 1.0),
        "b": (0.5, 0.5),
    }
    assert both == {}


def test_two_features_are_tried_where_one_is_not_enough_and_the_smaller_pair_is_kept() -> None:
    columns = {"a": [0.0, 0.0], "b": [0.0, 0.9]}
    alone, both = flipping.search(model, columns, {"a": [1, 2], "b": [0.5, 1.0]}, {"a": 1.0, "b": 1.0}, 1.9)
    assert alone[0].keys() == {"b"} and alone[1].keys() == {"a", "b"}
    alone, both = flipping.search(model, columns, {"a": [1, 2], "b": [0.5, 1.0]}, {"a": 1.0, "b": 1.0}, 2.4)
    assert not alone[0] and both[0].to == {"a": 1, "b": 1.0}


def test_a_value_that_a_row_has_already_is_no_change() -> None:
    alone, both = flipping.search(model, {"a": [9.0], "b": [0.0]}, {"a": [9.0], "b": [0.0]}, {}, 1.0)
    assert (alone, both) == ({0: {}}, {})
