"""A sample of the rewritings of the log that `python -m tests.faults.tampering` makes in thousands."""

import pytest

from tests.faults.forging import build
from tests.faults.tampering import run

CASES = 8


@pytest.mark.django_db
def test_what_is_rewritten_before_a_head_that_somebody_holds_is_found() -> None:
    told = run(build(16, 2), CASES, seed=7)
    assert told["missed"] == [] and told["before the held head"] >= CASES - 2
