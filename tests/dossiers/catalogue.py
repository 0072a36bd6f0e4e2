"""The cases of the corpus by name. Written so that each line says one thing that somebody might try."""

from tests.dossiers import containers as box
from tests.dossiers.authorities import Seal
from tests.dossiers.bundles import Witness, digest
from tests.dossiers.catalogue_log import ENTRIES, PROOFS_AND_HEADS
from tests.dossiers.catalogue_people import PEOPLE
from tests.dossiers.damages import (
    BAD,
    COUNTS,
    GOOD,
    HEAD,
    ISSUED,
    LIED,
    MENDED,
    NO_LEAVES,
    OPENINGS,
    PROOFS,
    ROW_FILE,
    UNKNOWN,
    Damage,
    both,
    by_passkey,
    cosigned,
    deep,
    drop,
    edit,
    key_for,
    lines,
    pattern,
    payload,
    put,
    signed,
    version_1,
    with_row,
    witnessed,
)

FOREIGN_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

GOOD_ONES = {
    "a good bundle": Damage(GOOD),
    "a folder": Damage(GOOD, shape=box.unpacked),
    "a zip with a top folder": Damage(GOOD, shape=box.with_top),
    "a zip that does not compress": Damage(GOOD, shape=box.stored),
    "a zip with an entry for a folder": Damage(GOOD, shape=box.with_entry("data/", b"")),
    "no passkey": Damage(GOOD, passkeys=()),
    "a passkey with Ed25519": Damage(GOOD, passkeys=("EdDSA",)),
    "two passkeys": Damage(GOOD, passkeys=("ES256", "EdDSA")),
    "a passkey on a page of a host below the site": Damage(
        GOOD, by_passkey(page="https://a.models.example.org:8443"), LIED
    ),
    "a passkey on this machine": Damage(GOOD, by_passkey(site="localhost", page="http://localhost:8000"), LIED),
    "a passkey whose enrolment is not in scope": Damage(GOOD, lambda b: b.enter("model_version:12", "review:r1"), LIED),
    "a signature of version 1": Damage(GOOD, signed(version_1), LIED),
    "names that are not disclosed": Damage(GOOD, drop(OPENINGS), LIED),
    "a record that is withheld": Damage(GOOD, drop(ROW_FILE), LIED),
    "one more file in the payload": Damage(GOOD, put("data/findings.csv", b"a,b\n"), LIED),
    "an object without entries": Damage(
        GOOD, lambda b: b.files.update({COUNTS: b.files[COUNTS] + b"waiver:w9,0\n"}), LIED
    ),
    "an object with a comma and quotation marks": Damage(
        GOOD, lambda b: b.files.update({COUNTS: b.files[COUNTS] + b'"dataset:a,""b""",0\n'}), LIED
    ),
    "a record as deep as is allowed": Damage(GOOD, with_row(deep(99)), LIED),
    "a time stamp that is asked for": Damage(GOOD, is_stamped=True, trust=lambda b: {"policy": {"time_stamp": True}}),
    "a witness that is asked for": Damage(GOOD, cosigned(), MENDED, trust=witnessed),
    "a witness that nobody asked for": Damage(GOOD, cosigned(), MENDED),
    "a key revoked exactly here": Damage(GOOD, trust=key_for(revoked_after_size="10")),
    "a key with a beginning": Damage(GOOD, trust=key_for(valid_from_size=0, revoked_after_size=None)),
    "an old key beside it": Damage(
        GOOD, trust=lambda b: {"vkeys": [{"vkey": FOREIGN_KEY, "revoked_after_size": 4}, str(b.log.signer.verifier)]}
    ),
    "an earlier head": Damage(GOOD, prior=lambda b: b.log.head(4).encode()),
    "the same head": Damage(GOOD, prior=lambda b: b.files[HEAD]),
    "an earlier head by its proof": Damage(GOOD, NO_LEAVES, MENDED, prior=lambda b: b.log.head(3).encode()),
    "all leaves and no proofs": Damage(GOOD, drop(PROOFS), MENDED),
    "a PDF alone": Damage(GOOD, shape=box.pdf_only),
    "an entry alone": Damage(GOOD, shape=box.entry_only),
}

