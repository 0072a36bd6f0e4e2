"""The JSON door of the catalog."""

import json
import uuid
from typing import Any

import pytest

from apps.catalog.api import examples
from tests import factories as make
from tests.answers import check_problem, same_shape

pytestmark = pytest.mark.django_db


def test_the_examples_of_the_openapi_document_are_true() -> None:
    client = make.api(make.person("data_steward", username="steward"), "registry:write", "read")
    made = client.post("/api/v1/datasets", examples.DATASET[0])
    assert made.status_code == 201, made.content
    same_shape(made.json(), examples.DATASET[1])
    here = made.json()["url"]
    changed = client.put(f"{here}/terms", examples.CHANGED_TERMS[0])
    same_shape(changed.json(), examples.CHANGED_TERMS[1])
    version = client.post(f"{here}/versions", examples.VERSION[0])
    assert version.status_code == 201, version.content
    same_shape(version.json(), examples.VERSION[1])
    for url in (here, version.json()["url"]):
        assert client.get(url).status_code == 200


def test_lists_come_in_pages_with_a_cursor_and_filters() -> None:
    for number in range(3):
        make.dataset(f"t{number}", is_governed=number > 0)
    client = make.api(make.person("auditor"))
    page = client.get("/api/v1/datasets?limit=2").json()
    assert [row["name"] for row in page["results"]] == ["t2", "t1"]
    assert [row["name"] for row in client.get(page["next"]).json()["results"]] == ["t0"]
    assert [row["name"] for row in client.get("/api/v1/datasets?is_governed=false").json()["results"]] == ["t0"]


@pytest.mark.parametrize(
    "query", ["cursor=%00", "cursor=x", "limit=-1", "limit=x", "state=%00", "state=nowhere", "owner__username=%ff"]
)
def test_garbage_in_a_query_is_never_a_500(query: str) -> None:
    assert make.api(make.person("auditor")).get(f"/api/v1/datasets?{query}").status_code in {200, 400, 404, 422}


@pytest.mark.parametrize("change", [
    {"namespace": None},
    {"permitted_purposes": "all"},
    {"terms_end_on": "soon"},
    {"surprise": 1},
    {"kind": "cloud"},
    {"owner": "nobody"},
    {"name": "x" * 1001},
])  # fmt: skip
def test_a_wrong_field_is_refused_with_a_pointer_to_it(change: dict[str, Any]) -> None:
    client = make.api(make.person("data_steward"))
    body = json.dumps({**examples.DATASET[0], **change})
    problem = check_problem(client.post("/api/v1/datasets", body, content_type="application/json"), 422)
    assert problem["errors"][0]["pointer"].startswith(f"/{next(iter(change))}")


@pytest.mark.parametrize("text", ["\ud800", "a\u0000b"])
def test_text_that_cannot_be_stored_is_refused_when_it_is_read(text: str) -> None:
    body = json.dumps({**examples.DATASET[0], "description": text})
    client = make.api(make.person("data_steward"))
    problem = check_problem(client.post("/api/v1/datasets", body, content_type="application/json"), 400)
    assert problem["code"] == "NOT_JSON"


def test_an_unknown_dataset_is_404_and_a_garbage_id_too() -> None:
    client = make.api(make.person("auditor"))
    check_problem(client.get(f"/api/v1/datasets/{uuid.uuid4()}"), 404)
    check_problem(client.get("/api/v1/datasets/not-an-id"), 404)


def test_a_token_that_only_reads_changes_no_terms() -> None:
    dataset = make.dataset()
    answer = make.api(make.person("data_steward"), "read").put(f"/api/v1/datasets/{dataset.pk}/terms", {})
    assert check_problem(answer, 403)["code"] == "SCOPE_MISSING"


def test_other_bytes_under_a_known_key_are_a_conflict() -> None:
    client, dataset = make.api(make.person("data_steward")), make.dataset()
    make.dataset_version(dataset, "1", sha256="a" * 64)
    answer = client.post(f"/api/v1/datasets/{dataset.pk}/versions", {"key": "1", "sha256": "b" * 64})
    assert check_problem(answer, 409)["code"] == "OTHER_BYTES"
