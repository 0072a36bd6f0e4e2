"""Scores known from earlier in a run: no row is sent twice, and what is found is what would be found without them."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.evidence.inputs import remembered
from apps.evidence.inputs.remembered import Remembered, digests
from apps.evidence.models import Evidence
from tests import factories
from tests.evidence.conftest import Endpoint, credit_rows, score_of
from tests.evidence.test_inputs import columns, scorer
from tests.evidence.test_measuring import measured


def distinct(rows: list[dict[str, Any]]) -> int:
    """How many different rows of features there are."""
    return len({(row["income"], row["duration"], row["housing"]) for row in rows})


def test_a_row_is_sent_once(endpoint: str) -> None:
    once, twice = columns(120), {name: values * 2 for name, values in columns(60).items()}
    with scorer(endpoint, remembered=Remembered()) as asked:
        first = asked.predict(twice)
        found = asked.predict(once)
        assert asked.predict(once).tobytes() == found.tobytes()
    assert found == pytest.approx([score_of(row) for row in credit_rows(120)])
    assert first[:60].tobytes() == first[60:].tobytes() == found[:60].tobytes()
    sent = distinct(credit_rows(120))
    assert sum(Endpoint.asked) == sent and Endpoint.asked[0] == distinct(credit_rows(60))
    assert asked.used() == {"calls": 3, "rows": 360, "sent": sent, "kept": 360 - sent}


@pytest.mark.parametrize(
    "other", [{"artifact": "sha256:other"}, {"kinds": {"income": "number", "duration": "integer", "housing": "text"}}, {"positive": "0"}]
)  # fmt: skip
def test_another_artifact_or_another_question_is_asked_anew(endpoint: str, other: dict[str, Any]) -> None:
    known = Remembered()
    for more in ({}, other):
        with scorer(endpoint, remembered=known, **more) as asked:
            asked.predict(columns(5))
    assert Endpoint.asked == [5, 5]


def test_what_times_the_endpoint_sends_every_row(endpoint: str) -> None:
    with scorer(endpoint, remembered=Remembered()) as asked:
        asked.predict(columns(5))
        asked.predict_anew(columns(5))
    assert Endpoint.asked == [5, 5] and asked.used()["kept"] == 0


def test_a_refused_question_leaves_nothing_behind(endpoint: str) -> None:
    known = Remembered()
    with scorer(endpoint, remembered=known, most_rows=10) as asked:
        with pytest.raises(Exception, match="budget"):
            asked.predict(columns(50))
        assert (len(known), asked.used()["rows"]) == (0, 0)
        asked.predict(columns(8))
        assert asked.predict(columns(8)).size == 8


def test_no_more_scores_are_kept_than_allowed_and_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_KEPT", 100)
    known, keys = Remembered(), [number.to_bytes(4, "big") for number in range(1000)]
    for number, key in enumerate(keys):
        known.keep({key: float(number)})
        assert len(known) <= 100
    assert [known.recall(key) for key in keys[-50:]] == [float(number) for number in range(950, 1000)]
    assert known.recall(keys[0]) is None


def test_values_that_differ_for_the_endpoint_have_different_digests() -> None:
    rows: list[Any] = [1, 1.0, "1", True, None, "None", -1, 0.1 + 0.2, 0.3, "a", "a'", 'a"']
    assert len(set(digests(["x"], {"a": rows}))) == len(rows)
    assert digests(["x"], {"a": [1], "b": [2]}) != digests(["x"], {"b": [1], "a": [2]})
    assert digests(["x"], {"a": ["1', '2"], "b": ["3"]}) != digests(["x"], {"a": ["1"], "b": ["2', '3"]})
    assert digests(["x"], {}) == digests(["x"], {"a": []}) == []
    assert digests(["x"], {"a": [1]}) != digests(["y"], {"a": [1]})


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.booleans(), st.none()), min_size=1, max_size=9
    )
)
def test_a_row_has_one_digest_whatever_stands_beside_it(values: list[Any]) -> None:
    alone = [digests(["x"], {"a": [value], "b": [1]})[0] for value in values]
    assert digests(["x"], {"a": values, "b": [1] * len(values)}) == alone
    told_apart = {struct.pack("<d", value) if isinstance(value, float) else (type(value), value) for value in values}
    assert len(set(alone)) == len(told_apart)


def test_arrays_have_the_digests_of_their_values() -> None:
    for values in (np.arange(5), np.arange(5) / 3, np.array([True, False]), np.array(["a", "b"])):
        assert digests([], {"a": values}) == digests([], {"a": values.tolist()})


KEYS = ["robustness", "partial_dependence", "explainability", "counterfactuals", "reproducibility", "subpopulations"]


@pytest.mark.django_db
def test_results_are_the_same_with_and_without_and_the_evidence_says_what_was_sent(
    credit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(credit, KEYS)
    with_it = sum(Endpoint.asked)
    monkeypatch.setattr(remembered, "MOST_KEPT", 0)
    Endpoint.asked = []
    measured(credit, KEYS)
    without = sum(Endpoint.asked)
    assert with_it < without
    for key in KEYS:
        known, alone = Evidence.objects.filter(check_key=key).order_by("created_at")
        assert known.result_digest == alone.result_digest != ""
    said = [
        dict(item.method["words"]).get("Scores", "") for item in Evidence.objects.order_by("created_at")[: len(KEYS)]
    ]
    assert sum("equal to rows" in text for text in said) >= 2
    assert all("scored by the endpoint" in text for text in said if text)


@pytest.mark.django_db
def test_scores_do_not_outlive_the_run(credit: Any) -> None:
    measured(credit, ["reproducibility"])
    first = sum(Endpoint.asked)
    measured(credit, ["reproducibility"])
    assert sum(Endpoint.asked) == 2 * first > 0


@pytest.mark.django_db
def test_a_file_that_the_endpoint_scores_says_how_many_rows_it_took(credit: Any) -> None:
    version = factories.version(features=credit.features, endpoint=credit.endpoint, output=credit.output)
    link = credit.dataset_links.get(role="scored")
    factories.link(version, link.dataset_version, "test", uri=link.uri, sha256=link.sha256, target="good")
    measured(version, ["performance"])
    words = dict(Evidence.objects.get().method["words"])
    sent = distinct(credit_rows())
    assert words["Scores of the file"].startswith(f"600 rows: {sent} scored by the endpoint, {600 - sent} equal")
    assert sum(Endpoint.asked) == sent
