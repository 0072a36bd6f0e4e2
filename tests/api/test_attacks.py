"""What somebody sends who does not read the document: every answer is a problem in our words, none is a server error."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.accounts.permissions import SCOPES
from apps.registry.models import UseCase
from tests import factories
from tests.answers import check_problem

NOWHERE = "00000000-0000-7000-8000-00000000dead"
JSON = "application/json"
DEEP = "[" * 60_000 + "]" * 60_000
MEGABYTE = 1024 * 1024

COLLECTIONS = (
    "audit/entries", "datasets", "deployments", "environments", "findings", "gate/decisions", "models", "policies", "reviews",
    "roles", "tokens", "use-cases", "users", "versions", "waivers",
)  # fmt: skip
WRITES = (
    "datasets", "environments", "lineage", "models", "roles", "tokens", "use-cases", "users", "waivers", "gate/enforce",
)  # fmt: skip
WRONG_TYPES = {
    "slug": [], "name": {}, "title": 7, "fields": "x", "facts": [1], "files": {"a": 1}, "username": None, "scopes": "read",
    "eventTime": 5, "run": [], "inputs": "x", "subject": 3,
}  # fmt: skip
BODIES = {
    "nothing": b"",
    "a blank": b" ",
    "a word": b"hello",
    "half an object": b'{"slug": ',
    "a number": b"7",
    "a text": b'"text"',
    "null": b"null",
    "a list": b"[]",
    "a list of nulls": b"[null, null]",
    "not a number": b'{"slug": NaN}',
    "infinity": b'{"slug": -Infinity}',
    "a huge number": b'{"slug": 1' + b"0" * 6000 + b"}",
    "a huge exponent": b'{"slug": 1e999999}',
    "a key twice": b'{"slug": "a", "slug": "b"}',
    "U+0000": b'{"slug": "a\\u0000b", "title": "a\\u0000b"}',
    "half a surrogate pair": b'{"slug": "\\ud800", "title": "\\udfff"}',
    "half a surrogate pair as a key": b'{"\\ud800": 1}',
    "not UTF-8": b'{"slug": "\xff\xfe"}',
    "a byte order mark": b'\xef\xbb\xbf{"slug": "a"}',
    "UTF-16": '{"slug": "a"}'.encode("utf-16"),
    "deep lists": DEEP.encode(),
    "deep objects": b'{"slug": ' * 20_000 + b"1" + b"}" * 20_000,
    "wrong types": json.dumps(WRONG_TYPES).encode(),
    "a long text": json.dumps({"slug": "a" * 100_000, "title": "b" * 100_000}).encode(),
}


@pytest.fixture
def admin(db: None) -> dict[str, str]:
    """The headers of an administrator who is also everything else, so that requests come as far as they can."""
    who = factories.person("administrator", "model_owner", "developer", "data_steward", "risk_officer")
    return {"Authorization": f"Bearer {factories.token_for(who, *SCOPES)}"}


@pytest.fixture(scope="module")
def outside() -> Client:
    """A client that sees what a server would answer, instead of the exception."""
    return Client(raise_request_exception=False)


def refused(answer: Any, *statuses: int) -> dict[str, Any]:
    """The problem of an answer; one of these statuses, or any refusal."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.content[:500])
    assert not statuses or answer.status_code in statuses, (answer.status_code, answer.content[:500])
    return check_problem(answer, answer.status_code)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("call", WRITES)
def test_a_broken_body_is_refused(outside: Client, admin: dict[str, str], call: str, body: bytes) -> None:
    refused(outside.post(f"/api/v1/{call}", body, content_type=JSON, headers=admin))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_batch_of_events_is_refused_whole_or_event_by_event(
    outside: Client, admin: dict[str, str], body: bytes
) -> None:
    answer = outside.post("/api/v1/lineage/batch", body, content_type=JSON, headers=admin)
    if answer.status_code == 200:  # the dialect of OpenLineage: each refused event by its place
        assert answer.json()["summary"]["successful"] == 0
    else:
        refused(answer)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/json; charset=none",
        "\u00e9/\u00fc",
        "json",
    ],
)
def test_another_content_type_is_refused(outside: Client, admin: dict[str, str], kind: str) -> None:
    for call in ("use-cases", "models", "gate/enforce"):
        refused(outside.generic("POST", f"/api/v1/{call}", b"--x\r\nslug=a", content_type=kind, headers=admin))