UNKNOWN_ONES = {
    "no trust file": Damage(UNKNOWN, trust=None),
    "a PDF without a trust file": Damage(UNKNOWN, trust=None, shape=box.pdf_only),
    "an entry without a trust file": Damage(UNKNOWN, trust=None, shape=box.entry_only),
    "another key is trusted": Damage(UNKNOWN, trust=lambda b: {"vkeys": [FOREIGN_KEY]}),
    "no root for the seal": Damage(UNKNOWN, trust=lambda b: {"pdf_roots": []}),
    "a time stamp is asked for and missing": Damage(UNKNOWN, trust=lambda b: {"policy": {"time_stamp": True}}),
    "a time stamp is asked for and nobody is trusted for it": Damage(
        UNKNOWN, is_stamped=True, trust=lambda b: {"policy": {"time_stamp": True}, "tsa_roots": []}
    ),
    "a witness is asked for and missing": Damage(UNKNOWN, trust=witnessed),
    "another witness": Damage(UNKNOWN, cosigned(b"\x0a" * 32), MENDED, trust=witnessed),
    "two witnesses are asked for": Damage(
        UNKNOWN, cosigned(), MENDED, trust=lambda b: {"witnesses": [Witness().vkey], "policy": {"witness_k": 2}}
    ),
    "one witness twice is one": Damage(
        UNKNOWN, both(cosigned(), cosigned()), MENDED, trust=lambda b: {**witnessed(b), "policy": {"witness_k": "2"}}
    ),
    "an earlier head without a proof": Damage(UNKNOWN, NO_LEAVES, MENDED, prior=lambda b: b.log.head(4).encode()),
    "a later head than the bundle": Damage(
        UNKNOWN, prior=lambda b: (b.log.add("other.happened", "x:y"), b.log.head(len(b.log.leaves)).encode())[1]
    ),
    "an entry of a later format": Damage(UNKNOWN, edit("proof/issued.entry.json", b'"v":"1"', b'"v":"2"'), MENDED),
    "a leaf of a later format": Damage(UNKNOWN, edit("proof/issued.leaf.json", b'"v":1', b'"v":2'), MENDED),
    "a signature of a later format": Damage(UNKNOWN, signed(payload(v=3)), LIED),
    "no declaration": Damage(UNKNOWN, drop("bagit.txt")),
}

BARE = {
    "a changed payload file": Damage(BAD, edit("data/dossier.json", b"A dossier", b"B dossier")),
    "a changed PDF": Damage(BAD, edit("data/dossier.pdf", b"(A dossier)", b"(B dossier)")),
    "a changed proof": Damage(BAD, pattern(ISSUED, rb"index \d+", b"index 3")),
    "a changed bag-info": Damage(BAD, edit("bag-info.txt", b"Test", b"Tost")),
    "another BagIt version": Damage(BAD, both(edit("bagit.txt", b"1.0", b"0.97"), lambda b: b.list_tags())),
    "a missing payload file": Damage(BAD, drop("data/openings.json")),
    "a missing proof": Damage(BAD, drop("proof/issued.entry.json")),
    "a missing proof, relisted": Damage(BAD, drop("proof/issued.entry.json"), MENDED),
    "a missing PDF, relisted": Damage(BAD, drop("data/dossier.pdf"), MENDED),
    "a missing manifest": Damage(BAD, drop("manifest-sha256.txt")),
    "a missing tag manifest": Damage(BAD, drop("tagmanifest-sha256.txt")),
    "a missing head": Damage(BAD, drop(HEAD), MENDED),
    "an extra file": Damage(BAD, put("extra.txt", b"x")),
    "an extra payload file": Damage(BAD, put("data/extra.txt", b"x")),
    "an extra proof": Damage(BAD, put("proof/extra.txt", b"x")),
    "an extra record, relisted": Damage(BAD, put("data/rows/" + digest(b"{}")[7:] + ".json", b"{}"), MENDED),
    "an extra payload file, relisted": Damage(BAD, put("data/extra.txt", b"x"), MENDED),
    "a proof of nothing, relisted": Damage(
        BAD, lambda b: b.files.update({"proof/events/0.tlog-proof": b.files[ISSUED]}), MENDED
    ),
    "a manifest in upper case": Damage(BAD, pattern("manifest-sha256.txt", rb"^[0-9a-f]{64}", b"A" * 64)),
    "a manifest with CR LF": Damage(BAD, edit("tagmanifest-sha256.txt", b"\n", b"\r\n")),
    "a manifest with one space": Damage(BAD, edit("tagmanifest-sha256.txt", b"  ", b" ")),
    "a manifest that is cut off": Damage(
        BAD, lambda b: b.files.update({"tagmanifest-sha256.txt": b.files["tagmanifest-sha256.txt"][:-1]})
    ),
    "a line twice in a manifest": Damage(BAD, lines("tagmanifest-sha256.txt", lambda found: [found[0], *found])),
    "a manifest that names a path outside": Damage(
        BAD, edit("manifest-sha256.txt", b"  data/dossier.json", b"  ../dossier.json")
    ),
    "a manifest that names an absolute path": Damage(
        BAD, edit("manifest-sha256.txt", b"  data/dossier.json", b"  /data/dossier.json")
    ),
    "a look-alike letter in a file name": Damage(
        BAD, lambda b: b.files.update({"data/d\u043essier.json": b.files.pop("data/dossier.json")})
    ),
    "a look-alike letter in a manifest": Damage(
        BAD, edit("manifest-sha256.txt", b"dossier.json", "d\u043essier.json".encode())
    ),
    "a part of the payload in the tag manifest": Damage(
        BAD,
        lambda b: b.files.update(
            {"tagmanifest-sha256.txt": b.files["tagmanifest-sha256.txt"] + b.files["manifest-sha256.txt"]}
        ),
    ),
}

