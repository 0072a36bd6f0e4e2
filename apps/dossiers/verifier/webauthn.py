"""A passkey's assertion (WebAuthn Level 3) over a signed payload, checked again without the server."""

import base64
import json
import re
from hashlib import sha256 as hash_of
from typing import Any

from apps.dossiers.verifier.examination import Event, Examination, facts_of
from apps.dossiers.verifier.openssl import ED25519_PREFIX, is_ed25519_signature, is_signature
from apps.dossiers.verifier.signed import from_base64
from apps.dossiers.verifier.strict import spell
from apps.dossiers.verifier.verdict import Tampered

PARTS = {"passkey", "credential_id", "algorithm", "public_key", "rp_id"}
PARTS |= {"origin", "authenticator_data", "client_data", "signature"}
ENROLLED, REVOKED = "accounts.passkey_enrolled", "accounts.passkey_revoked"
ENROLMENT_SAYS = ("public_key", "algorithm", "credential_id", "rp_id")
P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
P256_BYTES, ED25519_BYTES = 91, 44
PAGE_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+)(?::[0-9]{1,5})?")
HOST_NAME = re.compile(r"(?=.*[a-z])[a-z0-9.-]+")
PRESENT, VERIFIED = 0x01, 0x04
SHORTEST = 37


def check_assertion(examination: Examination, event: Event, payload: dict[str, Any], assertion: Any) -> str:
    """Tampered unless the passkey signed this payload for this person; answers with what is known of the passkey."""
    where = f"The passkey's signature in entry {event.seq}"
    if (
        not isinstance(assertion, dict)
        or set(assertion) != PARTS
        or not all(isinstance(v, str) for v in assertion.values())
    ):
        raise Tampered(f"{where} does not have exactly the parts of an assertion.")
    client_data = from_base64(assertion["client_data"], Tampered)
    authenticator = from_base64(assertion["authenticator_data"], Tampered)
    require_client(client_data, payload, assertion, where)
    if len(authenticator) < SHORTEST or authenticator[:32] != hash_of(assertion["rp_id"].encode()).digest():
        raise Tampered(f"{where} was made for another site.")
    if authenticator[32] & (PRESENT | VERIFIED) != PRESENT | VERIFIED:
        raise Tampered(f"{where} was made without verifying the person.")
    message = authenticator + hash_of(client_data).digest()
    if not is_passkey_signature(assertion, message):
        raise Tampered(f"{where} does not match what was signed.")
    return enrolment_of(examination, event, payload, assertion, where)


def require_client(client_data: bytes, payload: dict[str, Any], assertion: dict[str, str], where: str) -> None:
    """What the browser says: a signature over the digest of this payload, on a page of the site."""
    try:
        said = json.loads(client_data.decode("utf-8"))
    except (ValueError, RecursionError) as damage:
        raise Tampered(f"{where}: what the browser said cannot be read.") from damage
    wanted = base64.urlsafe_b64encode(hash_of(spell(payload).encode()).digest()).decode().rstrip("=")
    if not isinstance(said, dict) or said.get("type") != "webauthn.get" or said.get("challenge") != wanted:
        raise Tampered(f"{where} is over something else than this payload.")
    page = PAGE_ORIGIN.fullmatch(assertion["origin"])
    site = assertion["rp_id"]
    is_ours = page is not None and (page[2] == site or page[2].endswith("." + site)) and HOST_NAME.fullmatch(site)
    if not page or not is_ours or (page[1] == "http" and page[2] != "localhost"):
        raise Tampered(f"{where} names the page {assertion['origin'][:80]!r}, which is not of the site {site[:80]!r}.")
    if said.get("origin") != assertion["origin"] or said.get("crossOrigin", False) is not False:
        raise Tampered(f"{where} was made on another page than the record says.")


def is_passkey_signature(assertion: dict[str, str], message: bytes) -> bool:
    """Whether the key, which has to be of the kind that is named, signed the message."""
    public = from_base64(assertion["public_key"], Tampered)
    signature = from_base64(assertion["signature"], Tampered)
    if assertion["algorithm"] == "ES256":
        is_right_kind = public.startswith(P256_PREFIX) and len(public) == P256_BYTES
        return is_right_kind and is_signature(public, signature, message)
    if assertion["algorithm"] == "EdDSA":
        is_right_kind = public.startswith(ED25519_PREFIX) and len(public) == ED25519_BYTES and len(signature) == 64
        return is_right_kind and is_ed25519_signature(public[len(ED25519_PREFIX) :], signature, message)
    return False


def enrolment_of(
    examination: Examination, event: Event, payload: dict[str, Any], assertion: dict[str, str], where: str
) -> str:
    """When the passkey was enrolled by the same person, not revoked before; or that the bundle does not say."""
    subject = f"passkey:{assertion['passkey']}"
    about = [entry for entry in examination.events if entry.entry["subject"] == subject]
    if not about:
        return "by passkey; the bundle has no entry of its enrolment, so the key is the one that the record claims"
    before = [entry for entry in about if entry.seq < event.seq]
    enrolled = next((entry for entry in before if entry.entry["verb"] == ENROLLED), None)
    if enrolled is None or enrolled.entry["actor"] != f"user:{payload['signer']['id']}":
        raise Tampered(f"{where}: the passkey was not enrolled by the signer before.")
    if any(facts_of(enrolled).get(name) != assertion[name] for name in ENROLMENT_SAYS):
        raise Tampered(f"{where} was made with another key than the one enrolled in entry {enrolled.seq}.")
    if any(entry.entry["verb"] == REVOKED for entry in before):
        raise Tampered(f"{where} was made with a passkey that had been revoked.")
    return f"by passkey, enrolled in entry {enrolled.seq}"
