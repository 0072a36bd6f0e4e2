"""The doors: AuthZEN single and batch, and the one for `curl -f`. Anything that is not a computed allow is none."""

import json

import pytest

from apps.core.models import digest_of
from apps.gate.models import Decision
from tests import factories

pytestmark = pytest.mark.django_db

EVALUATION, EVALUATIONS, ENFORCE = "/access/v1/evaluation", "/access/v1/evaluations", "/api/v1/gate/enforce"


def question(world, **context):
    return {
        "subject": {"type": "pipeline", "id": "ci:credit"},
        "action": {"name": "deploy"},
        "resource": {"type": "model_version", "id": world.version.artifact_digest},
        "context": {"environment": world.production.slug, **context},
    }


def test_an_allow_carries_deployment_policy_and_requirements(approved, caller):
    answer = caller.post(EVALUATION, question(approved, nonce="n1"), format="json")
    assert answer.status_code == 200
    body = answer.json()
    assert body["decision"] is True, body["context"]["reason_user"]
    assert body["context"]["nonce"] == "n1"
    assert body["context"]["deployment"]
    assert body["context"]["policy"]["digest"].startswith("sha256:")
    assert {row["outcome"] for row in body["context"]["requirements"]} >= {"satisfied"}
    assert answer["Cache-Control"] == "no-store"


def test_a_deny_is_200_with_reasons_and_enforce_makes_it_403(bare, caller_of):
    caller = caller_of(bare)
    answer = caller.post(EVALUATION, question(bare), format="json")
    assert (answer.status_code, answer.json()["decision"]) == (200, False)
    refused = caller.post(ENFORCE, question(bare), format="json")
    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "APPROVAL_MISSING"
    assert refused.json()["decision"] is False
    failing = [
        row for row in refused.json()["context"]["requirements"] if row["is_blocking"] and row["outcome"] == "missing"
    ]
    assert failing
    assert all(row["sentence"] and row["fix"] and row["owner"] for row in failing)


def test_enforce_answers_200_for_an_allow(approved, caller):
    assert caller.post(ENFORCE, question(approved), format="json").status_code == 200


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (b"", "NOT_JSON"),
        (b"{", "NOT_JSON"),
        (b"[]", "NOT_AN_OBJECT"),
        (b'{"subject": 1}', "SUBJECT_MISSING"),
        (b'{"subject": {}, "subject": {}}', "NOT_JSON"),
        (b'{"a": NaN}', "NOT_JSON"),
        (b"[" * 200_000, "TOO_DEEP"),
        (b'{"a": ' * 40 + b"1" + b"}" * 40, "TOO_DEEP"),
        (b'{"subject": {"type": "x", "id": "\\u0000"}}', "NUL_CHARACTER"),
    ],
)
@pytest.mark.parametrize("address", [EVALUATION, ENFORCE])
def test_garbage_is_a_refusal_and_no_decision(bare, caller_of, address, broken, code):
    before = Decision.objects.count()
    answer = caller_of(bare).post(address, broken, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == code
    assert Decision.objects.count() == before


def test_nobody_asks_without_a_token_or_without_the_scope(bare):
    assert factories.api().post(EVALUATION, question(bare), format="json").status_code == 401
    reader = factories.api(bare.pipeline, "read")
    answer = reader.post(EVALUATION, question(bare), format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "SCOPE_MISSING")


def test_a_token_of_one_environment_cannot_ask_for_another(approved):
    client = factories.api()
    token = factories.token_for(approved.pipeline, "gate:ask", environment_slug="staging")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    answer = client.post(EVALUATION, question(approved), format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "OTHER_ENVIRONMENT")
    body = question(approved)
    del body["context"]["environment"]
    assert client.post(EVALUATION, body, format="json").json()["context"]["environment"] == "staging"


def test_a_batch_keeps_the_order_and_fills_in_defaults(approved, caller):
    unknown = {"resource": {"type": "model_version", "id": "sha256:" + "0" * 64}}
    body = {**question(approved, dry_run=True), "evaluations": [unknown, {}, unknown]}
    answers = caller.post(EVALUATIONS, body, format="json").json()["evaluations"]
    assert [row["decision"] for row in answers] == [False, True, False]


@pytest.mark.parametrize(
    ("semantic", "expected"), [("deny_on_first_deny", [True, False]), ("permit_on_first_permit", [True])]
)
def test_a_batch_stops_where_its_semantic_says(approved, caller, semantic, expected):
    unknown = {"resource": {"type": "model_version", "id": "sha256:" + "0" * 64}}
    options = {"evaluations_semantic": semantic}
    body = {**question(approved, dry_run=True), "evaluations": [{}, unknown, {}], "options": options}
    answers = caller.post(EVALUATIONS, body, format="json").json()["evaluations"]
    assert [row["decision"] for row in answers] == expected


def test_a_broken_batch_is_refused_before_anything_is_decided(approved, caller):
    before = Decision.objects.count()
    body = {**question(approved), "evaluations": [{}, {"resource": 7}]}
    assert caller.post(EVALUATIONS, body, format="json").status_code == 400
    assert Decision.objects.count() == before


def test_the_request_id_is_echoed_and_recorded(approved, caller):
    answer = caller.post(EVALUATION, question(approved), format="json", HTTP_X_REQUEST_ID="pipeline-run-00042")
    assert answer["X-Request-ID"] == "pipeline-run-00042"
    assert Decision.objects.get(pk=answer.json()["context"]["id"]).request_id == "pipeline-run-00042"


def test_the_configuration_names_both_calls(client):
    found = client.get("/.well-known/authzen-configuration").json()
    assert found["access_evaluation_endpoint"].endswith(EVALUATION)
    assert found["access_evaluations_endpoint"].endswith(EVALUATIONS)


def test_the_log_and_the_attestation_are_readable_over_http(approved, caller):
    decision = caller.post(EVALUATION, question(approved), format="json").json()["context"]["id"]
    rows = caller.get("/api/v1/gate/decisions?outcome=allow").json()["results"]
    assert [row["id"] for row in rows] == [decision]
    whole = caller.get(f"/api/v1/gate/decisions/{decision}").json()
    assert whole["answer"]["decision"] is True
    wrapped = caller.get(f"/api/v1/gate/decisions/{decision}/attestation").json()
    assert wrapped["payloadType"] == "application/vnd.in-toto+json"
    assert digest_of(wrapped)


def test_pages_of_the_log_open_for_people(approved, caller):
    decision = caller.post(EVALUATION, question(approved), format="json").json()["context"]["id"]
    reader = factories.signed_in(approved.auditor)
    for address in (
        "/decisions/",
        "/decisions/?outcome=allow&q=model",
        f"/decisions/{decision}/",
        f"/decisions/{decision}/again/",
        f"/versions/{approved.version.pk}/decisions/",
    ):
        page = reader.get(address)
        assert page.status_code == 200, address
    assert json.dumps(approved.version.artifact_digest)[8:20] in reader.get(f"/decisions/{decision}/").content.decode()
