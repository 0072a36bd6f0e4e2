"""The Word document: the same words, numbers and drawings as the PDF, unsealed, and saying so on every page."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from docx import Document
from lxml import html as parser

from apps.audit.models import Entry
from apps.core import jobs
from apps.core.errors import WrongState
from apps.core.models import Job
from apps.dossiers import exporting, rendering, services
from apps.dossiers.building import kept
from apps.dossiers.models import Dossier
from tests import factories
from tests.dossiers.conftest import Shown

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def made(shown: Shown, django_db_blocker: Any) -> Iterator[bytes]:
    """The document that a worker writes."""
    with django_db_blocker.unblock():
        written = write(shown)
    yield written


def write(shown: Shown) -> bytes:
    """Ask, write, download."""
    job = services.request_word(shown.dossier, actor=shown.world.auditor)
    held = jobs.claim(job.pk)
    assert held is not None
    row = Dossier.objects.get(pk=shown.dossier.pk)
    exporting.write(row, held)
    row.refresh_from_db()
    return services.download(row, kind="docx", actor=shown.world.auditor)


def words_of(made: bytes) -> list[str]:
    """Every word of the document, in order."""
    document = Document(io.BytesIO(made))
    return " ".join("".join(node.itertext()) + " " for node in document.element.body.iter("{*}p")).split()


def test_it_holds_every_word_of_the_printed_pages(made: bytes, shown: Shown) -> None:
    page = rendering.as_html(json.loads(kept(shown.dossier.content_sha256)))
    body = parser.fromstring(re.sub(r"<(style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)).find("body")
    for contents in body.iter("nav"):
        contents.clear()
    printed = set(re.sub(r"\s+", " ", " ".join(body.itertext())).split())
    there = set(words_of(made))
    glued = "".join(words_of(made))
    assert [word for word in printed if word not in there and word not in glued] == []


def test_every_page_says_that_it_is_not_sealed(made: bytes, shown: Shown) -> None:
    document = Document(io.BytesIO(made))
    for section in document.sections:
        head = section.header.paragraphs[0].text
        assert head.startswith("Unsealed copy for editing") and shown.dossier.sealed_sha256 in head
        assert "unsealed" in section.footer.paragraphs[0].text
        assert not section.different_first_page_header_footer
    assert not document.settings.odd_and_even_pages_header_footer


def test_every_drawing_is_there_with_its_sentence(made: bytes, shown: Shown) -> None:
    page = rendering.as_html(json.loads(kept(shown.dossier.content_sha256)))
    document = Document(io.BytesIO(made))
    assert len(document.inline_shapes) == page.count("<svg") > 0
    assert all(shape._inline.docPr.get("descr") for shape in document.inline_shapes)
    assert all(shape.width <= 165 * 36000 + 1 for shape in document.inline_shapes)


def test_headings_make_an_outline_and_tables_repeat_their_heads(made: bytes) -> None:
    document = Document(io.BytesIO(made))
    styles = [paragraph.style.name for paragraph in document.paragraphs if paragraph.style]
    assert {"Title", "Heading 1", "Heading 2", "Heading 3"} <= set(styles)
    assert document.element.body.xpath(".//w:tblHeader")


def test_the_log_notes_the_request_the_export_and_the_download(made: bytes, shown: Shown) -> None:
    verbs = list(Entry.objects.filter(subject=shown.dossier.subject).values_list("verb", flat=True))
    assert {"dossiers.word_requested", "dossiers.exported"} <= set(verbs)
    exported = Entry.objects.get(subject=shown.dossier.subject, verb="dossiers.exported")
    taken = Entry.objects.filter(subject=shown.dossier.subject, verb="dossiers.downloaded").latest("at")
    row = Dossier.objects.get(pk=shown.dossier.pk)
    assert exported.facts["sha256"] == taken.facts["sha256"] == row.word_sha256
    assert (exported.facts["format"], exported.facts["sealed"], taken.facts["file"]) == ("docx", "no", "docx")


def test_it_is_written_once(made: bytes, shown: Shown) -> None:
    row = Dossier.objects.get(pk=shown.dossier.pk)
    assert services.request_word(row, actor=shown.world.auditor) == row.word_job
    assert exporting.write(row, Job.objects.get(pk=row.word_job_id)) == row.word_sha256


def test_what_is_not_sealed_yet_has_no_word_document(shown: Shown) -> None:
    young = services.request_dossier(shown.world.version, actor=shown.world.auditor)
    with pytest.raises(WrongState):
        services.request_word(young, actor=shown.world.auditor)


def test_the_api_asks_and_hands_out(made: bytes, shown: Shown) -> None:
    client = factories.api(shown.world.auditor, "read", "dossiers:write")
    asked = client.post(f"/api/v1/dossiers/{shown.dossier.pk}/word", {}, format="json")
    assert asked.status_code == 202, asked.json()
    file = client.get(asked.json()["file"])
    assert file.content == made and "unsealed.docx" in file["Content-Disposition"]
    assert client.post(f"/api/v1/dossiers/{shown.dossier.pk}/word", {"x": 1}, format="json").status_code == 422
