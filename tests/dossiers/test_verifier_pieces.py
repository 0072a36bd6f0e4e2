"""The verifier's other parts one by one: containers, seals, openssl, entries, and the sentences of a whole report."""

import json
import os
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import note
from apps.dossiers.verifier import bag, checks, examination, pdf
from apps.dossiers.verifier.examination import Examination
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import CannotVerify, Report, Tampered
from tests.dossiers.authorities import Authority, Passkey, Seal, Witness
from tests.dossiers.bundles import MOMENT, Bundle, digest
from tests.dossiers.flips import MemoryBag

OTHER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal()


@pytest.fixture(scope="module")
def whole(seal: Seal) -> Bundle:
    """Everything in one bundle: passkeys of both kinds, a time stamp, a witness."""
    made = Bundle(seal, (Passkey(), Passkey("EdDSA", number=2)), Authority())
    made.witness = Witness()
    made.prove()
    return made


def examined(bundle: Bundle, prior: bytes | None = None, **trust: Any) -> Report:
    trusted = Trust.read(json.dumps(bundle.trust(**trust)).encode())
    return checks.examine(Examination(MemoryBag(bundle.files), trusted, prior, Report("memory")))


# --- a whole report ---------------------------------------------------------------------------------------------------


def test_a_report_says_what_was_found(whole: Bundle) -> None:
    asked = {"witnesses": [Witness().vkey], "policy": {"witness_k": 1, "time_stamp": True}}
    prior = whole.witness.sign(whole.log.head(4)).encode()  # type: ignore[union-attr]
    report = examined(whole, prior, **asked)
    key, witness = "log.test/a+29390061", "witness.test/w+1e5263f7"
    at = report.facts["Existed before"].removesuffix(" (time-stamping authority)")
    stamped = datetime.fromisoformat(at)
    assert timedelta(0) <= datetime.now(UTC) - stamped < timedelta(minutes=10) and at.endswith("Z")
    assert {check.name: check.sentence for check in report.checks} == {
        "bag": "13 payload files and 17 others, none missing, none extra.",
        "checkpoint": f"12 entries, signed by {key}.",
        "issued": "Entry 10 names this payload and the log at 10 entries.",
        "events": "7 entries are in the log, each where its leaf says.",
        "completeness": "4 objects, all their entries up to the state of the log are here.",
        "signatures": "3 signatures, each over exactly the snapshot that was shown.",
        "rows": "5 records and 1 files have their digests.",
        "pdf": "It is the file that the log names, and its seal holds.",
        "time_stamp": f"The signed head existed before {at}.",
        "consistency": "The first 10 entries are the same.",
        "prior": "The 4 entries that you knew are unchanged.",
        "commitments": "1 committed values, all disclosed and right.",
    }
    said = "Risk officer (risk_officer): approved, 2026-11-25T10:00:00.000000Z"
    assert {check.name: check.details for check in report.checks if check.details} == {
        "checkpoint": [f"witness {witness} at 2026-11-25T10:00:00Z"],
        "signatures": [
            f"{said}, entry 3, by password, vouched for by the server",
            f"{said}, entry 6, by passkey, enrolled in entry 5",
            f"{said}, entry 8, by passkey, enrolled in entry 7",
        ],
        "pdf": [
            "Attached: data/dossier.json",
            "The seal covers every byte, later changes are forbidden, the padding is empty.",
            "Its certificate is trusted.",
        ],
        "commitments": [f'{next(iter(json.loads(whole.files["data/openings.json"])))}: "Risk officer"'],
    }
    assert report.facts == {
        "Log": "log.test/a",
        "Entries at the signed head": "12",
        "Root": examination.read_head(whole.files["proof/checkpoint.txt"]).root.hex(),
        "Signed by": key,
        "Witnesses": witness,
        "Issued": f"{MOMENT} (clock of the server), entry 10",
        "Existed before": f"{at} (time-stamping authority)",
        "Unanchored tail": "none: somebody outside has seen the signed head",
    }
    assert [check.is_required for check in report.checks] == [True] * 12 and report.exit_code == 0
    titles = (
        "Files|Signed head of the log|Issue of the dossier|Entries of the log|No entry left out|Signatures of people"
    )
    titles += "|Records and files named by entries|Sealed PDF|Time stamp of somebody else"
    titles += "|Log at issue continues into the signed head|Head that you held before|Personal values"
    assert [check.title for check in report.checks] == titles.split("|")


