"""The offline verifier: a good bundle gives 0, every damaged one does not."""

import base64
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from apps.audit import merkle, note
from apps.dossiers.verifier import command, single, strict, tree
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import CANNOT_VERIFY, FAIL, PASS, SKIP, TAMPERED, USAGE, VALID, Report
from tests.dossiers.bundles import Bundle, Seal, digest, relist, signature


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal()


@pytest.fixture
def bundle(seal: Seal) -> Bundle:
    return Bundle(seal)


def result(bundle: Bundle, folder: Path, prior: bytes | None = None, **trust: Any) -> Report:
    path = bundle.write(folder / "bag")
    return command.verify(str(path), Trust.read(json.dumps(bundle.trust(**trust)).encode()), prior)


def state(report: Report, name: str) -> str:
    return next(check.state for check in report.checks if check.name == name)


def failing(report: Report) -> list[str]:
    return [check.name for check in report.checks if check.state == FAIL]


def test_a_good_bundle_is_valid(bundle: Bundle, tmp_path: Path) -> None:
    report = result(bundle, tmp_path)
    assert report.exit_code == VALID, report.as_text()
    assert {check.name: check.state for check in report.checks if check.state != PASS} == {
        "time_stamp": SKIP,
        "prior": SKIP,
    }
    assert "Risk officer (risk_officer): approved" in report.as_text()
    assert json.loads(report.as_json())["result"] == "valid"


def test_a_zip_with_and_without_a_top_folder_is_valid(bundle: Bundle, tmp_path: Path) -> None:
    trust = Trust.read(json.dumps(bundle.trust()).encode())
    for top in ("", "dossier-d1/"):
        path = tmp_path / f"bundle{len(top)}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in bundle.files.items():
                archive.writestr(top + name, content)
        assert command.verify(str(path), trust).exit_code == VALID


def test_without_a_trust_file_nothing_is_called_valid(bundle: Bundle, tmp_path: Path) -> None:
    report = command.verify(str(bundle.write(tmp_path)), None)
    assert report.exit_code == CANNOT_VERIFY
    assert state(report, "checkpoint") == SKIP
    assert state(report, "events") == PASS


@pytest.mark.parametrize("change", ["origin", "vkeys"])
def test_another_log_or_an_unknown_key_is_not_valid(bundle: Bundle, tmp_path: Path, change: str) -> None:
    other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    report = result(bundle, tmp_path, **{change: "log.test/b" if change == "origin" else [other]})
    assert report.exit_code in {TAMPERED, CANNOT_VERIFY}


