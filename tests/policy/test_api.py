"""The JSON door of policy: scopes, visibility, refusals, examples that are true."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.policy import services
from apps.policy.api import examples
from apps.policy.models import PolicyVersion, Waiver
from tests import factories as make
from tests.answers import check_problem, same_shape

pytestmark = pytest.mark.django_db
TIER_FACTS = {
    "org.sector": "bank", "org.jurisdictions": ["EU"], "eu.ai_class": "high_risk_annex_iii", "use.solely_automated": False,
    "use.significant_effect": True, "nyc.aedt": False, "ca.admt_significant": False, "us.creditor": False, "model.agentic": False,
    "data.special_category": False, "use.affects_persons": True, "model.genai": False, "use.domain": "credit",
}  # fmt: skip
ANSWERS = {"Q3": "high", "Q4": "major", "Q5": "score", "Q6": "b", "Q7": "no", "Q8": "effort", "Q9": "medium", "Q10": "posthoc",
           "Q11": "personal", "Q12": "periodic", "Q13": "inhouse", "Q14": "bench"}  # fmt: skip


def client(person, *scopes):
    return make.api(person, *(scopes or ("read", "registry:write", "workflow:write")))


def test_the_examples_of_intake_are_true_and_a_second_person_confirms_the_tier():
    case = make.use_case("retail-credit", owner=make.person("model_owner", "compliance", username="owner"))
    owner, risk = client(case.owner), client(make.person("risk_officer"))
    answer = owner.put("/api/v1/use-cases/retail-credit/facts", examples.FACTS[0])
    assert answer.status_code == 200, answer.content
    long = {name: answer.json()[name] for name in ("arithmetic", "unanswered_facts")}
    same_shape(answer.json(), {**examples.FACTS[1], **long})
    assert set(examples.FACTS[1]["unanswered_facts"]) <= set(long["unanswered_facts"])
    assert answer.json()["arithmetic"]["materiality"] == 20
    full = owner.put("/api/v1/use-cases/retail-credit/facts", {"facts": {**TIER_FACTS, **ANSWERS}}).json()
    assert (full["proposed_tier"], full["tier"]) == (2, None)
    assert full["sentence"] == examples.TIER[1]["sentence"]
    check_problem(owner.post("/api/v1/use-cases/retail-credit/tier", examples.TIER[0]), 403)
    confirmed = risk.post("/api/v1/use-cases/retail-credit/tier", examples.TIER[0])
    assert confirmed.status_code == 200, confirmed.content
    assert (confirmed.json()["tier"], confirmed.json()["is_tier_confirmed"]) == (2, True)
    assert owner.get("/api/v1/use-cases/retail-credit/facts").json()["tier"] == 2


@pytest.mark.parametrize(
    ("facts", "answers"),
    [
        ({"use.domian": "credit"}, {}), ({"use.domain": "credits"}, {}), ({"use.affects_persons": "yes"}, {}), ({"model.tier": 1}, {}),
        ({"org.jurisdictions": "EU"}, {}), ({"org.jurisdictions": ["Mars"]}, {}), ({"org.total_assets_usd_bn": True}, {}),
        ({}, {"Q3": "huge"}), ({}, {"Q99": "a"}), ({"use.domain": {"a": 1}}, {}), ({"org.total_assets_usd_bn": 1e300}, {}),
    ],
)  # fmt: skip
def test_wrong_answers_are_refused_by_name(facts, answers):
    case = make.use_case("retail-credit", owner=make.person("model_owner", "compliance"))
    answer = client(case.owner).put("/api/v1/use-cases/retail-credit/facts", {"facts": facts, "answers": answers})
    problem = check_problem(answer, 422)
    assert problem["errors"][0]["pointer"].endswith(next(iter({**facts, **answers})))


def test_tier_is_not_confirmed_above_a_floor_or_without_answers():
    case = make.use_case("retail-credit", owner=make.person("model_owner", "compliance"))
    risk = client(make.person("risk_officer"))
    assert check_problem(risk.post("/api/v1/use-cases/retail-credit/tier", {"tier": 4}), 409)["code"] == "TIER_REFUSED"
    client(case.owner).put("/api/v1/use-cases/retail-credit/facts", {"facts": TIER_FACTS, "answers": ANSWERS})
    problem = check_problem(
        risk.post("/api/v1/use-cases/retail-credit/tier", {"tier": 3, "reason": "It seems moderate."}), 409
    )
    assert "floor" in problem["detail"]
    assert (
        risk.post("/api/v1/use-cases/retail-credit/tier", {"tier": 1, "reason": "Many people are concerned."}).json()[
            "tier"
        ]
        == 1
    )


def test_organisation_facts_need_the_right_to_change_them():
    case = make.use_case("retail-credit")
    check_problem(
        client(case.owner).put("/api/v1/use-cases/retail-credit/facts", {"facts": {"org.sector": "bank"}}), 403
    )


def test_assessment_is_the_list_the_page_shows(credit):
    path = f"/api/v1/versions/{credit.version.pk}/assessment"
    answer = client(credit.owner).get(path, {"environment": "production"})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    page = services.assess(credit.version, credit.production)
    assert body["sentence"] == page.sentence
    assert [row["id"] for row in body["requirements"]] == [row.id for row in page.results]
    first = next(row for row in body["requirements"] if row["is_blocking"])
    assert {"id", "title", "outcome", "code", "observed", "required", "evidence", "owner", "fix", "fix_url"} <= set(
        first
    )
    assert first["fix_url"].startswith("/")
    assert client(credit.owner).get(path).json()["environment"] == "production"


def test_assessment_as_of_is_what_was_stored_then(credit):
    stored = services.assess(credit.version, credit.production, store=True).assessment
    path = f"/api/v1/versions/{credit.version.pk}/assessment"
    moment = (stored.at + timedelta(microseconds=1)).isoformat()
    body = client(credit.owner).get(path, {"environment": "production", "as_of": moment}).json()
    assert (body["basis"], body["sentence"]) == ("stored", stored.sentence)
    check_problem(client(credit.owner).get(path, {"environment": "production", "as_of": "yesterday"}), 422)
    check_problem(client(credit.owner).get(path, {"environment": "nowhere"}), 404)
    early = (stored.at - timedelta(days=300)).isoformat()
    check_problem(client(credit.owner).get(path, {"environment": "production", "as_of": early}), 422)


def test_stranger_sees_no_version_and_no_waiver(credit):
    stranger = client(make.person("developer", use_case="another"))
    check_problem(stranger.get(f"/api/v1/versions/{credit.version.pk}/assessment"), 404)
    check_problem(stranger.get(f"/api/v1/versions/{credit.version.pk}/needed-evidence"), 404)
    waiver = ask(credit)
    check_problem(stranger.get(f"/api/v1/waivers/{waiver.pk}"), 404)
    check_problem(stranger.post(f"/api/v1/waivers/{waiver.pk}/approve", {}), 404)
    assert stranger.get("/api/v1/waivers").json()["results"] == []


def ask(world):
    return services.request_waiver(
        world.version, environment=world.production, requirement="HOUSE-RATIO", reason=examples.WAIVER[0]["reason"], actor=world.owner,
        compensating_control=examples.WAIVER[0]["compensating_control"], ends_on=timezone.now().date() + timedelta(days=9),
    )  # fmt: skip


def test_the_examples_of_waivers_are_true(credit):
    owner, risk = client(credit.owner), client(credit.risk)
    ends = (timezone.now().date() + timedelta(days=30)).isoformat()
    asked = {**examples.WAIVER[0], "version": str(credit.version.pk), "ends_on": ends}
    first = owner.post("/api/v1/waivers", asked)
    assert first.status_code == 201, first.content
    same_waiver(first, examples.WAIVER[1])
    granted = risk.post(f"{first.json()['url']}/approve", examples.DECISION[0])
    assert granted.status_code == 200, granted.content
    same_waiver(granted, examples.DECISION[1])
    same_waiver(
        owner.post(f"{first.json()['url']}/withdraw", examples.WITHDRAWAL[0]),
        {**examples.WITHDRAWAL[1], **decided(granted)},
    )
    second = owner.post("/api/v1/waivers", asked).json()
    same_waiver(risk.post(f"{second['url']}/reject", examples.REJECTION[0]), examples.REJECTION[1])
    assert len(owner.get("/api/v1/waivers?state=rejected").json()["results"]) == 1


def same_waiver(answer, example):
    """The answer is the example but for the day and the name that follow from when it was made."""
    assert answer.status_code in (200, 201), answer.content
    real = answer.json()
    same_shape(real, {**example, "reference": real["reference"], "ends_on": real["ends_on"]})


def decided(answer):
    return {name: answer.json()[name] for name in ("starts_at", "decided_by", "decided_at", "decision_reason")}


@pytest.mark.parametrize("who", ["owner", "developer", "validator", "auditor", "pipeline"])
def test_who_may_not_grant_is_refused_through_the_api_too(credit, who):
    waiver = ask(credit)
    answer = client(getattr(credit, who)).post(
        f"/api/v1/waivers/{waiver.pk}/approve", {"reason": "I say so, and that is it."}
    )
    assert check_problem(answer, 403)["reasons"]
    waiver.refresh_from_db()
    assert waiver.state == Waiver.State.REQUESTED


def test_fields_that_decide_cannot_be_sent(credit):
    body = {
        **examples.WAIVER[0],
        "version": str(credit.version.pk),
        "ends_on": timezone.now().date().isoformat(),
        "state": "granted",
    }
    check_problem(client(credit.owner).post("/api/v1/waivers", body), 422)
    assert not Waiver.objects.exists()


def test_token_without_the_scope_writes_nothing(credit):
    body = {**examples.WAIVER[0], "version": str(credit.version.pk), "ends_on": timezone.now().date().isoformat()}
    check_problem(client(credit.owner, "read").post("/api/v1/waivers", body), 403)
    check_problem(client(credit.owner, "read").put("/api/v1/use-cases/credit-scoring/facts", {"facts": {}}), 403)


def test_needed_evidence_says_what_to_submit(credit):
    rows = client(credit.developer).get(f"/api/v1/versions/{credit.version.pk}/needed-evidence").json()
    screen = next(row for row in rows if row["type"] == "prohibited_screen")
    assert screen["required_fields"]["a"] == "no"
    assert "EUAIA-5.1A" in screen["why"]


def test_frameworks_and_policies_are_listed_and_read(credit):
    reader = client(credit.auditor)
    frameworks = reader.get("/api/v1/frameworks").json()["results"]
    assert len(frameworks) == 10
    assert {row["slug"] for row in frameworks if not row["is_on"]} == {"iso-42001", "nist-ai-rmf"}
    assert len(reader.get("/api/v1/frameworks/gdpr").json()["body"]["requirements"]) == 31
    policies = reader.get("/api/v1/policies").json()["results"]
    assert len(policies) == 8
    assert all(row["in_force"] for row in policies)
    version = reader.get("/api/v1/policies/tier-2-production").json()
    assert version["digest"] == PolicyVersion.objects.get(pk=version["id"]).digest
    check_problem(reader.get("/api/v1/policies/none"), 404)
    check_problem(reader.get("/api/v1/frameworks/none"), 404)


def test_the_example_of_a_framework_change_is_true_and_needs_two_people(credit):
    risk, other = client(credit.risk), client(credit.risk2)
    asked = risk.post("/api/v1/frameworks/nist-ai-rmf", examples.FRAMEWORK_CHANGE[0])
    assert asked.status_code == 201, asked.content
    same_shape(asked.json(), examples.FRAMEWORK_CHANGE[1])
    path = f"/api/v1/framework-changes/{asked.json()['id']}"
    check_problem(risk.post(f"{path}/confirm"), 403)
    assert other.post(f"{path}/confirm").json()["state"] == "confirmed"
    check_problem(other.post(f"{path}/confirm"), 409)
    check_problem(client(credit.auditor).post("/api/v1/frameworks/iso-42001", examples.FRAMEWORK_CHANGE[0]), 403)
    law = risk.post("/api/v1/frameworks/gdpr", {"is_on": False, "reason": "We would rather not look at this."})
    assert check_problem(law, 422)["code"] == "LAW"


def test_drafted_policy_is_published_by_somebody_else_and_bad_rules_are_refused(credit):
    risk, other = client(credit.risk), client(credit.risk2)
    rule = {"id": "HOUSE-RATIO", "title": "Ratio", "severity": "mandatory", "role": "developer", "check": "fairness",
            "applies_when": "true",
            "limit": {"name": "metrics.fairness.min_impact_ratio", "operator": "at_least", "value": 0.85}}  # fmt: skip
    path = "/api/v1/policies/tier-2-production/drafts"
    wrong = risk.post(
        path,
        {"requirements": [{**rule, "applies_when": "use.domian == 'x'"}], "reason": "A stricter limit of the board."},
    )
    assert check_problem(wrong, 422)["code"] == "DOES_NOT_COMPILE"
    draft = risk.post(path, {"requirements": [rule], "reason": "A stricter limit of the board."})
    assert draft.status_code == 201, draft.content
    publish = f"/api/v1/policy-versions/{draft.json()['id']}/publish"
    check_problem(risk.post(publish, {}), 403)
    check_problem(other.post(publish, {"starts_at": "2020-01-01T00:00:00Z"}), 422)
    assert other.post(publish, {}).json()["is_published"]
    check_problem(other.post(publish, {}), 409)
    assert services.assess(credit.version, credit.production).policy.version == draft.json()["version"]
