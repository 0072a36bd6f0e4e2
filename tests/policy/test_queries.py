"""What policy tells other pages."""

import pytest
from django.urls import reverse

from apps.evidence.models import Evidence
from apps.evidence.uses import uses_of
from apps.policy import services

pytestmark = pytest.mark.django_db


def test_an_item_says_which_requirements_read_it_and_what_they_found(credit):
    credit.measure(fairness={"min_impact_ratio": 0.5})
    item = Evidence.objects.get(check_key="fairness")
    assert uses_of(item) == []  # nobody has judged the version yet
    judged = services.assess(credit.version, credit.production, store=True)
    uses = uses_of(item)
    readers = {row.id for row in judged.results if any(found["id"] == str(item.pk) for found in row.evidence)}
    assert {use.requirement for use in uses} >= {"HOUSE-RATIO"}
    assert {use.requirement for use in uses} <= readers
    assert uses[0].outcome != "satisfied"


def test_the_page_of_an_item_shows_what_rests_on_it(credit, client):
    credit.show()
    services.assess(credit.version, credit.production, store=True)
    client.force_login(credit.risk)
    item = Evidence.objects.get(title="Limitations statement")
    page = client.get(reverse("evidence:detail", args=[item.pk])).content.decode()
    assert "Used by" in page and "MIN-limitations" in page
