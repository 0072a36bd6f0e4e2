"""Every number of a dossier can be found on a page of the product, and in the text of the PDF."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from apps.accounts.models import User
from apps.audit.models import Checkpoint
from apps.dossiers.building import kept
from apps.evidence.models import Evidence
from tests import factories
from tests.dossiers.conftest import Shown
from tests.dossiers.numbers import figures_of, numbers, numbers_of_print, page_text

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document(shown: Shown) -> dict[str, Any]:
    return json.loads(kept(shown.dossier.content_sha256))


@pytest.fixture
def browser(shown: Shown) -> Client:
    return factories.signed_in(User.objects.get(pk=shown.world.auditor.pk))


@pytest.fixture(scope="module")
def pdf_text(shown: Shown, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of the sealed file, as another program reads it where there is one."""
    path = tmp_path_factory.mktemp("pdf") / "d.pdf"
    path.write_bytes(shown.pdf)
    try:
        return subprocess.run(
            ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages)


def items(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for part in document["parts"] for section in part["sections"] for item in section["items"]]


def is_presentable(item_id: str) -> bool:
    """Whether its metrics say how many digits they have, as every check does; shelf evidence of other tests does not."""
    return all("digits" in metric for metric in Evidence.objects.get(pk=item_id).metrics)


def section(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for part in document["parts"] for row in part["sections"] if row["id"] == name)


def text_at(browser: Client, *name: Any) -> str:
    answer = browser.get(reverse(name[0], args=name[1:]))
    assert answer.status_code == 200, name
    return page_text(answer.content.decode())


def test_every_figure_of_the_evidence_stands_on_the_page_of_that_evidence(
    document: dict[str, Any], browser: Client
) -> None:
    lacking = {}
    asked = [item for item in items(document) if is_presentable(item["id"])]
    for item in asked:
        there = numbers(text_at(browser, "evidence:detail", item["id"]))
        missing = {number for text in figures_of(item) for number in numbers(text)} - there
        if missing:
            lacking[item["title"]] = missing
    assert lacking == {}
    assert sum(len(numbers(text)) for item in asked for text in figures_of(item)) > 10


def test_every_figure_of_the_requirements_stands_on_the_page_of_the_version(
    document: dict[str, Any], browser: Client, shown: Shown
) -> None:
    version = shown.world.version
    there = numbers(text_at(browser, "console:version", version.model.slug, version.version))
    asked = [row for row in document["requirements"] if row["outcome"] not in {"not_applicable", "not_yet_effective"}]
    lacking = {
        row["id"]: numbers(f"{row['observed']} {row['required']}") - there
        for row in asked
        if numbers(f"{row['observed']} {row['required']}") - there
    }
    assert asked and lacking == {}


def test_the_counts_of_page_one_are_those_of_the_assessment_at_that_moment(
    document: dict[str, Any], browser: Client, shown: Shown
) -> None:
    moment = Checkpoint.objects.get(size=shown.dossier.log_size).signed_at
    asked = {"environment": shown.dossier.environment.slug, "as_of": moment.isoformat().replace("+00:00", "Z")}
    answer = browser.get(f"/api/v1/versions/{shown.world.version.pk}/assessment", asked)
    assert answer.status_code == 200, answer.content
    judged = {row["id"]: row["outcome"] for row in answer.json()["requirements"]}
    ours = {row["id"]: row["outcome"] for row in document["requirements"]}
    differing = {name for name, outcome in ours.items() if judged.get(name) != outcome}
    assert differing <= {row["id"] for row in document["requirements"] if "technical_dossier" in row["id"]}
    assert sum(row["count"] for row in document["cover"]["counts"]) == len(ours)


def test_signatures_and_waivers_stand_on_pages_with_the_same_times(
    document: dict[str, Any], browser: Client, shown: Shown
) -> None:
    review = shown.world.version.reviews.get()
    there = text_at(browser, "workflow:review-detail", review.pk)
    for row in section(document, "A4")["own"]["signatures"]:
        assert row["name"] in there and row["at"][11:16] in there
    for waiver in shown.world.version.waivers.all():
        said = text_at(browser, "policy:waiver", waiver.pk)
        row = next(row for row in section(document, "A4")["own"]["waivers"] if row["reference"] == waiver.reference)
        assert row["reason"] in said


def test_every_figure_stands_in_the_text_of_the_pdf(document: dict[str, Any], pdf_text: str) -> None:
    there = numbers_of_print(pdf_text)
    said = {number for item in items(document) for text in figures_of(item) for number in numbers(text)}
    said |= {
        number
        for row in document["requirements"]
        if row["outcome"] in {"satisfied", "open", "waived", "missing"}
        for number in numbers(f"{row['observed']} {row['required']}")
    }
    said |= {str(row["count"]) for row in document["cover"]["counts"]}
    assert said - there == set()


def test_the_pdf_has_no_words_that_the_content_lacks(document: dict[str, Any], pdf_text: str, tmp_path: Path) -> None:
    """Numbers are printed from the content only: none appears in the PDF that the content and the page numbers do not hold."""
    held = numbers(json.dumps(document, ensure_ascii=False).replace('"', " ")) | {str(page) for page in range(1, 200)}
    pieces = {piece for number in held for piece in number.split(".")}
    strange = {number for number in numbers(pdf_text) if number not in held and not set(number.split(".")) <= pieces}
    assert len(strange) <= 3, strange
