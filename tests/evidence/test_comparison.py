"""Two versions on the same rows: against statsmodels, scikit-learn and simulation, and on real versions with files and endpoints."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar

from apps.evidence.kernels import intervals, paired
from apps.evidence.models import Evidence
from tests import factories
from tests.evidence.conftest import FEATURES, credit_rows, write_csv
from tests.evidence.test_measuring import measured

CHANCE = np.random.default_rng(3)


def two_scores(n: int, seed: int, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two correlated scores and an outcome."""
    chance = np.random.default_rng(seed)
    outcome = (chance.random(n) < 0.4).astype(int)
    shared = outcome + chance.normal(size=n)
    return shared + chance.normal(scale=0.5 - gain, size=n), shared + chance.normal(scale=0.5, size=n), outcome


def test_areas_are_those_of_scikit_learn_also_with_ties() -> None:
    new, old, outcome = two_scores(500, 1)
    found = paired.areas(np.round(new), np.round(old, 1), outcome)
    assert found is not None
    assert (found.new, found.old) == pytest.approx(
        (roc_auc_score(outcome, np.round(new)), roc_auc_score(outcome, np.round(old, 1)))
    )


def test_delong_of_a_score_against_a_constant_is_the_variance_of_one_area() -> None:
    new, _, outcome = two_scores(400, 2)
    found = paired.areas(new, np.zeros(400), outcome)
    values, place = np.unique(new, return_inverse=True)
    sides = [np.bincount(place[outcome == side], minlength=len(values)) for side in (1, 0)]
    alone = intervals.area(*sides)
    assert found is not None and alone is not None
    value, low, high = alone  # on the log-odds scale, with Student's t instead of the normal
    width = (np.log(high / (1 - high)) - np.log(low / (1 - low))) * value * (1 - value)
    assert found.high - found.low == pytest.approx(width, rel=0.01)  # type: ignore[operator]


def test_delong_agrees_with_a_bootstrap_of_rows() -> None:
    new, old, outcome = two_scores(600, 4, 0.3)
    found = paired.areas(new, old, outcome)
    drawn = []
    for _ in range(400):
        rows = CHANCE.integers(0, 600, 600)
        drawn.append(roc_auc_score(outcome[rows], new[rows]) - roc_auc_score(outcome[rows], old[rows]))
    assert found is not None
    assert (found.high - found.low) / (2 * intervals.Z) == pytest.approx(np.std(drawn), rel=0.12)  # type: ignore[operator]


def test_the_interval_of_an_area_difference_covers_the_truth_95_times_of_100() -> None:
    held, p_values = 0, []
    for seed in range(400):
        new, old, outcome = two_scores(300, seed)
        found = paired.areas(new, old, outcome)
        assert found is not None
        held += found.low <= 0 <= found.high  # type: ignore[operator]
        p_values.append(found.p)
    assert 0.925 <= held / 400 <= 0.975
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


@pytest.mark.parametrize(("one", "other"), [(3, 9), (0, 0), (40, 55), (700, 612)])
def test_mcnemar_is_that_of_statsmodels(one: int, other: int) -> None:
    exact = one + other <= paired.EXACT
    expected = mcnemar([[10, one], [other, 10]], exact=exact, correction=False).pvalue if one + other else 1.0
    assert paired.mcnemar(one, other) == pytest.approx(expected)


def test_differences_of_rates_have_intervals_that_use_the_pairing() -> None:
    joint = np.array([[[300, 20], [30, 50]], [[40, 10], [25, 125]]])
    found = paired.decided(joint, seed=1)
    new = (300 + 20 + 25 + 125) / 600
    old = (300 + 30 + 10 + 125) / 600
    assert (found["accuracy"].new, found["accuracy"].old) == pytest.approx((new, old))
    errs, n = np.array([30 + 10, 20 + 25]), 600
    by_hand = np.sqrt(errs.sum() - (errs[0] - errs[1]) ** 2 / n) / n
    assert (found["accuracy"].high - found["accuracy"].low) / (2 * intervals.Z) == pytest.approx(by_hand, rel=0.1)  # type: ignore[operator]


def test_a_band_is_left_kept_or_not_settled() -> None:
    def reading(value: float, low: float, high: float, more_is: int) -> str:
        return paired.against_band(paired.Difference(0, 0, value, low, high), 0.02, more_is=more_is)

    assert reading(0.03, 0.01, 0.05, 1) == "better"
    assert reading(-0.005, -0.015, 0.01, 1) == "no_worse"
    assert reading(-0.03, -0.05, -0.01, 1) == "worse"
    assert reading(-0.03, -0.05, 0.01, 1) == "open"
    assert reading(-0.03, -0.05, -0.01, -1) == "better"
    assert reading(0.0, -0.01, 0.01, 0) == "within"
    assert reading(0.1, 0.08, 0.12, 0) == "moved"


def earlier(version: Any, root: Any, rows: list[dict[str, Any]] | None, **more: Any) -> Any:
    """Another version of the same model, registered after `version`; with these rows as its scored file."""
    other = factories.version(
        version.model, features=[{"name": name} for name in FEATURES],
        output={"kind": "binary_classification", "positive": 1, "threshold": 0.5}, **more,
    )  # fmt: skip
    if rows is not None:
        path = root / "other.csv"
        digest = write_csv(path, rows)
        dataset = factories.dataset("other_scored", fields=(*FEATURES, "sex", "age", "good"))
        dataset.fields.filter(path__in=["sex"]).update(is_protected=True)
        state = factories.dataset_version(dataset, sha256=digest, uri=path.as_uri())
        factories.link(
            other,
            state,
            "scored",
            uri=path.as_uri(),
            sha256=digest,
            target="good",
            prediction="decision",
            score="score",
        )
    return other


def shifted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows, scored a little differently."""
    return [
        {**row, "score": min(row["score"] + 0.02, 1.0), "decision": int(row["score"] + 0.02 >= 0.5)} for row in rows
    ]


@pytest.mark.django_db
def test_versions_are_compared_on_scored_files_that_hold_the_same_rows(credit: Any, data_root: Any) -> None:
    newer = earlier(credit, data_root, shifted(credit_rows()))
    run = measured(newer, ["comparison"])["comparison"]
    assert run.state == "done", run.error
    item = Evidence.objects.get(check_key="comparison")
    found = {row["key"]: row["value"] for row in item.metrics}
    moved = sum(0.48 <= row["score"] < 0.5 for row in credit_rows()) / 600
    assert found["changed_decisions"] == pytest.approx(moved)
    assert found["auc_difference"] == pytest.approx(0.0, abs=1e-3)
    assert {row["role"] for row in item.inputs} >= {"other version", "shared", "scored"}


@pytest.mark.django_db
def test_files_of_other_rows_are_not_compared_unless_the_other_version_can_be_asked(
    credit: Any, data_root: Any
) -> None:
    newer = earlier(credit, data_root, shifted(credit_rows(seed=99)))
    run = measured(newer, ["comparison"])["comparison"]
    assert run.state == "done", run.error
    assert {row["kind"] for row in Evidence.objects.get().inputs} >= {"endpoint"}


@pytest.mark.django_db
def test_a_first_version_has_nothing_to_be_compared_with(credit: Any) -> None:
    run = measured(credit, ["comparison"])["comparison"]
    assert run.state == "failed"
    assert "no other version" in run.error
