"""What if: a typed case and its change, scored by a real endpoint, bounded and recorded without what was typed."""

from typing import Any

import pytest

from apps.audit.models import Entry
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.evidence import trying
from tests import factories
from tests.evidence.conftest import score_of

pytestmark = pytest.mark.django_db
CASE = {"income": "50", "duration": "24", "housing": "rent"}


def tried(version: Any, changed: dict[str, str], actor: Any = None) -> trying.Tried:
    """The case with this change, by a developer."""
    return trying.try_case(version, case=CASE, changed=changed, actor=actor or factories.person("developer"))


def test_both_scores_are_those_of_the_endpoint(credit: Any) -> None:
    found = tried(credit, {"income": "90", "housing": "own"})
    assert found.before == pytest.approx(score_of(CASE))
    assert found.after == pytest.approx(score_of({**CASE, "income": 90, "housing": "own"}))
    assert found.turns and found.changed == ["housing", "income"]


def test_that_somebody_tried_is_recorded_and_what_they_typed_is_not(credit: Any) -> None:
    tried(credit, {"income": "77123"})
    body = bytes(Entry.objects.get(verb=trying.VERB).body)
    assert b"income" in body and b"77123" not in body and b"rent" not in body


def test_nobody_tries_more_than_thirty_cases_a_minute(credit: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(trying, "MOST_A_MINUTE", 2)
    actor = factories.person("developer")
    for income in ("60", "70"):
        tried(credit, {"income": income}, actor)
    with pytest.raises(WrongState, match="minute"):
        tried(credit, {"income": "80"}, actor)


def test_a_case_without_a_change_and_a_person_without_a_part_are_refused(credit: Any) -> None:
    with pytest.raises(Invalid, match="Change at least one"):
        tried(credit, {"income": "50"})
    with pytest.raises(NotAllowed):
        tried(credit, {"income": "60"}, factories.person("auditor"))


def test_the_page_says_whether_the_decision_turns(credit: Any, client: Any) -> None:
    client.force_login(factories.person("developer", use_case=credit.use_case.slug))
    address = f"/versions/{credit.pk}/what-if/"
    assert "Score both" in client.get(address).content.decode()
    typed = {f"case_{place}": value for place, value in enumerate(CASE.values())}
    shown = client.post(address, {**typed, "changed_0": "110"})
    assert shown.status_code == 200 and "turns the decision" in shown.content.decode()
    wrong = client.post(address, {**typed, "changed_0": "many"})
    assert wrong.status_code == 422 and "endpoint" in wrong.content.decode()