def test_what_nobody_outside_has_seen_is_counted(seal: Seal) -> None:
    bundle = Bundle(seal)
    assert examined(bundle).facts["Unanchored tail"] == "8 of 8 entries, which nobody outside is known to have seen"
    held = examined(bundle, bundle.log.head(5).encode())
    assert held.facts["Unanchored tail"] == "3 of 8 entries, which nobody outside is known to have seen"
    assert examined(bundle, bundle.files["proof/checkpoint.txt"]).facts["Unanchored tail"].startswith("none")
    nobody = checks.examine(Examination(MemoryBag(bundle.files), None, None, Report("memory")))
    assert nobody.facts["Unanchored tail"] == "not known: whose log this is was not established"
    said = {check.name: check.sentence for check in nobody.checks}
    assert said["checkpoint"] == "No trust file was given (--trust). The bundle claims the log log.test/a, 8 entries."
    assert said["time_stamp"] == "No time stamp is in the bundle: when it was issued rests on the server's clock."
    assert said["prior"] == "None was given (--prior)."
    required = {check.name: check.is_required for check in nobody.checks}
    assert [name for name, is_required in required.items() if not is_required] == ["time_stamp", "prior"]


def test_a_witness_that_is_not_asked_for_is_told_and_ends_the_tail(whole: Bundle) -> None:
    told = examined(whole, tsa_roots=[], witnesses=[Witness().vkey])
    assert told.facts["Witnesses"] == "witness.test/w+1e5263f7" and told.facts["Unanchored tail"].startswith("none")
    late = examined(
        whole, vkeys=[{"vkey": str(whole.log.signer.verifier), "revoked_after_size": 3}, str(whole.log.signer.verifier)]
    )
    (note,) = late.checks[1].details
    assert note == "log.test/a+29390061 signed too, but is not trusted for this size: not counted"


def test_all_keys_that_signed_are_named(seal: Seal) -> None:
    bundle, second = Bundle(seal), note.Signer("log.test/a", Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))
    bundle.witness = SimpleNamespace(sign=second.cosign)  # type: ignore[assignment]
    bundle.prove()
    report = examined(bundle, vkeys=[str(bundle.log.signer.verifier), str(second.verifier)])
    both = f"log.test/a+29390061, log.test/a+{second.verifier.key_id.hex()}"
    assert report.facts["Signed by"] == both and report.checks[1].sentence == f"8 entries, signed by {both}."


def test_names_that_are_not_disclosed_are_told_as_erased(seal: Seal) -> None:
    bundle = Bundle(seal)
    del bundle.files["data/openings.json"]
    bundle.issue()
    report = examined(bundle)
    found = report.checks[-1]
    assert (found.state, report.exit_code) == ("ERASED", 0)
    assert found.sentence == "0 of 1 committed values are disclosed and right; the others are erased."
    (detail,) = found.details
    assert detail.endswith(": ERASED (commitment intact)") and detail.startswith("hmac-sha256:")
    signer = next(check for check in report.checks if check.name == "signatures").details[0]
    assert signer.startswith("hmac-sha256:") and "(risk_officer): approved" in signer


def test_withheld_records_are_counted(seal: Seal) -> None:
    bundle = Bundle(seal)
    del bundle.files[f"data/rows/{digest(rfc8785.dumps(bundle.measured))[7:]}.json"]
    bundle.issue()
    rows = next(check for check in examined(bundle).checks if check.name == "rows")
    assert rows.details == ["1 records that entries bind are not in the bundle."]
    assert rows.sentence == "2 records and 1 files have their digests."


