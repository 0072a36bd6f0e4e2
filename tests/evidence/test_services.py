"""Writes of evidence, and what they amount to for a requirement."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.audit.queries import epochs
from apps.core import jobs
from apps.core.errors import BadRequest, Invalid, NotAllowed, TooLarge, WrongState
from apps.evidence import queries, services
from apps.evidence.catalogue import COMPUTED, RECORDS, catalogue
from apps.evidence.models import CheckRun, Evidence, EvidenceMark
from apps.registry.models import Involvement
from tests import factories as make

pytestmark = pytest.mark.django_db

LIMITS = {"assumptions": True, "limits": True, "compensating_controls": True, "user_acknowledged": True}


def attested(version: Any, type_id: str = "limitations", fields: dict[str, Any] | None = None, **more: Any) -> Evidence:
    """A statement of somebody who may make one."""
    given = {
        "fields": LIMITS if fields is None else fields,
        "summary": "As written.",
        "actor": make.person("developer"),
        **more,
    }
    return services.attest(version, type=type_id, **given)


def accepted(item: Evidence) -> Evidence:
    """The same item, accepted by somebody else."""
    services.accept(item, reason="Read.", actor=make.person("validator"))
    return item


def facts(version: Any, tier: int | None = 3, at: Any = None) -> dict[str, queries.TypeFacts]:
    """What counts now."""
    return queries.facts_for(version, at=at or timezone.now(), tier=tier)


def test_every_computed_field_is_a_field_of_the_catalogue() -> None:
    for type_id, fields in COMPUTED.items():
        assert set(fields) <= set(catalogue()[type_id].fields)
    assert set(catalogue()) >= RECORDS


def test_nothing_counts_before_somebody_else_accepted_it() -> None:
    version = make.version()
    item = attested(version)
    assert facts(version)["limitations"].status == "waiting" and not facts(version)["limitations"].accepted
    accepted(item)
    found = facts(version)["limitations"]
    assert found.accepted and found.fields == LIMITS and found.age_days == 0 and found.items == [item]


def test_a_type_of_which_nothing_was_supplied_is_absent() -> None:
    assert facts(make.version()) == {}


def test_fields_are_merged_from_the_newest_accepted_items() -> None:
    version = make.version()
    accepted(attested(version, fields={"assumptions": False, "limits": True}))
    newer = accepted(attested(version, fields={"assumptions": True}))
    attested(version, fields={"assumptions": False, "user_acknowledged": True})
    found = facts(version)["limitations"]
    assert found.fields == {"assumptions": True, "limits": True}
    assert found.items[0] == newer and len(found.items) == 2


def test_a_measured_value_wins_over_a_newer_typed_one() -> None:
    version = make.version()
    run = CheckRun.objects.create(version=version, check_key="fairness", requested_by=version.created_by)
    job = jobs.enqueue("evidence.measure", runs=[])
    type(job).objects.update(state="running", attempts=job.attempts)
    result = {
        "title": "Fairness",
        "summary": "Measured.",
        "types": {"fairness_report": {"min_impact_ratio": 0.7, "groups": 4}},
    }
    services.keep_result(run, result, job=job)
    accepted(attested(version, "fairness_report", {"min_impact_ratio": 0.99, "threshold_rationale": True}))
    assert facts(version)["fairness_report"].fields == {
        "min_impact_ratio": 0.7,
        "groups": 4,
        "threshold_rationale": True,
    }


def test_a_flag_blocks_what_the_item_supplies_until_newer_evidence_replaces_it() -> None:
    version = make.version()
    accepted(attested(version))
    newest = accepted(attested(version))
    services.flag(newest, reason="Too vague.", actor=make.person("risk_officer"))
    assert facts(version)["limitations"].status == "flagged" and not facts(version)["limitations"].accepted
    accepted(attested(version))
    assert facts(version)["limitations"].accepted


def test_repeating_a_flagged_result_does_not_wash_the_flag_off() -> None:
    version = make.version()
    job = jobs.enqueue("evidence.measure", runs=[])
    type(job).objects.update(state="running", attempts=job.attempts)

    def computed(digest: str) -> Evidence:
        run = CheckRun.objects.create(version=version, check_key="fairness", requested_by=version.created_by)
        result = {"title": "Fairness", "summary": "Measured.", "types": {"fairness_report": {"groups": 4}}}
        return services.keep_result(run, {**result, "method": {"result_digest": digest}}, job=job)

    services.flag(computed("sha256:aa"), reason="Rests on 45 cases.", actor=make.person("validator"))
    computed("sha256:aa")
    assert facts(version)["fairness_report"].status == "flagged"
    assert queries.standing_of(queries.current_for(version)[0]) == "flagged"
    computed("sha256:bb")
    assert facts(version)["fairness_report"].accepted


def test_withdrawn_evidence_no_longer_counts() -> None:
    version = make.version()
    item = accepted(attested(version))
    with pytest.raises(NotAllowed, match="Only the person or service that submitted"):
        services.withdraw(item, reason="Mine?", actor=make.person("risk_officer"))
    services.withdraw(item, reason="Wrong file.", actor=item.produced_by)
    assert facts(version) == {} and queries.current_for(version) == []
    with pytest.raises(WrongState):
        services.accept(item, reason="Still.", actor=make.person("compliance"))


def test_evidence_ends_by_its_own_date_and_by_the_age_limit_of_the_tier() -> None:
    version = make.version()
    today = queries.today()
    accepted(attested(version, valid_until=today + timedelta(days=10)))
    found = facts(version)["limitations"]
    assert found.accepted and found.expires_at is not None
    assert facts(version, at=found.expires_at - timedelta(seconds=1))["limitations"].accepted
    ended = facts(version, at=found.expires_at)["limitations"]
    assert ended.is_expired and ended.status == "expired" and not ended.accepted
    accepted(attested(version, "pii_scan", {}, dated=today - timedelta(days=200)))
    assert facts(version, tier=1)["pii_scan"].is_expired and facts(version, tier=2)["pii_scan"].accepted
    assert facts(version, tier=None)["pii_scan"].is_expired


def test_the_past_can_be_asked() -> None:
    version = make.version()
    before = timezone.now()
    accepted(attested(version))
    assert facts(version, at=before) == {}


def test_evidence_of_a_model_reaches_its_other_versions_and_no_other_model() -> None:
    first = make.version()
    second, other = make.version(first.model), make.version()
    accepted(attested(first, "lawful_basis", {"basis_per_phase": True}))
    accepted(attested(first))
    accepted(attested(first, "roles_register", {"owner": True}))
    assert set(facts(second)) == {"lawful_basis", "roles_register"}
    assert set(facts(other)) == {"roles_register"}


def test_evidence_bumps_the_subjects_whose_judgements_read_it() -> None:
    version = make.version()
    subjects = [version.subject, version.use_case.subject, "organisation:self"]

    def moved(type_id: str, fields: dict[str, Any]) -> list[bool]:
        before = epochs(subjects)
        attested(version, type_id, fields)
        after = epochs(subjects)
        return [after.get(subject, 0) > before.get(subject, 0) for subject in subjects]

    assert moved("limitations", {}) == [True, False, False]
    assert moved("lawful_basis", {}) == [True, True, False]
    assert moved("roles_register", {}) == [True, False, True]


def test_marks_bump_the_version_and_name_who_made_them() -> None:
    version = make.version()
    item = attested(version)
    before = epochs([version.subject])[version.subject]
    validator = make.person("validator")
    services.accept(item, reason="Read.", actor=validator)
    assert epochs([version.subject])[version.subject] > before
    entry = Entry.objects.filter(verb="evidence.accepted").get()
    assert entry.subject == item.subject
    assert Involvement.objects.filter(version=version, user=validator, capacity="reviewed").exists()
    assert Involvement.objects.filter(version=version, user=item.produced_by, capacity="submitted_evidence").exists()


def test_records_are_written_by_services_only_and_count_at_once() -> None:
    version, owner = make.version(), make.person("model_owner")
    with pytest.raises(Invalid, match="written by the product"):
        attested(version, "findings_register", {"open_high": 0})
    services.record(version, type="findings_register", fields={"open_high": 0}, summary="None open.", actor=owner)
    assert facts(version)["findings_register"].accepted


def test_stored_rows_refuse_change_in_python_and_in_the_database() -> None:
    item = attested(make.version())
    services.accept(item, reason="Read.", actor=make.person("validator"))
    item.summary = "Better."
    with pytest.raises(TypeError):
        item.save()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in ("evidence_evidence", "evidence_evidencemark", "evidence_document"):
        for statement in (f"UPDATE {table} SET digest = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            if table == "evidence_document" and not statement.startswith("TRUNCATE"):
                continue
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
    assert Evidence.objects.get().compute_digest() == Evidence.objects.get().digest
    assert EvidenceMark.objects.get().compute_digest() == EvidenceMark.objects.get().digest


def test_files_are_kept_by_their_hash_and_within_limits(data_root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    version, developer = make.version(), make.person("developer")

    def submit(*files: SimpleUploadedFile) -> Evidence:
        return services.submit(
            version, type="monitoring_plan", fields={}, summary="Plan.", actor=developer, files=list(files)
        )

    item = submit(SimpleUploadedFile("a.pdf", b"one"), SimpleUploadedFile("..\\b\x00.pdf", b"one"))
    assert [row["name"] for row in item.files] == ["a.pdf", "b.pdf"] and item.files[0]["sha256"] == item.files[1][
        "sha256"
    ]
    with pytest.raises(BadRequest):
        submit(SimpleUploadedFile("empty.pdf", b""))
    monkeypatch.setattr(services, "MOST_BYTES", 2)
    with pytest.raises(TooLarge):
        submit(SimpleUploadedFile("large.pdf", b"one"))
    monkeypatch.setattr(services, "MOST_FILES", 1)
    with pytest.raises(TooLarge):
        submit(SimpleUploadedFile("a.pdf", b"1"), SimpleUploadedFile("b.pdf", b"2"))


def test_a_service_account_submits_and_never_attests() -> None:
    version, pipeline = make.version(), make.service_account()
    given: dict[str, Any] = {
        "type": "limitations",
        "fields": LIMITS,
        "summary": "From the pipeline.",
        "actor": pipeline,
    }
    assert services.submit(version, **given).source == "submitted"
    with pytest.raises(NotAllowed, match="Service accounts never do this"):
        services.attest(version, **given)


def test_reasons_are_written_down_and_the_newest_of_a_title_is_printed() -> None:
    version, developer = make.version(), make.person("developer")
    for body in ("First.", "Second."):
        services.write_document(version, section="features", title="Why", body=body, actor=developer)
    assert [text.body for text in queries.documents_for(version)] == ["Second."]
    with pytest.raises(Invalid):
        services.write_document(version, section="nonsense", title="Why", body="x", actor=developer)


def test_current_evidence_is_the_newest_of_each_kind() -> None:
    version = make.version()
    attested(version)
    newest = attested(version)
    other = attested(version, fields={"limits": False})
    assert {item.pk for item in queries.current_for(version)} == {newest.pk, other.pk}


def test_dates_are_read_as_days() -> None:
    item = attested(make.version(), dated=date(2025, 3, 31), valid_until=date(2025, 3, 31))
    assert item.is_valid_on(date(2025, 3, 31)) and not item.is_valid_on(date(2025, 4, 1))
