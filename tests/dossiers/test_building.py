"""From request to sealed PDF and bundle, and what the offline verifier says of them."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader

from apps.audit import queries as audit
from apps.audit.models import Checkpoint, Entry
from apps.dossiers import building, content, rendering, services
from apps.dossiers.building import kept
from apps.dossiers.models import Dossier, DossierIssue
from apps.dossiers.verifier import command
from apps.workflow.models import Signature
from tests.dossiers.conftest import Shown, claimed, settle

pytestmark = pytest.mark.django_db


def test_bundle_and_pdf_verify(shown: Shown, tmp_path: Path) -> None:
    pdf, bundle, trust = shown.write(tmp_path)
    assert command.main([bundle, "--trust", trust]) == 0
    assert command.main([pdf, "--trust", trust]) == 0


def test_the_first_signature_of_an_installation_names_the_log_that_it_is_signed_against(shown: Shown) -> None:
    first = Signature.objects.order_by("signed_at").first()
    announced = Entry.objects.get(verb="audit.key_added")
    assert first is not None and first.payload["log"] == audit.origin() != ""
    assert announced.at < first.signed_at


def test_the_verifier_that_travels_in_the_bundle_agrees(shown: Shown, tmp_path: Path) -> None:
    _, bundle, trust = shown.write(tmp_path)
    with zipfile.ZipFile(bundle) as bag:
        bag.extractall(tmp_path / "bag")
    program = [sys.executable, "-I", str(tmp_path / "bag/proof/verify.py"), "--trust", trust]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VALID" in done.stdout


def test_one_flipped_byte_is_found_wherever_it_is(shown: Shown, tmp_path: Path) -> None:
    pdf, _, trust = shown.write(tmp_path)
    base_size = shown.dossier.issue.base_size
    for place in (200, base_size // 2, base_size + 50, len(shown.pdf) - 40):
        damaged = bytearray(shown.pdf)
        damaged[place] ^= 1
        Path(pdf).write_bytes(damaged)
        assert command.main([pdf, "--trust", trust]) == 1, place


def test_a_bundle_with_another_pdf_in_it_is_tampered(shown: Shown, tmp_path: Path) -> None:
    _, bundle, trust = shown.write(tmp_path)
    with zipfile.ZipFile(bundle) as bag:
        files = {name: bag.read(name) for name in bag.namelist()}
    files["data/dossier.json"] = files["data/dossier.json"].replace(b"Met", b"met", 1)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as bag:
        for name, content in files.items():
            bag.writestr(name, content)
    assert command.main([str(tmp_path / "other.zip"), "--trust", trust]) == 1


def test_the_same_content_gives_the_same_document_and_the_sealed_file_begins_with_it(shown: Shown) -> None:
    issue = shown.dossier.issue
    attached = kept(issue.content_sha256)
    again = rendering.render(json.loads(attached), attached)
    assert again.sha256 == issue.base_sha256
    assert shown.pdf[: issue.base_size] == again.base
    assert again.pages == issue.pages


@pytest.mark.parametrize("is_sealed", [False, True])
def test_the_pdf_keeps_to_the_rules_of_its_kind_before_and_after_it_is_sealed(shown: Shown, is_sealed: bool) -> None:
    pdf = shown.pdf if is_sealed else shown.pdf[: shown.dossier.issue.base_size]
    found = PdfReader(io.BytesIO(pdf))
    catalog = found.trailer["/Root"]
    metadata = catalog["/Metadata"].get_object().get_data()
    assert pdf.startswith(b"%PDF-1.7") and pdf.rstrip().endswith(b"%%EOF")
    assert b'pdfaid:part="3"' in metadata and b'pdfaid:conformance="U"' in metadata
    assert "/ID" in found.trailer and "/Encrypt" not in found.trailer
    assert (
        "/OutputIntents" in catalog and "/StructTreeRoot" in catalog and "/JavaScript" not in catalog.get("/Names", {})
    )
    assert len(catalog["/AF"]) == 1
    attached = catalog["/AF"][0].get_object()
    assert attached["/AFRelationship"] == "/Data" and "/UF" in attached and "/F" in attached
    assert attached["/EF"]["/F"].get_object().get_data() == kept(shown.dossier.content_sha256)
    assert list(catalog.get("/Perms", {})) == ["/DocMDP"] * is_sealed
    assert pdf.count(b"/ByteRange") == is_sealed


def test_the_seal_is_one_visible_printable_field_on_the_cover(shown: Shown) -> None:
    found = PdfReader(io.BytesIO(shown.pdf))
    widgets = [row.get_object() for row in found.pages[0]["/Annots"] if row.get_object()["/Subtype"] == "/Widget"]
    assert [widget["/T"] for widget in widgets] == ["imprimatur-seal"]
    assert widgets[0]["/F"] & 4 and not widgets[0]["/F"] & 2
    assert list(widgets[0]["/AP"]) == ["/N"]
    left, bottom, right, top = widgets[0]["/Rect"]
    assert right - left > 150 and top - bottom > 60


def test_every_typeface_is_in_the_file(shown: Shown) -> None:
    for page in PdfReader(io.BytesIO(shown.pdf)).pages:
        for font in page["/Resources"].get("/Font", {}).values():
            inner = font.get_object().get("/DescendantFonts", [font])[0].get_object()
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"].get_object())


def test_a_second_run_of_the_job_makes_nothing_anew(shown: Shown) -> None:
    before = (shown.dossier.bundle_sha256, DossierIssue.objects.count(), audit.entries_for(shown.dossier))
    row = Dossier.objects.get(pk=shown.dossier.pk)
    building.build(row, row.job, settle=settle)
    row.refresh_from_db()
    assert (row.bundle_sha256, DossierIssue.objects.count(), audit.entries_for(row)) == before


def test_a_run_that_was_killed_after_the_issue_goes_on_to_the_same_payload(shown: Shown, tmp_path: Path) -> None:
    Dossier.objects.filter(pk=shown.dossier.pk).update(bundle_sha256="", sealed_sha256="")
    row = Dossier.objects.get(pk=shown.dossier.pk)
    building.build(row, row.job, settle=settle)
    row.refresh_from_db()
    assert row.sealed_sha256 == shown.dossier.sealed_sha256
    assert DossierIssue.objects.filter(dossier=row).count() == 1
    again = Shown(shown.world, row, kept(row.sealed_sha256), kept(row.bundle_sha256), shown.trust)
    _, bundle, trust = again.write(tmp_path)
    assert command.main([bundle, "--trust", trust]) == 0


def test_the_log_tells_who_asked_what_was_issued_and_who_took_it(shown: Shown) -> None:
    settle(Entry.objects.filter(verb="dossiers.downloaded").latest("at"))
    entries = {entry.verb: entry for entry in audit.entries_for(shown.dossier)}
    assert set(entries) == {"dossiers.requested", "dossiers.issued", "dossiers.packed", "dossiers.downloaded"}
    assert entries["dossiers.requested"].actor == shown.world.auditor.audit_ref
    issued = entries["dossiers.issued"]
    assert issued.facts["sealed_sha256"] == shown.dossier.sealed_sha256
    assert issued.row_digest == shown.dossier.issue.digest


def test_the_issue_is_entered_as_evidence_of_the_version(shown: Shown) -> None:
    item = shown.world.version.evidence.get(types__has_key="technical_dossier")
    assert item.source == "record"
    assert item.types["technical_dossier"]["hash"] == shown.dossier.sealed_sha256


def test_another_order_prints_the_same_sections_in_another_sequence(shown: Shown) -> None:
    first = json.loads(kept(shown.dossier.content_sha256))
    other = services.request_dossier(shown.world.version, actor=shown.world.auditor, order="sr_26_2")
    assert claimed(other).task == "dossiers.build"
    second, _ = content.build(Dossier.objects.get(pk=other.pk), Checkpoint.objects.latest("size"))
    ids = [
        [section["id"] for part in document["parts"] for section in part["sections"]] for document in (first, second)
    ]
    assert ids[0] != ids[1]
    assert sorted(ids[0]) == sorted(ids[1])
