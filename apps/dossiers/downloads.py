"""Handing a dossier out, the same through pages and API."""

from typing import Any

from django.http import HttpResponse

from apps.dossiers import services
from apps.dossiers.models import Dossier

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
KINDS = {"pdf": ("application/pdf", "pdf"), "bundle": ("application/zip", "zip"), "docx": (WORD, "unsealed.docx")}


def handed_out(dossier: Dossier, *, kind: str, actor: Any) -> HttpResponse:
    """The file as a download under the name that its pages print."""
    content = services.download(dossier, kind=kind, actor=actor)
    media_type, ending = KINDS[kind]
    answer = HttpResponse(content, content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="{dossier.file_name}.{ending}"'
    return answer
