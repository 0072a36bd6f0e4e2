"""The auditor's room by API: the examples of the document are true, and the past is the same as on the pages."""

from typing import Any

import pytest
from django.utils import timezone

from apps.core.moment import spelled
from apps.examination.api import examples
from apps.registry import services as registry
from tests import factories

API = "/api/v1"


@pytest.fixture
def caller(auditor: Any) -> Any:
    return factories.api(auditor, "read", "audit:read", "workflow:write")


def test_a_sample_is_drawn_and_read_with_its_totals(decided, caller):
    body, reply = examples.SAMPLE
    answer = caller.post(f"{API}/samples", {**body, "size": 3}, format="json")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert set(made) == set(reply)
    whole = caller.get(f"{API}/samples/{made['id']}").json()
    assert whole["totals"]["taken"] == len(whole["rows"]) == made["taken"]
    assert [row["verb"] for row in caller.get(f"{API}/readings").json()["results"]] == ["examination.sample_exported"]
    assert len(caller.get(f"{API}/samples").json()["results"]) == 1


def test_a_request_goes_the_whole_way(caller):
    owner = factories.person("model_owner", username="owner")
    theirs = factories.api(owner, "read", "workflow:write")
    made = caller.post(f"{API}/requests", examples.ASK[0], format="json")
    assert (made.status_code, set(made.json())) == (201, set(examples.ASK[1]))
    place = f"{API}/requests/{made.json()['id']}"
    for who, verb, example, status in (
        (theirs, "answers", examples.ANSWER, 201),
        (caller, "return", examples.RETURNED, 200),
        (theirs, "answers", examples.ANSWER, 201),
        (caller, "accept", examples.ACCEPTED, 200),
    ):
        answer = who.post(f"{place}/{verb}", example[0], format="json")
        assert (answer.status_code, answer.json()["state"]) == (status, example[1]["state"]), answer.content
        assert set(answer.json()) == set(example[1])
    assert caller.get(place).json()["accepted_by"] == "auditor"
    assert caller.get(f"{API}/requests?state=accepted").json()["results"][0]["id"] == made.json()["id"]
    stranger = factories.api(factories.person("developer", use_case="x"), "read")
    assert stranger.get(place).status_code == 404


def test_a_trace_names_every_record_with_its_digest(decided, caller):
    decision = decided.allowed[0]
    for kind, key in (
        ("decision", decision.pk),
        ("deployment", decision.deployment_id),
        ("version", decided.version.pk),
    ):
        body = caller.get(f"{API}/trace/{kind}/{key}").json()
        assert body["policy"]["digest"] == decision.policy_digest
        assert len(body["evidence"]) == len(decision.evidence)
        assert all(row["is_unchanged"] for row in [body["decision"], body["manifest"], *body["signatures"]])
    assert caller.get(f"{API}/trace/nothing/{decision.pk}").status_code == 404


def test_the_past_by_api_is_what_was_so_then(caller):
    case = factories.use_case("credit")
    registry.answer_facts(case, facts={"data.personal": True}, actor=case.owner)
    then = spelled(timezone.now())
    registry.answer_facts(case, facts={"data.personal": False}, actor=case.owner)
    assert caller.get(f"{API}/use-cases/credit").json()["facts"] == {"data.personal": False}
    assert caller.get(f"{API}/use-cases/credit?as_at={then}").json()["facts"] == {"data.personal": True}
    listed = caller.get(f"{API}/use-cases?as_at={then}").json()["results"]
    assert [row["facts"] for row in listed if row["slug"] == "credit"] == [{"data.personal": True}]
    refused = caller.get(f"{API}/use-cases?tier=2&as_at={then}")
    assert (refused.status_code, refused.json()["code"]) == (400, "NO_PAST")
    wrong = caller.patch(f"{API}/use-cases/credit?as_at={then}", {"title": "X"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "READ_ONLY")
    early = caller.get(f"{API}/use-cases/credit?as_at=2020-01-01")
    assert (early.status_code, early.json()["code"]) == (404, "NOT_THERE_YET")
