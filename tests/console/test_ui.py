"""The parts every page is made of."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.template import Context, Template

from apps.core.templatetags import ui
from apps.core.templatetags.ui_words import STATES

DIGEST = "sha256:" + "9f2c41aa7be0d3c8" * 4
NOW = datetime(2026, 11, 4, 8, 12, tzinfo=UTC)


def render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


def test_a_state_is_icon_and_word_and_tone_together() -> None:
    html = render('{% state "open" %}')
    assert 'class="state is-bad"' in html
    assert "<svg" in html
    assert html.endswith("Not met</span>")


def test_open_is_another_word_for_a_finding_than_for_a_requirement() -> None:
    assert ui.state_word("open") == "Not met"
    assert ui.state_word("open", "finding") == "Open"


def test_a_waived_requirement_says_until_when() -> None:
    assert "Waived until 29 Jan 2027" in render('{% state "waived" until=on %}', on=date(2027, 1, 29))


def test_a_state_nobody_has_named_is_shown_as_it_is_and_carries_no_judgement() -> None:
    html = render('{% state "half_done" %}')
    assert "is-none" in html
    assert "Half done" in html


def test_a_state_word_from_outside_is_escaped() -> None:
    assert "<script" not in render("{% state value %}", value="<script>")


@pytest.mark.parametrize("name", sorted(STATES))
def test_every_state_has_a_word_an_icon_and_one_of_six_tones(name: str) -> None:
    known = STATES[name]
    assert str(known.word)
    assert known.tone in {"ok", "bad", "warn", "fault", "turn", "none"}
    assert ui.icon(known.icon).startswith("<svg")


def test_a_short_digest_shows_sixteen_digits_and_copies_all_of_them() -> None:
    html = render("{% digest value %}", value=DIGEST)
    assert "<span>9f2c41aa</span><span>7be0d3c8</span></code>" in html
    assert f'data-copy="{DIGEST}"' in html


def test_a_full_digest_shows_every_digit_with_its_algorithm() -> None:
    html = render("{% digest value short=False %}", value=DIGEST)
    assert html.count("<span>9f2c41aa</span>") == 4
    assert ">sha256:<span>" in html


def test_what_is_no_digest_is_shown_as_it_is_and_escaped() -> None:
    assert render("{% digest value %}", value="<b>") == "<code>&lt;b&gt;</code>"


def test_a_time_has_its_zone_and_utc_for_machines() -> None:
    html = render("{% when value %}", value=NOW)
    assert 'datetime="2026-11-04T08:12:00Z"' in html
    assert "4 Nov 2026, 08:12 UTC" in html


def test_a_time_stored_as_text_reads_like_any_other() -> None:
    assert "4 Nov 2026, 08:12 UTC" in render("{% when value %}", value="2026-11-04T08:12:00Z")


def test_nothing_is_said_to_be_not_yet() -> None:
    assert "Not yet" in render("{% when value %}", value=None)


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("days", "words"),
    [(-2, "2 days overdue"), (-1, "1 day overdue"), (0, "due today"), (1, "due tomorrow"), (5, "due in 5 days")],
)
def test_a_due_date_says_how_far_it_is(days: int, words: str) -> None:
    assert words in ui.due(NOW.date() + timedelta(days=days))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (48231, "48\u202f231"),
        (0.7931, "0.7931"),
        (-0.07, "\u22120.07"),
        (None, "–"),
        ("text", "text"),
        (12, "12"),
        (True, "True"),
    ],
)
def test_numbers_align_and_have_a_true_minus(value: object, text: str) -> None:
    assert ui.number(value) == text


def test_a_meter_never_counts_waived_as_met() -> None:
    html = render("{% meter 6 1 2 %}")
    assert "6 of 9 met" in html
    assert html.count("<rect") == 9


def test_a_meter_of_many_requirements_keeps_the_one_that_fails_visible() -> None:
    html = render("{% meter 80 0 1 0 %}")
    assert "80 of 81 met" in html
    assert html.count("<rect") == 12
    assert 'stroke="#a3191f"' in html