CONTAINERS = {
    "a link in a folder": Damage(BAD, shape=box.with_link("/etc/hostname")),
    "a link to a folder": Damage(BAD, shape=box.with_link("/etc", "data/etc")),
    "a listed file that is a link": Damage(BAD, shape=box.linked_member),
    "a link in an archive": Damage(BAD, shape=box.with_link_in_archive),
    "an archive that climbs out": Damage(BAD, shape=box.with_entry("../out.txt")),
    "an archive that climbs out inside": Damage(BAD, shape=box.with_entry("data/../../out.txt")),
    "an archive with an absolute path": Damage(BAD, shape=box.with_entry("/out.txt")),
    "an archive with a backslash": Damage(BAD, shape=box.with_entry("data\\out.txt")),
    "an archive with an empty part": Damage(BAD, shape=box.with_entry("data//out.txt")),
    "an archive with a folder that climbs out": Damage(BAD, shape=box.with_entry("../", b"")),
    "an archive with a name twice": Damage(BAD, shape=box.with_entry("bag-info.txt")),
    "an archive with the PDF twice": Damage(BAD, shape=box.with_entry("data/dossier.pdf")),
    "an archive with a look-alike entry": Damage(BAD, shape=box.with_entry("data/dossier.pd\u0192")),
    "an archive that is cut off": Damage(BAD, shape=box.changed(lambda content: content[: len(content) // 2])),
    "an archive without its last byte": Damage(BAD, shape=box.changed(lambda content: content[:-1])),
    "an archive with two names for a file": Damage(BAD, shape=box.changed(box.other_local_name)),
    "an archive with a wrong checksum": Damage(BAD, shape=box.changed(box.other_content)),
    "an archive that says encrypted": Damage(BAD, shape=box.changed(box.encrypted)),
    "an archive compressed in another way": Damage(BAD, shape=box.squeezed),
    "no archive": Damage(BAD, shape=box.changed(lambda content: b"PK\x03\x04 this is none")),
    "an empty file": Damage(BAD, shape=box.changed(lambda content: b"")),
    "a PDF alone, changed": Damage(BAD, edit("data/dossier.pdf", b"(A dossier)", b"(B dossier)"), shape=box.pdf_only),
    "a PDF alone with more behind it": Damage(
        BAD, lambda b: b.files.update({"data/dossier.pdf": b.sealed + b"\n"}), shape=box.pdf_only
    ),
    "a PDF alone with something in the padding": Damage(
        BAD, edit("data/dossier.pdf", b"0>", b"1>"), shape=box.pdf_only
    ),
    "a PDF alone of somebody else": Damage(BAD, trust=lambda b: {"pdf_roots": [Seal().root_pem]}, shape=box.pdf_only),
    "an entry alone with the proof of another": Damage(BAD, shape=box.other_entry_only),
}

CASES = {**GOOD_ONES, **UNKNOWN_ONES, **BARE, **CONTAINERS, **ENTRIES, **PROOFS_AND_HEADS, **PEOPLE}
