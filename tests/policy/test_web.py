"""Pages of policy: they render for everyone who may see them, and refuse what the API refuses."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.policy import services
from apps.policy.models import FrameworkChoice, PolicyVersion, Waiver
from tests import factories as make

pytestmark = pytest.mark.django_db
WORDS = {"reason": "The ratio rests on 45 cases; more data arrive in January.",
         "compensating_control": "Every refusal over 60 is reviewed by a person."}  # fmt: skip


def test_policy_pages_render(credit):
    browser = make.signed_in(credit.auditor)
    assert "Critical risk, production" in browser.get(reverse("policy:policy-list")).content.decode()
    page = browser.get(reverse("policy:policy", args=["tier-2-production"])).content.decode()
    assert "at least 0.80" in page
    assert "EUAIA-5.1A" in page
    only = browser.get(reverse("policy:policy", args=["tier-2-production"]) + "?framework=house").content.decode()
    assert "HOUSE-RATIO" in only
    assert "EUAIA-5.1A" not in only
    assert "Applies when the AI Act class is high risk and the organisation is the provider" in page
    assert "Rule as written" in page
    shown = re.sub(r"<details class=\"as-written\">.*?</details>", "", page, flags=re.DOTALL)
    assert "eu.ai_class" in page and "eu.ai_class" not in shown
    version = PolicyVersion.objects.first()
    assert browser.get(reverse("policy:policy-version", args=[version.pk])).status_code == 200
    framework = browser.get(reverse("policy:framework", args=["gdpr"])).content.decode()
    assert "checked against the text" in framework and "Lawful-basis record" in framework
    shown = re.sub(r"<details class=\"as-written\">.*?</details>", "", framework, flags=re.DOTALL)
    assert "data.personal" in framework and "data.personal" not in shown and "&amp;&amp;" not in shown
    assert browser.get(reverse("policy:framework", args=["none"])).status_code == 404


def test_framework_changes_go_through_two_people(credit):
    path = reverse("policy:framework", args=["nist-ai-rmf"])
    sent = make.signed_in(credit.risk).post(path, {"is_on": "on", "reason": "The board adopted it for all tiers."})
    assert sent.status_code == 302
    wish = FrameworkChoice.objects.get()
    decide = reverse("policy:framework-decide", args=[wish.pk])
    assert make.signed_in(credit.risk).post(decide, {"decision": "confirm"}).status_code == 403
    assert make.signed_in(credit.risk2).post(decide, {"decision": "confirm"}).status_code == 302
    wish.refresh_from_db()
    assert wish.state == "confirmed"


def test_intake_shows_arithmetic_keeps_answers_and_a_second_person_confirms(loaded):
    case = make.use_case("retail-credit")
    risk = make.person("risk_officer")
    path = reverse("policy:intake", args=[case.slug])
    browser = make.signed_in(case.owner)
    assert "Q3" in browser.get(path).content.decode()
    answers = {f"Q{number}": "" for number in range(2, 15)} | {
        "Q3": "ops", "Q4": "minor", "Q5": "advisory", "Q6": "a", "Q7": "no", "Q8": "easy",
        "Q9": "simple", "Q10": "native", "Q11": "clean", "Q12": "periodic", "Q13": "inhouse", "Q14": "proven",
    }  # fmt: skip
    sent = browser.post(path, {**answers, "use.affects_persons": "false", "use.domain": "internal_operations"})
    assert sent.status_code == 302, sent.content.decode()
    case.refresh_from_db()
    assert (case.proposed_tier, case.facts["use.affects_persons"]) == (4, False)
    page = browser.get(path).content.decode()
    assert "Materiality 11 (low) and inherent risk 10 (low) give tier 4." in page
    refused = make.signed_in(risk).post(reverse("policy:tier", args=[case.slug]), {"tier": "4", "reason": ""})
    assert refused.status_code == 422
    assert "Answer eu.ai_class first" in refused.content.decode()
    browser.post(path, {**answers, "eu.ai_class": "not_high_risk", "use.solely_automated": "false"})
    confirmed = make.signed_in(risk).post(
        reverse("policy:tier", args=[case.slug]), {"tier": "2", "reason": "Rather strict."}
    )
    assert confirmed.status_code == 302, confirmed.content.decode()
    case.refresh_from_db()
    assert (case.tier, case.tier_confirmed_by) == (2, risk)


def test_answer_that_is_taken_back_is_unanswered_again(loaded):
    case = make.use_case("retail-credit")
    services.answer_facts(case, facts={"use.profiling": True}, actor=case.owner)
    make.signed_in(case.owner).post(reverse("policy:intake", args=[case.slug]), {"use.profiling": ""})
    case.refresh_from_db()
    assert "use.profiling" not in case.facts


def ask(world, **more):
    path = reverse("policy:waiver-new", args=[world.version.pk])
    body = {"requirement": "HOUSE-RATIO", "environment": "production", **WORDS, "do": "ask",
            "ends_on": (timezone.now().date() + timedelta(days=20)).isoformat()}  # fmt: skip
    return make.signed_in(more.pop("who", world.owner)).post(path, {**body, **more})


def test_waiver_is_previewed_asked_for_and_granted_by_somebody_else(ready):
    ready.measure(fairness={"min_impact_ratio": 0.76})
    owner = make.signed_in(ready.owner)
    form = owner.get(
        reverse("policy:waiver-new", args=[ready.version.pk]) + "?requirement=HOUSE-RATIO&environment=production"
    )
    assert 'value="HOUSE-RATIO" selected' in form.content.decode()
    assert "changes from “Not ready: 1 of" in ask(ready, do="preview").content.decode()
    assert not Waiver.objects.exists()
    assert ask(ready).status_code == 302
    waiver = Waiver.objects.get()
    page = reverse("policy:waiver", args=[waiver.pk])
    assert "You asked for this waiver" in owner.get(page).content.decode()
    approve = reverse("policy:waiver-decide", args=[waiver.pk, "approve"])
    refused = owner.post(approve, {"reason": "I say so myself."})
    assert refused.status_code == 422
    assert make.signed_in(ready.risk).post(approve, {"reason": "The control is in place."}).status_code == 302
    assert services.assess(ready.version, ready.production).is_ready
    assert waiver.reference in owner.get(reverse("policy:waiver-list")).content.decode()
    assert waiver.reference not in owner.get(reverse("policy:waiver-list") + "?state=rejected").content.decode()


def test_waiver_form_says_what_is_wrong_at_the_field(credit):
    answer = ask(credit, reason="because")
    assert answer.status_code == 422
    assert "at least 20 characters" in answer.content.decode()
    assert "There is a problem" in answer.content.decode()


def test_requirements_box_shows_the_verdict_and_the_ways_out(credit):
    from django.template.loader import render_to_string

    credit.measure(fairness={"min_impact_ratio": 0.76})
    judgement = services.assess(credit.version, credit.production)
    text = render_to_string("policy/requirements.html", {"judgement": judgement})
    assert judgement.sentence in text
    assert "0.76" in text
    assert "at least 0.80" in text
    assert "?requirement=HOUSE-RATIO&amp;environment=production" in text
    assert "waivers/new/?requirement=EUAIA-5.1A" not in text, "nobody asks to waive a prohibition"
    ours = " ".join([judgement.sentence, *(row.sentence + row.fix for row in judgement.results)]).lower()
    assert not [word for word in ("compliant", "certified", "bias-free", "anonymised") if word in ours]


def test_stranger_sees_neither_waivers_nor_intake(credit):
    stranger = make.signed_in(make.person("developer", use_case="another"))
    assert stranger.get(reverse("policy:waiver-new", args=[credit.version.pk])).status_code == 404
    assert stranger.get(reverse("policy:intake", args=[credit.use_case.slug])).status_code == 404
    ask(credit)
    waiver = Waiver.objects.get()
    assert stranger.get(reverse("policy:waiver", args=[waiver.pk])).status_code == 404
    decide = reverse("policy:waiver-decide", args=[waiver.pk, "approve"])
    assert stranger.post(decide, {"reason": "I say so myself."}).status_code == 404


def test_draft_is_simulated_on_past_judgements_and_published_by_a_second_person(ready):
    services.assess(ready.version, ready.production, store=True)
    path = reverse("policy:draft", args=["tier-2-production"])
    risk, other = make.signed_in(ready.risk), make.signed_in(ready.risk2)
    page = risk.get(path)
    fields = {name: field.initial for name, field in page.context["form"].fields.items() if name != "reason"}
    sent = risk.post(
        path, {**fields, "HOUSE-RATIO.value": "0.95", "HOUSE-GROUPS.weight": "", "reason": "Board limit of 14 October."}
    )
    assert sent.status_code == 302, sent.content.decode()
    simulated = risk.get(sent["Location"]).content.decode()
    assert "1 judgement replayed: 0 same, 1 would become not ready, 0 would become ready" in simulated
    assert "0.91, at least 0.95 required" in simulated
    assert "2 rules change" in simulated
    draft = PolicyVersion.objects.order_by("-created_at").first()
    publish = reverse("policy:publish", args=[draft.pk])
    assert risk.post(publish, {"read": "on"}).status_code == 403
    assert other.post(publish, {}).status_code == 422
    assert other.post(publish, {"read": "on"}).status_code == 302
    assert not services.assess(ready.version, ready.production).is_ready
    assert services.assess(ready.version, ready.production, store=True).assessment.policy_version == draft
