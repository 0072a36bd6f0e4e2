"""Content to PDF/A-3u: tagged, with its facts attached, the same bytes on every run. Reads nothing but its arguments."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import mark_safe

from apps.core.memory import few_collections
from apps.core.models import digest_of
from apps.dossiers.typography import font_faces

VARIANT = "pdf/a-3u"
STYLE = "templates/dossiers/print/dossier.css"
ATTACHED = "dossier.json"


@dataclass(frozen=True)
class Rendered:
    """The document before it is sealed, and where the seal goes."""

    base: bytes
    pages: int
    seal_box: tuple[float, float, float, float]

    @property
    def sha256(self) -> str:
        """The digest of the document."""
        return hashlib.sha256(self.base).hexdigest()


@cache
def style() -> str:
    """The print style with the typefaces inside."""
    return f"{font_faces()}\n{(settings.ROOT / STYLE).read_text('utf-8')}"


def as_html(content: dict[str, Any]) -> str:
    """The whole document as one page of HTML that refers to nothing outside itself."""
    with translation.override(content["language"]):
        return render_to_string("dossiers/print/document.html", {"dossier": content, "style": mark_safe(style())})


def render(content: dict[str, Any], attached: bytes) -> Rendered:
    """The PDF of this content. `attached` are the bytes of the content, carried inside."""
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    html = as_html(content)
    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)
    identifier = bytes.fromhex(digest_of({"html": html}).removeprefix("sha256:"))[:16]
    with few_collections(), _quiet():
        document = HTML(string=html, url_fetcher=fetcher).render(pdf_variant=VARIANT, pdf_tags=True)
        _attach(document, attached, datetime.fromisoformat(content["as_at"]))
        base = document.write_pdf(pdf_variant=VARIANT, pdf_tags=True, finisher=_finish, pdf_identifier=identifier)
        return Rendered(base, len(document.pages), _seal_box(document))


def _attach(document: Any, attached: bytes, moment: datetime) -> None:
    from weasyprint import Attachment

    document.metadata.attachments = [
        Attachment(
            string=attached, name=ATTACHED, description="All facts printed in this dossier", created=moment, modified=moment,
            relationship="Data",
        )
    ]  # fmt: skip


def stamp_page(head: str, lines: list[str], *, width: float, height: float) -> bytes:
    """What the seal shows, as a page of its size in points."""
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    shape = f"@page {{ size: {width}pt {height}pt; margin: 0; }}"
    values = {"head": head, "lines": lines, "style": mark_safe(f"{font_faces()}\n{shape}")}
    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)
    html = render_to_string("dossiers/print/stamp.html", values)
    with _quiet():
        page: bytes = HTML(string=html, url_fetcher=fetcher).write_pdf(pdf_variant=VARIANT)
    return page


@contextmanager
def _quiet() -> Iterator[None]:
    """WeasyPrint 70 leaves its colour profile to the garbage collector, which complains; nothing else is kept quiet."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*sRGB2014\.icc", category=ResourceWarning)
        yield


def _finish(document: Any, pdf: Any) -> None:
    import pydyf

    # WeasyPrint lists every attachment twice in /AF.
    pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))
    # Readers show the title, not the file name, and open with the bookmarks.
    pdf.catalog["ViewerPreferences"] = pydyf.Dictionary({"DisplayDocTitle": "true"})
    pdf.catalog["PageMode"] = "/UseOutlines"


def _seal_box(document: Any) -> tuple[float, float, float, float]:
    """Corners of the box for the seal in PDF points, origin at the lower left."""
    page = document.pages[0]
    left, top, right, bottom = page.anchors["seal"]
    scale = 72 / 96
    return tuple(round(value * scale, 1) for value in (left, page.height - bottom, right, page.height - top))  # type: ignore[return-value]
