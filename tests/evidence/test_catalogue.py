"""What the catalogue, the dossier's map and the demo's statements say of checks agrees with the checks there are."""

from pathlib import Path

import pytest

from apps.config.management.commands import demo
from apps.console.journey.story import attestations
from apps.core.errors import Invalid
from apps.dossiers.sections import plan
from apps.evidence.catalogue import COMPUTED, REPORTS, catalogue, field_title, refuse_wrong_fields
from apps.evidence.checks import registry
from apps.evidence.checks.base import Unmeasurable
from apps.evidence.declared import field_words
from apps.evidence.inputs.places import allowed_path
from apps.evidence.web.forms import TypeForm


def test_the_result_of_every_check_stands_in_a_section_of_the_dossier() -> None:
    assert {key for key, check in registry().items() if plan.home_of(list(check.fills), key) == plan.REST} == set()
    assert plan.home_of([], "ll144") == "D2e" and plan.home_of([], "counterfactuals") == "D2c"
    assert set(plan.CHECKS.values()) <= set(plan.specs()) and set(plan.CHECKS) <= set(registry())
    assert plan.home_of([], "a new one") == "D2e" and plan.home_of(["deidentification"], "a new one") == "D2b"


def test_a_report_of_tests_stands_beside_the_validation() -> None:
    assert plan.home_of(["integration_tests"], "") == "D2e"


def test_every_evidence_type_of_the_map_is_in_the_catalogue() -> None:
    assert {name for spec in plan.specs().values() for name in spec.evidence} <= set(catalogue())


def test_the_demo_states_nothing_that_a_check_computes() -> None:
    typed = {(name, field) for name, row in attestations().items() for field in row["fields"]}
    assert typed & {(name, field) for name, fields in COMPUTED.items() for field in fields} == set()
    for name, row in attestations().items():
        refuse_wrong_fields(catalogue()[name], row["fields"])


def test_the_demo_reads_its_tables_and_its_model_files_and_nothing_else(tmp_path: Path) -> None:
    roots = demo.environment(tmp_path, 8000, 8001)["ALLOWED_DATA_ROOTS"].split(",")
    for name in ("data/main/train.csv", "models/credit-1-0/model.onnx"):
        assert allowed_path((tmp_path / name).as_uri(), roots) == tmp_path / name
    for name in ("secret", "access.json", "models/../secret"):
        with pytest.raises(Unmeasurable):
            allowed_path((tmp_path / name).as_posix(), roots)


def test_counts_of_a_report_cannot_be_typed_in() -> None:
    for name in REPORTS:
        with pytest.raises(Invalid) as refusal:
            refuse_wrong_fields(catalogue()[name], {"tests": 5, "failed": 0})
        assert refusal.value.code == "COUNTED_IN_A_REPORT"
    assert not REPORTS & {key for key, _ in TypeForm().fields["type"].choices}


def test_every_field_of_a_type_has_a_title_that_people_read() -> None:
    for kind in catalogue().values():
        assert set(kind.field_titles) == set(kind.fields), kind.id
        titles = list(kind.field_titles.values())
        assert len(set(titles)) == len(titles), kind.id
        assert not [title for title in titles if "_" in title or not title[0].isupper()], kind.id
    assert field_title("deidentification", "min_k") == "Smallest class of rows alike (k)"
    assert field_words()["open_critical"] == "critical findings open" and field_words()["hash"] == "SHA-256"
    assert field_title("of_another_release", "some_field") == "Some field"
