"""A time stamp of somebody else (RFC 3161) over the signed head of the log, where an authority is set."""

import hashlib
import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from apps.core import fetch
from apps.core.errors import Unavailable

GRANTED = {"granted", "granted_with_mods"}


def time_stamp(head: bytes) -> dict[str, bytes]:
    """Files for proof/: the response and the authority's certificates. Empty without an authority; Unavailable when it fails."""
    if not settings.TSA_URL:
        return {}
    from asn1crypto import tsp

    asked, nonce = request_for(head)
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    answer = fetch.request(
        "POST", settings.TSA_URL, allowed=[urlsplit(settings.TSA_URL).netloc], content=asked, headers=headers
    )
    if answer.status != 200:
        raise Unavailable(f"The time-stamping authority {settings.TSA_URL} answered {answer.status}.")
    response = tsp.TimeStampResp.load(answer.body)
    status = response["status"]["status"].native
    if status not in GRANTED:
        raise Unavailable(f"The time-stamping authority {settings.TSA_URL} refused: {status}.")
    signed = response["time_stamp_token"]["content"]
    token = signed["encap_content_info"]["content"].parsed
    if (
        token["message_imprint"]["hashed_message"].native != hashlib.sha256(head).digest()
        or token["nonce"].native != nonce
    ):
        raise Unavailable(f"The time stamp of {settings.TSA_URL} is for something else than was asked.")
    return {"proof/checkpoint.tsr": answer.body, **certificates(signed)}


def request_for(head: bytes) -> tuple[bytes, int]:
    """An RFC 3161 request over these bytes, and its nonce."""
    from asn1crypto import tsp

    nonce = secrets.randbits(63)
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(head).digest()}
    asked = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True})
    return asked.dump(), nonce


def certificates(signed: Any) -> dict[str, bytes]:
    """The certificates in the token, as PEM, for verifiers that need the chain."""
    from asn1crypto import pem

    found = signed["certificates"]
    chain = b"".join(pem.armor("CERTIFICATE", row.chosen.dump()) for row in found) if found else b""
    return {"proof/tsa-chain.pem": chain} if chain else {}
