"""Signed heads out of the operator's reach: what is not below one, and how they get there."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as product
from django.core import mail
from django.utils import timezone

from apps.audit import anchoring, consumers, queries, services, stamping, tasks
from apps.audit.models import Anchor, Checkpoint, Entry
from apps.audit.verification import verify_database
from apps.core import jobs
from apps.core.models import Job
from tests.audit.authority import Authority
from tests.factories import api, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Iterator[Authority]:
    """An authority that the product is set to."""
    made = Authority(tmp_path / "authority")
    settings.TSA_URL, settings.TSA_ROOTS_FILE = made.url, str(made.roots)
    yield made
    made.close()


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Path:
    """A working copy with a remote, which the auditor holds."""
    remote, copy = tmp_path / "auditor.git", tmp_path / "copy"
    for command in (["init", "-q", "--bare", "-b", "main", str(remote)], ["clone", "-q", str(remote), str(copy)]):
        subprocess.run(["git", *command], check=True, capture_output=True)
    settings.ANCHOR_GIT = str(copy)
    return remote


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> Path:
    """A folder for heads."""
    folder = tmp_path / "worm"
    settings.ANCHOR_STORE = f"file://{folder}"
    backend = product.STORAGES["anchors"]["BACKEND"]
    settings.STORAGES = {**product.STORAGES, "anchors": {"BACKEND": backend, "OPTIONS": {"location": str(folder)}}}
    return folder


def test_without_an_anchor_the_whole_log_is_its_tail(grow: Callable[[int], Checkpoint]) -> None:
    assert queries.unanchored_tail() == queries.Tail(0, None, 0, None, ())
    grow(4)
    tail = queries.unanchored_tail()
    assert (tail.entries, tail.is_anchored) == (5, False)
    assert tail.oldest_at == Entry.objects.get(leaf__seq=0).at
    assert "only as good as whoever holds the database" in tail.sentence


def test_entries_after_the_newest_anchored_head_are_the_tail(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry]
) -> None:
    head = grow(4)
    for kind in (Anchor.Kind.GIT, Anchor.Kind.MAIL):
        Anchor.objects.create(checkpoint=head, kind=kind, place="auditor", blob=b"1")
    assert queries.unanchored_tail().sentence.startswith("Every entry is below")
    first = write()
    waiting = queries.unanchored_tail()
    assert (waiting.entries, waiting.oldest_at) == (1, first.at)
    grow(2)
    tail = queries.unanchored_tail()
    assert (tail.entries, tail.oldest_at, tail.anchored_size, tail.kinds) == (3, first.at, head.size, ("git", "mail"))
    assert "3 newer ones" in tail.sentence


def test_an_authority_stamps_the_signed_head_and_openssl_confirms_it(
    grow: Callable[[int], Checkpoint], authority: Authority
) -> None:
    head = grow(3)
    (made,) = services.anchor()
    assert (made.checkpoint, made.kind, made.place) == (head, "rfc3161", authority.url)
    assert abs(made.stamped_at - timezone.now()) < timedelta(seconds=10)
    assert anchoring.fault_of(made) == ""
    assert stamping.trusted_roots() == [authority.roots.read_text()]
    assert b"BEGIN CERTIFICATE" in stamping.certificates(bytes(made.blob))
    assert queries.unanchored_tail().entries == 0
    assert services.anchor() == []
    assert services.time_stamp(head) == made and authority.asked == 1


@pytest.mark.parametrize("mode", ["away", "nonsense", "other"])
def test_an_authority_that_fails_is_noted_told_once_tried_again_with_pauses_and_shown(
    grow: Callable[[int], Checkpoint], authority: Authority, mode: str
) -> None:
    grow(3)
    authority.mode = mode
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert services.anchor() == []
        asked, why = authority.asked, queries.anchoring_troubles()["rfc3161"]
        assert services.anchor() == [] and authority.asked == asked
        clock.shift(timedelta(minutes=2, seconds=1))
        assert services.anchor() == []
        assert Entry.objects.get(verb="audit.anchor_failed").reason == why
        page = signed_in(person("auditor")).get("/audit/").content.decode()
        assert "No signed head goes outside" in page
    authority.mode = ""
    assert len(services.anchor(at_once=True)) == 1
    assert queries.anchoring_troubles() == {}
    assert Entry.objects.filter(verb="audit.anchor_resumed").count() == 1


def test_a_stamp_of_an_authority_that_nobody_trusts_is_refused(
    grow: Callable[[int], Checkpoint], authority: Authority, settings: Any
) -> None:
    grow(1)
    settings.TSA_ROOTS_FILE = ""
    assert services.anchor() == []
    assert "TSA_ROOTS_FILE" in queries.anchoring_troubles()["rfc3161"]


def test_a_head_goes_out_by_mail_and_mail_without_a_server_is_a_failure(
    grow: Callable[[int], Checkpoint], settings: Any
) -> None:
    settings.ANCHOR_MAIL = "audit@auditor.example, second@auditor.example"
    head = grow(3)
    assert services.anchor() == [] and "EMAIL_URL" in queries.anchoring_troubles()["mail"]
    settings.EMAIL_URL = "smtp://mail.example"
    (made,) = services.anchor(at_once=True)
    (message,) = mail.outbox
    assert message.to == ["audit@auditor.example", "second@auditor.example"]
    assert message.attachments[0][1] == head.note and head.note in message.body
    assert anchoring.fault_of(made) == ""


def test_a_head_is_committed_and_pushed_and_the_next_one_beside_it(
    grow: Callable[[int], Checkpoint], repository: Path
) -> None:
    first = grow(3)
    (made,) = services.anchor()
    second = grow(2)
    assert len(services.anchor(at_once=True)) == 1
    names = git(repository, "ls-tree", "-r", "--name-only", "main").split()
    assert len(names) == 2
    assert [git(repository, "show", f"main:{name}") for name in names] == [first.note.strip(), second.note.strip()]
    assert git(repository, "cat-file", "-t", bytes(made.blob).decode()) == "commit"


def test_a_head_is_kept_in_a_store(grow: Callable[[int], Checkpoint], store: Path) -> None:
    head = grow(3)
    services.anchor()
    (kept,) = store.rglob("*.checkpoint")
    assert kept.read_text() == head.note


@pytest.mark.parametrize("way", ["git", "store"])
def test_another_head_of_the_same_size_outside_is_told_as_two_histories(
    grow: Callable[[int], Checkpoint], repository: Path, store: Path, settings: Any, way: str
) -> None:
    grow(3)
    place = Path(settings.ANCHOR_GIT) if way == "git" else store
    services.anchor()
    (kept,) = place.rglob("*.checkpoint")
    head = grow(1)
    kept.with_name(f"{head.size:012d}.checkpoint").write_text("another head")
    services.anchor(at_once=True)
    assert "another head" in queries.anchoring_troubles()[way]


def test_heads_go_out_every_hour_mail_every_day_and_a_long_tail_at_once(
    grow: Callable[[int], Checkpoint], authority: Authority, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ANCHOR_MAIL, settings.EMAIL_URL = "audit@auditor.example", "smtp://mail.example"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        grow(3)
        assert {made.kind for made in services.anchor()} == {"rfc3161", "mail"}
        grow(3)
        assert services.plan_anchoring() is None
        clock.shift(timedelta(minutes=61))
        assert services.plan_anchoring() is not None
        assert [made.kind for made in services.anchor()] == ["rfc3161"]
        grow(3)
        monkeypatch.setattr(anchoring, "MOST_ENTRIES", 3)
        assert [made.kind for made in services.anchor()] == ["rfc3161", "mail"]


def test_after_a_dossier_was_issued_the_head_goes_out_at_once_and_a_failure_is_tried_again(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry], authority: Authority
) -> None:
    grow(1)
    services.anchor()
    write("dossiers.issued", "dossier:d1")
    grow(0)
    consumers.consume()
    consumers.consume()
    job = Job.objects.get(task="audit.anchor")
    authority.mode = "away"
    job = jobs.run_now(job)
    assert (job.state, job.attempts) == ("waiting", 1) and "503" in job.error
    authority.mode = ""
    assert jobs.run_now(job).result == {"anchored": ["rfc3161"]}
    assert queries.unanchored_tail().entries == 2  # those that tell of the failure and of its end


def test_every_minute_it_is_asked_what_is_due(grow: Callable[[int], Checkpoint], authority: Authority) -> None:
    assert any(planned["task"] == tasks.anchor_due.name for planned in product.CELERY_BEAT_SCHEDULE.values())
    grow(1)
    tasks.anchor_due()
    tasks.anchor_due()
    job = jobs.run_now(Job.objects.get(task="audit.anchor"))
    assert job.result == {"anchored": ["rfc3161"]}
    tasks.anchor_due()
    assert Job.objects.filter(task="audit.anchor").count() == 1


def test_without_a_way_nothing_is_planned_and_the_tail_is_said(grow: Callable[[int], Checkpoint]) -> None:
    grow(2)
    assert services.plan_anchoring(at_once=True) is None and services.anchor() == []
    assert services.time_stamp(queries.latest_checkpoint()) is None
    page = signed_in(person("auditor")).get("/audit/").content.decode()
    assert "never given outside" in page


@pytest.mark.parametrize("change", ["set_byte(blob, 100, get_byte(blob, 100) # 1)", "'x'::bytea"])
def test_a_changed_stamp_or_one_for_another_head_is_found(
    grow: Callable[[int], Checkpoint], authority: Authority, tamper: Callable[..., None], change: str
) -> None:
    grow(3)
    services.anchor()
    assert verify_database().is_valid
    tamper(f"UPDATE audit_anchor SET blob = {change}")
    run = verify_database()
    assert [finding["check"] for finding in run.findings] == ["anchors"]


def test_stamps_and_tail_are_told_over_the_api(
    grow: Callable[[int], Checkpoint], authority: Authority, tmp_path: Path
) -> None:
    head = grow(3)
    services.anchor()
    client = api(person("auditor"))
    grow(1)
    told = client.get("/api/v1/audit/checkpoint", HTTP_ACCEPT="application/json").json()["unanchored"]
    assert (told["entries"], told["anchored_size"], told["kinds"]) == (1, head.size, ["rfc3161"])
    (row,) = client.get("/api/v1/audit/anchors").json()["results"]
    assert (row["size"], row["kind"], row["note"]) == (head.size, "rfc3161", head.note)
    (tmp_path / "s.tsr").write_bytes(client.get(row["url"]).content)
    (tmp_path / "head").write_text(row["note"])
    command = ["openssl", "ts", "-verify", "-in", "s.tsr", "-data", "head", "-CAfile", str(authority.roots)]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert client.get("/api/v1/audit/anchors/99").status_code == 404


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
