"""RFC 3161 time stamps over signed heads: asked for over HTTP, checked with `openssl ts` before anybody relies on them."""

import hashlib
import secrets
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from apps.core import fetch
from apps.core.errors import Unavailable

HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
GRANTED = {"granted", "granted_with_mods"}
MOST_BYTES = 100_000
SECONDS = 60


@dataclass(frozen=True)
class Stamp:
    """A response that was checked: its bytes and the time that the authority states."""

    response: bytes
    at: datetime


def request_stamp(content: bytes) -> Stamp:
    """A time stamp over these bytes from the authority in TSA_URL. Unavailable when it does not come or does not hold."""
    address = urlsplit(settings.TSA_URL)
    port = address.port or (443 if address.scheme == "https" else 80)
    nonce = secrets.randbits(63)
    answer = fetch.request(
        "POST",
        settings.TSA_URL,
        allowed=[f"{address.hostname}:{port}"],
        content=_request(content, nonce),
        headers=HEADERS,
        most_bytes=MOST_BYTES,
    )
    if answer.status != 200:
        raise Unavailable(f"The time-stamping authority answered {answer.status}.", code="NO_TIME_STAMP")
    stated = _token(answer.body)
    if stated["nonce"].native != nonce:
        raise Unavailable("The time stamp answers another request than ours.", code="NO_TIME_STAMP")
    if trouble := fault_of(answer.body, content):
        raise Unavailable(trouble, code="NO_TIME_STAMP")
    return Stamp(answer.body, stated["gen_time"].native)


def fault_of(response: bytes, content: bytes) -> str:
    """Why this response is no time stamp over these bytes by an authority that is trusted here; empty when it is one."""
    try:
        imprint = _token(response)["message_imprint"]
    except Unavailable as refused:
        return refused.detail
    if imprint["hash_algorithm"]["algorithm"].native != "sha256" or (
        imprint["hashed_message"].native != hashlib.sha256(content).digest()
    ):
        return "The time stamp is over something else."
    return _fault_by_openssl(response, content)


def certificates(response: bytes) -> bytes:
    """The certificates in a response, as PEM: what a verifier needs between the stamp and a root that it trusts."""
    from asn1crypto import pem, tsp

    found = tsp.TimeStampResp.load(response)["time_stamp_token"]["content"]["certificates"]
    return b"".join(pem.armor("CERTIFICATE", row.chosen.dump()) for row in found) if found else b""


def roots_file() -> Path:
    """The roots that time stamps have to chain to: TSA_ROOTS_FILE, else those of this machine."""
    return Path(settings.TSA_ROOTS_FILE or ssl.get_default_verify_paths().openssl_cafile)


def trusted_roots() -> list[str]:
    """For a trust file: the roots in TSA_ROOTS_FILE, as PEM; none where this machine's are relied on."""
    return [Path(settings.TSA_ROOTS_FILE).read_text()] if settings.TSA_ROOTS_FILE else []


def _request(content: bytes, nonce: int) -> bytes:
    from asn1crypto import tsp

    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(content).digest()}
    asked = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True})
    return bytes(asked.dump())


def _token(response: bytes) -> Any:
    from asn1crypto import tsp

    try:
        read = tsp.TimeStampResp.load(response, strict=True)
        status = read["status"]["status"].native
        if status not in GRANTED:
            raise Unavailable(f"The time-stamping authority refused: {status}.", code="NO_TIME_STAMP")
        return read["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    except (ValueError, TypeError, KeyError) as damage:
        raise Unavailable(f"What came is no RFC 3161 response: {damage}"[:300], code="NO_TIME_STAMP") from damage


def _fault_by_openssl(response: bytes, content: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="stamp-") as name:
        folder = Path(name)
        (folder / "stamp.tsr").write_bytes(response)
        (folder / "content").write_bytes(content)
        (folder / "chain.pem").write_bytes(certificates(response))
        command = ["openssl", "ts", "-verify", "-in", "stamp.tsr", "-data", "content", "-CAfile", str(roots_file())]
        if (folder / "chain.pem").stat().st_size:
            command += ["-untrusted", "chain.pem"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        except FileNotFoundError:
            return "Time stamps are checked with the program openssl, which is not installed."
        except subprocess.TimeoutExpired:
            return f"openssl did not check the time stamp within {SECONDS} s."
    if done.returncode == 0:
        return ""
    why = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "").strip()[:200]
    return f"The time stamp does not hold against {roots_file()} (name the authority's roots in TSA_ROOTS_FILE): {why}"
