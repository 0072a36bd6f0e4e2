"""A version with an approval, and its dossier made once per module: laying out pages takes seconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product
from django.db import transaction
from django.test.utils import override_settings

from apps.audit import queries as audit_queries
from apps.audit import services as audit
from apps.audit.models import Checkpoint, Entry
from apps.core import jobs
from apps.core.models import Job
from apps.dossiers import building, services
from apps.dossiers.models import Dossier
from tests.workflow.conftest import World, shelf

__all__ = ["shelf"]


def settle(entry: Entry) -> Checkpoint:
    """Do the sequencer's work here, because it runs in another process and a test's transaction is not committed."""
    audit.sequence_all()
    audit.sign_checkpoint()
    found = audit_queries.checkpoint_at_least(Entry.objects.select_related("leaf").get(pk=entry.pk).leaf.seq + 1)
    assert found is not None
    return found


def claimed(dossier: Dossier) -> Job:
    """The job of a dossier as a worker holds it."""
    job = jobs.claim(dossier.job_id)
    assert job is not None
    return job


@dataclass
class Shown:
    """A world, its dossier, and the files that were handed out."""

    world: World
    dossier: Dossier
    pdf: bytes
    bundle: bytes
    trust: bytes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keys and files of this module only."""
    folder = tmp_path_factory.mktemp("dossiers")
    keys = {name: str(folder / "keys" / file) for name, file in (
        ("SIGNING_KEY_FILE", "log.pem"), ("SEAL_KEY_FILE", "seal.pem"), ("SEAL_CERT_FILE", "seal.crt"))}  # fmt: skip
    storages = {**product.STORAGES, "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder / "files")}}}
    with override_settings(**keys, STORAGES=storages):
        yield folder


@pytest.fixture(scope="module")
def shown(place: Path, shelf: dict[str, World], django_db_setup: None, django_db_blocker: Any) -> Iterator[Shown]:
    """Tier 2, approved, with a dossier that was asked for, made and downloaded."""
    world = shelf["shown"]
    with django_db_blocker.unblock():
        whole = transaction.atomic()
        whole._from_testcase = True  # as Django marks its own: signing asks for a transaction of its own
        whole.__enter__()
        made = make(world)
    yield made
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        whole.__exit__(None, None, None)


def make(world: World) -> Shown:
    """Approve, ask, build, download."""
    world.approve()
    dossier = services.request_dossier(world.version, actor=world.auditor)
    building.build(Dossier.objects.get(pk=dossier.pk), claimed(dossier), settle=settle)
    dossier.refresh_from_db()
    pdf = services.download(dossier, kind="pdf", actor=world.auditor)
    bundle = services.download(dossier, kind="bundle", actor=world.auditor)
    return Shown(world, dossier, pdf, bundle, services.trust_file())
