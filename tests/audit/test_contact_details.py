"""Contact details never stand in an entry as clear text: refused where somebody has typed them, masked elsewhere, and nothing lost."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.audit import canonical, contact_details, services
from apps.audit.models import Entry
from apps.core.errors import Invalid
from tests import factories

HOLD = [
    "mailto:jane.doe@example.org", "(jane@example.org)", "pg://name:jane@example.org/db",
    "Ask jane.doe@example.org about it", "mail a+b@mail.example.co.uk", "Call +49 30 901820 tomorrow", "tel. (030) 9018 200",
    "0171/1234567 after six", "my number is 212-555-0142", "+1 (212) 555-0142", "ring 030 9018200",
]  # fmt: skip
CLEAN = [
    "pg://reader@db.example.org/main", "git@code.example.org:models/credit.git", "torch@2.3.1", "image@sha256:" + "0" * 64,
    "Ratio for age 61+ rests on 45 cases", "AUC 0.793 on 400 held-out rows, 0.001 more", "Finding F-207 of 2026-11-25, 10:30:15",
    "sha256:9f2c41aa7be0d3c89f2c41aa7be0d3c8", "21 CFR 11.200(a)(1)(ii) and Regulation (EU) 2024/1689", "R-12 @ production",
    "600 rows, 400 rows, 1000 rows", "From 2026-01-01 to 2026-12-31", "ids 0199e0d2-6a10-7c4e-9b1f-3a5d8c2e7f60",
    "https://models.example/reviews/12345678", "version 1.2.3-4567890", "approved @risk2", "0.000123456789 is the p value",
    "10 000 000 rows and 1 234 567 groups", "limits 100 200 300", "between 1000-2000 and 3000-4000",
]  # fmt: skip


@pytest.mark.parametrize("text", HOLD)
def test_contact_details_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        contact_details.require_no_contact_details(text)
    problem = refused.value.errors[0]
    assert problem["code"] == "CONTACT_DETAIL" and "kept for ever" in problem["detail"]
    assert not any(word in problem["detail"] for word in ("example", "901820", "0142", "9018"))


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_reasons_are_let_through(text: str) -> None:
    assert contact_details.contact_detail_in(text) == ""


@given(st.binary(min_size=30, max_size=200))
def test_keys_and_digests_are_never_changed(content: bytes) -> None:
    for text in (base64.b64encode(content).decode(), "+491701234567" + content.hex(), canonical.digest(content)):
        assert contact_details.masked(text, "", []) == text


@pytest.mark.parametrize("text", HOLD)
def test_a_masked_text_holds_none_any_more_and_the_words_around_it_stay(text: str) -> None:
    places: list[str] = []
    kept = contact_details.masked({"said": [f"before {text} after"]}, "/data", places)
    assert places == ["/data/said/0"]
    assert contact_details.contact_detail_in(kept["said"][0]) == ""
    assert kept["said"][0].startswith("before ") and kept["said"][0].endswith(" after")


@pytest.mark.parametrize(
    "text", ["a" * 60_000, "a." * 30_000 + "@", "@" * 60_000, "0" * 60_000, "+1 " * 20_000, "a@b." * 15_000]
)
def test_the_longest_text_that_an_entry_holds_takes_no_time(text: str) -> None:
    began = time.perf_counter()
    contact_details.masked(text, "", [])
    assert time.perf_counter() - began < 0.5


@pytest.mark.django_db
class TestRecord:
    """What passes `record`, whoever calls it."""

    def test_a_person_s_reason_is_refused_and_nothing_is_written(self, write: Callable[..., Entry]) -> None:
        with pytest.raises(Invalid, match="e-mail address") as refused:
            write(actor=factories.person("developer"), reason="Ask jane.doe@example.org")
        assert refused.value.errors[0]["code"] == "CONTACT_DETAIL" and not Entry.objects.exists()

    @pytest.mark.parametrize("operator", ["operator", "command_line"])
    def test_so_is_the_operator_s(self, write: Callable[..., Entry], operator: str) -> None:
        with pytest.raises(Invalid, match="phone number"):
            write(actor=services.system(operator), reason="Call +49 30 901820")

    @pytest.mark.parametrize("actor", [services.system("gate"), None])
    def test_what_a_part_of_the_product_says_is_masked_and_never_lost(
        self, write: Callable[..., Entry], actor: Any
    ) -> None:
        entry = write(
            actor=actor, reason="The server said: ask jane@example.org", data={"answer": ["Call +49 30 901820"]}
        )
        kept = Entry.objects.get(pk=entry.pk)
        assert kept.reason == "The server said: ask [e-mail address]"
        assert kept.facts == {"answer": ["Call [phone number]"]}
        assert kept.value["masked"] == ["/reason", "/data/answer/0"]

    def test_a_pipeline_is_not_refused_either(self, write: Callable[..., Entry]) -> None:
        assert (
            write(actor=factories.service_account(), reason="built by jane@example.org").reason
            == "built by [e-mail address]"
        )

    def test_facts_of_a_person_s_act_are_masked_so_that_a_wrong_one_can_be_put_right(
        self, write: Callable[..., Entry]
    ) -> None:
        entry = write(
            actor=factories.person("developer"), data={"before": json.dumps("jane@example.org"), "after": "none"}
        )
        assert entry.facts == {"before": '"[e-mail address]"', "after": "none"}

    def test_an_entry_without_any_is_the_same_bytes_as_before(self, write: Callable[..., Entry]) -> None:
        entry = write(reason="Because", data={"limit": "0.80"})
        assert "masked" not in entry.value and entry.digest == canonical.digest(bytes(entry.body))

    def test_masked_entries_verify_as_every_other(self, write: Callable[..., Entry]) -> None:
        write(reason="mail a@example.org")
        services.sequence_all()
        services.sign_checkpoint()
        assert services.verify_database().verdict == "valid"
