"""The data packs: every framework validates and compiles, and the default policies say what the process pack says."""

import copy

import pytest
import yaml

from apps.evidence.catalogue import catalogue
from apps.policy import expressions, packs, requirements
from apps.policy.expressions import Truth

FILES = packs.framework_files()


def bodies():
    return [yaml.safe_load(path.read_text("utf-8")) for path in FILES]


def test_library_has_ten_frameworks_and_392_requirements():
    assert len(FILES) == 10
    rows = [row for body in bodies() for row in body["requirements"]]
    assert len(rows) == 392
    assert len({row["id"] for row in rows}) == 392


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_framework_validates_and_every_expression_compiles(path):
    body = packs.read_framework(path.read_text("utf-8"))
    assert body["framework"]["id"] == path.stem


def spoil(change):
    body = yaml.safe_load(FILES[0].read_text("utf-8"))
    change(body)
    return yaml.safe_dump(body)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["requirements"][0].update(applies_when="ca.busines"),
        lambda body: body["requirements"][0].update(applies_when="use.domain"),
        lambda body: body["requirements"][0]["evidence"][0].update(type="no_such_type"),
        lambda body: body["requirements"][0]["evidence"][0].update({"pass": "accepted && e.no_such_field"}),
        lambda body: body["requirements"].append(copy.deepcopy(body["requirements"][0])),
        lambda body: body["requirements"][0].update(group="nowhere"),
        lambda body: body["requirements"][0].update(severity="urgent"),
        lambda body: body.pop("groups"),
    ],
)
def test_spoilt_framework_is_refused(change):
    with pytest.raises(packs.BadPack):
        packs.read_framework(spoil(change))


def test_what_the_page_tells_to_submit_makes_every_requirement_pass():
    yes = {name: True for name, kind in packs.fact_types().items() if kind == "bool"} | {"use.profiling": False}
    for body in bodies():
        for row in body["requirements"]:
            for item in row["evidence"]:
                kind = catalogue()[item["type"]]
                fields = requirements.passing_fields(item["pass"])
                fields = {name: "stated" if value == "" else value for name, value in fields.items()}
                compiled = expressions.compile(item["pass"], requirements.pass_names(packs.fact_types(), kind.fields))
                facts = {"accepted": True, "age_days": 0, "e": fields, **expressions.nest(yes)}
                assert expressions.evaluate(compiled, facts) is Truth.TRUE, (row["id"], item["pass"], fields)


def test_several_conditions_on_a_field_give_the_stricter_value():
    assert requirements.passing_fields("accepted && e.months >= 6", "e.months >= 24 && e.days <= 90", "e.days <= 180") == {
        "months": 24, "days": 90,
    }  # fmt: skip
    assert requirements.passing_fields("!e.residual_high && e.opinion != null && e.a == 'no' && e.n < 5") == {
        "residual_high": False, "opinion": "", "a": "no", "n": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("accepted && e.a", ["accepted", "e.a"]),
        ("accepted && (e.a || e.b)", ["accepted", "(e.a || e.b)"]),
        ("accepted && e.a || e.b", ["accepted && e.a || e.b"]),
        ("e.a == 'x && y' && e.b in ['p', 'q']", ["e.a == 'x && y'", "e.b in ['p', 'q']"]),
        ("accepted", ["accepted"]),
    ],
)
def test_conjuncts_split_only_where_all_must_hold(text, parts):
    assert requirements.conjuncts(text) == parts


@pytest.mark.parametrize(("tier", "count"), [(1, 30), (2, 26), (3, 16), (4, 8)])
def test_minimum_evidence_has_the_printed_number_of_unconditional_types(tier, count):
    assert sum(condition == "true" for condition in packs.minimum_types(tier).values()) == count


def test_minimum_evidence_grows_with_people_personal_data_vendors_and_generative_parts():
    wanted = packs.minimum_types(2)
    assert wanted["fairness_report"] == wanted["adverse_impact"] == "use.affects_persons"
    assert wanted["pii_scan"] == "data.personal"
    assert wanted["vendor_due_diligence"] == "model.vendor"
    assert wanted["genai_evaluation"] == "model.genai"
    assert "adverse_impact" not in packs.minimum_types(3)
    assert "fairness_report" not in packs.minimum_types(4)


def test_gate_words_of_every_tier_are_known():
    assert {tier: packs.blocks_on(tier, is_production=True) for tier in packs.TIERS} == {
        1: (
            "minimum",
            "everywhere",
            "mandatory",
            "mandatory_by_policy",
            "mandatory_if_certified",
            "mandatory_if_selected",
        ),
        2: ("minimum", "everywhere", "mandatory"),
        3: ("minimum", "everywhere", "mandatory"),
        4: ("minimum", "everywhere"),
    }
    assert packs.blocks_on(1, is_production=False) == ("everywhere",)


def test_gate_words_that_are_not_known_are_refused(monkeypatch):
    strange = copy.deepcopy(packs.process())
    strange["tiers"][0]["gate"] = "block when convenient"
    monkeypatch.setattr(packs, "process", lambda: strange)
    with pytest.raises(packs.BadPack, match="block when convenient"):
        packs.blocks_on(1, is_production=True)


def test_records_are_asked_for_later_than_what_people_submit():
    stages = {name: packs.stage_of(kind) for name, kind in catalogue().items()}
    assert {name for name, stage in stages.items() if stage == "approve"} == {
        "validation_report", "challenge_record", "findings_register",
    }  # fmt: skip
    assert {name for name, stage in stages.items() if stage == "gate"} == {
        "approval_record", "audit_trail", "review_record", "exception_approval", "technical_dossier",
    }  # fmt: skip


@pytest.mark.parametrize("tier", packs.TIERS)
def test_default_policy_of_every_tier_compiles(tier):
    frameworks = [(body, "sha256:0", False) for body in bodies()]
    body = packs.policy_body(tier, is_production=True, frameworks=frameworks)
    policy = requirements.compile_policy(body, packs.rule_types(), packs.field_types())
    assert len({row.id for row in policy.requirements}) == len(policy.requirements)


def test_process_pack_carries_no_lifecycle():
    assert "lifecycle" not in packs.process()
