"""The log over HTTP: proofs that a stranger can check."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from apps.audit import merkle, note, queries, services
from apps.audit.models import Checkpoint
from tests.factories import api, person

pytestmark = pytest.mark.django_db


def decoded(hashes: list[str]) -> list[bytes]:
    return [base64.b64decode(part) for part in hashes]


@pytest.fixture
def auditor(db: None) -> Any:
    return person("auditor")


def test_entries_are_listed_newest_first_and_narrowed(grow: Callable[[int], Checkpoint], auditor: Any) -> None:
    grow(7)
    client = api(auditor)
    page = client.get("/api/v1/audit/entries?limit=3").json()
    assert [row["seq"] for row in page["results"]] == [7, 6, 5]
    assert [row["seq"] for row in client.get(page["next"]).json()["results"]] == [4, 3, 2]
    found = client.get("/api/v1/audit/entries?subject=model:b&actor=system:tests&verb=tests.happened").json()["results"]
    assert [(row["seq"], row["n"]) for row in found] == [(4, 1), (1, 0)]
    one = client.get("/api/v1/audit/entries/4").json()
    assert one["reason"] == "Reason 4"
    assert merkle.leaf_hash(one["leaf"].encode()).hex() == one["leaf_hash"]


@pytest.mark.parametrize(
    "query", ["unknown=1", "limit=0", "subject=" + "x" * 300, "cursor=" + "x" * 300, "subject=%00", "limit=x"]
)
def test_wrong_filters_are_refused_in_a_sentence(auditor: Any, query: str) -> None:
    answer = api(auditor).get(f"/api/v1/audit/entries?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"]


def test_people_limited_to_use_cases_read_what_they_did_themselves(
    grow: Callable[[int], Checkpoint], write: Callable[..., Any]
) -> None:
    developer = person("developer", use_case="credit")
    grow(2)
    write(subject="model:own", actor=developer)
    services.sequence_all()
    services.sign_checkpoint()
    client = api(developer)
    assert [row["subject"] for row in client.get("/api/v1/audit/entries").json()["results"]] == ["model:own"]
    assert client.get("/api/v1/audit/entries/0").status_code == 404
    assert client.get("/api/v1/audit/proof/inclusion?seq=0").status_code == 200


def test_the_head_is_a_signed_note_or_json(grow: Callable[[int], Checkpoint], auditor: Any) -> None:
    assert api(auditor).get("/api/v1/audit/checkpoint").status_code == 404
    checkpoint = grow(5)
    answer = api(auditor).get("/api/v1/audit/checkpoint")
    assert answer.headers["Content-Type"].startswith("text/plain")
    head = note.open_checkpoint(answer.content.decode(), queries.public_keys(), queries.origin())
    assert (head.size, head.root) == (6, bytes(checkpoint.root))
    told = api(auditor).get("/api/v1/audit/checkpoint", HTTP_ACCEPT="application/json").json()
    assert note.open_checkpoint(told["note"], [note.VerifierKey.parse(told["vkeys"][0])], told["origin"]) == head


def test_proofs_can_be_checked_with_nothing_but_the_answer(grow: Callable[[int], Checkpoint], auditor: Any) -> None:
    grow(5)
    grow(300)
    client = api(auditor)
    entry = client.get("/api/v1/audit/entries/3").json()
    for size in (6, 300, 306):
        told = client.get(f"/api/v1/audit/proof/inclusion?seq=3&size={size}").json()
        leaf = merkle.leaf_hash(entry["leaf"].encode())
        assert merkle.verify_inclusion(3, size, leaf, decoded(told["hashes"]), base64.b64decode(told["root"]))
        assert (told["checkpoint"] is None) == (size == 300)
    text = client.get("/api/v1/audit/proof/inclusion?seq=3", HTTP_ACCEPT="text/plain").content.decode()
    proof = note.Proof.parse(text)
    head = note.open_checkpoint(proof.checkpoint, queries.public_keys(), queries.origin())
    assert merkle.verify_inclusion(3, head.size, leaf, proof.hashes, head.root)
    told = client.get("/api/v1/audit/proof/consistency?from=6&to=306").json()
    roots = [base64.b64decode(told[name]) for name in ("root_from", "root_to")]
    assert merkle.verify_consistency(6, 306, decoded(told["hashes"]), *roots)
    lines = client.get("/api/v1/audit/proof/consistency?from=6", HTTP_ACCEPT="text/plain").content.decode()
    assert lines.splitlines() == told["hashes"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("inclusion", 422),
        ("inclusion?seq=-1", 422),
        ("inclusion?seq=99999", 404),
        ("inclusion?seq=9223372036854775807", 404),
        ("inclusion?seq=1&size=1", 404),
        ("inclusion?seq=1&size=9999", 404),
        ("inclusion?seq=x", 422),
        ("consistency?from=0", 422),
        ("consistency?from=5&to=2", 404),
        ("consistency?from=1&to=99999", 404),
        ("consistency?from=1&extra=1", 422),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_questions_without_an_answer_are_refused(
    grow: Callable[[int], Checkpoint], auditor: Any, path: str, status: int, kind: str
) -> None:
    grow(3)
    answer = api(auditor).get(f"/api/v1/audit/proof/{path}", HTTP_ACCEPT=kind)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"]


def test_a_token_needs_the_scope_and_an_outsider_is_refused(grow: Callable[[int], Checkpoint], auditor: Any) -> None:
    grow(1)
    assert api(auditor, "audit:read").get("/api/v1/audit/entries").status_code == 200
    assert api(auditor, "read").get("/api/v1/audit/entries").status_code == 403
    assert api().get("/api/v1/audit/checkpoint").status_code == 401