def test_every_flipped_byte_of_every_file_is_found(bundle: Bundle, tmp_path: Path) -> None:
    """One byte at several places of each file, the rest of the bundle untouched."""
    path = bundle.write(tmp_path / "bag")
    trust = Trust.read(json.dumps(bundle.trust()).encode())
    for name, content in sorted(bundle.files.items()):
        for place in {0, len(content) // 3, len(content) // 2, len(content) - 1}:
            damaged = bytearray(content)
            damaged[place] ^= 1
            (path / name).write_bytes(bytes(damaged))
            assert command.verify(str(path), trust).exit_code != VALID, f"{name} at {place}"
        (path / name).write_bytes(content)
    assert command.verify(str(path), trust).exit_code == VALID


def test_every_missing_and_every_extra_file_is_found(bundle: Bundle, tmp_path: Path) -> None:
    path = bundle.write(tmp_path / "bag")
    trust = Trust.read(json.dumps(bundle.trust()).encode())
    for name, content in sorted(bundle.files.items()):
        (path / name).unlink()
        assert command.verify(str(path), trust).exit_code != VALID, name
        (path / name).write_bytes(content)
    for name in ("extra.txt", "data/extra.txt", "proof/extra.txt", "data/rows/extra.json"):
        (path / name).write_bytes(b"x")
        assert command.verify(str(path), trust).exit_code == TAMPERED, name
        (path / name).unlink()
    os.symlink("/etc/passwd", path / "data" / "link")
    assert command.verify(str(path), trust).exit_code == TAMPERED


def test_a_changed_payload_with_fitting_manifests_is_found_by_the_entry_of_issue(
    bundle: Bundle, tmp_path: Path
) -> None:
    bundle.files["data/blobs/" + digest(b"b file")[7:]] = b"b file"
    relist(bundle)
    assert failing(result(bundle, tmp_path)) == ["issued"]


def without_last_event(bundle: Bundle) -> None:
    for name in ("data/events.jsonl", "data/leaves.jsonl"):
        bundle.files[name] = b"".join(line + b"\n" for line in bundle.files[name].split(b"\n")[:-2])
    del bundle.files[f"proof/events/{bundle.scope.pop()}.tlog-proof"]
    bundle.files.pop(f"data/rows/{digest(rfc8785.dumps({'metric': 0.5, 'tiny': 1e-7}))[7:]}.json")


def with_event_twice(bundle: Bundle) -> None:
    for name in ("data/events.jsonl", "data/leaves.jsonl"):
        first = bundle.files[name].split(b"\n")[0] + b"\n"
        bundle.files[name] = first + bundle.files[name]


def with_spaces(bundle: Bundle) -> None:
    bundle.files["data/events.jsonl"] = bundle.files["data/events.jsonl"].replace(b'"v":"1"', b'"v": "1"', 1)


def without_snapshot(bundle: Bundle) -> None:
    del bundle.files[f"data/rows/{digest(rfc8785.dumps(bundle.snapshot))[7:]}.json"]


def with_other_snapshot(bundle: Bundle) -> None:
    name = f"data/rows/{digest(rfc8785.dumps(bundle.snapshot))[7:]}.json"
    bundle.files[name] = rfc8785.dumps({**bundle.snapshot, "reviewed": "version 13"})


def with_foreign_record(bundle: Bundle) -> None:
    bundle.files[f"data/rows/{digest(b'{}')[7:]}.json"] = b"{}"


def with_wrong_count(bundle: Bundle) -> None:
    bundle.files["data/objects.csv"] = bundle.files["data/objects.csv"].replace(
        b"model_version:12,2", b"model_version:12,3"
    )


def with_unreadable_counts(bundle: Bundle) -> None:
    bundle.files["data/objects.csv"] = b"subject\nmodel_version:12\n"


def with_misnamed_file(bundle: Bundle) -> None:
    bundle.files["data/blobs/" + "0" * 64] = b"a file"


LIES: dict[str, tuple[Callable[[Bundle], None], str]] = {
    "an entry left out": (without_last_event, "completeness"),
    "an entry twice": (with_event_twice, "events"),
    "an entry in another spelling": (with_spaces, "events"),
    "a snapshot left out": (without_snapshot, "signatures"),
    "another snapshot": (with_other_snapshot, "rows"),
    "a record that nobody bound": (with_foreign_record, "rows"),
    "a wrong count": (with_wrong_count, "completeness"),
    "counts that cannot be read": (with_unreadable_counts, "completeness"),
    "a file under another digest": (with_misnamed_file, "rows"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_bundle_issued_with_a_lie_in_it_is_found(bundle: Bundle, tmp_path: Path, lie: str) -> None:
    """The server itself issues the lie, with fitting manifests and a true entry of issue."""
    change, expected = LIES[lie]
    change(bundle)
    bundle.issue()
    report = result(bundle, tmp_path)
    assert expected in failing(report), report.as_text()
    assert report.exit_code == TAMPERED


@pytest.mark.parametrize(
    ("person", "changed"),
    [("u2", {}), ("u1", {"meaning": ""}), ("u1", {"content": "sha256:" + "0" * 64}), ("u1", {"review": "r2"})],
)
def test_a_signature_of_another_person_snapshot_or_review_is_found(
    seal: Seal, tmp_path: Path, person: str, changed: dict[str, str]
) -> None:
    bundle = Bundle(seal)
    row = signature("r1", bundle.snapshot, person, number=2)
    row["payload"].update(changed)
    bundle.sign_off(row, seen=digest(rfc8785.dumps(bundle.snapshot)))
    bundle.enter("model_version:12", "review:r1")
    bundle.issue()
    assert "signatures" in failing(result(bundle, tmp_path))


def test_an_entry_of_a_later_format_cannot_be_verified(bundle: Bundle, tmp_path: Path) -> None:
    bundle.files["proof/issued.entry.json"] = bundle.files["proof/issued.entry.json"].replace(b'"v":"1"', b'"v":"2"')
    bundle.list_tags()
    report = result(bundle, tmp_path)
    assert state(report, "issued") == SKIP
    assert report.exit_code == CANNOT_VERIFY


def test_an_earlier_head_is_compared_through_all_leaves_or_through_a_proof(bundle: Bundle, tmp_path: Path) -> None:
    prior, end = bundle.log.head(3).encode(), len(bundle.log.leaves)
    assert state(result(bundle, tmp_path, prior), "prior") == PASS
    forked = note.Checkpoint("log.test/a", 3, merkle.root_of(bundle.log.hashes(2)))
    lie = bundle.log.signer.sign(forked.text).encode()
    assert result(bundle, tmp_path, lie).exit_code == TAMPERED
    node = merkle.node_from_leaves(bundle.log.hashes())
    proofs = {
        str(size): [base64.b64encode(part).decode() for part in merkle.consistency_proof(size, end, node)]
        for size in (3, 6)
    }
    del bundle.files["proof/leaves.bin"]
    (tmp_path / "bag/proof/leaves.bin").unlink()
    bundle.files["proof/consistency.json"] = rfc8785.dumps(proofs)
    bundle.list_tags()
    assert result(bundle, tmp_path, prior).exit_code == VALID
    assert result(bundle, tmp_path, lie).exit_code == TAMPERED
    assert result(bundle, tmp_path, bundle.log.head(4).encode()).exit_code == CANNOT_VERIFY
    bundle.log.add("other.happened", "model:later")
    assert result(bundle, tmp_path, bundle.log.head(end + 1).encode()).exit_code == CANNOT_VERIFY


def test_a_time_stamp_that_the_trust_file_asks_for_is_required(bundle: Bundle, tmp_path: Path) -> None:
    report = result(bundle, tmp_path, policy={"time_stamp": True})
    assert report.exit_code == CANNOT_VERIFY
    assert state(report, "time_stamp") == SKIP


def test_a_seal_that_is_not_trusted_or_not_asked_for_is_not_valid(bundle: Bundle, tmp_path: Path) -> None:
    assert result(bundle, tmp_path, pdf_roots=[Seal().root_pem]).exit_code == TAMPERED
    assert result(bundle, tmp_path, pdf_roots=[]).exit_code == CANNOT_VERIFY


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pdf: pdf.replace(b"A dossier", b"A dossiet"), "does not match"),
        (lambda pdf: pdf + b"\n", "first byte to the last"),
        (lambda pdf: pdf.replace(b"0>", b"1>"), "only zeros"),
        (lambda pdf: pdf.replace(b"/P 1", b"/P 2"), "DocMDP"),
        (lambda pdf: pdf.replace(b"<308", b"<3A8"), "one hexadecimal string"),
        (lambda pdf: pdf[:60], "no seal"),
        (lambda pdf: b"x" + pdf, "not a PDF"),
        (lambda pdf: pdf + pdf, "exactly one seal"),
    ],
)
def test_a_pdf_on_its_own_is_checked_by_its_seal(
    seal: Seal, tmp_path: Path, change: Callable[[bytes], bytes], words: str
) -> None:
    trust = Trust("log.test/a", pdf_roots=[seal.root_pem])
    path = tmp_path / "dossier.pdf"
    pdf = seal.seal(b"%PDF-1.7\n(A dossier)\n")
    path.write_bytes(pdf)
    assert command.verify(str(path), trust).exit_code == VALID
    assert command.verify(str(path), None).exit_code == CANNOT_VERIFY
    path.write_bytes(change(pdf))
    report = command.verify(str(path), trust)
    assert report.exit_code == TAMPERED
    assert words in report.as_text()


