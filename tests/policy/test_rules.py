"""The judgement, outcome by outcome. Nothing here touches a database."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.policy import packs, requirements, rules
from apps.policy.results import RequirementResult, Snapshot, TypeView, WaiverView, earliest_end, summary

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
ITEM = {"id": "1", "title": "Risk assessment", "digest": "sha256:0", "dated": "2026-11-03"}
PEOPLE = {"use": {"affects_persons": True}}


def requirement(**changed):
    row = {
        "id": "X-1", "title": "Risk assessed", "framework": "x", "ref": "Art. 1", "kind": "build", "severity": "mandatory",
        "applies_when": "use.affects_persons", "effective": [], "pass_rule": "all",
        "evidence": [{"type": "risk_register", "title": "Risk assessment", "pass": "accepted && e.rights_risks", "role": "model_owner"}],
    } | changed  # fmt: skip
    return requirements.compile_requirement(row, packs.rule_types(), packs.field_types())


def limited(**changed):
    limit = {"name": "metrics.fairness.min_impact_ratio", "operator": "at_least", "value": 0.8, "decimals": 2} | changed
    return requirement(limit=limit, evidence=[], title="Approval ratio", check="fairness", role="developer")


def accepted(**fields):
    return TypeView(accepted=True, status="accepted", age_days=22, fields=fields, evidence=(ITEM,))


def judge(row, facts=PEOPLE, types=None, stage="gate", at=AT, waivers=None, zone=UTC, **more):
    snapshot = Snapshot(facts=facts, types=types or {}, waivers=waivers or {}, zone=zone, **more)
    return rules.judge_requirement(row, snapshot, at=at, stage=stage, blocks_on=frozenset({"mandatory"}))


def waiver(requirement_id="X-1", days=10):
    return {requirement_id: WaiverView("w1", requirement_id, AT - timedelta(days=1), AT + timedelta(days=days))}


def test_satisfied_on_accepted_evidence_that_passes():
    result = judge(requirement(), types={"risk_register": accepted(rights_risks=True)})
    assert (result.outcome, result.code, result.is_blocking) == ("satisfied", "SATISFIED", False)
    assert result.observed == "3 Nov 2026"
    assert result.required == "accepted and risks to rights covered: yes"
    assert result.evidence == (ITEM,)


def test_missing_evidence_names_who_supplies_it():
    result = judge(requirement())
    assert (result.outcome, result.code, result.is_blocking) == ("missing", "EVIDENCE_MISSING", True)
    assert result.sentence == "Risk assessment is missing."
    assert result.fix == "To fix this, the model owner supplies it, stating: risks to rights covered: yes."
    assert result.fix_target == "evidence:risk_register"


def test_open_where_a_field_says_otherwise_or_says_nothing():
    said_no = judge(requirement(), types={"risk_register": accepted(rights_risks=False)})
    assert (said_no.outcome, said_no.code) == ("open", "REQUIREMENT_FAILED")
    assert (
        said_no.sentence == "Risk assessment: found risks to rights covered: no, required risks to rights covered: yes."
    )
    silent = judge(requirement(), types={"risk_register": accepted()})
    assert silent.outcome == "open"
    assert silent.observed == "risks to rights covered: not recorded"


@pytest.mark.parametrize("status", ["waiting", "flagged"])
def test_open_while_evidence_is_not_accepted_whatever_it_says(status):
    view = TypeView(accepted=False, status=status, fields={"rights_risks": True}, evidence=(ITEM,))
    result = judge(requirement(), types={"risk_register": view})
    assert (result.outcome, result.code) == ("open", "EVIDENCE_UNVERIFIED")
    assert status in result.sentence


def test_expression_without_accepted_still_needs_acceptance():
    row = requirement(
        evidence=[
            {
                "type": "risk_register",
                "title": "Risk assessment",
                "pass": "accepted && e.rights_risks || e.intended_use",
            }
        ]
    )
    view = TypeView(accepted=False, status="waiting", fields={"intended_use": True}, evidence=(ITEM,))
    assert judge(row, types={"risk_register": view}).outcome == "open"
    assert judge(row, types={"risk_register": accepted(intended_use=True)}).outcome == "satisfied"


def test_expired_evidence_says_since_when():
    view = TypeView(status="expired", is_expired=True, expires_at=datetime(2026, 10, 31, tzinfo=UTC), evidence=(ITEM,))
    result = judge(requirement(), types={"risk_register": view})
    assert (result.outcome, result.code) == ("expired", "EVIDENCE_EXPIRED")
    assert result.sentence == "Risk assessment expired on 31 Oct 2026."


def test_satisfied_result_ends_with_its_evidence():
    ends = AT + timedelta(days=3)
    view = TypeView(accepted=True, age_days=22, fields={"rights_risks": True}, evidence=(ITEM,), expires_at=ends)
    assert judge(requirement(), types={"risk_register": view}).ends_at == ends


def test_age_limit_of_an_expression_ends_a_result_too():
    row = requirement(
        evidence=[{"type": "risk_register", "title": "Risk assessment", "pass": "accepted && age_days <= 30"}]
    )
    result = judge(row, types={"risk_register": accepted()})
    assert result.ends_at == datetime(2026, 12, 4, tzinfo=UTC)
    later = TypeView(accepted=True, age_days=31, evidence=(ITEM,))
    assert judge(row, types={"risk_register": later}).observed == "31 days old"


def test_answer_needed_while_nobody_answered_whether_it_applies():
    result = judge(requirement(), facts={}, questions={"use.affects_persons": "Output concerns people"})
    assert (result.outcome, result.code, result.is_blocking) == ("answer_needed", "FACT_UNANSWERED", True)
    assert result.sentence.endswith("until somebody answers “Output concerns people”.")
    assert result.fix == "The model owner answers it in the intake."
    assert result.fix_target == "facts"


def test_answer_needed_when_only_a_fact_keeps_evidence_from_passing():
    row = requirement(
        evidence=[
            {
                "type": "data_lineage",
                "title": "Lineage",
                "pass": "accepted && (e.original_purpose_recorded || !data.personal)",
            }
        ]
    )
    result = judge(row, types={"data_lineage": accepted(original_purpose_recorded=False)})
    assert result.outcome == "answer_needed"
    assert "until somebody answers “personal data are used”" in result.sentence


def test_not_applicable_shows_the_facts_that_rule_it_out():
    result = judge(requirement(), facts={"use": {"affects_persons": False}})
    assert (result.outcome, result.is_counted) == ("not_applicable", False)
    assert result.sentence == "Does not apply: the output concerns people: no."


def test_not_yet_effective_until_midnight_of_the_organisation():
    row = requirement(effective=[{"from": "2026-12-02"}])
    berlin = ZoneInfo("Europe/Berlin")
    result = judge(row, zone=berlin)
    assert (result.outcome, result.is_blocking) == ("not_yet_effective", False)
    assert result.ends_at == datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert "2 Dec 2026" in result.sentence
    assert judge(row, zone=berlin, at=datetime(2026, 12, 1, 22, 59, 59, tzinfo=UTC)).outcome == "not_yet_effective"
    assert judge(row, zone=berlin, at=datetime(2026, 12, 1, 23, tzinfo=UTC)).outcome == "missing"


def test_first_matching_date_counts_and_an_unanswered_condition_asks():
    effective = [
        {"from": "2027-12-02", "when": "eu.ai_class == 'high_risk_annex_iii'"},
        {"from": "2028-08-02", "when": "eu.ai_class == 'high_risk_annex_i'"},
    ]
    row = requirement(effective=effective)
    assert judge(row, facts=PEOPLE | {"eu": {"ai_class": "high_risk_annex_i"}}).required == "from 2 Aug 2028"
    assert judge(row).outcome == "answer_needed"
    assert judge(row, facts=PEOPLE | {"eu": {"ai_class": "not_high_risk"}}).outcome == "missing"


def test_organisation_that_starts_early_is_held_to_it_now():
    assert judge(requirement(effective=[{"from": "2027-12-02"}], is_early=True)).outcome == "missing"


def test_unchecked_while_only_a_check_can_supply_it():
    item = {"type": "pii_scan", "title": "PII scan", "pass": "accepted && e.unresolved_high == 0", "role": "tool",
            "computed": {"unresolved_high": "personal_data"}}  # fmt: skip
    result = judge(requirement(evidence=[item]))
    assert (result.outcome, result.code, result.is_blocking) == ("unchecked", "CHECK_NOT_RUN", True)
    assert result.fix == "To fix this, let a worker run: personal data."
    failed = judge(requirement(evidence=[item]), types={"pii_scan": TypeView(trouble="The file is not there.")})
    assert (failed.outcome, failed.code, failed.is_blocking) == ("error", "CHECK_FAILED", True)
    assert "The file is not there." in failed.sentence


def test_error_when_a_value_is_not_of_its_type():
    result = judge(requirement(), types={"risk_register": accepted(rights_risks="yes")})
    assert (result.outcome, result.code, result.is_blocking) == ("error", "POLICY_ERROR", True)
    assert judge(requirement(), facts={"use": {"affects_persons": "yes"}}).outcome == "error"


def test_waived_until_the_last_day_and_never_counted_as_met():
    result = judge(requirement(), waivers=waiver())
    assert (result.outcome, result.code, result.is_blocking, result.waiver_id) == ("waived", "WAIVED", False, "w1")
    assert (
        result.sentence
        == "Waived until 5 Dec 2026. Without the waiver this would be missing: Risk assessment is missing."
    )
    assert result.ends_at == AT + timedelta(days=10)
    sentence, is_ready, counts = summary([result])
    assert (sentence, is_ready, counts["met"]) == ("Ready: 0 of 1 requirement are met, 1 waived", True, 0)


def test_waiver_outside_its_time_or_for_something_else_does_nothing():
    assert judge(requirement(), waivers=waiver(days=0)).outcome == "missing"
    assert judge(requirement(), waivers=waiver("X-2")).outcome == "missing"
    early = {"X-1": WaiverView("w1", "X-1", AT + timedelta(seconds=1), AT + timedelta(days=1))}
    assert judge(requirement(), waivers=early).outcome == "missing"


def test_nobody_waives_a_prohibition_an_unanswered_question_or_an_error():
    assert judge(requirement(kind="prohibition"), waivers=waiver()).outcome == "missing"
    assert judge(requirement(), facts={}, waivers=waiver()).outcome == "answer_needed"
    assert (
        judge(requirement(), types={"risk_register": accepted(rights_risks="x")}, waivers=waiver()).outcome == "error"
    )


def test_met_requirement_does_not_use_up_a_waiver():
    result = judge(requirement(), types={"risk_register": accepted(rights_risks=True)}, waivers=waiver())
    assert (result.outcome, result.waiver_id) == ("satisfied", None)


def test_limit_shows_found_and_required_with_units():
    row = limited(unit="AUC", decimals=3)
    facts = PEOPLE | {"metrics": {"fairness": {"min_impact_ratio": 0.7634}}}
    result = judge(row, facts=facts, sources={"metrics.fairness.min_impact_ratio": (ITEM,)})
    assert (result.outcome, result.observed, result.required) == ("open", "0.763 AUC", "at least 0.800")
    assert result.evidence == (ITEM,)
    assert result.sentence == "Approval ratio: found 0.763 AUC, required at least 0.800."
    assert judge(row, facts=PEOPLE | {"metrics": {"fairness": {"min_impact_ratio": 0.8}}}).outcome == "satisfied"


def test_limit_that_was_not_measured_or_is_no_number_does_not_pass():
    missing = judge(limited())
    assert (missing.outcome, missing.code, missing.fix_target) == ("unchecked", "CHECK_NOT_RUN", "check:fairness")
    for value in (float("nan"), "0.9", True):
        result = judge(limited(), facts=PEOPLE | {"metrics": {"fairness": {"min_impact_ratio": value}}})
        assert result.outcome == "error", value


def test_limit_reads_only_measured_names():
    with pytest.raises(requirements.InvalidExpression, match="measured names"):
        limited(name="use.affects_persons")


def test_records_are_not_asked_for_before_their_stage():
    item = {
        "type": "validation_report",
        "title": "Validation report",
        "pass": "accepted",
        "stage": "approve",
        "role": "validator",
    }
    early = judge(requirement(evidence=[item]), stage="submit")
    assert (early.outcome, early.code, early.is_blocking, early.is_counted) == ("unchecked", "MADE_LATER", False, False)
    assert judge(requirement(evidence=[item]), stage="approve").outcome == "missing"


def test_requirement_with_an_early_and_a_late_item_is_judged_on_the_early_one_at_first():
    items = [{"type": "technical_dossier", "title": "Dossier", "pass": "accepted", "stage": "gate"},
             {"type": "risk_register", "title": "Risk assessment", "pass": "accepted"}]  # fmt: skip
    row = requirement(evidence=items)
    assert judge(row, stage="submit", types={"risk_register": accepted()}).outcome == "satisfied"
    assert judge(row, stage="gate", types={"risk_register": accepted()}).outcome == "missing"


def test_any_rule_needs_one_item_and_all_rule_needs_each():
    items = [
        {"type": "risk_register", "title": "Risk assessment", "pass": "accepted"},
        {"type": "dpia", "title": "DPIA", "pass": "accepted"},
    ]
    assert judge(requirement(evidence=items, pass_rule="any"), types={"dpia": accepted()}).outcome == "satisfied"
    both = judge(requirement(evidence=items), types={"dpia": accepted()})
    assert (both.outcome, both.sentence) == ("missing", "Risk assessment is missing.")
    assert judge(requirement(evidence=items)).sentence == "Risk assessment is missing. DPIA is missing."


def test_severity_that_does_not_block_is_shown_and_does_not_block():
    result = judge(requirement(severity="recommended"))
    assert (result.outcome, result.is_blocking, result.is_counted) == ("missing", False, False)


def test_summary_counts_what_blocks_and_what_is_met():
    def row(outcome, *, counted=True):
        return RequirementResult(
            "i", "t", "f", outcome, "C", is_counted=counted, is_blocking=counted and outcome == "open"
        )

    results = [row("open"), row("open"), *[row("satisfied")] * 6, row("waived"), row("not_applicable", counted=False)]
    sentence, is_ready, counts = summary(results)
    assert sentence == "Not ready: 2 of 9 requirements are not met"
    assert not is_ready
    assert (counts["met"], counts["waived"], counts["not_applicable"]) == (6, 1, 1)
    assert summary(results[1:])[0] == "Not ready: 1 of 8 requirements is not met"
    assert summary(results[2:])[0] == "Ready: 6 of 7 requirements are met, 1 waived"


def test_earliest_end_is_the_first_date_that_changes_anything():
    first = RequirementResult("a", "", "", "waived", "", ends_at=AT + timedelta(days=2))
    second = RequirementResult("b", "", "", "satisfied", "", ends_at=AT + timedelta(days=1))
    assert earliest_end([first, second, RequirementResult("c", "", "", "open", "")]) == second.ends_at
    assert earliest_end([]) is None


# --- a missing fact never makes a requirement satisfied -----------------------------------------------------------------

BODY = packs.policy_body(2, is_production=True, frameworks=[
    (packs.read_framework(path.read_text("utf-8")), "sha256:0", False) for path in packs.framework_files()
])  # fmt: skip
POLICY = requirements.compile_policy(BODY, packs.rule_types(), packs.field_types())
BOOLS = sorted(name for name, kind in packs.fact_types().items() if kind == "bool")


def full_facts(draw_bools):
    flat = dict(zip(BOOLS, draw_bools, strict=True))
    flat |= {"org.sector": "bank", "org.jurisdictions": ["EU", "US", "US-NYC"], "use.domain": "credit", "model.tier": 2}
    flat |= {
        "model.state": "draft",
        "eu.ai_class": "high_risk_annex_iii",
        "eu.annex_iii_point": ["5(b)"],
        "org.size": "large",
    }
    flat |= {
        "eu.roles": ["provider", "deployer"],
        "use.automation": "advisory",
        "nyc.output": "score",
        "kpi.with_baseline": 0,
    }
    flat |= {"org.total_assets_usd_bn": 40, "version.output_kind": "binary_classification"}
    return flat


def all_views():
    views = {}
    for row in POLICY.requirements:
        for item in row.items:
            fields = requirements.passing_fields(
                *(other.text for r in POLICY.requirements for other in r.items if other.type == item.type)
            )
            views[item.type] = accepted(**{name: "stated" if value == "" else value for name, value in fields.items()})
    return views


VIEWS = all_views()


@given(
    st.lists(st.booleans(), min_size=len(BOOLS), max_size=len(BOOLS)),
    st.sets(st.sampled_from(BOOLS + ["eu.ai_class", "org.jurisdictions", "model.tier"]), max_size=20),
)
def test_missing_fact_never_makes_a_requirement_satisfied(values, taken):
    from apps.policy import expressions

    flat = full_facts(values)
    full = rules.judge(POLICY, Snapshot(facts=expressions.nest(flat), types=VIEWS, zone=UTC), at=AT)
    fewer = {name: value for name, value in flat.items() if name not in taken}
    partial = rules.judge(POLICY, Snapshot(facts=expressions.nest(fewer), types=VIEWS, zone=UTC), at=AT)
    for before, after in zip(full, partial, strict=True):
        if after.outcome == "satisfied":
            assert before.outcome == "satisfied", before.id
        if before.is_blocking:
            assert after.is_blocking, (before.id, before.outcome, after.outcome)


@given(st.sets(st.sampled_from(sorted(VIEWS)), max_size=10))
def test_taking_evidence_away_never_makes_a_requirement_satisfied(taken):
    from apps.policy import expressions

    facts = expressions.nest(full_facts([True] * len(BOOLS)))
    fewer = {name: view for name, view in VIEWS.items() if name not in taken}
    full = rules.judge(POLICY, Snapshot(facts=facts, types=VIEWS, zone=UTC), at=AT)
    partial = rules.judge(POLICY, Snapshot(facts=facts, types=fewer, zone=UTC), at=AT)
    for before, after in zip(full, partial, strict=True):
        assert after.outcome != "satisfied" or before.outcome == "satisfied", before.id


def test_date_of_a_start_is_read_in_the_organisation():
    assert rules.midnight(date(2026, 12, 2), ZoneInfo("Asia/Tokyo"), AT) == datetime(2026, 12, 1, 15, tzinfo=UTC)
