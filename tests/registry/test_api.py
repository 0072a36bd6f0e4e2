"""The JSON door of the registry: scopes, visibility, refusals, examples that are true."""

import json
import uuid
from typing import Any

import pytest

from apps.registry.api import examples
from apps.registry.models import ModelVersion
from tests import factories as make
from tests.answers import check_problem, same_shape

pytestmark = pytest.mark.django_db


def credit() -> Any:
    """The use case and model of the examples."""
    owner = make.person("model_owner", username="owner")
    return make.model(
        make.use_case("retail-credit", owner=owner), "retail-credit-scoring", name="Retail credit scoring"
    )


def developer() -> Any:
    """A client with a developer's token."""
    return make.api(make.person("developer", username="developer"), "read", "registry:write", "gate:ask")


def test_the_examples_of_use_case_model_and_environment_are_true() -> None:
    client = make.api(make.person("model_owner", username="owner"), "read", "registry:write")
    admin = make.api(make.person("administrator"), "read", "registry:write")
    for caller, path, example in (
        (client, "use-cases", examples.USE_CASE),
        (client, "models", examples.MODEL),
        (admin, "environments", examples.ENVIRONMENT),
    ):
        answer = caller.post(f"/api/v1/{path}", example[0])
        assert answer.status_code == 201, answer.content
        same_shape(answer.json(), example[1])
        assert caller.get(answer.json()["url"]).json()["id"] == answer.json()["id"]
        assert caller.get(f"/api/v1/{path}/{answer.json()['id']}").status_code == 200


def test_the_examples_of_a_version_and_its_data_are_true() -> None:
    credit()
    client = developer()
    answer = client.post("/api/v1/models/retail-credit-scoring/versions", examples.VERSION[0])
    assert answer.status_code == 201, answer.content
    same_shape(answer.json(), examples.VERSION[1])
    same_shape(client.get("/api/v1/versions").json()["results"], [examples.SUMMARY])
    same_shape(client.get("/api/v1/models/retail-credit-scoring/versions/3.1.0").json(), examples.VERSION[1])
    linked = client.post(f"{answer.json()['url']}/datasets", examples.SCORED[0])
    assert linked.status_code == 201, linked.content
    same_shape({**linked.json(), "version": "2026-11"}, examples.SCORED[1])
    people = client.get(f"{answer.json()['url']}/involvement").json()
    assert {(row["user"], row["capacity"]) for row in people} == {
        ("developer", "registered"), ("developer", "built"), ("owner", "owns")
    }  # fmt: skip


def test_the_examples_of_fields_and_deployments_are_true() -> None:
    fields = make.api(make.person("data_steward"), "registry:write").put(
        f"/api/v1/datasets/{make.dataset().pk}/fields", examples.FIELDS[0]
    )
    assert fields.status_code == 200, fields.content
    same_shape(fields.json(), examples.FIELDS[1])
    version = make.version(credit(), files=examples.FILES, version="3.1.0")
    row = make.deployment(version, make.environment("production"))
    client = make.api(make.service_account(), "gate:ask", "read")
    for word, example in (("started", examples.STARTED), ("ended", examples.ENDED)):
        answer = client.post(f"/api/v1/deployments/{row.pk}/{word}", example[0])
        assert answer.status_code == 200, answer.content
        same_shape(answer.json(), example[1])
    listed = client.get("/api/v1/deployments?environment=production&state=ended").json()["results"]
    assert [entry["id"] for entry in listed] == [str(row.pk)]


def test_the_same_version_again_is_200_and_other_content_409() -> None:
    credit()
    client = developer()
    path, body = "/api/v1/models/retail-credit-scoring/versions", examples.VERSION[0]
    first, again = client.post(path, body), client.post(path, body)
    assert (first.status_code, again.status_code) == (201, 200) and first.json()["id"] == again.json()["id"]
    problem = check_problem(client.post(path, {**body, "reason_note": "another"}), 409)
    assert problem["code"] == "VERSION_EXISTS" and problem["differs"] == ["reason_note"]


