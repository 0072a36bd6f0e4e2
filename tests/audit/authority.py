"""A time-stamping authority of our own: `openssl ts` behind a loopback HTTP server, with a root and a certificate made for it."""

import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIGURATION = """
[tsa]
default_tsa = ours
[ours]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_alg = sha256
"""


class Authority:
    """Answers time-stamp requests at `url`; `roots` is what others trust it by. `mode` makes it misbehave."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mode, self.asked = folder, "", 0
        folder.mkdir(parents=True, exist_ok=True)
        self.roots = folder / "root.pem"
        self._make_certificates()
        (folder / "serial").write_text("01\n")
        (folder / "ts.conf").write_text(CONFIGURATION)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (Door,), {"authority": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}/tsr"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()

    def reply(self, request: bytes) -> bytes:
        """The response to one request."""
        self.asked += 1
        (self.folder / "request.tsq").write_bytes(request)
        if self.mode == "other":
            (self.folder / "something").write_bytes(b"something else")
            self._openssl("ts", "-query", "-data", "something", "-sha256", "-cert", "-out", "request.tsq")
        self._openssl("ts", "-reply", "-config", "ts.conf", "-queryfile", "request.tsq", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def _make_certificates(self) -> None:
        root_key, root = certificate("Test root", None, None)
        key, made = certificate("Test authority", root_key, root)
        self.roots.write_bytes(root.public_bytes(Encoding.PEM))
        (self.folder / "tsa.pem").write_bytes(made.public_bytes(Encoding.PEM))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "tsa.key").write_bytes(secret)


class Door(BaseHTTPRequestHandler):
    """RFC 3161 over HTTP."""

    authority: ClassVar[Any]

    def do_POST(self) -> None:
        """One request."""
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = (503, b"away") if self.authority.mode == "away" else (200, self.authority.reply(asked))
        answer = b"<html>no</html>" if self.authority.mode == "nonsense" else answer
        self.send_response(status)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: Any) -> None:
        """Nothing on the terminal of a test."""


def certificate(name: str, issuer_key: Any, issuer: x509.Certificate | None) -> tuple[Any, x509.Certificate]:
    """A root, or a time-stamping certificate below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
    made = made.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    if issuer is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return key, made.sign(issuer_key or key, hashes.SHA256())
