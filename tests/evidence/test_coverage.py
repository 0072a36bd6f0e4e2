"""A cheap sample of `python -m tests.evidence.coverage`: each kind of interval holds the truth about as often as it says."""

import pytest

from tests.evidence.coverage import Case, cases, covered

DEAR = {"area of a classifier", "mean absolute effect"}
FIRST = {case.name: case for case in cases() if case.name not in DEAR}


@pytest.mark.parametrize("case", FIRST.values(), ids=FIRST.keys())
def test_an_interval_holds_the_truth_about_as_often_as_it_says(case: Case) -> None:
    assert covered(case, 60).held >= 85
