"""Bodies as bytes: any content type, gzip with a cap on what comes out, so that a bomb costs nothing."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from apps.core.errors import BadRequest, ProductError, TooLarge

CHUNK = 256 * 1024


class UnknownEncoding(ProductError):
    """The body is packed in a way that this call does not read."""

    status, code, title = 415, "CONTENT_ENCODING", "Encoding not supported"


class RawParser(BaseParser):
    """Gives the view the unpacked bytes. The view says how many in ``most_bytes``."""

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body, unpacked. Raises TooLarge, BadRequest or UnknownEncoding."""
        context = parser_context or {}
        encoding = context["request"].headers.get("Content-Encoding", "").strip().lower()
        most = context["view"].most_bytes
        if encoding in ("", "identity"):
            return read_plain(stream, most)
        if encoding in ("gzip", "x-gzip"):
            return read_packed(stream, most)
        raise UnknownEncoding(f"The content encoding {encoding[:40]!r} is not read here. Send gzip or nothing.")


def read_plain(stream: IO[bytes], most: int) -> bytes:
    """The bytes of the stream, at most so many."""
    body = stream.read(most + 1)
    if len(body) > most:
        raise TooLarge(f"The body has more than {most} bytes.")
    return body


def read_packed(stream: IO[bytes], most: int) -> bytes:
    """The bytes that the stream holds packed, at most so many."""
    unpacker, parts, total = zlib.decompressobj(31), [], 0
    try:
        while chunk := stream.read(CHUNK):
            while chunk:
                part = unpacker.decompress(chunk, most + 1 - total)
                parts.append(part)
                total += len(part)
                if total > most:
                    raise TooLarge(f"The body unpacks to more than {most} bytes.")
                chunk = unpacker.unconsumed_tail
            if unpacker.eof:
                break
    except zlib.error:
        raise BadRequest("The body is not gzip, although its header says so.", code="NOT_GZIP") from None
    if not unpacker.eof:
        raise BadRequest("The gzip body breaks off.", code="NOT_GZIP")
    return b"".join(parts)