def test_an_entry_alone_says_who_did_what_when(seal: Seal) -> None:
    bundle = Bundle(seal)
    end = len(bundle.log.leaves)
    files = {
        "entry.json": bundle.log.entries[3],
        "leaf.json": bundle.log.leaves[3],
        "entry.tlog-proof": bundle.log.proof(3, end),
    }
    trust = Trust.read(json.dumps(bundle.trust()).encode())
    report = checks.examine_entry(Examination(MemoryBag(files), trust, None, Report("memory")))
    assert report.facts == {"What": "user:u1 workflow.signed_off review:r1", "When": f"{MOMENT} (clock of the server)"}
    (found,) = report.checks
    assert (found.name, found.title, found.state) == ("entry", "Entry of the log", "PASS")
    assert found.sentence == "Entry 3 is in the log of 8 entries signed by log.test/a+29390061."
    unknown = checks.examine_entry(Examination(MemoryBag(files), None, None, Report("memory")))
    assert unknown.exit_code == 2 and unknown.checks[0].sentence.startswith("No trust file was given (--trust), so")


# --- containers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "/a", "a\\b", "a\x00b", ".", "..", "a/../b", "a/./b", "a//b", "a/"])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(Tampered, match="is not a name that a bundle may hold"):
        bag.safe_name(name)
    assert bag.safe_name("data/a..b/.c") == "data/a..b/.c"


def folder_of(place: Path, files: dict[str, bytes]) -> bag.Bag:
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return bag.Bag(str(place))


def test_files_are_read_from_folders_and_archives_alike(tmp_path: Path) -> None:
    files = {"bagit.txt": b"x", "data/a": b"1", "data/b/c": b"2", "database": b"3"}
    found = folder_of(tmp_path / "bag", files)
    for top in ("", "top/"):
        path = tmp_path / f"{len(top)}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(top + name, content)
        for read in (found, bag.Bag(str(path))):
            assert read.names == set(files) and read.under("data") == ["data/a", "data/b/c"]
            assert {name: read.read(name) for name in files} == files
            with pytest.raises(Tampered, match="The file data/x is missing"):
                read.read("data/x")
    with pytest.raises(Tampered, match="pipe is not a file"):
        os.mkfifo(tmp_path / "bag" / "pipe")
        bag.Bag(str(tmp_path / "bag"))
    (tmp_path / "bag" / "pipe").unlink()
    (tmp_path / "bag" / "data" / "link").symlink_to("a")
    with pytest.raises(Tampered, match="data/link is a link"):
        bag.Bag(str(tmp_path / "bag"))


