"""Pages of dossiers: list, asking, following, downloading."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.dossiers.models import Dossier
from tests import factories
from tests.dossiers.conftest import Shown

pytestmark = pytest.mark.django_db


def auditor(shown: Shown) -> Client:
    """A browser of the auditor, as the database knows them now."""
    return factories.signed_in(User.objects.get(pk=shown.world.auditor.pk))


def test_the_list_names_each_dossier_with_its_state_and_digest(shown: Shown) -> None:
    page = auditor(shown).get(reverse("dossiers:dossier-list"))
    text = page.content.decode()
    assert shown.dossier.reference in text and "Sealed" in text and shown.dossier.sealed_sha256[:8] in text


def test_a_person_asks_and_is_led_to_the_dossier_that_is_being_made(shown: Shown) -> None:
    browser = auditor(shown)
    address = reverse("dossiers:dossier-new", args=[shown.world.version.pk])
    assert "What goes in" in browser.get(address).content.decode()
    asked = {"order": "sr_26_2", "environment": "", "profile": "outside", "has_texts": "on"}
    answer = browser.post(address, asked, follow=True)
    made = Dossier.objects.latest("created_at")
    assert (made.profile, made.has_names, made.has_texts) == ("outside", False, True)
    assert answer.redirect_chain[-1][0] == reverse("dossiers:dossier", args=[made.pk])
    assert made.order == "sr_26_2"
    assert "Waiting for a worker" in answer.content.decode()


def test_an_order_that_does_not_exist_is_named_in_the_form(shown: Shown) -> None:
    browser = auditor(shown)
    answer = browser.post(reverse("dossiers:dossier-new", args=[shown.world.version.pk]), {"order": "x"})
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()


def test_a_sealed_dossier_shows_whole_digests_and_the_command(shown: Shown) -> None:
    page = auditor(shown).get(reverse("dossiers:dossier", args=[shown.dossier.pk])).content.decode()
    for digest in (shown.dossier.sealed_sha256, shown.dossier.bundle_sha256, shown.dossier.issue.base_sha256):
        assert f'data-copy="{digest}"' in page
    assert f"manage.py verify {shown.dossier.file_name}.zip --trust trust.json" in page
    assert "Issued by" in page


def test_pdf_bundle_and_trust_file_are_downloads(shown: Shown) -> None:
    browser = auditor(shown)
    assert browser.get(reverse("dossiers:pdf", args=[shown.dossier.pk])).content == shown.pdf
    assert browser.get(reverse("dossiers:bundle", args=[shown.dossier.pk])).content == shown.bundle
    assert browser.get(reverse("dossiers:trust")).content == shown.trust


def test_inside_nothing_is_left_out_whatever_is_ticked(shown: Shown) -> None:
    address = reverse("dossiers:dossier-new", args=[shown.world.version.pk])
    auditor(shown).post(address, {"order": "annex_iv", "environment": "", "profile": "inside"})
    made = Dossier.objects.latest("created_at")
    assert (made.profile, made.has_names, made.has_texts) == ("inside", True, True)


def test_a_word_document_is_asked_for_on_the_page_of_the_dossier(shown: Shown) -> None:
    browser, address = auditor(shown), reverse("dossiers:dossier", args=[shown.dossier.pk])
    assert "Write a Word document" in browser.get(address).content.decode()
    after = browser.post(reverse("dossiers:word", args=[shown.dossier.pk]), follow=True)
    assert "Writing the Word document" in after.content.decode()
    assert browser.get(reverse("dossiers:docx", args=[shown.dossier.pk])).status_code == 409


def test_a_stranger_finds_nothing(shown: Shown) -> None:
    browser = factories.signed_in(factories.person("developer", use_case="another-use"))
    assert browser.get(reverse("dossiers:dossier", args=[shown.dossier.pk])).status_code == 404
    assert str(shown.dossier.pk) not in browser.get(reverse("dossiers:dossier-list")).content.decode()
