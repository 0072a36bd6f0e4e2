"""A judgement reads everything it names, and says what it found."""

import pytest

from apps.policy import services

pytestmark = pytest.mark.django_db


def test_tier_2_credit_model_with_everything_shown_is_ready(ready):
    judgement = services.assess(ready.version, ready.production)
    assert [(row.id, row.outcome, row.sentence) for row in judgement.open] == []
    assert judgement.is_ready
    assert judgement.sentence.startswith("Ready: ")
    assert judgement.counts["counted"] > 60


def test_version_that_shows_nothing_is_not_ready_and_says_of_how_many(credit):
    judgement = services.assess(credit.version, credit.production)
    assert not judgement.is_ready
    assert judgement.sentence.startswith("Not ready: ")
    assert len(judgement.open) == judgement.counts["blocking"]
