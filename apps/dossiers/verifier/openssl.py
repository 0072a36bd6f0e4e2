"""The `openssl` program for what the standard library lacks: Ed25519, CMS and time stamps."""

import calendar
import os
import re
import subprocess
import tempfile
from functools import lru_cache

from apps.dossiers.verifier.verdict import CannotVerify

ED25519_PREFIX = bytes.fromhex(
    "302a300506032b6570032100"
)  # SubjectPublicKeyInfo of an Ed25519 key, before its 32 bytes
SECONDS = 60
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
STAMP_TIME = re.compile(rf"Time stamp: ({'|'.join(MONTHS)}) +([0-9]+) ([0-9:.]+) ([0-9]{{4}}) GMT")


def run_openssl(arguments: list[str], files: dict[str, bytes]) -> tuple[bool, str]:
    """Run with these files in an empty folder; whether it succeeded, and what it said. The same question is asked once."""
    return _answer(tuple(arguments), tuple(files.items()))


@lru_cache(maxsize=32)
def _answer(arguments: tuple[str, ...], files: tuple[tuple[str, bytes], ...]) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        for name, content in files:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        try:
            done = subprocess.run(
                ["openssl", *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError as missing:
            raise CannotVerify("The program openssl (1.1.1 or later) is not installed.") from missing
        except subprocess.TimeoutExpired as late:
            raise CannotVerify(f"openssl did not answer within {SECONDS} seconds.") from late
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode and "unknown option" in said.lower():
        raise CannotVerify("This openssl is too old for the check.")
    return done.returncode == 0, said


def is_ed25519_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether these 64 bytes are the key's signature over the message."""
    files = {"key.der": ED25519_PREFIX + public, "message": message, "signature": signature}
    arguments = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin"]
    return run_openssl([*arguments, "-in", "message", "-sigfile", "signature"], files)[0]


def check_cms(signature: bytes, content: bytes, roots: str) -> tuple[bool, str]:
    """Whether a detached CMS signature over the content chains to one of these roots (PEM)."""
    files = {"signature.der": signature, "content": content, "roots.pem": roots.encode()}
    arguments = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "signature.der", "-content", "content"]
    arguments += ["-CAfile", "roots.pem", "-purpose", "any", "-no_check_time", "-out", "verified"]
    return run_openssl(arguments, files)


def is_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the key (SubjectPublicKeyInfo, DER) signed SHA-256 of the message: ECDSA, or RSA with PKCS #1 v1.5."""
    files = {"key.der": public, "message": message, "signature": signature}
    arguments = ["dgst", "-sha256", "-keyform", "DER", "-verify", "key.der", "-signature", "signature", "message"]
    return run_openssl(arguments, files)[0]


def check_time_stamp(response: bytes, content: bytes, roots: str, chain: str) -> tuple[bool, str]:
    """Whether an RFC 3161 response stamps the content and chains to one of these roots at the time it names; that time."""
    said = run_openssl(["ts", "-reply", "-in", "stamp.tsr", "-text"], {"stamp.tsr": response})[1]
    found = STAMP_TIME.search(said)
    if not found:
        return False, "the response holds no token"
    month, day, clock, year = found[1], int(found[2]), found[3], int(found[4])
    hour, minute, second = (int(part.partition(".")[0]) for part in clock.split(":"))
    at = calendar.timegm((year, MONTHS.index(month) + 1, day, hour, minute, second))
    files = {"stamp.tsr": response, "content": content, "roots.pem": roots.encode(), "chain.pem": chain.encode()}
    arguments = ["ts", "-verify", "-in", "stamp.tsr", "-data", "content", "-CAfile", "roots.pem", "-attime", str(at)]
    if chain:
        arguments += ["-untrusted", "chain.pem"]
    is_good = run_openssl(arguments, files)[0]
    return is_good, f"{year:04}-{MONTHS.index(month) + 1:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
