"""Signing in through the real pages: what is recorded, and that nobody signs up."""

import pytest
from django.test import Client

from apps.audit.models import Entry
from tests import factories as make

pytestmark = pytest.mark.django_db


def verbs() -> list[str]:
    """Verbs of the log, oldest first."""
    return list(Entry.objects.order_by("id").values_list("verb", flat=True))


def test_sign_in_and_out_are_recorded() -> None:
    user, client = make.person(username="ada"), Client()
    client.post("/accounts/login/", {"login": "ada", "password": make.PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)
    client.post("/accounts/logout/")
    assert verbs() == ["accounts.signed_in", "accounts.signed_out"]


def test_a_wrong_password_is_recorded_without_what_was_typed() -> None:
    user = make.person(username="ada")
    Client().post("/accounts/login/", {"login": "ada", "password": "a wrong phrase"})
    Client().post("/accounts/login/", {"login": "my secret pass phrase", "password": "x"})
    assert verbs() == ["accounts.sign_in_failed"] * 2
    bodies = b"".join(bytes(body) for body in Entry.objects.values_list("body", flat=True))
    assert user.subject.encode() in bodies and b"user:unknown" in bodies
    assert b"secret pass" not in bodies and b"wrong phrase" not in bodies


def test_a_deactivated_person_does_not_sign_in() -> None:
    make.person(username="ada", is_active=False)
    client = Client()
    client.post("/accounts/login/", {"login": "ada", "password": make.PASSWORD})
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up() -> None:
    Client().post("/accounts/signup/", {"username": "me", "password1": make.PASSWORD, "password2": make.PASSWORD})
    assert verbs() == []
