"""Signatures of people, and personal values that entries and records commit to."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from apps.dossiers.verifier.bag import Bag
from apps.dossiers.verifier.examination import MOMENT, Event, Examination, bound_row, facts_of, hex_of
from apps.dossiers.verifier.strict import read_strict, spell
from apps.dossiers.verifier.verdict import CannotVerify, Check, Erased, Tampered
from apps.dossiers.verifier.webauthn import check_assertion

SIGNED = ("workflow.signed_off", "workflow.signature_withdrawn")
METHODS = ("password", "password+totp", "passkey")
TEXTS = ("content", "meaning", "meaning_text", "reason", "review", "signed_at")
REPEATED = {name: name for name in ("meaning", "meaning_text", "reason", "round")}
REPEATED |= {"review_id": "review", "seen_digest": "content", "withdraws_id": "withdraws"}
PAYLOAD_KEYS = {*TEXTS, "v", "type", "log", "id", "reference", "round", "version", "artifact", "step", "report"}
PAYLOAD_KEYS |= {"conditions", "withdraws", "replaces", "signer", "authentication", "rules"}
OPENINGS = "data/openings.json"
COMMITMENT = re.compile(r"hmac-sha256:[0-9a-f]{64}")
SALT = re.compile(r"[0-9a-f]{64}")
MOST_SECONDS = 180


def check_signatures(examination: Examination, check: Check) -> str:
    """Each signature is the record that the log bound, made by the actor of the entry over a snapshot that is here."""
    signed = [event for event in examination.events if event.entry["verb"] in SIGNED]
    openings = openings_in(examination.bag)
    for event in signed:
        row, payload = signature_of(examination.bag, event)
        if facts_of(event).get("seen") != payload["content"]:
            raise Tampered(f"Entry {event.seq} says that something else was seen than the signature covers.")
        signer, review = payload["signer"], payload["review"]
        if event.entry["actor"] != f"user:{signer['id']}" or event.entry["subject"] != f"review:{review}":
            raise Tampered(f"The signature in entry {event.seq} belongs to another person or another review.")
        read_strict(examination.bag.read(f"data/rows/{hex_of(payload['content'])}.json"))
        method = check_identity(examination, event, row, payload)
        name = openings.get(row["printed_name"], {}).get("value") if is_commitment(row["printed_name"]) else ""
        said = f"{name or row['printed_name']} ({signer['role']}): {payload['meaning']}"
        check.details.append(f"{said}, {payload['signed_at']}, entry {event.seq}, {method}")
    return f"{len(signed)} signatures, each over exactly the snapshot that was shown."


def signature_of(bag: Bag, event: Event) -> tuple[dict[str, Any], dict[str, Any]]:
    """Record and payload of a signature: who, in which role, what it means, why, when, and over which snapshot."""
    row = bound_row(bag, event)
    payload = row.get("payload")
    signer = payload.get("signer") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(signer, dict) or payload.get("type") != "signoff":
        raise Tampered(f"The record of entry {event.seq} is not a signature.")
    if type(payload.get("v")) is not int or payload["v"] not in (1, 2):
        raise CannotVerify(f"The signature in entry {event.seq} has a version that this verifier does not know.")
    said = {"printed_name": row.get("printed_name"), "signer": signer.get("id"), "role": signer.get("role")}
    said |= {name: payload.get(name) for name in TEXTS}
    lacking = [name for name, value in said.items() if not isinstance(value, str) or not value]
    if lacking:
        raise Tampered(f"The signature in entry {event.seq} does not say its {', '.join(lacking)}.")
    pairs = [(outer, payload.get(inner)) for outer, inner in REPEATED.items()]
    for outer, signed in [*pairs, ("signer_id", signer["id"]), ("role", signer["role"])]:
        if outer in row and as_text(row[outer]) != as_text(signed):
            raise Tampered(f"The record of entry {event.seq} repeats {outer} otherwise than it was signed.")
    return row, payload


def check_identity(examination: Examination, event: Event, row: dict[str, Any], payload: dict[str, Any]) -> str:
    """How the person proved who they are; answers with words for it. Tampered when record and payload do not agree."""
    said = payload.get("authentication")
    method = said.get("method") if isinstance(said, dict) else None
    if method not in METHODS or row.get("authentication") != method:
        raise Tampered(f"The signature in entry {event.seq} does not say how the person proved who they are.")
    if ("assertion" in row and row["assertion"] is not None) != (method == "passkey"):
        raise Tampered(f"The signature in entry {event.seq} says {method}, and its assertion does not fit that.")
    if payload["v"] == 2:
        require_bound(examination, event, row, payload)
    elif method == "passkey":
        raise Tampered(f"The signature in entry {event.seq} is of a version that knows no passkey.")
    if method == "passkey":
        return check_assertion(examination, event, payload, row["assertion"])
    return f"by {method}, vouched for by the server"


def require_bound(examination: Examination, event: Event, row: dict[str, Any], payload: dict[str, Any]) -> None:
    """The payload belongs to this record, this log and this moment, and names the person by a commitment."""
    where = f"The signature in entry {event.seq}"
    if set(payload) != PAYLOAD_KEYS:
        raise Tampered(f"{where} does not have exactly the parts of a payload.")
    if payload["id"] != row.get("id") or payload["log"] != examination.known_head().origin:
        raise Tampered(f"{where} was made for another record or another log.")
    if not is_commitment(row["printed_name"]) or payload["signer"].get("name_c") != row["printed_name"]:
        raise Tampered(f"{where} commits to another name than the record.")
    if not MOMENT.fullmatch(payload["signed_at"]) or row.get("signed_at", payload["signed_at"]) != payload["signed_at"]:
        raise Tampered(f"{where} does not say when it was made.")
    waited = datetime.fromisoformat(event.entry["at"]) - datetime.fromisoformat(payload["signed_at"])
    if not 0 <= waited.total_seconds() <= MOST_SECONDS:
        raise Tampered(f"{where} was made at another time than it was logged.")


def snapshots_of(examination: Examination) -> set[str]:
    """Names of the snapshots that the signatures in this bundle cover."""
    signed = [event for event in examination.events if event.entry["verb"] in SIGNED]
    contents = [signature_of(examination.bag, event)[1]["content"] for event in signed]
    return {f"data/rows/{hex_of(content)}.json" for content in contents}


def check_commitments(examination: Examination, check: Check) -> str:
    """Every disclosed personal value is the one that an entry or record committed to; what is not disclosed is named."""
    bag = examination.bag
    made: set[str] = set()
    for event in examination.events:
        made |= set(commitments_in(event.entry))
    for name in bag.under("data/rows"):
        made |= set(commitments_in(read_strict(bag.read(name))))
    opened = openings_in(bag)
    if set(opened) - made:
        raise Tampered(f"{OPENINGS} opens something that no entry and no record committed to.")
    check.details += [f"{commitment}: {spell(opening['value'])}" for commitment, opening in opened.items()]
    closed = sorted(made - set(opened))
    check.details += [f"{commitment}: ERASED (commitment intact)" for commitment in closed]
    if closed:
        raise Erased(f"{len(opened)} of {len(made)} committed values are disclosed and right; the others are erased.")
    return f"{len(made)} committed values, all disclosed and right." if made else "No value is committed to."


def openings_in(bag: Bag) -> dict[str, dict[str, Any]]:
    """Commitment -> salt and value, each computed again."""
    value = read_strict(bag.read(OPENINGS)) if OPENINGS in bag.names else {}
    if not isinstance(value, dict):
        raise Tampered(f"{OPENINGS} is not a list of openings.")
    for commitment, opening in value.items():
        if set(opening) != {"salt", "value"} or not SALT.fullmatch(opening["salt"]):
            raise Tampered(f"The opening of {commitment} is not a salt and a value.")
        made = hmac.new(bytes.fromhex(opening["salt"]), spell(opening["value"]).encode(), hashlib.sha256).hexdigest()
        if commitment != "hmac-sha256:" + made:
            raise Tampered(f"The value disclosed for {commitment} is not the one that was committed to.")
    return value


def is_commitment(text: str) -> bool:
    """Whether a text stands for a value that it does not show."""
    return COMMITMENT.fullmatch(text) is not None


def as_text(value: Any) -> str:
    """A text as it is, anything else in canonical form, so that a number equals its text."""
    return value if isinstance(value, str) else spell(value)


def commitments_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value that is a commitment."""
    if isinstance(value, str):
        if COMMITMENT.fullmatch(value):
            yield value
    elif isinstance(value, list):
        for part in value:
            yield from commitments_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from commitments_in(part)
