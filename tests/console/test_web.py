"""The console's pages: what they say, what they refuse, and that no list asks once per row."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.models import Job, JobState
from tests import factories
from tests.console.conftest import World

PAGES = [
    "console:queue", "console:search", "console:system", "console:use-case-list", "console:model-list", "console:dataset-list",
    "console:glossary", "console:shortcuts", "console:tour", "console:access", "accounts:profile", "accounts:people",
]  # fmt: skip


def text_of(client: Client, url: str, status: int = 200, **more: Any) -> str:
    answer = client.get(url, **more)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def version_url(version: Any, page: str = "console:version") -> str:
    return reverse(page, args=[version.model.slug, version.version])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_for_who_may_and_sends_others_to_sign_in(world: World, risk: Client, name: str) -> None:
    assert "<h1" in text_of(risk, reverse(name))
    answer = Client().get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_home_is_the_queue(risk: Client) -> None:
    assert risk.get("/")["Location"] == "/queue/"


def test_an_empty_queue_says_so_and_what_comes_next(risk: Client) -> None:
    assert "Nothing needs you right now" in text_of(risk, "/queue/")


def test_a_version_says_what_it_is(world: World, risk: Client) -> None:
    page = text_of(risk, version_url(world.second))
    assert "What this version is" in page
    assert "Change of design" in page
    assert world.second.artifact_digest.removeprefix("sha256:")[:8] in page
    assert "credit_applications" in page
    assert "Shows means" in page


def test_a_version_is_held_against_the_one_in_production(world: World, risk: Client) -> None:
    page = text_of(risk, version_url(world.second))
    assert "Against version 11" in page
    assert "In production since" in page


def test_changes_are_named_in_words_and_equal_rows_are_hidden(world: World, risk: Client) -> None:
    page = text_of(risk, version_url(world.second, "console:version-changes"))
    assert "Before is version 11, after is version 12." in page
    assert "depth" in page
    assert ">rate<" not in page
    assert ">rate<" in text_of(risk, version_url(world.second, "console:version-changes") + "?all=1")


def test_changes_with_a_version_that_does_not_exist_are_not_found(world: World, risk: Client) -> None:
    text_of(risk, version_url(world.second, "console:version-changes") + "?with=99", status=404)


def test_a_stranger_is_told_that_there_is_nothing(world: World) -> None:
    stranger = factories.signed_in(world.stranger)
    for url in (
        version_url(world.second),
        reverse("console:model", args=[world.model.slug]),
        reverse("console:use-case", args=[world.use_case.slug]),
        reverse("console:dataset", args=[world.dataset.pk]),
    ):
        page = text_of(stranger, url, status=404)
        assert "Credit scoring" not in page
    assert "Credit scoring" not in text_of(stranger, "/models/")


def test_a_model_lists_its_versions_and_what_runs(world: World, risk: Client) -> None:
    page = text_of(risk, reverse("console:model", args=[world.model.slug]))
    assert page.index(">12<") < page.index(">11<")
    assert "What runs where" in page
    assert "Production" in page


def test_a_use_case_shows_objective_measures_and_that_nobody_confirmed_a_tier(world: World, risk: Client) -> None:
    world.use_case.kpis.create(
        name="Default rate", target=0.03, unit="share", baseline_name="Score card", baseline_value=0.041
    )
    page = text_of(risk, reverse("console:use-case", args=[world.use_case.slug]))
    assert "No confirmed tier" in page
    assert "Default rate" in page
    assert "Score card" in page


def test_a_measure_of_the_objective_names_the_check_that_reports_it(world: World, risk: Client) -> None:
    world.use_case.kpis.create(
        name="AUC", target=0.7, baseline_name="Rules", baseline_value=0.6, measure="metrics.performance.auc"
    )
    page = text_of(risk, reverse("console:use-case", args=[world.use_case.slug]))
    assert "Area under the ROC curve, by Performance" in page
    assert "metrics.performance" not in page


def test_a_dataset_shows_terms_columns_and_who_rests_on_it(world: World, risk: Client) -> None:
    page = text_of(risk, reverse("console:dataset", args=[world.dataset.pk]))
    assert "Credit scoring 12" in page
    assert "Not classified yet" in page
    assert "Not declared" in page


def test_a_dataset_that_only_lineage_knows_says_so(world: World, risk: Client) -> None:
    stub = factories.dataset("seen_once", is_governed=False)
    assert "Only known from lineage." in text_of(risk, reverse("console:dataset", args=[stub.pk]))


@pytest.mark.parametrize("words", ["Credit scoring 12", "credit-scoring", "Retail credit", "credit_applications"])
def test_an_exact_name_goes_straight_to_its_page(world: World, risk: Client, words: str) -> None:
    answer = risk.get("/search/", {"q": words})
    assert answer.status_code == 302


def test_the_first_digits_of_a_digest_find_the_version(world: World, risk: Client) -> None:
    digits = world.second.artifact_digest.removeprefix("sha256:")[:12]
    assert risk.get("/search/", {"q": digits})["Location"] == version_url(world.second)
    assert risk.get("/search/", {"q": world.second.artifact_digest})["Location"] == version_url(world.second)


def test_words_that_name_several_things_give_a_list(world: World, risk: Client) -> None:
    page = text_of(risk, "/search/?q=credit")
    assert "Credit scoring" in page
    assert "credit_applications" in page


def test_search_shows_a_stranger_nothing(world: World) -> None:
    stranger = factories.signed_in(world.stranger)
    for words in ("credit", world.second.artifact_digest, str(world.second.pk)):
        assert "Nothing found" in text_of(stranger, f"/search/?q={words}")


@pytest.mark.parametrize("words", ["'; drop table", "%", b"\x00".hex(), "ﬀ" * 300, "F-99999999999", "deadbeefdeadbeef"])
def test_search_survives_odd_words(world: World, risk: Client, words: str) -> None:
    assert risk.get("/search/", {"q": words}).status_code == 200


def test_a_running_job_says_how_far_it_is_and_asks_again(world: World, risk: Client) -> None:
    job = Job.objects.create(
        task="evidence.measure",
        state=JobState.RUNNING,
        stage="Reading rows",
        done=400,
        total=1000,
        requested_by=world.risk.pk,
        subject=world.second.subject,
    )
    page = text_of(risk, reverse("console:job", args=[job.pk]))
    assert "Reading rows, 400 of" in page
    assert 'hx-trigger="every 2s"' in page
    assert "Credit scoring 12" in page


def test_the_page_of_a_job_that_is_over_stops_asking(world: World, risk: Client) -> None:
    job = Job.objects.create(task="evidence.measure", state=JobState.DONE, requested_by=world.risk.pk)
    assert risk.get(reverse("console:job", args=[job.pk]), HTTP_HX_REQUEST="true").status_code == 286


def test_only_who_asked_for_a_job_cancels_it(world: World, risk: Client) -> None:
    job = Job.objects.create(task="evidence.measure", requested_by=world.developer.pk)
    assert risk.post(reverse("console:job-cancel", args=[job.pk])).status_code == 403
    mine = Job.objects.create(task="evidence.measure", requested_by=world.risk.pk)
    assert risk.post(reverse("console:job-cancel", args=[mine.pk])).status_code == 302
    mine.refresh_from_db()
    assert mine.state == JobState.CANCELLED


def test_a_job_of_someone_else_is_not_shown_to_who_does_not_see_everything(world: World) -> None:
    job = Job.objects.create(task="evidence.measure", requested_by=uuid.uuid4())
    text_of(factories.signed_in(world.developer), reverse("console:job", args=[job.pk]), status=404)


def test_the_system_page_names_every_part(risk: Client) -> None:
    page = text_of(risk, "/system/")
    for part in (
        "PostgreSQL",
        "Worker and scheduler",
        "Jobs",
        "Sequencer",
        "Signed checkpoint",
        "Verification",
        "PDF engine",
        "Disk",
    ):
        assert part in page


def test_administration_is_not_for_who_sees_one_use_case(world: World) -> None:
    page = text_of(factories.signed_in(world.developer), "/admin/", status=403)
    assert "Administration is for administrators" in page


def test_an_address_that_nothing_has_offers_search(world: World, risk: Client) -> None:
    assert "Search instead" in text_of(risk, "/nothing/here/", status=404)


def test_error_pages_carry_the_reference_that_is_in_the_log(risk: Client) -> None:
    answer = risk.get("/nothing/here/")
    assert answer["X-Request-ID"] in answer.content.decode()


def count(client: Client, url: str) -> int:
    client.get("/queue/")  # the navigation's count is fresh for some seconds after it
    with CaptureQueriesContext(connection) as queries:
        text_of(client, url)
    return len(queries)


def test_lists_ask_the_same_number_of_questions_however_long_they_are(world: World, risk: Client) -> None:
    urls = [
        "/models/",
        "/use-cases/",
        "/datasets/",
        "/queue/",
        reverse("console:model", args=[world.model.slug]),
        "/search/?q=e",
    ]
    before = {url: count(risk, url) for url in urls}
    builder = factories.person("developer")
    for number in range(6):
        use_case = factories.use_case(f"more-{number}", owner=world.use_case.owner)
        model = factories.model(use_case, f"more-model-{number}")
        factories.deployment(factories.version(model, developer=builder), world.production, state="active")
        factories.version(world.model, developer=builder, version=f"2{number}")
        factories.dataset(f"more_{number}", fields=("a", "b"))
    after = {url: count(risk, url) for url in urls}
    assert after == before
    assert max(after.values()) <= 30


def test_lists_filter_by_address(world: World, risk: Client) -> None:
    assert "Credit scoring" in text_of(risk, "/models/?text=scoring")
    assert "Credit scoring" not in text_of(risk, "/models/?text=mortgage")
    assert "Credit scoring" not in text_of(risk, "/models/?state=retired")
    assert "Credit scoring" in text_of(risk, "/models/?state=nonsense")


def test_a_page_mark_from_elsewhere_is_refused_in_words(risk: Client) -> None:
    assert "page mark" in text_of(risk, "/models/?after=abc", status=400)


def test_three_things_are_enough_to_register_a_use_case(world: World) -> None:
    owner = factories.signed_in(factories.person("model_owner"))
    answer = owner.post("/use-cases/new/", {"title": "Motor claims", "purpose": "Sort claims by urgency."})
    assert answer.status_code == 302
    assert "Motor claims" in text_of(owner, answer["Location"])


def test_a_use_case_without_a_purpose_is_refused_at_the_field(world: World) -> None:
    owner = factories.signed_in(factories.person("model_owner"))
    answer = owner.post("/use-cases/new/", {"title": "Motor claims"})
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()


def test_an_auditor_reads_why_instead_of_a_form(world: World) -> None:
    auditor = factories.signed_in(factories.person("auditor"))
    page = text_of(auditor, "/use-cases/new/")
    assert "Auditors read everything and change nothing." in page
    assert "Register the use case" not in page
    assert auditor.post("/use-cases/new/", {"title": "x", "purpose": "y"}).status_code == 403


def test_a_model_is_registered_under_its_use_case(world: World) -> None:
    answer = factories.signed_in(world.developer).post("/use-cases/retail-credit/models/new/", {"name": "Challenger"})
    assert answer["Location"] == "/models/challenger/"


def test_a_steward_declares_what_columns_hold(world: World) -> None:
    steward = factories.signed_in(factories.person("data_steward"))
    url = reverse("console:dataset-columns", args=[world.dataset.pk])
    age, amount = world.dataset.fields.order_by("ordinal")
    form = {f"column-{row.pk.hex}-classification": "none" for row in (age, amount)}
    form |= {f"column-{age.pk.hex}-classification": "personal", f"column-{age.pk.hex}-protected": "on"}
    assert steward.post(url, form | {"reason": "Read the data sheet"}).status_code == 302
    age.refresh_from_db()
    assert (age.classification, age.is_protected, age.is_declared) == ("personal", True, True)


def test_who_does_not_answer_for_the_data_declares_nothing(world: World, risk: Client) -> None:
    url = reverse("console:dataset-columns", args=[world.dataset.pk])
    auditor = factories.signed_in(factories.person("auditor"))
    assert "Declare the columns" not in text_of(auditor, url)
    assert auditor.post(url, {}).status_code in {403, 422}
    assert not world.dataset.fields.filter(is_declared=True).exists()


def test_a_steward_changes_terms_and_earlier_ones_stay_in_the_log(world: World) -> None:
    steward = factories.signed_in(factories.person("data_steward"))
    form = {
        "terms": "CC BY 4.0",
        "permitted_purposes": "credit scoring\nresearch",
        "terms_end_on": "2031-01-31",
        "reason": "Renewed",
    }
    assert steward.post(reverse("console:dataset-terms", args=[world.dataset.pk]), form).status_code == 302
    world.dataset.refresh_from_db()
    assert world.dataset.permitted_purposes == ["credit scoring", "research"]
    assert "31 Jan 2031" in text_of(steward, reverse("console:dataset", args=[world.dataset.pk]))


def test_a_reported_event_says_whom_it_touches(world: World) -> None:
    steward = factories.signed_in(factories.person("data_steward"))
    url = reverse("console:dataset-event", args=[world.dataset.pk])
    answer = steward.post(url, {"kind": "faulty", "reason": "The amounts of May are in cents, not in euros."})
    assert answer.status_code == 200, answer.content.decode()[:3000]
    assert "Credit scoring 12" in answer.content.decode()
    assert "Found faulty" in text_of(steward, reverse("console:dataset", args=[world.dataset.pk]))


def test_an_event_without_a_reason_is_refused_at_the_field(world: World) -> None:
    steward = factories.signed_in(factories.person("data_steward"))
    answer = steward.post(reverse("console:dataset-event", args=[world.dataset.pk]), {"kind": "faulty"})
    assert answer.status_code == 422
