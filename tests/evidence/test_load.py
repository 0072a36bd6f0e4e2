"""Timing an endpoint that answers at a known speed."""

import time
from typing import Any

import pytest
from scipy import stats

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools, Unmeasurable
from apps.evidence.kernels import charts, loading
from tests.evidence.test_checks import Rows


def loaded(predict: Any, **params: Any) -> Result:
    """The check against this endpoint."""
    check = registry()["load"]
    rows, subject = Rows([{"a": number} for number in range(60)]), Subject(name="rows", features=["a"])
    found = engine.measure(rows, {"load": (check, check.Params(**params))}, subject, Tools(predict=predict))["load"]
    assert isinstance(found, Result), found
    for figure in found.figures:
        assert charts.draw(figure["spec"], key="load", takeaway=found.takeaway)
    return found


def test_an_answer_takes_as_long_as_the_endpoint_takes() -> None:
    def slow(columns: Any) -> list[float]:
        time.sleep(0.05)
        return [0.0] * len(columns["a"])

    found = {row["key"]: row["value"] for row in loaded(slow, rate=10, seconds=0.6).metrics}
    assert 50 <= found["median"] < 250
    assert found["unanswered"] == 0


def test_a_queue_counts_as_time_because_a_request_is_timed_from_when_it_was_due() -> None:
    step = loading.at_rate(lambda number: time.sleep(0.4), rate=100, seconds=0.4, refusals=())
    assert step.sent == 40
    assert step.times[-1] > 0.7
    assert not step.is_sustained


def test_refusals_are_counted_and_other_errors_are_not_hidden() -> None:
    def refuse(number: int) -> None:
        if number % 2:
            raise Unmeasurable("No.")

    step = loading.at_rate(refuse, rate=100, seconds=0.1, refusals=(Unmeasurable,))
    assert (step.refused, len(step.times), step.unanswered) == (5, 5, 0)
    with pytest.raises(KeyError):
        loading.at_rate(lambda number: {}["x"], rate=100, seconds=0.02, refusals=(Unmeasurable,))


def test_the_interval_of_a_median_covers_it_as_often_as_it_says() -> None:
    held = 0
    for seed in range(600):
        low, high = loading.quantile_interval(sorted(stats.expon.rvs(size=40, random_state=seed)), 0.5)  # type: ignore[misc]
        held += low <= stats.expon.median() <= high
    assert 0.93 <= held / 600 <= 0.985
    assert loading.quantile_interval([0.1, 0.2], 0.95) is None
