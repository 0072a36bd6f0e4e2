"""The JSON door of evidence."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.audit.models import Entry
from apps.evidence import queries
from apps.evidence.api import examples
from apps.evidence.checks import registry
from apps.evidence.models import Evidence
from apps.evidence.services import stored_at
from tests import factories as make
from tests.answers import check_problem, same_shape

pytestmark = pytest.mark.django_db

STATEMENT = examples.EVIDENCE[0]


def at(version: Any, tail: str) -> str:
    """An address under the version."""
    return f"/api/v1/versions/{version.pk}/{tail}"


def test_the_examples_of_the_openapi_document_are_true(credit: Any) -> None:
    developer = make.person("developer", username="developer", use_case=credit.use_case.slug)
    client = make.api(developer, "evidence:write", "read")
    asked = client.post(at(credit, "checks"), examples.CHECKS[0])
    assert asked.status_code == 202, asked.content
    same_shape(asked.json(), examples.CHECKS[1])
    made = client.post(at(credit, "evidence"), examples.EVIDENCE[0])
    assert made.status_code == 201, made.content
    same_shape(made.json(), examples.EVIDENCE[1])
    tested = client.post(at(credit, "tests"), examples.TESTS[0])
    same_shape(tested.json(), examples.TESTS[1])
    written = client.post(at(credit, "documents"), examples.DOCUMENT[0])
    same_shape(written.json(), examples.DOCUMENT[1])
    validator = make.api(make.person("validator", username="validator"), "evidence:write", "read")
    accepted = validator.post(f"{made.json()['url']}/accept", examples.MARK[0])
    assert accepted.status_code == 201, accepted.content
    same_shape(accepted.json(), examples.MARK[1])
    for url in (made.json()["url"], at(credit, "evidence"), at(credit, "documents"), at(credit, "checks")):
        assert client.get(url).status_code == 200


def test_a_pipeline_hands_in_and_a_person_attests() -> None:
    version = make.version()
    pipeline = make.api(make.service_account(), "evidence:write")
    person = make.api(make.person("developer"), "evidence:write")
    assert pipeline.post(at(version, "evidence"), STATEMENT).json()["source"] == "submitted"
    assert person.post(at(version, "evidence"), STATEMENT).json()["source"] == "attested"


def test_files_come_as_multipart_and_go_out_as_they_came(credit: Any) -> None:
    content = b"<html><script>alert(1)</script></html>"
    client = make.api(make.person("developer"), "evidence:write", "read")
    files = [SimpleUploadedFile("../../report.html", content, "text/html")]
    made = client.post(at(credit, "evidence"), {"body": json.dumps(STATEMENT), "files": files}, format="multipart")
    assert made.status_code == 201, made.content
    row = made.json()["files"][0]
    assert row["name"] == "report.html"
    assert made.json()["source"] == "submitted"
    answer = client.get(f"{made.json()['url']}/files/{row['sha256']}")
    assert b"".join(answer.streaming_content) == content
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    taken = Entry.objects.get(verb="evidence.file_downloaded")
    assert (taken.subject, taken.facts) == (f"evidence:{made.json()['id']}", {"sha256": f"sha256:{row['sha256']}"})
    check_problem(client.get(f"{made.json()['url']}/files/{'0' * 64}"), 404)
    stored = Path(default_storage.path(stored_at(row["sha256"])))
    stored.write_bytes(content[:-1])
    problem = check_problem(client.get(f"{made.json()['url']}/files/{row['sha256']}"), 409)
    assert problem["code"] == "FILE_CHANGED"
    stored.unlink()
    check_problem(client.get(f"{made.json()['url']}/files/{row['sha256']}"), 404)
    assert Entry.objects.filter(verb="evidence.file_downloaded").count() == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"type": "no_such_type"}, ""),
        ({"fields": {"assumptions": "yes"}}, "/fields/assumptions"),
        ({"fields": {"made_up": True}}, "/fields/made_up"),
        ({"summary": "  "}, "/summary"),
        ({"dated": "2999-01-01"}, ""),
        ({"valid_until": "2001-01-01"}, ""),
        ({"type": "approval_record", "fields": {}}, ""),
        ({"source": "computed"}, "/source"),
    ],
)
def test_what_does_not_fit_the_catalogue_is_refused(change: dict[str, Any], pointer: str) -> None:
    version = make.version()
    client = make.api(make.person("developer"), "evidence:write")
    problem = check_problem(client.post(at(version, "evidence"), {**STATEMENT, **change}), 422)
    if pointer:
        assert problem["errors"][0]["pointer"] == pointer
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"checks": ["no_such"]},
        {"checks": []},
        {"checks": 7},
        {"checks": ["fairness"], "params": {"fairness": {"limit": "x"}}},
        {"checks": ["fairness"], "params": {"fairness": {"nonsense": 1}}},
        {"checks": ["fairness"], "params": {"other": {}}},
        {"checks": ["a"] * 99},
        {},
    ],
)
def test_unknown_checks_and_parameters_are_refused(body: dict[str, Any]) -> None:
    client = make.api(make.person("developer"), "evidence:write")
    check_problem(client.post(at(make.version(), "checks"), body), 422)


def test_nobody_accepts_their_own_evidence_in_any_role() -> None:
    version = make.version()
    both = make.person("developer", "validator", "head_of_model_risk", is_superuser=True)
    client = make.api(both, "evidence:write")
    made = client.post(at(version, "evidence"), STATEMENT).json()
    problem = check_problem(client.post(f"{made['url']}/accept", {"reason": "Fine."}), 403)
    assert "someone other than the person who submitted it" in problem["detail"]


def test_who_built_the_version_accepts_nothing_for_it() -> None:
    version = make.version()
    make.grant(version.created_by, "validator")
    other = make.api(make.person("model_owner"), "evidence:write")
    made = other.post(at(version, "evidence"), STATEMENT).json()
    check_problem(
        make.api(version.created_by, "evidence:write").post(f"{made['url']}/accept", {"reason": "Fine."}), 403
    )


def test_a_service_account_accepts_nothing() -> None:
    version = make.version()
    made = make.api(make.person("developer"), "evidence:write").post(at(version, "evidence"), STATEMENT).json()
    check_problem(
        make.api(make.service_account(), "evidence:write").post(f"{made['url']}/accept", {"reason": "Fine."}), 403
    )


def test_an_outsider_sees_nothing_and_an_auditor_changes_nothing() -> None:
    version = make.version()
    made = make.api(make.person("developer"), "evidence:write").post(at(version, "evidence"), STATEMENT).json()
    outsider = make.api(make.person("developer", use_case="another"), "evidence:write", "read")
    check_problem(outsider.get(made["url"]), 404)
    check_problem(outsider.get(at(version, "evidence")), 404)
    auditor = make.api(make.person("auditor"), "evidence:write", "read")
    assert auditor.get(made["url"]).status_code == 200
    for tail, body in (("evidence", STATEMENT), ("checks", {"checks": "required"})):
        check_problem(auditor.post(at(version, tail), body), (403, 422))
    check_problem(auditor.post(f"{made['url']}/flag", {"reason": "No."}), 403)
    check_problem(make.api().get(made["url"]), 401)


def test_a_token_that_only_reads_writes_nothing() -> None:
    version = make.version()
    client = make.api(make.person("developer"), "read")
    assert check_problem(client.post(at(version, "evidence"), STATEMENT), 403)["code"] == "SCOPE_MISSING"


def test_a_flag_binds_at_once_and_an_acceptance_lifts_it() -> None:
    version = make.version()
    made = make.api(make.person("developer"), "evidence:write").post(at(version, "evidence"), STATEMENT).json()
    validator = make.api(make.person("validator"), "evidence:write", "read")

    def accepted() -> bool:
        return queries.facts_for(version, at=timezone.now(), tier=3)["limitations"].accepted

    for verb, counts in (("accept", True), ("flag", False), ("accept", True)):
        validator.post(f"{made['url']}/{verb}", {"reason": "Because."})
        assert accepted() is counts
    check_problem(validator.post(f"{made['url']}/accept", {"reason": "Again."}), 409)


def test_a_repeated_request_with_the_same_key_has_one_effect() -> None:
    version = make.version()
    client = make.api(make.person("developer"), "evidence:write")
    answers = [client.post(at(version, "evidence"), STATEMENT, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert Evidence.objects.count() == 1


def test_the_catalogues_say_who_supplies_each_field() -> None:
    client = make.api(make.person("auditor"))
    types = {row["id"]: row for row in client.get("/api/v1/evidence-types").json()}
    assert len(types) == 102
    assert {
        "name": "min_impact_ratio",
        "title": "Lowest impact ratio",
        "type": "float",
        "computed_by": "fairness",
    } in types["fairness_report"]["fields"]
    assert [row["key"] for row in client.get("/api/v1/checks").json()] == list(registry())


def test_unknown_evidence_is_404() -> None:
    check_problem(make.api(make.person("auditor")).get(f"/api/v1/evidence/{uuid.uuid4()}"), 404)