def archive(
    path: Path, entries: list[tuple[str, bytes]], change: Callable[[zipfile.ZipInfo], object] = lambda info: None
) -> str:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            change(info)
            made.writestr(info, content)
    return str(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_with_tricks_are_refused_for_their_own_reason(tmp_path: Path) -> None:
    one = [("bagit.txt", b"x" * 100)]
    cases = {
        "stands twice": archive(tmp_path / "1.zip", one + one),
        "is a link or larger": archive(
            tmp_path / "2.zip", one, lambda info: setattr(info, "external_attr", 0o120777 << 16)
        ),
        "way that a bundle does not use": archive(
            tmp_path / "3.zip", one, lambda info: setattr(info, "compress_type", zipfile.ZIP_LZMA)
        ),
        "not a name that": archive(tmp_path / "4.zip", [("../x", b"")]),
    }
    for words, path in cases.items():
        with pytest.raises(Tampered, match=words):
            bag.Bag(path)
    for name, content in (("5.zip", b"PK"), ("6.zip", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Tampered, match="The archive cannot be read"):
            bag.Bag(str(tmp_path / name))
    broken = Path(archive(tmp_path / "7.zip", one))
    broken.write_bytes(broken.read_bytes().replace(b"x" * 100, b"y" * 100, 1))
    with pytest.raises(Tampered, match="The file bagit.txt cannot be read from the archive"):
        bag.Bag(str(broken)).read("bagit.txt")
    locked = bytearray(Path(archive(tmp_path / "10.zip", one)).read_bytes())
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "10.zip").write_bytes(bytes(locked))
    with pytest.raises(Tampered, match="way that a bundle does not use"):
        bag.Bag(str(tmp_path / "10.zip"))
    two = [("top/a", b""), ("other/b", b"")]
    assert bag.Bag(archive(tmp_path / "8.zip", two)).names == {"top/a", "other/b"}
    assert bag.Bag(archive(tmp_path / "9.zip", [("top/", b""), ("top/bagit.txt", b"x")])).names == {"bagit.txt"}


DIGEST = digest(b"1")[7:]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{DIGEST}  data/a", "does not end with a line end"),
        (f"{DIGEST} data/a\n", "a line that is not a digest"),
        (f"{DIGEST.upper()}  data/a\n", "a line that is not a digest"),
        (f"{DIGEST[:-1]}  data/a\n", "a line that is not a digest"),
        (f"{DIGEST}  data/\u00e9\n", "a line that is not a digest"),
        (f"{DIGEST}  data/a\n{DIGEST}  data/a\n", "names a path twice"),
        ("", "does not end with a line end"),
    ],
)
def test_a_manifest_is_exactly_lines_of_digest_and_path(text: str, words: str) -> None:
    with pytest.raises(Tampered, match=words):
        bag.read_manifest(MemoryBag({"m": text.encode()}), "m")
    good = MemoryBag({"m": f"{DIGEST}  data/a\n{DIGEST}  data/b\n".encode()})
    assert bag.read_manifest(good, "m") == {"data/a": DIGEST, "data/b": DIGEST}


def boxed(change: Callable[[dict[str, bytes]], object], manifest: str = "") -> str:
    """What the check of files says of a small bag with this change."""
    files = {"bagit.txt": bag.DECLARATION, "bag-info.txt": b"i", "data/a": b"1"}
    files["manifest-sha256.txt"] = (manifest or f"{DIGEST}  data/a\n").encode()
    tags = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")
    files["tagmanifest-sha256.txt"] = "".join(f"{digest(files[name])[7:]}  {name}\n" for name in tags).encode()
    change(files)
    return bag.check_bag(MemoryBag(files))


def test_what_is_wrong_with_a_bag_is_said() -> None:
    assert boxed(lambda files: None) == "1 payload files and 3 others, none missing, none extra."
    for words, change in {
        "bagit.txt is not the declaration": lambda files: files.update({"bagit.txt": b"BagIt-Version: 0.97\n"}),
        "Missing: data/a.$": lambda files: files.pop("data/a"),
        "Missing: bag-info.txt.$": lambda files: files.pop("bag-info.txt"),
        "Not listed in a manifest: data/b, x.$": lambda files: files.update({"x": b"", "data/b": b""}),
        "data/a is not the file that the manifest lists": lambda files: files.update({"data/a": b"2"}),
        "Missing: bag-info.txt": lambda files: files.update(
            {"tagmanifest-sha256.txt": b"".join(files["tagmanifest-sha256.txt"].splitlines(True)[::2])}
        ),
        "The file tagmanifest-sha256.txt is missing": lambda files: files.pop("tagmanifest-sha256.txt"),
    }.items():
        with pytest.raises(Tampered, match=words):
            boxed(change)
    with pytest.raises(CannotVerify, match="there is no bagit.txt"):
        boxed(lambda files: files.pop("bagit.txt"))
    with pytest.raises(Tampered, match="mix payload and tag files"):
        boxed(lambda files: None, manifest=f"{DIGEST}  data/a\n{DIGEST}  bagit.txt\n")
    with pytest.raises(Tampered, match="mix payload and tag files"):
        boxed(
            lambda files: files.update(
                {"tagmanifest-sha256.txt": files["tagmanifest-sha256.txt"] + f"{DIGEST}  data/a\n".encode()}
            )
        )


