"""Rows of a request: few at first, then as many as the endpoint answers in good time and takes at once."""

import time
from typing import Any

import httpx
import pytest

from apps.core import fetch
from apps.evidence.checks.base import Unmeasurable
from apps.evidence.inputs import pacing
from apps.evidence.inputs.pacing import Pace, planned_rows
from tests.evidence.conftest import Endpoint, credit_rows, score_of
from tests.evidence.test_inputs import columns, scorer

SHORT = 0.3


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the endpoint a length of request above which it refuses, or thinks for longer than anybody waits."""
    answer = Endpoint._answer

    def set_limit(most: int, *, slow: bool = False) -> None:
        def limited(self: Endpoint, status: int, body: Any) -> None:
            is_long = self.command == "POST" and status == 200 and Endpoint.asked[-1] > most
            if is_long and slow:
                time.sleep(3 * SHORT)
            answer(self, 413 if is_long and not slow else status, body)

        monkeypatch.setattr(Endpoint, "_answer", limited)

    return set_limit


def test_a_fast_endpoint_soon_gets_full_requests() -> None:
    pace, sent = Pace(), []
    for _ in range(5):
        sent.append(pace.rows_now(width=20))
        pace.answered(sent[-1], seconds=sent[-1] / 100_000)
    assert sent == [1_000, 10_000, 50_000, 50_000, 50_000]


def test_wide_rows_make_short_requests() -> None:
    assert [planned_rows(width) for width in (1, 20, 200, 5_000_000)] == [50_000, 50_000, 5_000, 1]
    pace = Pace(rows=50_000)
    assert pace.rows_now(width=200) == 5_000


def test_a_slow_endpoint_gets_what_it_answers_in_good_time() -> None:
    pace = Pace()
    pace.answered(pace.rows_now(width=5), seconds=30)
    assert pace.rows_now(width=5) == 100
    pace.answered(100, seconds=3)
    assert pace.rows_now(width=5) == 100


def test_a_short_rest_does_not_change_the_pace_unless_it_was_slow() -> None:
    pace = Pace(rows=10_000)
    pace.answered(7, seconds=0.5)
    assert pace.rows_now(width=5) == 10_000
    pace.answered(7, seconds=4.2)
    assert pace.rows_now(width=5) == 5


def test_an_endpoint_that_takes_only_short_requests_gets_short_ones_in_order(endpoint: str, limit: Any) -> None:
    limit(40)
    with scorer(endpoint) as asked:
        found = asked.predict(columns(150))
    assert found == pytest.approx([score_of(row) for row in credit_rows(150)])
    assert Endpoint.asked == [150, 75, 37, 37, 37, 37, 2] and asked.used()["calls"] == 1


def test_an_endpoint_that_takes_no_row_at_all_is_named(endpoint: str, limit: Any) -> None:
    limit(0)
    with scorer(endpoint) as asked, pytest.raises(Unmeasurable, match="One row is too much .* 413") as refusal:
        asked.predict(columns(5))
    assert refusal.value.code == "REQUEST_TOO_LARGE"


def test_an_endpoint_that_is_late_is_asked_for_less_but_not_for_ever(
    endpoint: str, limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "new_client", lambda: httpx.Client(timeout=SHORT))
    limit(110, slow=True)
    with scorer(endpoint) as asked:
        assert len(asked.predict(columns(150))) == 150
    assert Endpoint.asked[:3] == [150, 75, 75]
    monkeypatch.setattr(pacing, "FIRST_ROWS", 150)
    limit(0, slow=True)
    with scorer(endpoint) as asked, pytest.raises(Unmeasurable, match="75 rows are too much .* in time") as refusal:
        asked.predict(columns(150))
    assert refusal.value.code == "ENDPOINT_TOO_SLOW"
