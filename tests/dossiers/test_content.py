"""What a dossier says, and what it must never say."""

import json
import re
import zipfile
from io import BytesIO
from typing import Any

import pytest

from apps.dossiers import rendering, wording
from apps.dossiers.building import kept
from apps.dossiers.sections import plan
from tests.dossiers.conftest import Shown

pytestmark = pytest.mark.django_db

BANNED = re.compile(r"\b(compliant|certified|bias-free|anonymi[sz]ed)\b", re.IGNORECASE)


@pytest.fixture
def document(shown: Shown) -> dict[str, Any]:
    return json.loads(kept(shown.dossier.content_sha256))


@pytest.fixture(scope="module")
def html(shown: Shown) -> str:
    return rendering.as_html(json.loads(kept(shown.dossier.content_sha256)))


def sections(document: dict[str, Any]) -> dict[str, Any]:
    return {section["id"]: section for part in document["parts"] for section in part["sections"]}


def test_every_section_of_the_map_is_there_in_the_order_of_annex_iv(document: dict[str, Any]) -> None:
    assert list(sections(document)) == list(plan.specs())


def test_every_section_without_evidence_says_what_is_missing_or_why_it_is_not_needed(document: dict[str, Any]) -> None:
    for section in sections(document).values():
        lacking = [kind for kind in plan.specs()[section["id"]].evidence if kind not in present(document)]
        said = len(section["missing"]) + sum(len(row["titles"].split(", ")) for row in section["not_needed"])
        assert bool(said) == bool(lacking), section["id"]
        for row in (*section["missing"], *section["not_needed"]):
            assert row["reason"].endswith((".", ")")), row


def present(document: dict[str, Any]) -> set[str]:
    return {kind for section in sections(document).values() for row in section["evidence"] for kind in row["types"]}


def test_every_requirement_stands_in_the_register_once_and_in_a_section(document: dict[str, Any]) -> None:
    own = sections(document)["A5"]["own"]
    listed = [row["id"] for group in own["registers"] for table in group["tables"] for row in table["rows"]]
    listed += [name for row in own["not_applicable"] for name in row["ids"]]
    answered = {name for section in sections(document).values() for row in section["answers"] for name in row["ids"]}
    assert len(listed) == len(set(listed)) > 100
    assert set(listed) == answered


def test_state_words_are_those_of_the_list(document: dict[str, Any]) -> None:
    allowed = {wording.outcome_word(outcome) for outcome in wording.OUTCOME_ORDER}
    used = {row["word"] for section in sections(document).values() for row in section["answers"]}
    used |= {row["word"] for row in document["cover"]["counts"]} | {row["word"] for row in document["legend"]}
    assert used <= allowed
    register = sections(document)["A5"]["own"]["registers"]
    words = {row["outcome"]["word"] for group in register for table in group["tables"] for row in table["rows"]}
    assert all(word in allowed or re.fullmatch(r"(?:Waived until|From) \d{4}-\d\d-\d\d", word) for word in words)


def test_words_that_claim_too_much_are_nowhere(html: str) -> None:
    assert not BANNED.findall(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))


def test_every_signature_is_printed_with_name_meaning_time_and_entry(document: dict[str, Any], shown: Shown) -> None:
    printed = sections(document)["A4"]["own"]["signatures"]
    assert [row["name"] for row in printed] == [
        row.printed_name for row in shown.world.version.reviews.get().signatures.order_by("signed_at")
    ]
    assert all(row["meaning"] and row["at"] and isinstance(row["entry"], int) for row in printed)


def test_small_groups_are_in_neither_page_nor_attachment_nor_bundle(
    document: dict[str, Any], html: str, shown: Shown
) -> None:
    said = json.dumps(document)
    for secret in ("0.1753", "0.175", "0.6671", "0.667"):
        assert secret not in said and secret not in html
    item = next(
        row for section in sections(document).values() for row in section["items"] if row["check"] == "fairness"
    )
    assert item["figures"] == [] and item["left_out"] == ["Figure of fairness"]
    cells = [[cell["text"] for cell in row["cells"]] for row in item["tables"][0]["rows"]]
    assert [row[2] for row in cells] == ["withheld", "170", "withheld"]
    with zipfile.ZipFile(BytesIO(shown.bundle)) as bag:
        rows = b"".join(bag.read(name) for name in bag.namelist() if name.startswith("data/rows/"))
    assert b"0.1753" not in rows
    assert [row["why"] for row in document["left_out"]["records"]] == ["small groups"]


def test_groups_that_are_large_are_printed_with_their_figure(document: dict[str, Any]) -> None:
    item = next(
        row for section in sections(document).values() for row in section["items"] if row["check"] == "subpopulations"
    )
    assert len(item["figures"]) == 1
    assert [cell["below"] for cell in item["tables"][0]["rows"][0]["cells"]][-1] == "0.530 to 0.670"


def test_no_two_drawings_share_an_id(html: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), sorted({name for name in ids if ids.count(name) > 1})


def test_nothing_outside_the_document_is_asked_for(html: str) -> None:
    named = re.findall(r"""(?:\s(?:src|href)=|url\()["']?([^"')>\s]+)""", html)
    assert [address[:80] for address in named if not address.startswith(("#", "data:"))] == []


def test_an_address_in_the_content_is_never_fetched() -> None:
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)
    with pytest.raises(FatalURLFetchingError):
        HTML(string='<img src="file:///etc/hostname">', url_fetcher=fetcher).render()


def test_no_cell_is_empty(html: str) -> None:
    bare = re.findall(r"<td[^>]*>\s*</td>", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))
    assert bare == []
