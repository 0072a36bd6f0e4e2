"""The verifier's checks that rest on others: stamps, witnesses, proofs by size, and what a seal has to forbid."""

import json
import zipfile
from pathlib import Path

import pytest

from apps.dossiers.verifier import checks, pdf
from apps.dossiers.verifier.bag import Bag, read_manifest
from apps.dossiers.verifier.examination import Examination
from apps.dossiers.verifier.signed import Signers
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import CannotVerify, Check, Report, Tampered
from tests.dossiers.authorities import Authority, Seal, Witness
from tests.dossiers.bundles import Bundle
from tests.dossiers.flips import MemoryBag

OTHER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal()


def examined(bundle: Bundle, prior: bytes | None = None, **trust: object) -> Report:
    trusted = Trust.read(json.dumps(bundle.trust(**trust)).encode())
    return checks.examine(Examination(MemoryBag(bundle.files), trusted, prior, Report("memory")))


def test_a_time_stamp_needs_a_trusted_authority_and_ends_the_tail_of_a_known_log(seal: Seal) -> None:
    bundle = Bundle(seal, (), Authority())

    def stamp(report: Report) -> tuple[str, str]:
        found = next(check for check in report.checks if check.name == "time_stamp")
        return found.state, found.sentence

    nobody = ("SKIP", "The trust file names no time-stamping authority (tsa_roots).")
    assert stamp(examined(bundle, tsa_roots=[])) == nobody
    assert stamp(checks.examine(Examination(MemoryBag(bundle.files), None, None, Report("memory")))) == nobody
    assert examined(bundle).facts["Unanchored tail"] == "none: somebody outside has seen the signed head"
    unknown = examined(bundle, vkeys=[OTHER])
    assert unknown.facts["Unanchored tail"].startswith("not known") and stamp(unknown)[0] == "PASS"
    assert (checks.STAMP_CHAIN, checks.STAMP) == ("proof/tsa-chain.pem", "proof/checkpoint.tsr")


def test_fewer_witnesses_than_asked_for_end_no_tail(seal: Seal) -> None:
    bundle = Bundle(seal)
    bundle.witness = Witness()
    bundle.prove()
    head = checks.read_head(bundle.files["proof/checkpoint.txt"])
    for asked, is_told in ((0, True), (1, True), (2, False)):
        found = Examination(MemoryBag(bundle.files), Trust("o", witness_k=asked), None, Report("m"))
        checks.note_signers(found, head, Signers(["k"], [], {"w": 1}), Check("c", "t"))
        assert (found.anchored == head.size, "Witnesses" in found.report.facts) == (is_told, is_told)


@pytest.mark.parametrize("value", [b'["1"]', b'{"x":[]}', b'{"01":[]}', b"null"])
def test_proofs_by_size_are_exactly_that(seal: Seal, value: bytes) -> None:
    bundle = Bundle(seal)
    bundle.files["proof/consistency.json"] = value
    bundle.list_tags()
    found = next(check for check in examined(bundle).checks if check.name == "consistency")
    assert (found.state, found.sentence) == ("FAIL", "proof/consistency.json is not a list of proofs by size.")


def test_the_same_head_needs_no_proof(seal: Seal) -> None:
    bundle = Bundle(seal)
    del bundle.files["proof/leaves.bin"]
    bundle.list_tags()
    report = examined(bundle, bundle.files["proof/checkpoint.txt"])
    assert next(check for check in report.checks if check.name == "prior").state == "PASS"


@pytest.mark.parametrize(
    "words",
    [
        b"/TransformMethod /FieldMDP",
        b"/TransformMethods /DocMDP",
        b"/DocMDP",
        b"/TransformMethod /DocMDP /P 2",
        b"/P 1",
    ],
)
def test_the_seal_forbids_later_changes_in_its_own_words(words: bytes) -> None:
    def sealed(said: bytes) -> bytes:
        start = b"%%PDF-1.7 %s /ByteRange [0 %03d %03d %03d] "
        length = len(start % (said, 0, 0, 0))
        return start % (said, length, length + 14, 1) + b"<300402010100>" + b" "

    with pytest.raises(CannotVerify, match="names no certificate for the seal"):
        pdf.check_seal(sealed(b"/TransformMethod /DocMDP /P 1"), [])
    with pytest.raises(Tampered, match="does not forbid later changes"):
        pdf.check_seal(sealed(words), [])


def test_names_in_two_spellings_and_manifests_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("bagit.txt", b"x")
        made.writestr("a@b", b"x")
    path.write_bytes(path.read_bytes().replace(b"a@b", b"a\x00b"))
    with pytest.raises(Tampered, match="stored in a way that a bundle does not use"):
        Bag(str(path))
    with pytest.raises(Tampered, match="a line that is not a digest"):
        read_manifest(MemoryBag({"m": b"\xff" * 64 + b"  data/a\n"}), "m")
