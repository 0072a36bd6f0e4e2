"""Handing out uploaded files: as they came, as a download, never as a page; the log tells who took which."""

import io
from typing import Any

from django.db import transaction
from django.http import FileResponse

from apps.audit.services import record
from apps.core.errors import NotFound
from apps.evidence.models import Evidence
from apps.evidence.queries import upload_of
from apps.evidence.services import stored_file


def download(item: Evidence, sha256: str, *, actor: Any) -> FileResponse:
    """The file of this item with this hash. Raises NotFound, and WrongState when the stored file is no longer that one."""
    row = upload_of(item, sha256)
    if row is None:
        raise NotFound("This item has no such file.")
    content = stored_file(sha256)
    with transaction.atomic():
        record(actor, "evidence.file_downloaded", item, data={"sha256": f"sha256:{sha256}"})
    response = FileResponse(io.BytesIO(content), as_attachment=True, filename=row["name"])
    response["Content-Type"] = "application/octet-stream"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
