"""Cases of the corpus: signatures, passkeys, names, records and the PDF."""

import rfc8785

from tests.dossiers.authorities import Seal
from tests.dossiers.bundles import SALT, digest
from tests.dossiers.damages import (
    BAD,
    EXTRA_NAME,
    LIED,
    MENDED,
    OPENINGS,
    ROW_FILE,
    Damage,
    assertion,
    by_passkey,
    deep,
    drop,
    edit,
    first_opening,
    opened,
    pattern,
    payload,
    put,
    record,
    signed,
    with_row,
)

PEOPLE = {
    "a snapshot left out": Damage(
        BAD, lambda b: drop(f"data/rows/{digest(rfc8785.dumps(b.snapshot))[7:]}.json")(b), LIED
    ),
    "another snapshot": Damage(
        BAD, lambda b: put(f"data/rows/{digest(rfc8785.dumps(b.snapshot))[7:]}.json", b"{}")(b), LIED
    ),
    "a signature's record left out": Damage(
        BAD, lambda b: drop(f"data/rows/{digest(rfc8785.dumps(b.signed))[7:]}.json")(b), LIED
    ),
    "a signature of another person": Damage(BAD, signed(lambda row: row["payload"]["signer"].update(id="u2")), LIED),
    "a signature about another review": Damage(BAD, signed(payload(review="r2")), LIED),
    "a signature over another content": Damage(BAD, signed(payload(content="sha256:" + "0" * 64)), LIED),
    "a signature over a digest that is none": Damage(BAD, signed(payload(content="../../x")), LIED),
    "a signature without a meaning": Damage(BAD, signed(payload(meaning="")), LIED),
    "a signature without a reason": Damage(BAD, signed(lambda row: row["payload"].pop("reason")), LIED),
    "a signature that was made for another record": Damage(BAD, signed(payload(id="s7")), LIED),
    "a signature that was made for another log": Damage(BAD, signed(payload(log="log.test/b")), LIED),
    "a signature with one part more": Damage(BAD, signed(payload(extra="x")), LIED),
    "a record that shows another meaning": Damage(BAD, signed(record(meaning="reviewed")), LIED),
    "a record that shows another role": Damage(BAD, signed(record(role="administrator")), LIED),
    "a record that shows another round": Damage(BAD, signed(record(round=2)), LIED),
    "a record that shows another time": Damage(BAD, signed(record(signed_at="2026-11-25T10:00:01.000000Z")), LIED),
    "a record with a name that is not committed to": Damage(BAD, signed(record(printed_name="Risk officer")), LIED),
    "a record with another name": Damage(BAD, signed(record(printed_name=EXTRA_NAME[0])), LIED),
    "a signature logged too late": Damage(
        BAD,
        signed(
            lambda row: (
                row["payload"].update(signed_at="2026-11-25T09:56:59.000000Z"),
                row.update(signed_at="2026-11-25T09:56:59.000000Z"),
            )
        ),
        LIED,
    ),
    "a signature logged before it was made": Damage(
        BAD,
        signed(
            lambda row: (
                row["payload"].update(signed_at="2026-11-25T10:00:00.000001Z"),
                row.update(signed_at="2026-11-25T10:00:00.000001Z"),
            )
        ),
        LIED,
    ),
    "a signature of an unknown kind of proof": Damage(
        BAD,
        signed(
            lambda row: (row.update(authentication="trust"), row["payload"].update(authentication={"method": "trust"}))
        ),
        LIED,
    ),
    "a password that calls itself a passkey": Damage(
        BAD,
        signed(
            lambda row: (
                row.update(authentication="passkey"),
                row["payload"].update(authentication={"method": "passkey"}),
            )
        ),
        LIED,
    ),
    "a password with a passkey's assertion": Damage(BAD, signed(record(assertion={"signature": "AA=="})), LIED),
    "an entry that says something else was seen": Damage(
        BAD, signed(lambda row: None, seen="sha256:" + "1" * 64), LIED
    ),
    "a passkey without verification of the person": Damage(BAD, by_passkey(flags=1), LIED),
    "a passkey without the person": Damage(BAD, by_passkey(flags=4), LIED),
    "a passkey over another payload": Damage(BAD, by_passkey(payload(reason="Another")), LIED),
    "a passkey over another challenge": Damage(BAD, by_passkey(said={"challenge": "AAAA"}), LIED),
    "a passkey's enrolment in place of a signature": Damage(BAD, by_passkey(said={"type": "webauthn.create"}), LIED),
    "a passkey on another page": Damage(BAD, by_passkey(said={"origin": "https://evil.example.org"}), LIED),
    "a passkey in a frame of somebody else": Damage(BAD, by_passkey(said={"crossOrigin": True}), LIED),
    "a passkey on a page of another site": Damage(BAD, by_passkey(assertion(rp_id="example.net")), LIED),
    "a passkey on a page without encryption": Damage(BAD, by_passkey(page="http://models.example.org"), LIED),
    "a passkey with another signature": Damage(
        BAD, by_passkey(lambda row: row["assertion"].update(signature="MEUCIQDx")), LIED
    ),
    "a passkey that says another algorithm": Damage(BAD, by_passkey(assertion(algorithm="EdDSA")), LIED),
    "a passkey of an unknown algorithm": Damage(BAD, by_passkey(assertion(algorithm="RS1")), LIED),
    "an Ed25519 passkey cut off": Damage(BAD, by_passkey(assertion(signature="AA=="), algorithm="EdDSA"), LIED),
    "a passkey enrolled with another key": Damage(BAD, by_passkey(enrol={"public_key": "AA=="}), LIED),
    "a passkey enrolled by another person": Damage(BAD, by_passkey(actor="user:u2"), LIED),
    "a passkey that was revoked": Damage(BAD, by_passkey(revoke=True), LIED),
    "a passkey's assertion with a part more": Damage(BAD, by_passkey(assertion(extra="x")), LIED),
    "a passkey's assertion without a part": Damage(BAD, by_passkey(lambda row: row["assertion"].pop("origin")), LIED),
    "another name disclosed": Damage(BAD, opened(lambda v: first_opening(v, {"value": "Somebody else"})), LIED),
    "another salt disclosed": Damage(BAD, opened(lambda v: first_opening(v, {"salt": "0" * 64})), LIED),
    "a salt that is too short": Damage(BAD, opened(lambda v: first_opening(v, {"salt": SALT.hex()[:62]})), LIED),
    "an opening of nothing": Damage(BAD, opened(lambda v: v.update([EXTRA_NAME])), LIED),
    "an opening twice": Damage(BAD, pattern(OPENINGS, rb"^\{(.*)\}$", rb"{\1,\1}"), LIED),
    "an opening with half a character": Damage(BAD, edit(OPENINGS, b"Risk officer", b"Risk \\ud800"), LIED),
    "a foreign record": Damage(BAD, put("data/rows/" + digest(b"{}")[7:] + ".json", b"{}"), LIED),
    "a record under another name": Damage(
        BAD, lambda b: b.files.update({f"data/rows/{'0' * 64}.json": b.files.pop(ROW_FILE)}), LIED
    ),
    "a record that is too deep": Damage(BAD, with_row(deep(100)), LIED),
    "a record with a key twice": Damage(BAD, put(ROW_FILE, b'{"metric":0.5,"metric":0.5,"tiny":1e-7}'), LIED),
    "a record with another number": Damage(BAD, put(ROW_FILE, b'{"metric":0.6,"tiny":1e-7}'), MENDED),
    "a file under another digest": Damage(BAD, put("data/blobs/" + "0" * 64, b"a file"), LIED),
    "the content is not the one attached to the PDF": Damage(
        BAD, put("data/dossier.json", b'{"title":"B dossier"}'), LIED
    ),
    "another PDF": Damage(BAD, lambda b: b.files.update({"data/dossier.pdf": b.seal.seal(b"%PDF-1.7\n")}), MENDED),
    "another PDF, logged but not sealed": Damage(
        BAD, lambda b: (setattr(b, "sealed", b.base), b.files.update({"data/dossier.pdf": b.base})), LIED
    ),
    "a seal of somebody else": Damage(
        BAD, lambda b: (setattr(b, "seal", Seal()), b.reseal()), LIED, trust=lambda b: {"pdf_roots": [Seal().root_pem]}
    ),
}
