"""Checks on a real version: real files, a real endpoint, real rows in the database."""

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from apps.audit.queries import epochs
from apps.core import jobs
from apps.core.models import JobState
from apps.evidence import queries, services
from apps.evidence.checks import registry
from apps.evidence.models import CheckRun, Evidence
from tests import factories
from tests.evidence.conftest import FEATURES, Endpoint, credit_rows, write_csv

pytestmark = pytest.mark.django_db


def measured(version: Any, checks: Any) -> dict[str, CheckRun]:
    """Ask for checks and do the job now."""
    runs = services.request_checks(version, checks=checks, actor=version.created_by)
    job = jobs.run_now(runs[0].job)
    assert job.state == JobState.DONE, job.error
    return {run.check_key: run for run in CheckRun.objects.filter(job=job)}


def test_everything_that_a_version_has_data_for_is_measured_in_one_job(credit: Any) -> None:
    runs = measured(credit, "required")
    assert set(runs) == {
        key
        for key, check in registry().items()
        if not (check.compares_versions or check.opens_artifact or check.is_on_request)
    }
    assert {run.check_key: run.error for run in runs.values() if run.state != "done"} == {}
    facts = queries.facts_for(credit, at=timezone.now(), tier=2)
    assert facts["fairness_report"].accepted
    assert facts["fairness_report"].fields["intersectional"] is True
    assert facts["performance_report"].fields["holdout"] is True
    assert facts["data_lineage"].fields["hashes_present"] is True
    assert facts["explainability_report"].fields == {"global_view": True, "local_view": True, "method_validated": True}
    assert facts["reproducibility"].fields["code_commit"] == "0a1b2c3"
    assert facts["pii_scan"].fields["unresolved_high"] == 0


def test_the_scores_on_record_are_those_of_the_endpoint(credit: Any) -> None:
    measured(credit, ["reproducibility"])
    found = {row["key"]: row["value"] for row in Evidence.objects.get().metrics}
    assert found["rows"] == 500
    assert found["largest_difference"] <= 1e-6
    assert found["differing_rows"] == 0


def test_the_same_inputs_give_the_same_result_digest(credit: Any) -> None:
    keys = ["fairness", "performance", "explainability", "data_profile"]
    measured(credit, keys)
    measured(credit, keys)
    for key in keys:
        first, second = Evidence.objects.filter(check_key=key)
        assert first.result_digest == second.result_digest != ""
        assert first.digest != second.digest
        assert [figure["svg"] for figure in first.figures] == [figure["svg"] for figure in second.figures]


def test_evidence_names_the_bytes_that_were_read(credit: Any) -> None:
    measured(credit, ["fairness"])
    evidence = Evidence.objects.get()
    link = credit.dataset_links.get(role="scored")
    assert {"kind": "dataset", "role": "scored", "sha256": link.sha256, "rows": 600}.items() <= evidence.inputs[
        1
    ].items()
    assert evidence.inputs[0]["sha256"] == credit.artifact_digest.removeprefix("sha256:")
    assert evidence.compute_digest() == evidence.digest


def test_a_file_that_changed_after_registration_is_refused_in_words(credit: Any, data_root: Any) -> None:
    write_csv(data_root / "scored.csv", credit_rows(count=50))
    runs = measured(credit, ["fairness", "lineage_completeness"])
    assert runs["fairness"].state == CheckRun.State.FAILED
    assert "changed after registration" in runs["fairness"].error
    assert runs["lineage_completeness"].state == CheckRun.State.DONE


def test_a_version_without_data_says_who_can_supply_them() -> None:
    version = factories.version(features=[{"name": "age"}])
    runs = measured(version, ["fairness", "explainability"])
    assert "No dataset with a file is linked" in runs["fairness"].error
    assert not Evidence.objects.exists()


def test_a_test_set_without_predictions_is_scored_by_the_endpoint(credit: Any, data_root: Any, endpoint: str) -> None:
    rows = [{key: value for key, value in row.items() if key not in {"decision", "score"}} for row in credit_rows()]
    digest = write_csv(data_root / "test.csv", rows)
    version = factories.version(
        features=[{"name": name} for name in ("income", "duration", "housing")],
        endpoint={"url": endpoint, "protocol": "oip-v2", "model": "credit"},
        output={"kind": "binary_classification", "positive": 1, "threshold": 0.5},
    )
    dataset = factories.dataset("credit_test", fields=("sex",))
    dataset.fields.update(is_protected=True)
    uri = (data_root / "test.csv").as_uri()
    state = factories.dataset_version(dataset, sha256=digest, uri=uri)
    factories.link(version, state, "test", uri=uri, sha256=digest, target="good")
    runs = measured(version, ["performance", "fairness"])
    assert {run.error for run in runs.values()} == {""}
    assert sum(Endpoint.asked) == len({tuple(row[name] for name in FEATURES) for row in rows})
    measured(credit, ["fairness"])
    by_record, by_endpoint = (Evidence.objects.get(check_key="fairness", version=owner) for owner in (credit, version))
    sex = [next(table for table in item.tables if table["key"] == "by-sex") for item in (by_record, by_endpoint)]
    for recorded, asked in zip(sex[0]["rows"], sex[1]["rows"], strict=True):
        assert recorded.pop("mean_difference") == pytest.approx(
            asked.pop("mean_difference"), abs=1e-5
        )  # six digits on record
        assert recorded == asked


def test_new_evidence_moves_the_epoch_of_its_version(credit: Any) -> None:
    before = epochs([credit.subject])[credit.subject]
    measured(credit, ["fairness"])
    assert epochs([credit.subject])[credit.subject] > before


