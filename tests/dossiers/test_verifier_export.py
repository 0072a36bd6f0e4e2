"""What the log exports is what the verifier accepts: a bundle made from the real log, database and signer."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from apps.audit import services
from apps.audit.models import Checkpoint, Leaf
from apps.core.errors import NotFound, Unavailable
from apps.dossiers.verifier import command
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import TAMPERED, VALID
from tests import factories
from tests.dossiers.bundles import Bundle, Seal, digest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signing_key(tmp_path: Path, settings: Any) -> None:
    settings.SIGNING_KEY_FILE = str(tmp_path / "keys" / "log.pem")


def head() -> Checkpoint:
    services.sequence_all()
    checkpoint = services.sign_checkpoint()
    assert checkpoint is not None
    return checkpoint


class RealBundle(Bundle):
    """The same container as in the other tests, filled by `audit.services`."""

    def __init__(self, seal: Seal, subjects: list[Any]) -> None:
        self.seal, self.files = seal, {}
        first = head()
        self.base = b"%PDF-1.7\n(A real dossier)\n"
        self.sealed = seal.seal(self.base)
        exported = services.export(subjects, checkpoint=first)
        self.files.update(exported.payload())
        self.files["data/dossier.pdf"] = self.sealed
        self.list_payload()
        said = {
            "size": str(exported.size),
            "root": exported.root,
            "base_size": str(len(self.base)),
            "base_sha256": digest(self.base)[7:],
            "sealed_sha256": digest(self.sealed)[7:],
            "payload_manifest_sha256": digest(self.files["manifest-sha256.txt"])[7:],
        }
        with transaction.atomic():
            issued = services.record(services.system("dossiers"), "dossiers.issued", "dossier:d1", data=said)
        self.second = head()
        self.files.update(services.proofs(exported, issued, self.second))
        self.list_tags()

    def trust(self, **changes: Any) -> dict[str, Any]:
        return {**services.trust_facts(), "pdf_roots": [self.seal.root_pem], **changes}


def verify(bundle: RealBundle, path: Path, prior: bytes | None = None) -> Any:
    return command.verify(str(bundle.write(path)), Trust.read(json.dumps(bundle.trust()).encode()), prior)


def test_an_export_of_the_real_log_is_valid_and_complete(tmp_path: Path) -> None:
    version = factories.version()
    early = head()
    other = factories.version()
    bundle = RealBundle(Seal(), [version, version.model, "use_case:unheard-of"])
    report = verify(bundle, tmp_path / "bag", early.note.encode())
    assert report.exit_code == VALID, report.as_text()
    rows = [name for name in bundle.files if name.startswith("data/rows/")]
    assert any(digest(bundle.files[name]) == version.digest for name in rows)
    assert str(other.pk) not in bundle.files["data/events.jsonl"].decode()
    assert b"use_case:unheard-of,0" in bundle.files["data/objects.csv"]


def test_consistency_proofs_stand_in_for_the_list_of_leaves(tmp_path: Path) -> None:
    version = factories.version()
    early = head()
    bundle = RealBundle(Seal(), [version])
    del bundle.files["proof/leaves.bin"]
    bundle.list_tags()
    assert verify(bundle, tmp_path / "bag", early.note.encode()).exit_code == VALID


def test_an_entry_left_out_of_a_real_export_is_found(tmp_path: Path) -> None:
    version = factories.version()
    bundle = RealBundle(Seal(), [version])
    last = Leaf.objects.filter(subject=version.subject).order_by("seq").last()
    assert last is not None
    for name in ("data/events.jsonl", "data/leaves.jsonl"):
        bundle.files[name] = b"".join(line + b"\n" for line in bundle.files[name].split(b"\n")[:-2])
    del bundle.files[f"proof/events/{last.seq}.tlog-proof"]
    bundle.list_payload()
    bundle.list_tags()
    assert verify(bundle, tmp_path / "bag").exit_code == TAMPERED


def test_a_downloaded_entry_is_verified_alone(tmp_path: Path) -> None:
    factories.version()
    head()
    folder = tmp_path / "proof"
    folder.mkdir()
    for name, content in services.entry_proof(0).items():
        (folder / name).write_bytes(content)
    trust = Trust.read(json.dumps(services.trust_facts()).encode())
    assert command.verify(str(folder), trust).exit_code == VALID
    (folder / "entry.json").write_bytes((folder / "entry.json").read_bytes().replace(b'"v":"1"', b'"v":"1" '))
    assert command.verify(str(folder), trust).exit_code == TAMPERED


def test_without_a_head_there_is_nothing_to_export() -> None:
    with pytest.raises(NotFound, match="no signed head"):
        services.export(["model:a"])


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_settled_when_a_head_covers_it() -> None:
    with transaction.atomic():
        entry = services.record(services.system("tests"), "tests.happened", "model:a")
        with pytest.raises(transaction.TransactionManagementError):
            services.settled(entry)
    with pytest.raises(Unavailable, match="sequencer"):
        services.settled(entry, seconds=0)
    first = head()
    assert services.settled(entry, seconds=0) == first
