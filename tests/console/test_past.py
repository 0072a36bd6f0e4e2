"""Every page that shows state, as at an earlier moment: what was so then, never what is so now."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.past import organisation_facts_at
from apps.accounts.services import set_organisation_fact
from apps.catalog import services as catalog
from apps.catalog.past import dataset_at, fields_at
from apps.console.queries.datasets import dataset_rows
from apps.core.moment import NOT_RECORDED, spelled
from apps.registry import past
from apps.registry import services as registry
from apps.registry.models import Deployment
from apps.workflow import services as workflow
from apps.workflow.past import finding_at
from tests import factories


@pytest.fixture
def story(world: Any) -> Any:
    """A moment, and after it a change of everything that can change."""
    owner, steward = world.use_case.owner, factories.person("data_steward", username="steward")
    head = factories.person("head_of_model_risk", username="head")
    registry.answer_facts(world.use_case, facts={"data.personal": True}, actor=owner)
    registry.set_proposed_tier(world.use_case, tier=3, arithmetic={}, actor=owner)
    registry.confirm_tier(world.use_case, tier=3, actor=head)
    registry.set_kpis(world.use_case, kpis=[registry.KpiTarget("Default rate", 0.03, unit="%")], actor=owner)
    catalog.change_terms(world.dataset, terms=catalog.Terms(terms="Contract 7"), actor=steward)
    said = catalog.FieldDeclaration("age", classification="personal", protected=True)
    catalog.declare_fields(world.dataset, fields=[said], actor=steward)
    finding = workflow.raise_finding(
        world.second, severity="high", title="Proxy for age", text="The school stands for the age of the applicant.",
        owner=owner, due_on=timezone.localdate() + timedelta(days=5), actor=world.risk,
    )  # fmt: skip
    world.then = timezone.now()
    registry.answer_facts(world.use_case, facts={"data.personal": False}, actor=owner)
    registry.set_proposed_tier(world.use_case, tier=2, arithmetic={}, actor=owner)
    registry.confirm_tier(world.use_case, tier=2, actor=head)
    registry.set_kpis(world.use_case, kpis=[registry.KpiTarget("Appeals", 4)], actor=owner)
    registry.change_use_case(world.use_case, changes={"purpose": "Decide on anything at all."}, actor=owner)
    catalog.change_terms(world.dataset, terms=catalog.Terms(terms="Contract 8"), actor=steward)
    catalog.declare_fields(
        world.dataset, fields=[catalog.FieldDeclaration("age", classification="none")], actor=steward
    )
    catalog.record_event(world.dataset, kind="faulty", reason="Rows were lost.", actor=steward)
    workflow.answer_finding(finding, text="The feature is taken out.", actor=owner)
    registry.end_deployment(Deployment.objects.get(), reason="Rolled back.", actor=factories.service_account("service"))
    world.finding = finding
    later = factories.use_case("later-case", title="Later case", owner=owner)
    factories.model(later, "later-model")
    factories.dataset("later_table")
    factories.version(world.model, developer=world.developer, version="later-version")
    return world


def test_a_use_case_is_put_together_from_answers_and_entries(story):
    story.use_case.refresh_from_db()
    then = past.use_case_at(story.use_case, story.then)
    assert (then.facts, then.tier, then.proposed_tier) == ({"data.personal": True}, 3, 3)
    assert then.tier_confirmed_by.username == "head"
    assert then.purpose == NOT_RECORDED
    assert then.title == "Retail credit"
    assert [(kpi.name, kpi.target) for kpi in past.kpis_at(story.use_case, story.then)] == [("Default rate", 0.03)]
    assert story.use_case.tier == 2


def test_data_are_put_together_from_what_was_declared(story):
    story.dataset.refresh_from_db()
    then = dataset_at(story.dataset, story.then)
    assert (then.terms, then.state) == ("Contract 7", "active")
    age = next(row for row in fields_at(story.dataset, story.then) if row.path == "age")
    assert (age.classification, age.is_protected) == ("personal", True)


def test_findings_and_deployments_go_back(story):
    story.finding.refresh_from_db()
    assert (story.finding.state, finding_at(story.finding, story.then).state) == ("answered", "raised")
    deployment = Deployment.objects.get()
    assert (deployment.state, past.deployment_at(deployment, story.then).state) == ("ended", "active")


def test_facts_of_the_organisation_go_back(db):
    admin = factories.person("administrator")
    set_organisation_fact("org.sector", "banking", actor=admin)
    then = timezone.now()
    set_organisation_fact("org.sector", "insurance", actor=admin)
    assert organisation_facts_at(then) == {"org.sector": "banking"}


def pages(world: Any) -> dict[str, tuple[str, str]]:
    """Per page what was so then, and what is so only now."""
    version = f"/models/credit-scoring/versions/{world.second.version}/"
    return {
        "/use-cases/retail-credit/": ("not recorded then", "Decide on anything"),
        "/models/credit-scoring/": ("Active", "Ended"),
        version: ("F-", "No finding"),
        f"/versions/{world.first.pk}/evidence/": ("Production", "Ended"),
        f"/versions/{world.second.pk}/decisions/": ("Gate decisions", "Nothing so far"),
        f"/versions/{world.second.pk}/lineage/": ("credit_applications", "Faulty"),
        f"/versions/{world.second.pk}/discussion/": ("Discussion", "taken out"),
        f"/datasets/{world.dataset.pk}/": ("Contract 7", "Contract 8"),
        f"/findings/{world.finding.pk}/": ("Proxy for age", "taken out"),
        "/findings/": ("Raised", "Nothing so far"),
        "/waivers/": ("Waivers", "Nothing so far"),
        "/policies/": ("Policies", "Nothing so far"),
        "/decisions/": ("decision", "Nothing so far"),
        "/use-cases/": ("not recorded then", "Decide on anything"),
        "/models/": ("Production", "later-model"),
        "/datasets/": ("credit_applications", "later_table"),
        f"{version}changes/": ("Before is version 11", "later-version"),
        "/lineage/": ("Lineage", "Nothing so far"),
        "/audit/": ("Audit trail", "Rolled back"),
    }


def test_every_page_that_shows_state_shows_the_state_of_then(story, risk):
    wrong = {}
    for path, (then, only_now) in pages(story).items():
        answer = risk.get(f"{path}?as_at={spelled(story.then)}")
        text = answer.content.decode().split("<main")[-1].split("<footer")[0]
        if answer.status_code != 200 or b'class="as-at"' not in answer.content or then not in text or only_now in text:
            wrong[path] = (answer.status_code, then in text, only_now in text)
    assert wrong == {}


def test_links_of_a_past_page_stay_in_the_past(story, risk):
    page = risk.get(f"/models/credit-scoring/?as_at={spelled(story.then)}").content.decode()
    assert f"/versions/12/?as_at={spelled(story.then).replace(':', '%3A')}" in page


def test_what_was_not_there_yet_is_not_found(story, risk):
    early = spelled(story.use_case.created_at - timedelta(days=1))
    answer = risk.get(f"/use-cases/retail-credit/?as_at={early}")
    assert answer.status_code == 404
    assert "was not there yet" in answer.content.decode()


def main_of(page: bytes) -> str:
    return page.decode().split("<main")[-1].split("<footer")[0]


def test_lists_show_tier_and_state_of_then(story, risk):
    then = f"?as_at={spelled(story.then)}"
    use_cases = main_of(risk.get(f"/use-cases/{then}").content)
    assert "Tier 3" in use_cases and "Tier 2" not in use_cases and "later-case" not in use_cases
    assert "Tier 2" in main_of(risk.get("/use-cases/").content)
    models = main_of(risk.get(f"/models/{then}").content)
    assert "Tier 3" in models and "/versions/12/" in models and "later-version" not in models
    datasets = main_of(risk.get(f"/datasets/{then}").content)
    assert "Faulty" not in datasets and "Faulty" in main_of(risk.get("/datasets/").content)


def test_columns_about_persons_are_counted_as_they_were_declared(story, at_then):
    row = next(row for row in dataset_rows([story.dataset], at_then) if row.dataset.pk == story.dataset.pk)
    assert (row.fields, row.personal, row.unclassified) == (2, 1, 1)
    now = dataset_rows([story.dataset])[0]
    assert (now.fields, now.personal, now.unclassified) == (2, 0, 1)


@pytest.fixture
def at_then(story: Any) -> Any:
    return story.then


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/use-cases/", "tier=2"), ("/models/", "tier=2&state=retired"), ("/datasets/", "state=faulty&standing=governed")],
)
def test_what_is_filtered_by_a_value_of_now_is_left_out_and_said(story, risk, path, asked):
    page = main_of(risk.get(f"{path}?as_at={spelled(story.then)}&{asked}").content)
    assert "only known as it is now" in page and 'name="tier"' not in page and 'name="state"' not in page
    assert "redit" in page


def test_words_are_not_looked_for_in_what_may_have_changed(story, risk):
    then = f"as_at={spelled(story.then)}"
    assert "retail-credit" in main_of(risk.get("/use-cases/?text=anything at all").content)
    assert "retail-credit" not in main_of(risk.get(f"/use-cases/?text=anything at all&{then}").content)
    assert "retail-credit" in main_of(risk.get(f"/use-cases/?text=retail&{then}").content)


def test_changes_are_those_between_the_versions_as_they_stood(story, risk):
    version = f"/models/credit-scoring/versions/{story.second.version}/changes/"
    then = f"as_at={spelled(story.then)}"
    assert "later-version" in main_of(risk.get(version).content)
    assert risk.get(f"{version}?with=later-version").status_code == 200
    assert risk.get(f"{version}?with=later-version&{then}").status_code == 404
    early = spelled(story.second.created_at)
    page = main_of(risk.get(f"{version}?as_at={early}").content)
    assert "depth" in page and "credit_applications" not in page  # tied to its data only afterwards


def test_a_page_of_the_past_asks_a_limited_number_of_questions(story, risk, django_assert_max_num_queries):
    for path, most in (("/use-cases/", 25), ("/models/", 40), ("/datasets/", 25)):
        with django_assert_max_num_queries(most):
            assert risk.get(f"{path}?as_at={spelled(story.then)}").status_code == 200


def test_the_api_names_the_same_changes_now_and_then(story, world):
    caller = factories.api(world.risk, "read")
    address = f"/api/v1/versions/{story.second.pk}/changes"
    now = caller.get(address).json()
    assert (now["before"], now["after"]) == ("11", "12")
    then = caller.get(f"{address}?as_at={spelled(story.then)}").json()
    assert (then["before"], then["after"]) == ("11", "12")
    parameters = next(part for part in then["sections"] if part["key"] == "parameters")
    assert parameters["rows"] == [{"name": "depth", "before": "3", "after": "4", "change": "changed"}]
    assert next(part for part in caller.get(f"{address}?all=1").json()["sections"] if part["key"] == "parameters")[
        "equal"
    ]
    assert caller.get(f"{address}?with=later-version&as_at={spelled(story.then)}").status_code == 404
    assert factories.api(world.stranger, "read").get(address).status_code == 404
