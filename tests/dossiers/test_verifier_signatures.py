"""Signatures, passkeys, the PDF's entry and the questions to openssl: each refusal of the verifier for its own reason."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from apps.dossiers.verifier import checks, openssl, trust
from apps.dossiers.verifier.examination import Examination
from apps.dossiers.verifier.trust import Trust
from apps.dossiers.verifier.verdict import Report
from tests.dossiers import damages as harm
from tests.dossiers.bundles import Bundle, Passkey, Seal, signature
from tests.dossiers.flips import MemoryBag
from tests.dossiers.test_verifier_entries import program


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal()


def said(bundle: Bundle, name: str) -> str:
    """What the check of this name says."""
    trusted = Trust.read(json.dumps(bundle.trust()).encode())
    report = checks.examine(Examination(MemoryBag(bundle.files), trusted, None, Report("memory")))
    return next(f"{check.state} {check.sentence}" for check in report.checks if check.name == name)


def damaged(seal: Seal, change: harm.Change, name: str = "signatures") -> str:
    """The same of a bundle that was issued with this in it."""
    bundle = Bundle(seal)
    change(bundle)
    bundle.issue()
    return said(bundle, name)


def set_in(part: str, **changes: Any) -> harm.Change:
    """A password signature whose record (or payload) says something else."""
    return harm.signed(lambda row: (row["payload"] if part == "payload" else row).update(changes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_in("row", review_id="r2"), "repeats review_id otherwise than it was signed"),
        (set_in("row", withdraws_id="s1"), "repeats withdraws_id otherwise"),
        (set_in("row", meaning="reviewed"), "repeats meaning otherwise"),
        (set_in("row", meaning_text="Other."), "repeats meaning_text otherwise"),
        (set_in("row", reason="Other"), "repeats reason otherwise"),
        (set_in("row", round=2), "repeats round otherwise"),
        (set_in("row", seen_digest="sha256:" + "0" * 64), "repeats seen_digest otherwise"),
        (set_in("row", signer_id="u2"), "repeats signer_id otherwise"),
        (set_in("row", role="validator"), "repeats role otherwise"),
        (set_in("payload", type="other"), "is not a signature"),
        (set_in("payload", signer=None), "is not a signature"),
        (set_in("payload", v=3), "has a version that this verifier does not know"),
        (set_in("payload", v=True), "has a version that this verifier does not know"),
        (set_in("payload", reason=""), "does not say its reason"),
        (set_in("payload", reason=5), "does not say its reason"),
        (set_in("payload", signer={}), "does not say its signer, role"),
        (set_in("row", printed_name=""), "does not say its printed_name"),
        (set_in("payload", more=1), "does not have exactly the parts of a payload"),
        (set_in("payload", id="s8"), "was made for another record or another log"),
        (set_in("payload", log="log.test/b"), "was made for another record or another log"),
        (set_in("row", printed_name="Risk officer"), "commits to another name than the record"),
        (set_in("payload", signed_at="2026-11-25"), "does not say when it was made"),
        (set_in("row", signed_at="2026-11-25T09:59:59.000000Z"), "does not say when it was made"),
        (set_in("row", authentication="passkey"), "does not say how the person proved"),
        (set_in("payload", authentication={"method": "smile"}), "does not say how the person proved"),
        (set_in("payload", authentication="password"), "does not say how the person proved"),
        (set_in("row", assertion={}), "says password, and its assertion does not fit that"),
        (harm.signed(lambda row: None, seen="sha256:" + "1" * 64), "something else was seen than the signature covers"),
        (harm.by_passkey(lambda row: row.update(assertion=None)), "says passkey, and its assertion does not fit that"),
        (harm.by_passkey(lambda row: row["assertion"].pop("origin")), "exactly the parts of an assertion"),
        (harm.by_passkey(lambda row: row["assertion"].update(signature=1)), "exactly the parts of an assertion"),
        (harm.by_passkey(harm.assertion(client_data=base64.b64encode(b"{").decode())), "what the browser said cannot be read"),
        (harm.by_passkey(harm.assertion(client_data=base64.b64encode(b"\xff").decode())), "what the browser said cannot be read"),
        (harm.by_passkey(harm.assertion(client_data=base64.b64encode(b"[]").decode())), "is over something else than this payload"),
        (harm.by_passkey(said={"type": "webauthn.create"}), "is over something else than this payload"),
        (harm.by_passkey(said={"challenge": "AAAA"}), "is over something else than this payload"),
        (harm.by_passkey(said={"origin": "https://else.example"}), "was made on another page than the record says"),
        (harm.by_passkey(said={"crossOrigin": True}), "was made on another page than the record says"),
        (harm.by_passkey(page="http://models.example.org"), "which is not of the site"),
        (harm.by_passkey(page="https://xmodels.example.org"), "which is not of the site"),
        (harm.by_passkey(flags=1), "was made without verifying the person"),
        (harm.by_passkey(flags=4), "was made without verifying the person"),
        (harm.by_passkey(harm.assertion(authenticator_data=base64.b64encode(b"x" * 37).decode())), "was made for another site"),
        (harm.by_passkey(harm.assertion(signature=base64.b64encode(b"x" * 64).decode())), "does not match what was signed"),
        (harm.by_passkey(harm.assertion(algorithm="RS256")), "does not match what was signed"),
        (harm.by_passkey(harm.assertion(algorithm="EdDSA")), "does not match what was signed"),
        (
            harm.by_passkey(harm.assertion(signature=base64.b64encode(b"x" * 64).decode()), algorithm="EdDSA"),
            "does not match what was signed",
        ),
        (set_in("payload", signed_at="2026-11-25T10:00:00.000Z"), "does not say when it was made"),
        (
            harm.signed(lambda row: (row.pop("signed_at"), row["payload"].update(signed_at="2026-11-25"))),
            "does not say when it was made",
        ),
        (set_in("row", withdraws_id="s1", review_id="r1"), "repeats withdraws_id otherwise"),
        (harm.by_passkey(actor="user:u2"), "the passkey was not enrolled by the signer before"),
        (harm.by_passkey(enrol={"algorithm": "EdDSA"}), "was made with another key than the one enrolled in entry"),
        (harm.by_passkey(revoke=True), "was made with a passkey that had been revoked"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_signature_is_said(seal: Seal, change: harm.Change, words: str) -> None:
    assert words in damaged(seal, change)


def test_a_one_time_code_beside_the_password_is_said(seal: Seal) -> None:
    bundle = Bundle(seal)
    bundle.sign_off(signature("r1", bundle.snapshot, "u1", number=9, method="password+totp"))
    bundle.enter("model_version:12", "review:r1")
    bundle.issue()
    assert said(bundle, "signatures").startswith("PASS 2 signatures")


def test_a_passkey_that_was_never_enrolled_or_only_afterwards_signed_nothing(seal: Seal) -> None:
    def never(bundle: Bundle) -> None:
        passkey = Passkey(number=9)
        subject = f"passkey:{passkey.id}"
        bundle.log.add("accounts.passkey_renamed", subject, None, "user:u1")
        row = signature("r1", bundle.snapshot, "u1", number=9, method="passkey")
        bundle.sign_off({**row, "assertion": passkey.sign(row["payload"])})
        bundle.log.add("accounts.passkey_enrolled", subject, None, "user:u1", **passkey.enrolment)
        bundle.enter("model_version:12", "review:r1", subject)

    assert "the passkey was not enrolled by the signer before" in damaged(seal, never)


def test_an_old_signature_knows_no_passkey(seal: Seal) -> None:
    def change(row: dict[str, Any]) -> None:
        harm.version_1(row)
        row["payload"]["authentication"]["method"] = row["authentication"] = "passkey"

    assert "is of a version that knows no passkey" in damaged(seal, harm.by_passkey(change))
    assert damaged(seal, harm.signed(harm.version_1)).startswith("PASS 2 signatures")


def test_a_passkey_whose_enrolment_is_elsewhere_is_the_one_that_the_record_claims(seal: Seal) -> None:
    bundle = Bundle(seal, (Passkey(),))
    bundle.enter("model_version:12", "review:r1")
    bundle.issue()
    trusted = Trust.read(json.dumps(bundle.trust()).encode())
    report = checks.examine(Examination(MemoryBag(bundle.files), trusted, None, Report("memory")))
    (told,) = [detail for check in report.checks for detail in check.details if "by passkey" in detail]
    assert told.endswith(
        "by passkey; the bundle has no entry of its enrolment, so the key is the one that the record claims"
    )


@pytest.mark.parametrize("seconds", [0, 180])
def test_a_signature_is_logged_within_three_minutes(seal: Seal, seconds: int) -> None:
    from datetime import UTC, datetime, timedelta

    def at(moved: int) -> str:
        moment = datetime(2026, 11, 25, 10, tzinfo=UTC) - timedelta(seconds=moved)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def change(moved: int) -> harm.Change:
        return harm.signed(lambda row: (row["payload"].update(signed_at=at(moved)), row.update(signed_at=at(moved))))

    assert damaged(seal, change(seconds)).startswith("PASS")
    outside = -1 if seconds == 0 else 181
    assert "was made at another time than it was logged" in damaged(seal, change(outside))


def issued_with(bundle: Bundle, **facts: str) -> str:
    """What the check of the PDF says when the entry of issue says this."""
    real = bundle.log.add

    def add(verb: str, subject: str, **told: Any) -> int:
        return real(verb, subject, **{**told, **(facts if verb == checks.ISSUED else {})})

    bundle.log.add = add  # type: ignore[method-assign,assignment]
    bundle.issue()
    return said(bundle, "pdf")


def test_the_pdf_is_the_one_that_the_entry_of_issue_describes(seal: Seal) -> None:
    begin = "FAIL The PDF does not begin with the document that was sealed."
    assert issued_with(Bundle(seal), base_sha256="0" * 64) == begin
    size = len(Bundle(seal).base)
    for base_size in (str(size + 1), f"0{size}", f"{size}.0", "-1", ""):
        assert issued_with(Bundle(seal), base_size=base_size) == begin, base_size
    assert issued_with(Bundle(seal), sealed_sha256="0" * 64) == "FAIL The log says that another PDF was issued."
    assert issued_with(Bundle(seal)).startswith("PASS")


def test_what_is_attached_to_the_pdf_lies_in_the_payload(seal: Seal) -> None:
    bundle = Bundle(seal)
    bundle.files["data/dossier.json"] = b'{"title":"B dossier"}'
    bundle.issue()
    assert said(bundle, "pdf") == "FAIL The PDF carries an attachment that is not a file of the payload."
    bundle.files["data/other.json"] = b'{"title":"A dossier"}'
    bundle.issue()
    assert said(bundle, "pdf") == "FAIL data/dossier.json is not attached to the PDF."


def test_openssl_is_asked_exactly_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", program(tmp_path, 'echo "$@"'))
    asked: list[str] = []
    real = openssl.run_openssl

    def noting(arguments: list[str], files: dict[str, bytes]) -> tuple[bool, str]:
        found = real(arguments, {**files, "once": str(tmp_path).encode()})
        asked.append(found[1])
        return found

    monkeypatch.setattr(openssl, "run_openssl", noting)
    openssl.is_ed25519_signature(b"k" * 32, b"s", b"m")
    openssl.is_signature(b"k", b"s", b"m")
    openssl.check_cms(b"s", b"c", "r")
    openssl.check_time_stamp(b"s", b"c", "r", "")
    assert asked == [
        "pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in message -sigfile signature",
        "dgst -sha256 -keyform DER -verify key.der -signature signature message",
        "cms -verify -binary -inform DER -in signature.der -content content -CAfile roots.pem -purpose any -no_check_time -out verified",
        "ts -reply -in stamp.tsr -text",
    ]


def test_a_key_that_is_not_ascii_is_none() -> None:
    with pytest.raises(ValueError, match="'a.00000000.\u00e9' is not a verifier key"):
        trust.read_vkey("a+00000000+\u00e9", trust.LOG_KEY)
