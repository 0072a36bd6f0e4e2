"""Pages of the log, read as a person reads them; nothing on them needs JavaScript."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit import merkle, note, queries, services, tasks
from apps.audit.models import Checkpoint, Entry, VerificationRun
from apps.audit.web.pages import flatten
from apps.core import jobs
from apps.core.models import Job
from tests.factories import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(person("auditor"))
    return client


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.content[:400]
    return " ".join(answer.content.decode().split())


def test_the_trail_says_what_happened_newest_first(auditor: Client, grow: Callable[[int], Checkpoint]) -> None:
    grow(4)
    page = text(auditor.get("/audit/"))
    assert page.index("Reason 3") < page.index("Reason 0")
    assert 'href="/audit/3/"' in page
    assert "5 of 5 entries" in page
    assert timezone.now().strftime("%A") in page
    assert "Not verified yet" in page


def test_filters_narrow_and_the_subject_can_be_left_again(auditor: Client, grow: Callable[[int], Checkpoint]) -> None:
    grow(6)
    page = text(auditor.get("/audit/?subject=model:b"))
    assert "2 of 2 entries" in page
    assert "Show all entries" in page
    entry = Entry.objects.get(digest__gt="", subject="model:c", leaf__seq=2)
    for query, count in (
        ("actor=system:tests&verb=tests.happened", 6),
        (f"text={entry.digest[7:23]}", 1),
        ("text=2", 1),
        ("text=odel:a", 2),
        (f"as_at={(timezone.now() - timedelta(days=2)).date()}", 0),
        (f"as_at={timezone.now().date()}", 7),
    ):
        page = text(auditor.get(f"/audit/?{query}"))
        assert (f"{count} of {count} entries" in page) if count else ("No entry matches" in page), query
    assert "7 of 7 entries" in text(auditor.get("/audit/?verb=nobody"))
    assert auditor.get("/audit/?as_at=yesterday").status_code == 400


def test_pages_stay_put_while_the_log_grows(
    auditor: Client, grow: Callable[[int], Checkpoint], write: Callable[..., Entry]
) -> None:
    grow(120)
    first = text(auditor.get("/audit/"))
    assert "after=71" in first
    write()
    services.sequence_all()
    second = text(auditor.get("/audit/?after=71"))
    assert 'href="/audit/70/"' in second
    assert 'href="/audit/71/"' not in second
    assert "before=70" in second
    third = text(auditor.get("/audit/?after=21"))
    assert "Reason 0" in third
    assert "after=" not in third.split("pager")[1]
    back = text(auditor.get("/audit/?before=20"))
    assert 'href="/audit/21/"' in back
    assert 'href="/audit/70/"' in back
    assert text(auditor.get("/audit/?after=nothing&before=%20"))


def test_an_entry_shows_its_bytes_and_its_proof_step_by_step(
    auditor: Client, grow: Callable[[int], Checkpoint]
) -> None:
    grow(4)
    page = text(auditor.get("/audit/2/?verify=1"))
    assert "Verified again." in page
    assert "The leaf names this log, number 2 and this entry." in page
    assert "sibling hashes lead to the root of 5 entries." in page
    assert "This root is in the signed head of 5 entries." in page
    assert "&quot;reason&quot;:&quot;Reason 2&quot;" in page
    assert auditor.get("/audit/99/").status_code == 404


def test_an_entry_without_a_signed_head_waits(auditor: Client, write: Callable[..., Entry]) -> None:
    write()
    services.sequence_all()
    page = text(auditor.get("/audit/0/"))
    assert "No signed head covers this entry yet" in page
    assert auditor.get("/audit/0/proof.zip").status_code in {409, 503}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE audit_entry SET actor = 'user:x' WHERE subject = 'model:b'", "The column actor says"),
        ("UPDATE audit_entry SET body = 'x'::bytea WHERE subject = 'model:b'", "do not give its digest"),
        ("UPDATE audit_leaf SET hash = sha256('x') WHERE seq = 0", "has another root"),
        ("UPDATE audit_checkpoint SET note = translate(note, 'ABCDEFGHIJ', 'BCDEFGHIJA')", "cannot be trusted"),
        ("UPDATE audit_leaf SET n = 7 WHERE seq = 1", "does not name this log"),
    ],
)
def test_a_changed_entry_is_shown_as_tampered(
    auditor: Client, grow: Callable[[int], Checkpoint], tamper: Callable[..., None], change: str, sentence: str
) -> None:
    grow(4)
    tamper(change)
    page = text(auditor.get("/audit/1/"))
    assert "Tampered" in page
    assert sentence in page
    assert auditor.get("/audit/").status_code == 200


def test_the_downloaded_proof_holds_the_entry_and_its_path(auditor: Client, grow: Callable[[int], Checkpoint]) -> None:
    grow(4)
    answer = auditor.get("/audit/2/proof.zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    proof = note.Proof.parse(archive.read("entry.tlog-proof").decode())
    head = note.open_checkpoint(proof.checkpoint, queries.public_keys(), queries.origin())
    leaf = merkle.leaf_hash(archive.read("leaf.json"))
    assert merkle.verify_inclusion(2, head.size, leaf, proof.hashes, head.root)
    assert json.loads(archive.read("entry.json"))["reason"] == "Reason 2"
    assert answer.content == auditor.get("/audit/2/proof.zip").content


def test_the_export_holds_the_exact_bytes_oldest_first(auditor: Client, grow: Callable[[int], Checkpoint]) -> None:
    grow(3)
    lines = b"".join(auditor.get("/audit/export.jsonl?verb=tests.happened").streaming_content).splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["Reason 0", "Reason 1", "Reason 2"]


def test_the_last_verification_stands_on_the_page_and_a_difference_is_said_in_words(
    auditor: Client, grow: Callable[[int], Checkpoint], tamper: Callable[..., None]
) -> None:
    grow(3)
    services.verify_database()
    assert "immutable rows verified" in text(auditor.get("/audit/"))
    tamper("UPDATE audit_entry SET actor = 'user:x' WHERE subject = 'model:b'")
    services.verify_database()
    page = text(auditor.get("/audit/"))
    assert "1 difference found." in page
    assert "The column actor says" in page
    assert "manage.py verify --database" in page


def test_an_auditor_may_order_a_verification_and_it_runs_as_a_job(
    auditor: Client, grow: Callable[[int], Checkpoint]
) -> None:
    grow(2)
    for _ in range(2):
        assert auditor.post("/audit/verify/").status_code == 302
    job = jobs.run_now(Job.objects.get(task=tasks.verify.name))
    assert job.result["verdict"] == "valid"
    assert VerificationRun.objects.count() == 1
    assert auditor.get("/audit/verify/").status_code == 405


def test_people_limited_to_use_cases_see_their_own_entries_only(
    client: Client, grow: Callable[[int], Checkpoint], write: Callable[..., Entry]
) -> None:
    developer = person("developer", use_case="credit")
    client.force_login(developer)
    write(subject="model:own", actor=developer)
    grow(2)
    page = text(client.get("/audit/"))
    assert "1 of 1 entries" in page
    assert "Verify everything now" not in page
    assert client.get("/audit/0/").status_code == 200
    for path in ("/audit/1/", "/audit/1/proof.zip"):
        assert client.get(path).status_code == 404
    assert client.post("/audit/verify/").status_code == 403


def test_the_trail_asks_the_database_a_fixed_number_of_questions(
    auditor: Client, grow: Callable[[int], Checkpoint], django_assert_max_num_queries: Any
) -> None:
    grow(60)
    auditor.get("/audit/")
    with django_assert_max_num_queries(25):
        auditor.get("/audit/")


def test_nested_facts_read_as_names_and_texts() -> None:
    facts = {
        "limit": "0.80",
        "is_new": True,
        "none": None,
        "fields": ["a", "b"],
        "before": {"owner": "x"},
        "rows": [{"a": "1"}],
    }
    assert list(flatten(facts)) == [
        ("before owner", "x"),
        ("fields", "a, b"),
        ("is new", "yes"),
        ("limit", "0.80"),
        ("none", "none"),
        ("rows 1 a", "1"),
    ]
