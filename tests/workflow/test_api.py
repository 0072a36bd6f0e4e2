"""The JSON door: the journey of a version by tokens, refusals as problem+json, and true examples in the OpenAPI document."""

from typing import Any

import pytest

from apps.registry.models import Deployment
from apps.workflow import services
from apps.workflow.api import examples
from tests import factories
from tests.answers import check_problem
from tests.workflow.conftest import REASON, REPORT

SCOPES = ("read", "workflow:write")


def client(user: Any, *scopes: str) -> Any:
    return factories.api(user, *(scopes or SCOPES))


def matches(example: Any, answer: Any, at: str = "") -> None:
    """Every key of the example is in the answer and the other way round; nulls and empty lists say nothing about depth."""
    if at.endswith("/edges"):  # counts by name
        assert all(isinstance(count, int) for count in answer.values())
    elif isinstance(example, dict) and isinstance(answer, dict):
        assert example.keys() == answer.keys(), at
        for key in example:
            matches(example[key], answer[key], f"{at}/{key}")
    elif isinstance(example, list) and isinstance(answer, list) and example and answer:
        matches(example[0], answer[0], f"{at}/0")
    elif example is not None and answer is not None and not isinstance(example, list):
        assert type(example) is type(answer), at


def sign(world: Any, name: str, review: str, **more: Any) -> Any:
    """Read the review as this person and sign what it asks for."""
    caller = client(world.people[name])
    shown = caller.get(f"/api/v1/reviews/{review}").json()
    body = {"seen_digest": shown["seen_digest"], "meaning": (shown["meanings"] or ["approved"])[0], "reason": REASON,
            "password": factories.PASSWORD, **more}  # fmt: skip
    return caller.post(f"/api/v1/reviews/{review}/sign-offs", body, format="json")