@pytest.mark.parametrize("call", [*WRITES, "access"])
def test_a_body_over_the_limit_is_too_large(outside: Client, admin: dict[str, str], call: str) -> None:
    path = "/access/v1/evaluation" if call == "access" else f"/api/v1/{call}"
    body = json.dumps({"slug": "a" * (13 * MEGABYTE)}).encode()
    refused(outside.post(path, body, content_type=JSON, headers=admin), 413)


@pytest.mark.parametrize("length", ["x", "-1", "", "99999999999999999999"])
def test_a_length_that_is_none_is_refused(outside: Client, admin: dict[str, str], length: str) -> None:
    for path in ("/api/v1/use-cases", "/access/v1/evaluation"):
        refused(outside.post(path, b"{", content_type=JSON, headers=admin, CONTENT_LENGTH=length))


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=cD0%00",
        "cursor=%ff",
        "cursor=cD1ub3QtYS11dWlk",
        "limit=-1",
        "limit=x",
        "limit=0",
        "limit=99999999999999999999",
        "limit=%00",
        "node=",
        "q=%00",
        "state=%00",
        "model=%ff%fe",
        "use_case=%ed%a0%80",
        "version=x",
        "since=x",
        "subject=%00",
        "after=x",
        "owner=x",
        "dataset=x",
        "environment=%00",
        "severity=%00",
    ],
)
def test_lists_take_any_query(outside: Client, admin: dict[str, str], query: str) -> None:
    for collection in COLLECTIONS:
        answer = outside.get(f"/api/v1/{collection}?{query}", headers=admin)
        if answer.status_code != 200:
            refused(answer)


@pytest.mark.parametrize(
    "query",
    [
        "node=",
        "node=x",
        "node=version:x",
        "node=dataset:%00",
        "node=version:" + NOWHERE,
        "depth=x",
        "node=datasetField:" + NOWHERE + "&depth=-1",
        "node=a&direction=sideways",
        "node=run:" + NOWHERE + "&as_of=x",
        "node=version:" + NOWHERE + "&depth=99999999999999999999",
        "dataset=%00&column=%00",
        "as_of=x",
    ],
)
def test_the_graph_takes_any_question(outside: Client, admin: dict[str, str], query: str) -> None:
    for call in ("graph", "impact"):
        answer = outside.get(f"/api/v1/lineage/{call}?{query}", headers=admin)
        if answer.status_code != 200:
            refused(answer)


@pytest.mark.parametrize(
    "query",
    ["tree_size=x", "seq=-1", "seq=99999999999999999999", "old=5&new=2", "old=-1&new=0", "first=x&second=y", ""],
)
def test_proofs_take_any_question(outside: Client, admin: dict[str, str], query: str) -> None:
    for call in ("inclusion", "consistency"):
        answer = outside.get(f"/api/v1/audit/proof/{call}?{query}", headers=admin)
        assert answer.status_code == 503 or refused(answer)  # nothing is signed yet, or the question is wrong


IDENTIFIERS = (
    "x",
    "%00",
    "%ff",
    "..",
    "%2e%2e%2f",
    NOWHERE,
    NOWHERE[:-1],
    "'--",
    "a" * 3000,
    "99999999999999999999",
    "-1",
    "\U0001f600",
)


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_an_identifier_of_nothing_is_not_found(outside: Client, admin: dict[str, str], identifier: str) -> None:
    for collection in (
        *COLLECTIONS,
        "jobs",
        "evidence",
        "frameworks",
        "policy-versions",
        "framework-changes",
        "audit/entries",
    ):
        for path in (f"/api/v1/{collection}/{identifier}", f"/api/v1/{collection}/{identifier}/checks"):
            refused(outside.get(path, headers=admin), 400, 404, 405, 422)
            refused(outside.post(path, b"{}", content_type=JSON, headers=admin), 400, 404, 405, 422)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO"])