def test_a_check_that_fails_on_its_own_defect_stops_nobody_else(credit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any) -> Any:
        raise KeyError("gone")

    monkeypatch.setattr(type(registry()["fairness"]), "finish", broken)
    runs = measured(credit, ["fairness", "performance"])
    assert "The check itself failed (KeyError in test_measuring.py, line" in runs["fairness"].error
    assert "gone" not in runs["fairness"].error and runs["fairness"].error_code == "CHECK_DEFECT"
    assert runs["performance"].state == CheckRun.State.DONE


def test_evidence_holds_no_values_of_persons(credit: Any, data_root: Any) -> None:
    rows = [{**row, "contact": f"person{number}@example.org"} for number, row in enumerate(credit_rows())]
    digest = write_csv(data_root / "more.csv", rows)
    uri = (data_root / "more.csv").as_uri()
    version = factories.version(features=[{"name": name} for name in ("income", "contact")])
    state = factories.dataset_version(factories.dataset("more"), sha256=digest, uri=uri)
    factories.link(version, state, "train", uri=uri, sha256=digest, target="good")
    measured(version, ["personal_data", "data_profile", "data_quality"])
    text = json.dumps([[item.tables, item.figures, item.summary, item.metrics] for item in Evidence.objects.all()])
    assert "@example.org" not in text
    assert queries.facts_for(version, at=timezone.now(), tier=1)["pii_scan"].fields["unresolved_high"] == 1


def test_an_age_limit_of_the_tier_ends_computed_evidence(credit: Any) -> None:
    measured(credit, ["personal_data"])
    later = timezone.now() + timedelta(days=200)
    assert queries.facts_for(credit, at=later, tier=1)["pii_scan"].is_expired
    assert queries.facts_for(credit, at=later, tier=2)["pii_scan"].accepted


def test_a_job_that_comes_twice_measures_once(credit: Any) -> None:
    runs = services.request_checks(credit, checks=["fairness"], actor=credit.created_by)
    jobs.run_now(runs[0].job)
    type(runs[0].job).objects.filter(pk=runs[0].job.pk).update(state=JobState.WAITING)
    jobs.run_now(runs[0].job)
    assert Evidence.objects.count() == 1


def test_a_run_whose_job_was_cancelled_has_failed_with_it(credit: Any) -> None:
    runs = services.request_checks(credit, checks=["fairness"], actor=credit.created_by)
    jobs.cancel(runs[0].job)
    (run,) = queries.latest_runs(credit)
    assert (run.state, run.error) == (CheckRun.State.FAILED, "Cancelled.")


def test_a_check_that_could_not_measure_says_why_to_people_and_to_programs(credit: Any, data_root: Any) -> None:
    write_csv(data_root / "scored.csv", credit_rows(count=50))
    runs = measured(credit, ["fairness", "explainability", "lineage_completeness"])
    codes = {key: run.error_code for key, run in runs.items()}
    assert codes == {"fairness": "DATA_CHANGED", "explainability": "DATA_CHANGED", "lineage_completeness": ""}
    client = factories.api(credit.created_by, "read")
    answered = {row["check"]: row["error_code"] for row in client.get(f"/api/v1/versions/{credit.pk}/checks").json()}
    assert answered == codes
    cancelled = services.request_checks(credit, checks=["fairness"], actor=credit.created_by)
    jobs.cancel(cancelled[0].job)
    assert {run.check_key: run.error_code for run in queries.latest_runs(credit)}["fairness"] == "JOB_CANCELLED"


def test_no_value_of_a_person_is_in_the_database_the_log_lines_or_the_pages(
    data_root: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            **row,
            "who": f"Persona Nongrata{number}",
            "contact": f"nobody{number}@nowhere.example",
            "acct": f"DE8937040044053201{number:04d}",
        }
        for number, row in enumerate(credit_rows())
    ]
    version = factories.version(features=[{"name": "income"}, {"name": "who"}, {"name": "contact"}])
    names = [*rows[0]]
    for role in ("train", "scored"):
        path = data_root / f"{role}.csv"
        digest = write_csv(path, rows)
        if role == "scored":  # its last line is torn, and its numbers end in a word
            path.write_text(path.read_text() + "Persona Nongrata9999,nobody9999@nowhere.example\n")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        dataset = factories.dataset(role, fields=tuple(names))
        dataset.fields.filter(path__in=["sex", "who"]).update(is_protected=True)
        state = factories.dataset_version(dataset, sha256=digest, uri=path.as_uri())
        named = {"prediction": "decision", "score": "score"} if role == "scored" else {}
        factories.link(version, state, role, uri=path.as_uri(), sha256=digest, target="good", **named)
    runs = measured(version, [key for key, check in registry().items() if not check.scores and not check.is_on_request])
    assert {runs[key].state for key in ("data_profile", "personal_data", "singling_out", "proxies")} == {"done"}
    assert runs["fairness"].error_code == "NOT_READABLE"
    browser = factories.signed_in(factories.person("risk_officer"))
    urls = [f"/versions/{version.pk}/evidence/", f"/jobs/{runs['fairness'].job_id}/"]
    urls += [f"/evidence/{item.pk}/" for item in Evidence.objects.all()]
    seen = [browser.get(url).content.decode() for url in urls]
    seen += [str(list(model._base_manager.values())) for model in apps.get_models() if model._meta.managed]
    written = capfd.readouterr()
    seen += [written.out, written.err]
    assert not re.search(r"Nongrata|nowhere\.example|DE89370400440532", "\n".join(seen))