# --- the seal ---------------------------------------------------------------------------------------------------------


def attached(content: bytes, head: bytes = b"", end: bytes = b"endstream") -> bytes:
    return b"1 0 obj\n<</Type /EmbeddedFile " + head + b"/Length %d>>\nstream\n" % len(content) + content + b"\n" + end


def test_attachments_are_read_packed_and_plain() -> None:
    packed = zlib.compress(b"hello")
    assert pdf.attachments(b"%PDF-1.7\n" + attached(b"abc") + attached(packed, b"/Filter /FlateDecode")) == [
        b"abc",
        b"hello",
    ]
    assert pdf.attachments(attached(b"abc").replace(b"stream\n", b"stream\r\n", 1)) == [b"abc"]
    assert pdf.attachments(b"%PDF-1.7 nothing /EmbeddedFiles") == []
    for broken in (
        attached(b"not packed", b"/Filter /FlateDecode"),
        attached(b"abc").replace(b"/Length 3", b"/Length 3 0 R"),
        attached(b"abc").replace(b"/Length 3", b""),
        b"1 0 obj\n<</Type /EmbeddedFile",
        attached(b"abc", b" " * 2000),
    ):
        with pytest.raises(Tampered, match="An attachment of the PDF cannot be read"):
            pdf.attachments(broken)
    assert pdf.attachments(attached(b"abc", b" " * 1900)) == [b"abc"]


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (b"(3003020101)", "does not hold one hexadecimal string"),
        (b"<3003020101", "does not hold one hexadecimal string"),
        (b"3003020101>", "does not hold one hexadecimal string"),
        (b"<3003aAbB>", "does not hold one hexadecimal string"),
        (b"<>", "does not hold one hexadecimal string"),
        (b"<30030201010>", "holds half a byte"),
        (b"<310302010100>", "is not a CMS object"),
        (b"<3003020101>", "is not a CMS object"),
        (b"<308002010100>", "is not a CMS object"),
        (b"<308502010100000000>", "is not a CMS object"),
        (b"<300402010100ff>", "something behind the seal"),
        (b"<300502010100>", "something behind the seal"),
        (b"<3003020101000001>", "something behind the seal"),
    ],
)
def test_what_is_wrong_with_the_place_of_the_seal_is_said(gap: bytes, words: str) -> None:
    with pytest.raises(Tampered, match=words):
        pdf._signature(gap)


@pytest.mark.parametrize("numbers", [(1, 60, 70), (0, 60, 60), (0, 60, 59), (0, 60, 71), (0, 60, 69)])
def test_the_byte_range_is_the_whole_file_but_the_place_of_the_seal(numbers: tuple[int, int, int]) -> None:
    first, length, second = numbers
    made = b"%%PDF-1.7 /ByteRange [%d %d %d %d]" % (first, length, second, 100 - second + (second in (71, 69)))
    with pytest.raises(Tampered, match="from the first byte to the last"):
        pdf.check_seal(made.ljust(100, b" "), [])


def test_the_seal_is_one_object_and_zeros() -> None:
    assert pdf._signature(b"<30040201010000>").hex() == "300402010100"
    assert pdf._signature(b"<308104020101000000>".replace(b"3081", b"3081")).hex() == "30810402010100"
    assert pdf._signature(b"<30820004020101ff0000>".upper()).hex() == "30820004020101ff"
    assert pdf._signature(b"<308400000004020101ff00>").hex() == "308400000004020101ff"
    assert (pdf._der_size(bytes.fromhex("307f02010100")), pdf._der_size(bytes.fromhex("308180020101"))) == (129, 131)
    assert (
        pdf._last("a\n\nc\nb" + "x" * 200 + "\n \n") == "b" + "x" * 159 and pdf._last(" \n") == "openssl said nothing"
    )
