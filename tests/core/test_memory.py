"""Searching for cycles rarely, and afterwards as before."""

import gc

import pytest

from apps.core.memory import OBJECTS, few_collections


def test_cycles_are_searched_rarely_inside_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with few_collections():
        assert gc.get_threshold()[0] == OBJECTS and gc.get_freeze_count() > 0
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0


def test_a_failure_inside_leaves_it_as_before() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="broken"), few_collections():
        raise ValueError("broken")
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0