def test_submit_answers_with_the_review(world) -> None:
    answer = client(world.developer).post(
        f"/api/v1/versions/{world.version.pk}/submit", examples.SUBMIT[0], format="json"
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    matches(examples.SUBMIT[1], body)
    assert body["state"] == "submitted" and body["turn"]["role"] == "model_owner" and not body["turn"]["is_yours"]
    assert body["seen_digest"].startswith("sha256:")
    assert body["turn"]["reasons"] and body["turn"]["reasons"][0].endswith(".")


def test_submit_lists_what_is_missing_as_problem_json(bare) -> None:
    answer = client(bare.developer).post(f"/api/v1/versions/{bare.version.pk}/submit", {}, format="json")
    problem = check_problem(answer, 422)
    assert problem["code"] == "NOT_READY_TO_SUBMIT"
    assert {"pointer", "code", "detail"} == set(problem["errors"][0])


def test_a_version_is_approved_by_api_alone(world) -> None:
    review = client(world.developer).post(f"/api/v1/versions/{world.version.pk}/submit", {}, format="json").json()["id"]
    for name in ("owner", "validator", "privacy_officer", "compliance", "head_of_model_risk"):
        more = {"report": REPORT} if name == "validator" else {}
        answer = sign(world, name, review, **more)
        assert answer.status_code == 201, answer.content
        matches(examples.SIGN_OFF[1], answer.json())
    body = client(world.auditor, "read").get(f"/api/v1/reviews/{review}").json()
    assert body["state"] == "approved" and body["standing"]["code"] == "APPROVED"
    assert body["standing"]["manifest"].startswith("sha256:") and body["seen_digest"] is None
    assert len(body["signatures"]) == 5


def test_self_approval_by_api_is_refused_with_the_sentence(world) -> None:
    review = world.sign_until(world.submit(), "independent_validation")
    factories.grant(world.developer, "validator")
    problem = check_problem(sign(world, "developer", str(review.pk)), 403)
    assert problem["code"] == "SIGNER_IS_NOT_INVOLVED"
    assert "Someone else has to" in problem["detail"]


@pytest.mark.parametrize("name", ["administrator", "pipeline", "auditor"])
def test_accounts_that_never_sign_are_refused_by_api(world, name: str) -> None:
    review = world.sign_until(world.submit(), "independent_validation")
    factories.grant(world.people[name], "validator")
    problem = check_problem(sign(world, name, str(review.pk)), 403) if name != "auditor" else {}
    assert name == "auditor" or problem["reasons"]


def test_a_token_without_the_scope_changes_nothing(world) -> None:
    problem = check_problem(
        client(world.developer, "read").post(f"/api/v1/versions/{world.version.pk}/submit", {}, format="json"), 403
    )
    assert problem["code"] == "SCOPE_MISSING"


def test_a_stale_digest_is_a_conflict_with_the_difference(world) -> None:
    review = world.submit()
    seen = services.present(review).digest
    world.measure("fairness", min_impact_ratio=0.95)
    problem = check_problem(sign(world, "owner", str(review.pk), seen_digest=seen), 409)
    assert problem["code"] == "CONTENT_CHANGED" and problem["changes"] and problem["seen_digest"] != seen


def test_a_wrong_password_signs_nothing(world) -> None:
    review = world.submit()
    problem = check_problem(sign(world, "owner", str(review.pk), password="wrong"), 403)
    assert problem["code"] == "REAUTHENTICATION_FAILED"


def test_a_rejection_is_signed_too(world) -> None:
    review = world.submit()
    caller = client(world.owner)
    check_problem(caller.post(f"/api/v1/reviews/{review.pk}/reject", {"reason": REASON}, format="json"), 422)
    seen = caller.get(f"/api/v1/reviews/{review.pk}").json()["seen_digest"]
    body = {"reason": REASON, "seen_digest": seen, "password": factories.PASSWORD}
    answer = caller.post(f"/api/v1/reviews/{review.pk}/reject", body, format="json")
    assert answer.status_code == 200 and answer.json()["state"] == "rejected"


def test_request_changes_and_withdraw(world) -> None:
    review = world.submit()
    url = f"/api/v1/reviews/{review.pk}"
    answer = client(world.owner).post(f"{url}/request-changes", {"reason": "What does the label mean?"}, format="json")
    assert answer.status_code == 200 and answer.json()["state"] == "changes_requested" and answer.json()["turn"] is None
    answer = client(world.developer).post(f"{url}/withdraw", {"reason": "We start over."}, format="json")
    assert answer.json()["state"] == "withdrawn"


def test_findings_are_raised_answered_and_closed(world) -> None:
    review = world.submit()
    body = {**examples.FINDING[0], "owner": world.developer.username, "due_on": "2099-01-01"}
    answer = client(world.validator).post(f"/api/v1/reviews/{review.pk}/findings", body, format="json")
    assert answer.status_code == 201, answer.content
    matches(examples.FINDING[1], answer.json())
    url = f"/api/v1/findings/{answer.json()['id']}"
    check_problem(client(world.validator).post(f"{url}/close", {"reason": "It is fine."}, format="json"), 409)
    answered = client(world.developer).post(f"{url}/answer", examples.ANSWER[0], format="json")
    assert answered.json()["state"] == "answered"
    problem = check_problem(
        client(world.developer).post(f"{url}/close", {"reason": "Mine, closed."}, format="json"), 403
    )
    assert {"RAISER_REVIEWS", "VERIFIER_IS_NOT_THE_DEVELOPER"} <= {reason["code"] for reason in problem["reasons"]}
    returned = client(world.validator).post(f"{url}/return", {"reason": "Which sample?"}, format="json")
    assert returned.json()["state"] == "raised"
    client(world.developer).post(f"{url}/answer", examples.ANSWER[0], format="json")
    closed = client(world.validator).post(f"{url}/close", {"reason": "Read the new sample."}, format="json")
    assert closed.json()["state"] == "closed" and closed.json()["closed_by"] == world.validator.username
    listed = client(world.auditor, "read").get("/api/v1/findings?state=closed").json()
    assert [row["id"] for row in listed["results"]] == [answer.json()["id"]]


def test_a_question_is_asked_and_answered(world) -> None:
    review = world.submit()
    url = f"/api/v1/reviews/{review.pk}/comments"
    asked = client(world.validator).post(url, examples.COMMENT[0], format="json")
    assert asked.status_code == 201, asked.content
    matches(examples.COMMENT[1], asked.json())
    check_problem(client(world.developer).post(url, {"text": "90 days.", "kind": "answer"}, format="json"), 422)
    reply = {"text": "90 days late within 18 months.", "kind": "answer", "parent": asked.json()["id"]}
    assert client(world.developer).post(url, reply, format="json").status_code == 201
    log = client(world.auditor, "read").get(f"/api/v1/versions/{world.version.pk}/comments").json()
    assert [row["kind"] for row in log["results"]] == ["answer", "question"]


def test_suspend_reinstate_and_revoke(world, approved) -> None:
    url = f"/api/v1/versions/{world.version.pk}"
    answer = client(world.risk_officer).post(f"{url}/suspend", {"reason": "An incident."}, format="json")
    assert answer.status_code == 200 and answer.json()["standing"]["code"] == "APPROVAL_SUSPENDED"
    check_problem(client(world.developer).post(f"{url}/reinstate", {"reason": "It was nothing."}, format="json"), 403)
    answer = client(world.head_of_model_risk).post(f"{url}/reinstate", {"reason": "Another cause."}, format="json")
    assert answer.json()["standing"]["code"] == "APPROVED"
    answer = client(world.head_of_model_risk).post(f"{url}/revoke", {"reason": "Wrong labels."}, format="json")
    assert answer.json()["standing"]["code"] == "APPROVAL_REVOKED"


def test_an_event_of_a_dataset_lists_what_it_touches_and_suspends(world, approved) -> None:
    deployment = factories.deployment(world.version, world.production, Deployment.State.ACTIVE)
    answer = client(world.privacy_officer).post(
        f"/api/v1/datasets/{world.table.pk}/events", examples.DATASET_EVENT[0], format="json"
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    matches(examples.DATASET_EVENT[1], body)
    assert [row["id"] for row in body["versions"]] == [str(world.version.pk)]
    assert [row["state"] for row in body["suspended"]] == ["suspended"]
    assert [row["id"] for row in body["running"]] == [str(deployment.pk)]
    assert body["findings"][0]["source"] == "data_event" and body["findings"][0]["severity"] == "high"
    assert world.table.fields.get(path="housing").classification == "personal"
    assert world.standing().code == "APPROVAL_SUSPENDED"


def test_only_those_who_answer_for_data_report_events(world) -> None:
    url = f"/api/v1/datasets/{world.table.pk}/events"
    check_problem(client(world.developer).post(url, {"kind": "faulty", "reason": "I think so."}, format="json"), 403)


def test_what_one_may_not_see_does_not_exist(world) -> None:
    review = world.submit()
    outsider = factories.person("developer", use_case="another-use-case")
    check_problem(client(outsider).get(f"/api/v1/reviews/{review.pk}"), 404)
    assert client(outsider).get("/api/v1/reviews").json()["results"] == []


@pytest.mark.parametrize(
    "body", [{}, {"seen_digest": 1}, {"meaning": "blessed"}, {"reason": ["x"]}, {"unknown": 1}, {"conditions": "soon"}]
)
def test_garbage_is_answered_with_pointers(world, body: dict) -> None:
    review = world.submit()
    problem = check_problem(
        client(world.owner).post(f"/api/v1/reviews/{review.pk}/sign-offs", body, format="json"), 422
    )
    assert problem["errors"]


def test_the_list_of_reviews_takes_a_constant_number_of_queries(world, approved, django_assert_max_num_queries) -> None:
    caller = client(world.auditor, "read")
    caller.get("/api/v1/reviews")
    with django_assert_max_num_queries(12):
        caller.get("/api/v1/reviews")