def test_an_idempotency_key_gives_the_same_answer_once() -> None:
    client = make.api(make.person("model_owner"), "registry:write")
    body, header = {"title": "Credit", "purpose": "x"}, {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/use-cases", body, headers=header)
    again = client.post("/api/v1/use-cases", body, headers=header)
    assert (first.status_code, again.status_code) == (201, 201) and first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"


def test_a_version_is_found_by_any_of_its_digests() -> None:
    version = make.version()
    client = make.api(make.person("auditor"), "read")
    for alias in version.aliases.all():
        rows = client.get(f"/api/v1/versions?digest={alias.digest}").json()["results"]
        assert [row["id"] for row in rows] == [str(version.pk)]


@pytest.mark.parametrize("change", [
    {"artifact": {"files": [{"path": "m", "sha256": "xx", "size": -1}]}},
    {"artifact": {"files": {}}},
    {"artifact": {"digest": "md5:1"}},
    {"artifact": {}},
    {"artifact": {"surprise": 1}},
    {"version": "a/b"},
    {"version": [1]},
    {"training": []},
    {"training": {"seed": 1e999}},
    {"training": {"parameters": {"n": 2**64}}},
    {"features": [None]},
    {"features": [[[]]]},
    {"datasets": [{"name": "x"}]},
    {"endpoint": {"url": "http://[::1", "protocol": "oip-v2"}},
    {"endpoint": "x"},
    {"output": {"kind": "binary_classification", "threshold": "nan"}},
    {"reason": "boredom"},
    {"developers": ["nobody"]},
    {"surprise": True},
])  # fmt: skip
def test_a_wrong_part_of_a_version_is_refused_with_a_pointer_into_it(change: dict[str, Any]) -> None:
    credit()
    body = json.dumps({**examples.VERSION[0], **change}).replace("Infinity", "1e999")
    answer = developer().post("/api/v1/models/retail-credit-scoring/versions", body, content_type="application/json")
    problem = check_problem(answer, 422)
    assert problem["errors"][0]["pointer"].startswith(f"/{next(iter(change))}")
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', "null", "1", "\x00", "{}"])
def test_garbage_bodies_give_problem_json(body: str) -> None:
    credit()
    client = developer()
    version = make.version()
    for path in (
        "use-cases",
        "models",
        "models/retail-credit-scoring/versions",
        "environments",
        f"versions/{version.pk}/datasets",
    ):
        check_problem(client.post(f"/api/v1/{path}", body, content_type="application/json"), {400, 422})


def test_unknown_fields_are_refused_by_name() -> None:
    problem = check_problem(developer().post("/api/v1/use-cases", {"title": "a", "purpose": "b", "tier": 4}), 422)
    assert problem["errors"][0]["pointer"] == "/tier"


def test_what_one_may_not_see_is_404_like_what_does_not_exist() -> None:
    version = make.version()
    client = make.api(make.person("validator", use_case="elsewhere"), "read")
    for path in (
        f"versions/{version.pk}", f"models/{version.model.slug}", f"use-cases/{version.use_case.slug}",
        f"models/{version.model.slug}/versions", f"versions/{version.pk}/involvement", f"versions/{uuid.uuid4()}",
        "use-cases/%00", "models/x", "environments/x",
    ):  # fmt: skip
        assert client.get(f"/api/v1/{path}").status_code in {404, 422}, path
    assert client.get("/api/v1/versions").json()["results"] == []


def test_a_reading_token_registers_nothing_and_says_which_scope_is_missing() -> None:
    answer = make.api(make.person("developer"), "read", "evidence:write").post("/api/v1/use-cases", {})
    assert check_problem(answer, 403)["required_scope"] == "registry:write"


def test_a_developer_of_one_use_case_registers_nothing_in_another() -> None:
    credit()
    outsider = make.person("developer", use_case="elsewhere")
    answer = make.api(outsider).post("/api/v1/models", {"name": "x", "use_case": "retail-credit"})
    check_problem(answer, 404)
    validator = make.person("validator", use_case="retail-credit")
    answer = make.api(validator).post("/api/v1/models", {"name": "x", "use_case": "retail-credit"})
    assert check_problem(answer, 403)["code"] == "ROLE_MISSING"


def test_lists_of_versions_ask_the_database_the_same_number_of_questions(django_assert_max_num_queries: Any) -> None:
    model = make.model()
    for _ in range(6):
        make.version(model)
    client = make.api(make.person("auditor"))
    with django_assert_max_num_queries(7):
        assert len(client.get("/api/v1/versions").json()["results"]) == 6


def test_model_moves_are_proposed_and_confirmed_through_the_api() -> None:
    model = credit()
    owner, risk = make.api(model.owner), make.api(make.person("risk_officer"))
    body = {"state": "retired", "reason": "Replaced"}
    assert owner.post(f"/api/v1/models/{model.slug}/propose-state", body).json()["proposed_state"] == "retired"
    check_problem(owner.post(f"/api/v1/models/{model.slug}/confirm-state", body), 403)
    assert risk.post(f"/api/v1/models/{model.slug}/confirm-state", body).json()["state"] == "retired"


def test_a_use_case_is_changed_in_parts_and_its_measures_as_a_whole() -> None:
    model = credit()
    client = make.api(model.owner)
    here = "/api/v1/use-cases/retail-credit"
    assert client.patch(here, {"objective": "Fewer defaults"}).json()["objective"] == "Fewer defaults"
    kpis = client.put(f"{here}/kpis", {"kpis": [examples.KPI]})
    assert kpis.json()["kpis"] == [examples.KPI]
    check_problem(client.put(f"{here}/kpis", {"kpis": [{"name": "x", "target": "nan"}]}), 422)
