"""Editions: two print orders with the same items, and what readers outside get and do not get."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.audit import canonical
from apps.audit import services as audit
from apps.audit.models import Checkpoint, Entry
from apps.core.errors import Invalid
from apps.dossiers import building, bundling, content, editions, services
from apps.dossiers.building import kept
from apps.dossiers.models import Dossier
from apps.dossiers.sections import plan
from apps.dossiers.verifier import command
from tests.dossiers.conftest import Shown, claimed, settle

pytestmark = pytest.mark.django_db

NOT_THE_SAME = ("no", "where")


def sections(document: dict[str, Any]) -> dict[str, Any]:
    return {section["id"]: section for part in document["parts"] for section in part["sections"]}


def contents_of(shown: Shown, **asked: Any) -> dict[str, Any]:
    """The content of another edition of the same version at the same signed head."""
    dossier = services.request_dossier(shown.world.version, actor=shown.world.auditor, **asked)
    head = Checkpoint.objects.get(size=shown.dossier.log_size)
    made, _ = content.build(Dossier.objects.get(pk=dossier.pk), head)
    return made


@pytest.fixture(scope="module")
def inside(shown: Shown) -> dict[str, Any]:
    return json.loads(kept(shown.dossier.content_sha256))


@pytest.fixture(scope="module")
def outside(shown: Shown, django_db_blocker: Any) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
    """An edition without names and texts, built to the end: its content and its bundle."""
    with django_db_blocker.unblock():
        asked = services.request_dossier(
            shown.world.version, actor=shown.world.auditor, profile="outside", has_names=False, has_texts=False
        )
        building.build(Dossier.objects.get(pk=asked.pk), claimed(asked), settle=settle)
        asked.refresh_from_db()
        with zipfile.ZipFile(io.BytesIO(kept(asked.bundle_sha256))) as bag:
            files = {name: bag.read(name) for name in bag.namelist()}
    yield json.loads(files["data/dossier.json"]), files


def test_both_orders_hold_the_same_items_with_the_same_numbers(shown: Shown) -> None:
    first, second = (contents_of(shown, order=order) for order in ("annex_iv", "sr_26_2"))
    ones, others = sections(first), sections(second)
    assert list(ones) != list(others) and set(ones) == set(others) == set(plan.specs())
    for name, section in ones.items():
        other = others[name]
        differing = {key for key in section if section[key] != other[key]}
        assert differing <= set(NOT_THE_SAME), name
    same = set(first) - {"id", "reference", "file_name", "order", "order_name", "parts"}
    assert {key for key in same - {"scope", "left_out", "cover"} if first[key] != second[key]} == set()
    assert {key for key in first["cover"] if first["cover"][key] != second["cover"][key]} <= {"tail"}


def test_sections_in_the_order_of_sr_26_2_follow_its_headings() -> None:
    numbers = [place.no for _title, places in plan.parts("sr_26_2") for place in places]
    assert [int(number.split(".")[0]) for number in numbers] == sorted(int(number.split(".")[0]) for number in numbers)
    ids = [place.section for _title, places in plan.parts("sr_26_2") for place in places]
    assert ids == plan.body()["orders"]["sr_26_2"]
    assert [place.section for _title, places in plan.parts("annex_iv") for place in places] == list(plan.specs())
    oversight = next(place for _title, places in plan.parts("sr_26_2") for place in places if place.section == "D2c")
    assert "5 Validation, testing, fairness" in oversight.also


def test_each_head_carries_its_number_in_both_orders(shown: Shown) -> None:
    for order in ("annex_iv", "sr_26_2"):
        for section in sections(contents_of(shown, order=order)).values():
            assert "SR 26-2 order" in section["where"] and section["where"].endswith(f"Section {section['id']}")


def test_page_one_and_the_bundle_name_the_edition(
    outside: tuple[dict[str, Any], dict[str, bytes]], tmp_path: Path
) -> None:
    from pypdf import PdfReader

    document, files = outside
    first = " ".join(PdfReader(io.BytesIO(files["data/dossier.pdf"])).pages[0].extract_text().split())
    assert "For readers outside: roles stand for names of staff" in first
    assert "Left out:" in first
    assert b"Edition: For readers outside" in files["bag-info.txt"]
    assert json.loads(files["data/tables/totals.json"])["edition"] == document["edition"]


def test_no_member_of_the_outside_edition_names_anybody(
    outside: tuple[dict[str, Any], dict[str, bytes]], shown: Shown
) -> None:
    document, files = outside
    named = {row["name"] for row in sections(json.loads(kept(shown.dossier.content_sha256)))["A4"]["own"]["signatures"]}
    assert named and named <= set(User.objects.values_list("printed_name", flat=True))
    everything = b"\n".join(body for name, body in files.items() if not name.endswith((".pdf", ".bin")))
    for name in named:
        assert not re.search(rf"(?<!\w){re.escape(name)}(?!\w)".encode(), everything), name
    signed = sections(document)["A4"]["own"]["signatures"]
    assert all(re.fullmatch(r"(?:.+ \(person \d+\)|person \d+)", row["name"]) for row in signed)
    assert len({row["name"] for row in signed}) == len(named)


def test_no_member_of_the_outside_edition_holds_peoples_own_words(
    outside: tuple[dict[str, Any], dict[str, bytes]], inside: dict[str, Any]
) -> None:
    _document, files = outside
    words = {holder[key] for holder, key in editions.own_words(inside) if len(holder[key]) >= editions.SHORTEST_TEXT}
    everything = b"\n".join(body for name, body in files.items() if not name.endswith((".pdf", ".bin"))).decode()
    assert words
    assert [text for text in words if text in everything] == []


def test_what_is_left_out_is_named_by_the_digests_that_the_log_binds(
    outside: tuple[dict[str, Any], dict[str, bytes]], shown: Shown
) -> None:
    document, files = outside
    left = json.loads(files["data/left-out.json"])
    assert left == document["left_out"]
    with zipfile.ZipFile(io.BytesIO(shown.bundle)) as bag:
        whole = {name: bag.read(name) for name in bag.namelist()}
    known = {json.loads(line)["entry"] for line in whole["data/leaves.jsonl"].splitlines()}
    bound = {
        json.loads(line)["row"]["digest"] for line in whole["data/events.jsonl"].splitlines() if json.loads(line)["row"]
    }
    assert left["objects"] and left["records"]
    assert all(entry["digest"] in known for row in left["objects"] for entry in row["entries"])
    assert all(row["digest"] in bound for row in left["records"])
    shipped = {name.removeprefix("data/rows/").removesuffix(".json") for name in files if name.startswith("data/rows/")}
    assert not shipped & {row["digest"].removeprefix("sha256:") for row in left["records"]}
    assert not any(name.startswith("data/blobs/") for name in files)
    assert left["people"] and left["texts"]


def test_the_outside_edition_verifies(
    outside: tuple[dict[str, Any], dict[str, bytes]], shown: Shown, tmp_path: Path
) -> None:
    _document, files = outside
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as bag:
        for name, body in files.items():
            bag.writestr(name, body)
    (tmp_path / "trust.json").write_bytes(shown.trust)
    assert command.main([str(tmp_path / "d.zip"), "--trust", str(tmp_path / "trust.json")]) == 0


def test_numbers_are_the_same_inside_and_outside(
    outside: tuple[dict[str, Any], dict[str, bytes]], inside: dict[str, Any]
) -> None:
    document, _files = outside
    assert [row["count"] for row in document["cover"]["counts"]] == [row["count"] for row in inside["cover"]["counts"]]
    for name, section in sections(document).items():
        mine = {row["no"]: (row["metrics"], row["tables"]) for row in section["items"]}
        theirs = {row["no"]: (row["metrics"], row["tables"]) for row in sections(inside)[name]["items"]}
        assert all(mine[no] == theirs[no] for no in mine if no in theirs), name


def test_with_names_and_texts_the_outside_edition_only_leaves_files_and_small_groups(shown: Shown) -> None:
    made = contents_of(shown, profile="outside")
    assert {row["why"] for row in made["left_out"]["records"]} == {"small groups"} and made["left_out"]["objects"] == []
    assert made["scope"] and "withheld" not in json.dumps(sections(made)["A4"]["own"])
    files, _ = bundling.payload(
        made, canonical.encode(made), b"%PDF", Checkpoint.objects.get(size=shown.dossier.log_size)
    )
    assert not any(name.startswith("data/blobs/") for name in files)


def test_inside_nothing_can_be_left_out(shown: Shown) -> None:
    with pytest.raises(Invalid):
        services.request_dossier(shown.world.version, actor=shown.world.auditor, has_names=False)
    with pytest.raises(Invalid):
        services.request_dossier(shown.world.version, actor=shown.world.auditor, profile="press")


def test_the_request_of_an_edition_is_in_the_log(shown: Shown) -> None:
    asked = services.request_dossier(shown.world.version, actor=shown.world.auditor, profile="outside", has_names=False)
    entry = Entry.objects.get(verb="dossiers.requested", subject=asked.subject)
    assert (entry.facts["profile"], entry.facts["names"], entry.facts["texts"]) == ("outside", "withheld", "printed")
    assert audit.system("dossiers").audit_ref == "system:dossiers"


def test_page_one_says_what_nobody_outside_holds(inside: dict[str, Any], shown: Shown) -> None:
    from pypdf import PdfReader

    first = " ".join(PdfReader(io.BytesIO(shown.pdf)).pages[0].extract_text().split())
    assert inside["cover"]["tail"].split(":")[0] in first
    assert "What nobody outside holds." in first