def test_another_method_is_not_allowed(outside: Client, admin: dict[str, str], method: str) -> None:
    for path in (
        "/api/v1/use-cases",
        "/api/v1/me",
        "/api/v1/gate/enforce",
        "/access/v1/evaluation",
        f"/api/v1/jobs/{NOWHERE}",
    ):
        answer = outside.generic(method, path, b"", headers=admin)
        assert refused(answer, 405)["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/models",
        "/api/v1/nothing",
        "/api/v1/models/",
        "/api/v1//models",
        "/access/v2/evaluation",
        "/access/",
        "/.well-known/nothing",
        "/gate/nothing",
    ],
)
def test_an_unknown_address_is_not_found(outside: Client, admin: dict[str, str], path: str) -> None:
    for headers in (admin, {}):
        assert refused(outside.get(path, headers=headers), 404)["code"] == "NOT_FOUND"
        assert refused(outside.post(path, b"{}", content_type=JSON, headers=headers), 404)["code"] == "NOT_FOUND"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_is_refused_or_changes_nothing(outside: Client, admin: dict[str, str], method: str) -> None:
    case = factories.use_case()
    kept = UseCase.objects.filter(pk=case.pk).values().get()
    for path in (
        f"use-cases/{case.slug}",
        f"use-cases/{case.slug}/facts",
        f"use-cases/{case.slug}/tier",
        "organisation/facts",
        "models",
    ):
        answer = outside.generic(method, f"/api/v1/{path}", b"", content_type=JSON, headers=admin)
        if answer.status_code != 200:
            refused(answer)
    assert UseCase.objects.filter(pk=case.pk).values().get() == kept


@pytest.mark.parametrize(
    "given",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a b",
        "Bearer imp_x_y",
        "Bearer imp_" + "a" * 5000,
        "Basic eDp5",
        "Basic",
        "Bearer \u00e9\u00ff",
        "Bearer imp_\x01_\x7f",
        "Digest a=b",
        "bearer null",
        "x" * 9000,
        "\xff",
    ],
)
def test_a_garbage_credential_is_not_authenticated(outside: Client, db: None, given: str) -> None:
    for path in ("/api/v1/me", "/api/v1/models", "/api/v1/gate/decisions"):
        assert refused(outside.get(path, headers={"Authorization": given}), 401)["code"] == "NOT_AUTHENTICATED"
    for path in ("/access/v1/evaluation", "/api/v1/gate/enforce", "/api/v1/lineage"):
        refused(outside.post(path, b"{}", content_type=JSON, headers={"Authorization": given}), 401)


@pytest.mark.parametrize("key", ["x" * 256, "a\x01b", "\u00e9", " ", "k" * 255])
def test_any_idempotency_key_is_taken_or_refused(outside: Client, admin: dict[str, str], key: str) -> None:
    body = {"slug": "key-test", "name": "Key test"}
    answer = outside.post("/api/v1/environments", body, content_type=JSON, headers={**admin, "Idempotency-Key": key})
    if answer.status_code != 201:
        refused(answer)


def test_headers_that_are_wrong_change_nothing(outside: Client, admin: dict[str, str]) -> None:
    for extra in ({"Accept": "image/png"}, {"Accept": "\x01"}, {"Accept-Language": "x" * 5000}, {"X-Request-ID": "\x01" * 50},
                  {"Accept": "application/json; version=x"}, {"If-None-Match": "\xff"}, {"Cookie": "sessionid=\x01; csrftoken=\xff"},
                  {"Content-Encoding": "gzip"}, {"Transfer-Encoding": "x"}):  # fmt: skip
        answer = outside.get("/api/v1/models", headers={**admin, **extra})
        if answer.status_code != 200:
            refused(answer)
    assert refused(outside.get("/api/v1/models", headers={**admin, "Host": "evil.example"}), 400)["code"]
