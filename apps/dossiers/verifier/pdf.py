"""The seal of the PDF: one signature over the whole file, nothing hidden in what it cannot cover."""

import re
import zlib

from apps.dossiers.verifier.openssl import check_cms
from apps.dossiers.verifier.verdict import CannotVerify, Tampered

BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
NO_CHANGES = re.compile(rb"/TransformMethod\s*/DocMDP")
LEVEL = re.compile(rb"/P\s+1\b")
EMBEDDED = re.compile(rb"/Type\s*/EmbeddedFile\b")
STREAM = re.compile(rb"stream\r?\n")
STREAM_LENGTH = re.compile(rb"/Length\s+(\d+)(?!\s+\d+\s+R)\b")
LONGEST_HEAD = 2000
FLATE = re.compile(rb"/Filter\s*/FlateDecode\b")


def check_seal(pdf: bytes, roots: list[str]) -> list[str]:
    """Check the seal and answer with sentences; Tampered or CannotVerify otherwise."""
    ranges = BYTE_RANGE.findall(pdf)
    if not pdf.startswith(b"%PDF-"):
        raise Tampered("The file is not a PDF.")
    if not ranges:
        raise Tampered("The PDF carries no seal.")
    if len(ranges) > 1:
        raise Tampered(f"The PDF carries {len(ranges)} signatures; a dossier has exactly one seal.")
    first, length, second, rest = map(int, ranges[0])
    if first != 0 or second <= length or second + rest != len(pdf):
        raise Tampered("The seal does not cover the file from the first byte to the last.")
    signature = _signature(pdf[length:second])
    if not (NO_CHANGES.search(pdf) and LEVEL.search(pdf)):
        raise Tampered("The seal does not forbid later changes (DocMDP, level 1).")
    if not roots:
        raise CannotVerify("The trust file names no certificate for the seal (pdf_roots).")
    is_good, said = check_cms(signature, pdf[:length] + pdf[second:], "\n".join(roots))
    if not is_good:
        raise Tampered(f"The seal does not match the file or its certificate is not trusted ({_last(said)}).")
    return [
        "The seal covers every byte, later changes are forbidden, the padding is empty.",
        "Its certificate is trusted.",
    ]


def attachments(pdf: bytes) -> list[bytes]:
    """The files that are attached to the PDF."""
    found = []
    for match in EMBEDDED.finditer(pdf):
        start = STREAM.search(pdf, match.end())
        head = pdf[pdf.rfind(b" obj", 0, match.start()) : start.start()] if start else b""
        length = STREAM_LENGTH.search(head)
        if not start or not length or len(head) > LONGEST_HEAD:
            raise Tampered("An attachment of the PDF cannot be read.")
        content = pdf[start.end() : start.end() + int(length[1])]
        try:
            found.append(zlib.decompress(content) if FLATE.search(head) else content)
        except zlib.error as damage:
            raise Tampered("An attachment of the PDF cannot be read.") from damage
    return found


def _signature(gap: bytes) -> bytes:
    """The CMS object in the gap that the byte range leaves; what follows it must be zeros."""
    if gap[:1] != b"<" or gap[-1:] != b">" or not re.fullmatch(rb"(?:[0-9a-f]+|[0-9A-F]+)", gap[1:-1]):
        raise Tampered("The place of the seal does not hold one hexadecimal string.")
    if len(gap) % 2:
        raise Tampered("The place of the seal holds half a byte.")
    content = bytes.fromhex(gap[1:-1].decode())
    size = _der_size(content)
    if size > len(content) or content[size:].strip(b"\x00"):
        raise Tampered("There is something behind the seal where only zeros may be.")
    return content[:size]


def _der_size(content: bytes) -> int:
    """How long the first DER object is, its head included."""
    if content[:1] != b"\x30" or len(content) < 6:
        raise Tampered("The seal is not a CMS object.")
    if content[1] < 0x80:
        return 2 + content[1]
    count = content[1] & 0x7F
    if not 1 <= count <= 4:
        raise Tampered("The seal is not a CMS object.")
    return 2 + count + int.from_bytes(content[2 : 2 + count], "big")


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "openssl said nothing"
