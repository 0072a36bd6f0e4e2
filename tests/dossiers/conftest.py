"""A version with an approval, and its dossier made once per module: laying out pages takes seconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product
from django.db import connection, transaction
from django.test.utils import override_settings
from django.utils import timezone

from apps.audit import queries as audit_queries
from apps.audit import services as audit
from apps.audit.models import Checkpoint, Entry
from apps.core import jobs
from apps.core.models import Job
from apps.dossiers import building, services
from apps.dossiers.models import Dossier
from apps.evidence.models import Evidence, Source
from tests.workflow.conftest import World, shelf

__all__ = ["shelf"]

COLUMNS = [
    {"key": "group", "label": "Group", "kind": "text", "digits": 3},
    {"key": "n", "label": "n", "kind": "count", "digits": 3},
    {"key": "selected", "label": "Positive", "kind": "count", "digits": 3},
    {"key": "rate", "label": "Rate", "kind": "number", "digits": 3},
    {"key": "rate_interval", "label": "95 % interval", "kind": "interval", "digits": 3},
]
SMALL = [
    {"group": "under 30", "n": 120, "selected": 80, "rate": 0.6671, "rate_interval": [0.58, 0.75]},
    {"group": "30 to 60", "n": 240, "selected": 170, "rate": 0.7083, "rate_interval": [0.65, 0.76]},
    {"group": "over 60", "n": 40, "selected": 7, "rate": 0.1753, "rate_interval": [0.09, 0.32]},
]
LARGE = [
    {"group": "one", "n": 200, "selected": 120, "rate": 0.6, "rate_interval": [0.53, 0.67]},
    {"group": "two", "n": 200, "selected": 110, "rate": 0.55, "rate_interval": [0.48, 0.62]},
]


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

    def write(self, folder: Path) -> tuple[str, str, str]:
        """PDF, bundle and trust file on disk, as an auditor has them."""
        files = {"d.pdf": self.pdf, "d.zip": self.bundle, "trust.json": self.trust}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return str(folder / "d.pdf"), str(folder / "d.zip"), str(folder / "trust.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keys and files of this module only."""
    folder = tmp_path_factory.mktemp("dossiers")
    names = (("SIGNING_KEY_FILE", "log.pem"), ("SEAL_KEY_FILE", "seal.pem"), ("SEAL_CERT_FILE", "seal.crt"))
    keys = {name: str(folder / "keys" / file) for name, file in names}
    files = {
        "BACKEND": "apps.core.files.WholeFiles",
        "OPTIONS": {"location": str(folder / "files")},
    }
    with override_settings(**keys, STORAGES={**product.STORAGES, "default": files}):
        yield folder


@pytest.fixture(scope="module")
def shown(place: Path, shelf: dict[str, World], django_db_setup: None, django_db_blocker: Any) -> Iterator[Shown]:
    """Tier 2, approved, with a dossier that was asked for, made and downloaded."""
    with django_db_blocker.unblock():
        whole = transaction.atomic()
        whole._from_testcase = True  # as Django marks its own: signing asks for a transaction of its own
        whole.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        made = make(shelf["shown"])
    yield made
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        whole.__exit__(None, None, None)


def make(world: World) -> Shown:
    """Measure by group, approve, ask, build, download. Nobody named the log before: the first signature does."""
    by_group(world, "fairness", SMALL, "ratios")
    by_group(world, "subpopulations", LARGE, "groups")
    world.approve()
    dossier = services.request_dossier(world.version, actor=world.auditor)
    building.build(Dossier.objects.get(pk=dossier.pk), claimed(dossier), settle=settle)
    dossier.refresh_from_db()
    pdf = services.download(dossier, kind="pdf", actor=world.auditor)
    bundle = services.download(dossier, kind="bundle", actor=world.auditor)
    return Shown(world, dossier, pdf, bundle, services.trust_file())


def by_group(world: World, check: str, rows: list[dict[str, Any]], key: str) -> Evidence:
    """The result of a check with a table by group and a figure of it, entered into the log as the worker does."""
    title = f"<title id='{key}-t'>Rates by group</title>"
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{key}-t" width="200" height="20">{title}'
    )
    svg = f'{drawing}<rect id="{key}-a" width="90" height="9" fill="#17375e"/></svg>'
    before = world.version.evidence.filter(check_key=check).order_by("created_at").last()
    item = Evidence(
        version=world.version, use_case=world.use_case, types={}, check_key=check, source=Source.COMPUTED, title=f"By group: {check}",
        summary="Rates by group.", dated=timezone.now().date(), metrics=before.metrics if before else [],
        tables=[{"key": "by-group", "title": f"Decisions by group, {check}", "note": "", "columns": COLUMNS, "rows": rows}],
        figures=[{"key": key, "title": f"Figure of {check}", "takeaway": "Rates by group.", "spec": {}, "svg": svg, "table": "by-group"}],
        limits=["Why the rates differ is not shown."], method={"check_version": "1", "seed": 7, "words": []},
    )  # fmt: skip
    with transaction.atomic():
        item.save()
        audit.record(
            audit.system("evidence"),
            "evidence.computed",
            item,
            data={"check": check},
            changes=[world.version],
            row=item,
        )
    return item
