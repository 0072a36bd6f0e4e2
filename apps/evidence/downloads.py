"""Handing out uploaded files: as they came, as a download, never as a page; the log tells who took which."""

from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.http import FileResponse

from apps.audit.services import record
from apps.core.errors import NotFound
from apps.evidence.models import Evidence
from apps.evidence.queries import upload_of
from apps.evidence.services import stored_at


def download(item: Evidence, sha256: str, *, actor: Any) -> FileResponse:
    """The file of this item with this hash. Raises NotFound."""
    row = upload_of(item, sha256)
    if row is None or not default_storage.exists(stored_at(sha256)):
        raise NotFound("This item has no such file.")
    with transaction.atomic():
        record(actor, "evidence.file_downloaded", item, data={"sha256": f"sha256:{sha256}"})
    response = FileResponse(default_storage.open(stored_at(sha256)), as_attachment=True, filename=row["name"])
    response["Content-Type"] = "application/octet-stream"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
