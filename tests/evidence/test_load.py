"""Timing an endpoint that answers at a known speed."""

import time
from typing import Any

import pytest
from scipy import stats

from apps.evidence import engine
from apps.evidence.checks import registry
from apps.evidence.checks.base import Result, Subject, Tools, Unmeasurable
from apps.evidence.inputs.exposition import memory_said
from apps.evidence.kernels import charts, loading
from tests.evidence.test_checks import Rows


def loaded(predict: Any, memory: Any = None, **params: Any) -> Result:
    """The check against this endpoint."""
    check = registry()["load"]
    rows, subject = Rows([{"a": number} for number in range(60)]), Subject(name="rows", features=["a"])
    found = engine.measure(
        rows, {"load": (check, check.Params(**params))}, subject, Tools(predict=predict, memory=memory)
    )["load"]
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


def test_memory_is_reported_where_the_serving_system_tells_it() -> None:
    told = iter([100, 104, 109, 112, 110])
    found = loaded(lambda columns: [0.0] * len(columns["a"]), memory=lambda: next(told) * 2.0**20, rate=40, seconds=0.1)
    figures = {row["key"]: row["value"] for row in found.metrics}
    assert (figures["memory"], figures["memory_growth"]) == (112, 10)
    assert [row["memory"] for row in found.tables[0]["rows"]] == [104, 109, 112]
    assert any("a short peak is not seen" in limit for limit in found.limits)
    silent = loaded(lambda columns: [0.0] * len(columns["a"]), rate=40, seconds=0.1)
    assert not {"memory", "memory_growth"} & {row["key"] for row in silent.metrics}
    assert any("not visible" in limit for limit in silent.limits)


SAID = b"""# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes{pid="1"} 1.048576e+06
process_resident_memory_bytes{pid="2",name="a } b"} 1048576 1700000000000
process_virtual_memory_bytes 9e9
nv_cpu_memory_used_bytes 5
"""


def test_memory_is_read_from_what_a_server_exposes() -> None:
    assert memory_said(SAID) == 2 * 2**20
    assert memory_said(b"nv_cpu_memory_used_bytes 7\n") == 7
    for nothing in (
        b"",
        b"<html>",
        b"process_resident_memory_bytes NaN\n",
        b"process_resident_memory_bytes\n",
        b"\xff\x00",
    ):
        assert memory_said(nothing) is None
