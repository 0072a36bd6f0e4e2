"""The registers beside the PDF: tables, totals and OSCAL say what the content says, completely and in a form that tools take."""

import csv
import io
import json
import re
import zipfile
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from apps.dossiers import oscal, tables
from apps.dossiers.building import kept
from tests.dossiers.conftest import Shown

pytestmark = pytest.mark.django_db

NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
ONE_LINE = re.compile(r"\S(.*\S)?")


@pytest.fixture(scope="module")
def files(shown: Shown) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(shown.bundle)) as bag:
        return {name: bag.read(name) for name in bag.namelist()}


@pytest.fixture(scope="module")
def document(shown: Shown) -> dict[str, Any]:
    return json.loads(kept(shown.dossier.content_sha256))


@pytest.fixture(scope="module")
def results(files: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(files["data/oscal-ar.json"])["assessment-results"]


def rows_of(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[f"data/tables/{name}.jsonl"].splitlines()]


@pytest.mark.parametrize("name", tables.COLUMNS)
def test_both_forms_of_a_table_hold_the_same_rows_and_columns(files: dict[str, bytes], name: str) -> None:
    lines = rows_of(files, name)
    listed = list(csv.DictReader(io.StringIO(files[f"data/tables/{name}.csv"].decode())))
    assert len(lines) == len(listed)
    assert all(tuple(row) == tables.COLUMNS[name] for row in lines)
    for line, row in zip(lines, listed, strict=True):
        assert {key: tables.cell_of(value) for key, value in line.items()} == row


def test_totals_count_what_is_there(files: dict[str, bytes], document: dict[str, Any]) -> None:
    totals = json.loads(files["data/tables/totals.json"])
    for name, count in totals["rows"].items():
        assert count == len(rows_of(files, name)) == sum(totals["by_kind"][name].values())
    assert totals["rows"]["requirements"] == sum(row["count"] for row in document["cover"]["counts"])
    assert totals["log_entries"] == len(files["data/events.jsonl"].splitlines())
    assert totals["log_objects"] == len(files["data/objects.csv"].splitlines()) - 1
    assert totals["time_zone"] == "UTC" and totals["exported_by"] == document["requested_by"]


def test_signatures_name_what_was_signed_and_decisions_what_they_overrode(files: dict[str, bytes]) -> None:
    seen = {row["seen"] for row in rows_of(files, "signatures")}
    assert seen and all(f"data/rows/{digest}.json" in files for digest in seen)
    assert all(isinstance(row["overridden"], list) for row in rows_of(files, "decisions"))


def test_a_cell_that_a_spreadsheet_would_compute_is_text() -> None:
    assert [tables.cell_of(text) for text in ("=1+1", "+1", "-1", "@x", "1")] == ["'=1+1", "'+1", "'-1", "'@x", "1"]
    assert tables.cell_of(["a", "b"]) == "a; b" and tables.cell_of(True) == "yes"


def test_every_asked_requirement_is_a_finding_and_every_item_an_observation(
    results: dict[str, Any], files: dict[str, bytes]
) -> None:
    [result] = results["results"]
    asked = [row for row in rows_of(files, "requirements") if row["outcome"] not in oscal.UNASKED]
    states = {found["target"]["target-id"]: found["target"]["status"]["state"] for found in result["findings"]}
    assert states == {row["id"]: "satisfied" if row["outcome"] == "satisfied" else "not-satisfied" for row in asked}
    assert len(result["observations"]) == len(rows_of(files, "evidence"))
    selection = result["reviewed-controls"]["control-selections"][0]
    named = [row["control-id"] for key in ("include-controls", "exclude-controls") for row in selection.get(key, [])]
    assert sorted(named) == sorted(row["id"] for row in rows_of(files, "requirements"))


def test_oscal_has_what_its_schema_requires_and_nothing_it_refuses(results: dict[str, Any]) -> None:
    assert {"uuid", "metadata", "import-ap", "results"} <= set(results)
    assert {"title", "last-modified", "version", "oscal-version"} <= set(results["metadata"])
    required = {
        "observations": {"uuid", "description", "methods", "collected"},
        "findings": {"uuid", "title", "description", "target"},
        "risks": {"uuid", "title", "description", "statement", "status"},
    }
    for result in results["results"]:
        assert {"uuid", "title", "description", "start", "reviewed-controls"} <= set(result)
        for kind, keys in required.items():
            assert all(keys <= set(row) for row in result.get(kind, []))
    for name, value in walked(results):
        if name in {"uuid", "observation-uuid", "risk-uuid"}:
            assert UUID(value).version == 5, (name, value)
        elif name in {"control-id", "target-id"}:
            assert NCNAME.fullmatch(value), value
        elif name in {"collected", "expires", "deadline", "start", "end", "last-modified"}:
            assert datetime.fromisoformat(value).tzinfo is not None
        elif name == "props":
            assert value and all(NCNAME.fullmatch(prop["name"]) and ONE_LINE.fullmatch(prop["value"]) for prop in value)
        assert value not in ("", [], {}, None) or name in {"description"}, name


def walked(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every member with its name."""
    found = [(name, value)] if name else []
    if isinstance(value, dict):
        for key, part in value.items():
            found += walked(part, key)
    elif isinstance(value, list):
        for part in value:
            found += walked(part)
    return found


def test_every_reference_inside_the_oscal_document_leads_somewhere(results: dict[str, Any]) -> None:
    members = walked(results)
    ids = [value for name, value in members if name == "uuid"]
    assert len(ids) == len(set(ids))
    asked = [value.removeprefix("#") for name, value in members if name == "href" and value.startswith("#")]
    asked += [value for name, value in members if name in {"observation-uuid", "risk-uuid"}]
    assert asked and set(asked) <= set(ids)
    plan = results["import-ap"]["href"].removeprefix("#")
    note = next(row for row in results["back-matter"]["resources"] if row["uuid"] == plan)
    assert "not under an assessment plan" in note["description"]


def test_files_that_oscal_names_are_in_the_bundle_with_that_digest(
    results: dict[str, Any], files: dict[str, bytes]
) -> None:
    links = [link for row in results["back-matter"]["resources"] for link in row.get("rlinks", [])]
    assert len(links) > 5
    assert all(f"data/{link['href']}" in files for link in links)


def test_the_same_record_has_the_same_id_in_every_export(document: dict[str, Any]) -> None:
    again = {**document, "id": str(UUID(int=1)), "reference": "D-0"}
    first, second = (oscal.assessment_results(found)["assessment-results"] for found in (document, again))
    assert [row["uuid"] for row in first["results"][0]["findings"]] == [
        row["uuid"] for row in second["results"][0]["findings"]
    ]
    assert first["uuid"] != second["uuid"]
    assert oscal.file_of(document) == oscal.file_of(document)


def test_the_log_notes_the_digest_of_the_whole_bundle(shown: Shown) -> None:
    from apps.audit.models import Entry

    packed = Entry.objects.get(verb="dossiers.packed", subject=shown.dossier.subject)
    assert packed.facts["bundle_sha256"] == shown.dossier.bundle_sha256
