"""The moment of a request: how it is read, where it leads, and that nothing is changed there."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.core import moment
from apps.core.errors import BadRequest
from tests import factories

AT = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)


def test_a_date_is_its_end_and_a_time_is_itself(settings):
    settings.ORGANISATION_ZONE = "Europe/Berlin"
    assert moment.named("2026-03-31") == datetime(2026, 3, 31, 21, 59, 59, 999999, UTC)
    assert moment.named("2026-03-31T09:00:00Z") == AT
    assert moment.named("2026-03-31T11:00:00 02:00") == AT  # a plus sign that an address turned into a space


def test_sentences_write_a_moment_as_pages_do(settings):
    settings.ORGANISATION_ZONE = "Europe/Berlin"
    assert moment.in_words(AT) == "31 Mar 2026, 11:00 CEST"
    assert moment.day_in_words(datetime(2026, 3, 31, 22, 30, tzinfo=UTC)) == "1 Apr 2026"
    assert moment.day_in_words(AT.date()) == "31 Mar 2026"


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-03-31T09:00:00", "", "9999-12-31T00:00:00+99:00"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(BadRequest):
        moment.named(text)


def test_the_future_is_refused_and_today_is_now():
    with pytest.raises(BadRequest, match="lies ahead"):
        moment.named((timezone.now() + timedelta(days=2)).date().isoformat())
    assert moment.named(timezone.localdate().isoformat()) <= timezone.now()


def test_links_keep_the_moment_and_those_to_the_present_are_marked():
    mark = "as_at=2026-03-31T09%3A00%3A00Z"
    page = (
        '<a href="?page=2">2</a><a class="x" href="/audit/?subject=a#b">log</a><a href="/queue/">queue</a>'
        '<a href="/audit/" data-now>go to now</a><a href="#c">down</a><form method="get"><form method="post">'
    )
    kept = moment.keep(page, AT)
    assert f'<a href="?page=2&amp;{mark}">' in kept
    assert f'<a class="x" href="/audit/?subject=a&amp;{mark}#b">' in kept
    assert '<a href="/queue/" data-now>' in kept
    assert '<a href="/audit/" data-now>' in kept
    assert '<a href="#c">' in kept
    assert '<form method="get"><input type="hidden" name="as_at" value="2026-03-31T09:00:00Z">' in kept
    assert kept.endswith('<form method="post">')


@pytest.fixture
def reader(db) -> Client:
    return factories.signed_in(factories.person("auditor"))


def test_a_page_without_a_past_leads_back_to_now(reader):
    answer = reader.get("/queue/?as_at=2026-03-31&list=all")
    assert (answer.status_code, answer["Location"]) == (302, "/queue/?list=all")


def test_a_call_without_a_past_refuses_the_moment(db):
    answer = factories.api(factories.person("auditor"), "read").get("/api/v1/environments?as_at=2026-03-31")
    assert (answer.status_code, answer.json()["code"]) == (400, "NO_PAST")


def test_nothing_is_written_while_looking_at_the_past(reader):
    answer = reader.post("/profile/theme/?as_at=2026-03-31", {"theme": "dark"})
    assert answer.status_code == 409
    assert b"nothing is changed there" in answer.content


def test_a_page_of_the_past_says_so_and_leads_to_now(reader):
    answer = reader.get("/audit/?as_at=2026-03-31T09:00:00Z&verb=")
    assert answer.status_code == 200
    assert b"As at <time" in answer.content
    assert b">31 Mar 2026 09:00 UTC</time>" in answer.content
    assert b'href="/audit/?verb=" data-now' in answer.content