def test_archives_that_lie_about_names_are_refused(tmp_path: Path) -> None:
    for number, name in enumerate(("../out", "/out", "data//x", "data/./x", "a\\b")):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bagit.txt", "x")
            archive.writestr(name, "x")
        assert command.verify(str(path)).exit_code == TAMPERED, name
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(b"PK\x03\x04 this is not an archive")
    assert command.verify(str(damaged)).exit_code == TAMPERED


def test_the_one_file_needs_only_python_and_openssl(bundle: Bundle, tmp_path: Path) -> None:
    bundle.files["proof/verify.py"] = single.source().encode()
    bundle.list_tags()
    path = bundle.write(tmp_path / "bag")
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(bundle.trust()))
    run = [sys.executable, "-I", "-S", str(path / "proof" / "verify.py"), "--trust", str(trust)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == VALID, done.stdout + done.stderr
    assert done.stdout.startswith("Result: VALID")
    (path / "data" / "objects.csv").write_text("subject,count\n")
    done = subprocess.run([*run, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == TAMPERED
    assert json.loads(done.stdout)["result"] == "tampered"
    without = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False, env={"PATH": "/nowhere"})
    assert without.returncode in {TAMPERED, CANNOT_VERIFY}


def test_wrong_use_is_said_with_its_own_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trust = tmp_path / "trust.json"
    trust.write_text('{"origin": "a"}')
    for arguments in ([], [str(tmp_path / "nothing")], ["--unknown"], [str(tmp_path), "--trust", str(trust)]):
        assert command.main(arguments) == USAGE
    assert command.main([str(tmp_path)]) == CANNOT_VERIFY
    assert "no bagit.txt" in capsys.readouterr().out


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_its_spelling_is_that_of_the_library_which_the_server_uses(value: Any) -> None:
    encoded = rfc8785.dumps(value)
    assert strict.spell(value).encode() == encoded
    assert strict.spell(strict.read_strict(encoded)).encode() == encoded


@pytest.mark.parametrize("content", [b'{"a":1,"a":2}', b'{ "a":1}', b"NaN", b"1.0", b"\xff", b"9007199254740993", b""])
def test_other_spellings_are_refused(content: bytes) -> None:
    with pytest.raises(strict.NotStrict):
        strict.read_strict(content)


@given(st.integers(1, 90), st.data())
def test_its_tree_agrees_with_the_servers(size: int, choose: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(size)]
    root, node = merkle.root_of(leaves), merkle.node_from_leaves(leaves)
    index, first = choose.draw(st.integers(0, size - 1)), choose.draw(st.integers(1, size))
    included, continued = merkle.inclusion_proof(index, size, node), merkle.consistency_proof(first, size, node)
    before = merkle.root_of(leaves[:first])
    assert tree.root_of_leaves(leaves) == root
    assert tree.is_included(index, size, leaves[index], included, root)
    assert not tree.is_included(index, size, leaves[index], [*included, root], root)
    assert tree.is_continued(first, size, continued, before, root)
    assert not tree.is_continued(first, size, [*continued, root], before, root)
    assert not tree.is_continued(first, size * 4 + 1, continued, before, root)
