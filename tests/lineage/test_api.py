"""The receiver and the reads over HTTP."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.lineage.models import Event, EventState, Rejection
from tests import factories
from tests.lineage.conftest import columns, dataset, lineage_of, raw, run_event, source, way

pytestmark = pytest.mark.django_db
URL = "/api/v1/lineage"


@pytest.fixture
def pipeline() -> Any:
    """A client with a token that may send lineage and read."""
    return factories.api(factories.service_account(), "lineage:write", "read")


def send(client: Any, event: Any, path: str = URL, **headers: str) -> Any:
    """Post an event as bytes."""
    body = event if isinstance(event, bytes) else raw(event)
    return client.generic("POST", path, body, content_type="application/json", **headers)


def features_event(event_type: str = "COMPLETE", at: str = "2026-02-01T08:00:35Z") -> dict[str, Any]:
    """A run that builds features from customers."""
    return run_event(
        event_type,
        at=at,
        inputs=[dataset("customers", schema=columns("age", "sex"))],
        outputs=[
            dataset(
                "features",
                schema=columns("age_band"),
                columnLineage=lineage_of(age_band=[source("customers", "age", way(masking=True))]),
            )
        ],
    )


def test_an_event_is_stored_and_answered_with_201(pipeline: Any) -> None:
    answer = send(pipeline, features_event())
    assert (answer.status_code, answer.content) == (201, b"")
    assert bytes(Event.objects.get().body) == raw(features_event())
    assert EventState.objects.get().state == "projected"


def test_the_same_event_again_is_201_and_one_row(pipeline: Any) -> None:
    for _ in range(3):
        assert send(pipeline, features_event()).status_code == 201
    assert Event.objects.count() == 1


def test_a_trailing_slash_does_no_harm(pipeline: Any) -> None:
    assert send(pipeline, features_event(), URL + "/").status_code == 201


def test_gzip_is_unpacked(pipeline: Any) -> None:
    answer = send(pipeline, gzip.compress(raw(features_event())), HTTP_CONTENT_ENCODING="gzip")
    assert answer.status_code == 201


def test_a_gzip_bomb_is_413(pipeline: Any) -> None:
    answer = send(pipeline, gzip.compress(b" " * (11 * 1024 * 1024)), HTTP_CONTENT_ENCODING="gzip")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"run": {}}, "/run"),
        ({"run": {"runId": "not-a-uuid"}}, "/run/runId"),
        ({"eventType": "BEGIN"}, "/eventType"),
        ({"eventTime": "yesterday"}, "/eventTime"),
        ({"inputs": [{"namespace": "n"}]}, "/inputs/0"),
        ({"job": {"namespace": "n", "name": "x\x00y"}}, "/job/name"),
    ],
)
def test_an_invalid_core_is_400_with_the_pointer(pipeline: Any, change: Any, pointer: str) -> None:
    answer = send(pipeline, {**features_event(), **change})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert Rejection.objects.get().pointer == pointer


def test_a_token_without_the_scope_is_refused() -> None:
    client = factories.api(factories.service_account(), "read")
    assert send(client, features_event()).status_code == 403
    assert send(factories.api(), features_event()).status_code == 401


def test_a_batch_answers_per_event(pipeline: Any) -> None:
    good, bad = features_event(), {**features_event(), "run": {"runId": "x"}}
    answer = send(pipeline, [good, bad, good], URL + "/batch")
    assert answer.status_code == 200
    assert answer.json()["status"] == "partial_success"
    assert answer.json()["summary"] == {"received": 3, "successful": 2, "failed": 1, "retriable": 0, "non_retriable": 1}
    assert answer.json()["failed_events"][0]["index"] == 1
    assert Event.objects.count() == 1


def test_a_batch_may_be_an_object_with_events_or_one_event(pipeline: Any) -> None:
    assert send(pipeline, {"events": [features_event()]}, URL + "/batch").json()["status"] == "success"
    assert send(pipeline, features_event("START"), URL + "/batch").json()["status"] == "success"
    assert send(pipeline, [], URL + "/batch").status_code == 200
    assert send(pipeline, b"[1, 2", URL + "/batch").status_code == 400


def test_the_graph_shows_columns_and_masking(pipeline: Any) -> None:
    send(pipeline, features_event("START", "2026-02-01T08:00:00Z"))
    send(pipeline, features_event())
    node = "dataset:postgres://warehouse:5432:features"
    found = pipeline.get(URL + "/graph", {"node": node, "direction": "up"}).json()
    assert {item["name"] for item in found["nodes"]} == {"features", "customers"}
    edge = next(edge for edge in found["edges"] if edge["type"] == "field")
    assert edge["from"] == "datasetField:postgres://warehouse:5432:customers:age"
    assert edge["to"] == "datasetField:postgres://warehouse:5432:features:age_band"
    assert edge["basis"] == "column"
    assert edge["transformation"]["masking"] is True


@pytest.mark.parametrize(
    "node",
    [
        "datasetField:postgres://warehouse:5432:customers:age",
        "job:scheduler:build",
        "dataset:postgres://warehouse:5432:customers",
    ],
)
def test_every_form_of_node_is_answered(pipeline: Any, node: str) -> None:
    send(pipeline, features_event())
    found = pipeline.get(URL + "/graph", {"node": node})
    assert found.status_code == 200
    assert found.json()["root"] == node
    assert pipeline.get(URL + "/impact", {"node": node}).status_code == 200


def test_nothing_downstream_and_nothing_known_read_differently(pipeline: Any) -> None:
    send(pipeline, features_event())
    factories.dataset(name="lonely", namespace="n")
    known = pipeline.get(URL + "/impact", {"node": "dataset:postgres://warehouse:5432:features"}).json()
    unknown = pipeline.get(URL + "/impact", {"node": "dataset:n:lonely"}).json()
    assert known["hits"] == unknown["hits"] == []
    assert known["completeness"]["known"] and not unknown["completeness"]["known"]
    assert known["completeness"]["sentence"] != unknown["completeness"]["sentence"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/graph", {}, 422),
        ("/graph", {"node": "nonsense"}, 400),
        ("/graph", {"node": "dataset:a:b"}, 404),
        ("/graph", {"node": "version:abc"}, 404),
        ("/graph", {"node": "dataset:a:b", "depth": "0"}, 422),
        ("/graph", {"node": "dataset:\x00:b"}, 422),
        ("/impact", {"node": "dataset:a:b", "as_of": "soon"}, 422),
        ("/impact", {"node": "datasetField:" + ":" * 100}, 404),
    ],
)
def test_a_bad_question_is_refused_in_words(pipeline: Any, path: str, query: dict[str, str], status: int) -> None:
    answer = pipeline.get(URL + path, query)
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("application/problem+json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("eventTime", "eventType", "run", "job", "inputs", "outputs", "dataset", "producer", "schemaURL")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.dictionaries(st.sampled_from(KEYS), json_values, min_size=1), batch=st.booleans())
def test_garbage_is_never_a_server_error(pipeline: Any, change: Any, batch: bool) -> None:
    body = json.dumps([{**features_event(), **change}] if batch else {**features_event(), **change}).encode()
    answer = send(pipeline, body, URL + "/batch" if batch else URL)
    assert answer.status_code in (200, 201, 400)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_bytes_are_never_a_server_error(pipeline: Any, body: bytes) -> None:
    assert send(pipeline, body).status_code == 400


facet_values = st.dictionaries(
    st.sampled_from(["fields", "dataset", "entries", "datasetVersion", "identifiers", "lifecycleStateChange", "run", "job",
                     "inputs", "processingType", "totalTasks", "failedTasks", "rowCount", "datasetType", "tags"]),
    json_values,
    max_size=4,
)  # fmt: skip
NAMES = (
    "schema",
    "columnLineage",
    "lineage",
    "version",
    "datasetType",
    "symlinks",
    "lifecycleStateChange",
    "tags",
    "x_y",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.dictionaries(st.sampled_from(NAMES), facet_values, min_size=1, max_size=3))
def test_odd_facets_never_lose_their_event(pipeline: Any, held: Any) -> None:
    base = {"_producer": "p", "_schemaURL": "s"}
    facets = {name: {**base, **value} for name, value in held.items()}
    event = run_event(inputs=[dataset("a", **facets)], outputs=[dataset("b", **facets)], job_facets=facets)
    body = json.dumps(event).encode()
    if any(
        word in body
        for word in (
            b"NaN",
            b"Infinity",
            b"\\ud8",
            b"\\ud9",
            b"\\uda",
            b"\\udb",
            b"\\udc",
            b"\\udd",
            b"\\ude",
            b"\\udf",
        )
    ):
        return
    assert send(pipeline, body).status_code == 201
    assert not EventState.objects.exclude(state="projected").exists()
