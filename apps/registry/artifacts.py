"""What a version is made of, as one digest. Pure.

The artifact digest is `sha256:` of the RFC 8785 form of the path-sorted list of {path, sha256, size}.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.models import digest_of

HEX = re.compile(r"[0-9a-f]{64}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
IMAGE_DIGEST = re.compile(r".+@(sha256:[0-9a-f]{64})")
LARGEST = 2**53 - 1


@dataclass(frozen=True)
class Artifact:
    """The bytes of a version: their digest, the files where they were listed, and other names for the same bytes."""

    digest: str
    files: tuple[Mapping[str, Any], ...]
    aliases: tuple[tuple[str, str], ...]
    """(kind, digest) by which the gate also finds the version."""


def fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    """One thing that is wrong, and where."""
    return {"pointer": pointer, "code": code, "detail": detail}


def manifest_digest(files: Sequence[Mapping[str, Any]]) -> str:
    """The digest of a list of files, whatever their order in the list."""
    rows = [{"path": row["path"], "sha256": row["sha256"], "size": row["size"]} for row in files]
    return digest_of(sorted(rows, key=lambda row: row["path"]))


def path_fault(path: str) -> str | None:
    """Why this is not a path inside an artifact, or None."""
    parts = path.split("/")
    if not path or len(path) > 1000 or "\x00" in path or "\\" in path or path.startswith("/"):
        return "A path is relative, with forward slashes, of at most 1000 characters."
    if any(part in {"", ".", ".."} for part in parts):
        return "A path has no empty, . or .. part."
    return None


def file_faults(files: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Everything that is wrong with a list of files."""
    found = []
    seen: set[str] = set()
    for index, row in enumerate(files):
        here = f"/artifact/files/{index}"
        if sentence := path_fault(row["path"]):
            found.append(fault(f"{here}/path", "PATH", sentence))
        if row["path"] in seen:
            found.append(fault(f"{here}/path", "NAMED_TWICE", f"{row['path']} is listed twice."))
        if not HEX.fullmatch(row["sha256"]):
            found.append(fault(f"{here}/sha256", "SHA256", "A sha256 is 64 hexadecimal digits in lower case."))
        if not 0 <= row["size"] <= LARGEST:
            found.append(fault(f"{here}/size", "SIZE", "A size is a number of bytes, 0 or more."))
        seen.add(row["path"])
    return found


def read_artifact(
    files: Sequence[Mapping[str, Any]], digest: str, image: str
) -> tuple[Artifact | None, list[dict[str, str]]]:
    """The artifact that a registration describes, or what is wrong with the description."""
    found = file_faults(files)
    if digest and not DIGEST.fullmatch(digest):
        found.append(
            fault("/artifact/digest", "DIGEST", "A digest reads sha256: and 64 hexadecimal digits in lower case.")
        )
    in_image = IMAGE_DIGEST.fullmatch(image)
    if not files and not digest and not in_image:
        sentence = "Give the files, or a digest, or an image with a digest: a version is bound to bytes."
        found.append(fault("/artifact", "NO_BYTES", sentence))
    if found:
        return None, found
    aliases: list[tuple[str, str]] = []
    image_digest = in_image[1] if in_image else ""
    own = manifest_digest(files) if files else digest or image_digest
    if files or digest:
        aliases.append(("manifest", own))
    if len(files) == 1:
        aliases.append(("file", f"sha256:{files[0]['sha256']}"))
    if image_digest:
        aliases.append(("image", image_digest))
    if digest and digest not in {own, *(alias for kind, alias in aliases if kind == "file")}:
        sentence = (
            f"The digest given is {digest}, the files listed make {own}. Send the list of the files that were hashed."
        )
        return None, [{**fault("/artifact/digest", "DIGEST_DISAGREES", sentence), "given": digest, "computed": own}]
    rows = tuple({"path": row["path"], "sha256": row["sha256"], "size": row["size"]} for row in files)
    return Artifact(own, tuple(sorted(rows, key=lambda row: str(row["path"]))), tuple(aliases)), []
