"""The queue and the pages of a version ask the database a bounded number of times, however long the lists are."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.gate import services as gate
from apps.registry.models import Involvement, ModelVersion
from apps.workflow import queries
from apps.workflow.models import Review, Step
from tests import factories
from tests.benchmarks.bulk import key, multiply
from tests.workflow.conftest import World

pytestmark = pytest.mark.django_db

MORE = 60
VERSION, REVIEW, STEP, INVOLVEMENT = range(1, 5)
LISTS = ("needs-you", "others", "all")


@pytest.fixture
def open_review(world: World) -> Review:
    """The version of the world, submitted: the model owner signs first."""
    return world.submit()


def grow(world: World, review: Review, more: int = MORE, start: int = 0) -> None:
    """As many open reviews more, of other versions; every second one is overdue."""
    version, step = world.version.pk, review.open_step
    assert step is not None
    place = f"i + {start}"
    digest = f"'sha256:' || encode(sha256(({place})::text::bytea), 'hex')"
    of_version, of_review = key(VERSION, place), key(REVIEW, place)
    multiply(ModelVersion, version, more, id=of_version, version=f"'9.' || ({place})", artifact_digest=digest)
    number = "nextval('workflow_review_number')"
    multiply(Review, review.pk, more, id=of_review, version_id=of_version, number=number)
    due = "CASE WHEN i % 2 = 0 THEN date '2020-01-01' + i::int ELSE date '2099-01-01' END"
    since = "s.opened_at - make_interval(hours => ((i * 7) % 40)::int)"
    multiply(Step, step.pk, more, id=key(STEP, place), review_id=of_review, due_on=due, opened_at=since)
    built = Involvement.objects.filter(version=version, capacity="registered").values_list("pk", flat=True)[0]
    multiply(Involvement, built, more, id=key(INVOLVEMENT, place), version_id=of_version)


def owner_of_one(world: World) -> User:
    """Somebody who sees everything and may sign one review, of another use case."""
    person = factories.person("validator", "auditor")
    other = factories.version(factories.model(factories.use_case("other-use"), "other-model"), version="1")
    Review.objects.filter(version=ModelVersion.objects.get(version="9.1")).update(version=other)
    factories.grant(person, "model_owner", use_case="other-use")
    return person


def asked(browser: Client, path: str) -> list[str]:
    """The queries of a page, its navigation's count fresh."""
    cache.clear()
    assert browser.get(path).status_code == 200
    with CaptureQueriesContext(connection) as found:
        browser.get(path)
    return [query["sql"] for query in found]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("who", ["owner", "developer", "auditor", "owner of one"])
def test_no_list_of_the_queue_asks_more_often_when_more_is_open(
    world: World, open_review: Review, who: str, name: str
) -> None:
    grow(world, open_review, 3)
    browser = factories.signed_in(owner_of_one(world) if who == "owner of one" else world.people[who])
    few = len(asked(browser, f"/queue/?list={name}"))
    grow(world, open_review, MORE, start=3)
    many = len(asked(browser, f"/queue/?list={name}"))
    assert few == many <= 15, (few, many)


def test_the_lists_hold_every_review_once_in_the_order_of_the_lines(world: World, open_review: Review) -> None:
    grow(world, open_review)
    for user, is_theirs in ((world.owner, True), (world.developer, False)):
        rows = queries.open_reviews_for(user)
        assert len({row.key for row in rows}) == len(rows) == MORE + 1
        assert {row.is_yours for row in rows} == {is_theirs}
        assert [row.order[:2] for row in rows] == sorted(row.order[:2] for row in rows)
        since = [row.since for row in rows if row.is_overdue]
        assert since == sorted(since, key=lambda at: at.timestamp() if at else 0) and len(since) >= MORE // 2


def test_every_line_agrees_with_the_permission(world: World, open_review: Review) -> None:
    grow(world, open_review, 3)
    for user in world.people.values():
        for row in queries.open_reviews_for(user):
            assert row.review is not None
            reasons = queries.why_not(user, "workflow.sign_off", Review.objects.get(pk=row.review.pk))
            assert row.is_yours == (not reasons)
            assert row.is_yours or row.why == reasons[0]


def test_the_queue_is_read_in_pages(world: World, open_review: Review) -> None:
    grow(world, open_review)
    browser = factories.signed_in(world.developer)
    seen: list[str] = []
    for number, amount in ((1, 25), (2, 25), (3, 11)):
        page = browser.get(f"/queue/?list=others&page={number}").context["page"]
        assert (len(page.object_list), page.paginator.count) == (amount, MORE + 1)
        seen += [row.key for row in page.object_list]
    assert len(set(seen)) == MORE + 1
    assert browser.get("/queue/?list=others&text=9.7").context["page"].paginator.count == 1
    assert browser.get("/queue/?list=all&tier=3").context["page"].paginator.count == 0
    assert browser.get("/queue/?list=all&tier=2").context["page"].paginator.count == MORE + 1


@pytest.mark.parametrize(
    "path", ["/models/", "/use-cases/", "/decisions/", "/versions/{version}/decisions/", "/audit/"]
)
def test_lists_ask_at_most_fifteen_times_also_when_the_count_of_the_queue_is_old(
    world: World, open_review: Review, path: str
) -> None:
    grow(world, open_review, 5)
    assert len(asked(factories.signed_in(world.people["auditor"]), path.format(version=world.version.pk))) <= 15


def closures(queries: list[str]) -> int:
    """How often the page walked the lineage."""
    return sum("lineage_runio" in query and '"catalog_dataset"."name" IN' in query for query in queries)


def test_the_page_of_an_approved_version_walks_the_lineage_once(world: World, approved: Review) -> None:
    path, reader = f"/models/{world.version.model.slug}/versions/{world.version.version}/", world.people["auditor"]
    never_asked = asked(factories.signed_in(reader), path)
    assert (closures(never_asked), len(never_asked) <= 55) == (1, True), len(never_asked)
    gate.current_clearance(world.version, world.production)
    known = asked(factories.signed_in(reader), path)
    assert (closures(known), len(known) <= 50) == (1, True), len(known)


def test_what_was_read_once_is_read_again_afterwards(world: World, approved: Review, risk_reader: User) -> None:
    path = f"/models/{world.version.model.slug}/versions/{world.version.version}/"
    browser: Any = factories.signed_in(risk_reader)
    assert browser.get(path).context["standing"].is_standing
    more = factories.dataset("bought-later", fields=("income",), is_governed=True)
    factories.link(world.version, factories.dataset_version(more, "1"))
    standing = browser.get(path).context["standing"]
    assert not standing.is_standing and "bought-later" in standing.sentence


@pytest.fixture
def risk_reader(world: World) -> User:
    """Somebody who reads the page."""
    return world.people["risk_officer"]
