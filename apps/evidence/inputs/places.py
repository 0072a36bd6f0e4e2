"""Which files this server may read: those under the roots that an administrator named, links followed."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from apps.evidence.checks.base import Unmeasurable


def allowed_path(uri: str, roots: Sequence[str]) -> Path:
    """The real path behind a `file:` address or a path. Raises Unmeasurable outside the roots, links included."""
    parts = urlsplit(uri)
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        raise Unmeasurable(
            f"{uri[:200]} is not a file this server can read. Give a file: address under an allowed data root.",
            code="NO_FILE_ADDRESS",
        )
    text = unquote(parts.path) if parts.scheme else uri
    if not text.startswith("/") or "\x00" in text:
        raise Unmeasurable(f"{uri[:200]} is not an absolute path.")
    path = Path(os.path.realpath(text))
    if not any(path.is_relative_to(os.path.realpath(root)) for root in roots if root):
        raise Unmeasurable(
            f"{uri[:200]} lies outside the allowed data roots. An administrator adds its folder to ALLOWED_DATA_ROOTS.",
            code="OUTSIDE_ROOTS",
        )
    return path
