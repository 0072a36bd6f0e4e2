"""Signing by passkey, on the pages and by the API: the challenge is the digest of the payload, and the record proves itself."""

import base64
import hashlib
import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from fido2.utils import websafe_decode

from apps.accounts.models import Passkey
from apps.accounts.passkeys import RelyingParty
from apps.accounts.queries import openings
from apps.audit import canonical
from apps.audit.models import Entry
from apps.core.errors import Conflict, NotAllowed, WrongState
from apps.workflow import services
from apps.workflow.models import Signature
from apps.workflow.services import Statement
from tests import factories
from tests.accounts.test_passkeys import PARTY, SESSION, enrol
from tests.answers import check_problem
from tests.authenticator import Authenticator
from tests.workflow.conftest import REASON, World

HOST = {"headers": {"host": "localhost"}}


@pytest.fixture
def review(world: World) -> Any:
    """The owner is asked to attest."""
    return world.submit()


@pytest.fixture
def device(world: World) -> Authenticator:
    """The owner's passkey."""
    made = Authenticator()
    enrol(world.owner, made)
    return made


def statement(review: Any, **more: Any) -> Statement:
    """What the owner means to sign."""
    said = {"meaning": "responsible", "reason": REASON, "content": services.present(review).digest, **more}
    return Statement(**said)


def sign(world: World, review: Any, device: Authenticator, party: RelyingParty = PARTY) -> Signature:
    """Both halves, as a browser does them."""
    challenge = services.prepare_sign_off(
        review, actor=world.owner, said=statement(review), session=SESSION, party=party
    )
    return services.sign_prepared(
        review, actor=world.owner, answer=answer_to(challenge, device, party), session=SESSION
    )


def answer_to(challenge: Any, device: Authenticator, party: RelyingParty = PARTY) -> Any:
    """What the device says to a challenge."""
    from apps.accounts.services import PasskeyAnswer, challenge_options

    return PasskeyAnswer(challenge.pk, device.get(challenge_options(challenge)), party)


def test_the_challenge_that_was_signed_is_the_digest_of_the_payload(world: World, review: Any, device: Any) -> None:
    signature = sign(world, review, device)
    assert signature.authentication == "passkey" and signature.proved_by == "passkey"
    said = json.loads(base64.b64decode(signature.assertion["client_data"]))
    assert websafe_decode(said["challenge"]) == hashlib.sha256(canonical.encode(signature.payload)).digest()
    assert said["type"] == "webauthn.get" and said["origin"] == "http://localhost"
    assert signature.payload["id"] == str(signature.pk)
    kept = Signature.objects.get(pk=signature.pk)
    assert kept.digest == kept.compute_digest()


def test_the_entry_of_enrolment_names_the_key_that_signed(world: World, review: Any, device: Any) -> None:
    signature = sign(world, review, device)
    enrolled = Entry.objects.get(verb="accounts.passkey_enrolled", subject=f"passkey:{signature.assertion['passkey']}")
    assert enrolled.actor == world.owner.audit_ref
    for name in ("public_key", "algorithm", "credential_id", "rp_id"):
        assert enrolled.facts[name] == signature.assertion[name]


def test_the_record_names_nobody_and_its_opening_does(world: World, review: Any, device: Any) -> None:
    signature = sign(world, review, device)
    record = canonical.encode(signature.content()).decode()
    assert world.owner.printed_name not in record
    commitment = signature.payload["signer"]["name_c"]
    assert json.loads(record)["printed_name"] == commitment
    assert openings([commitment])[commitment]["value"] == world.owner.printed_name == signature.printed_name


def test_what_changed_between_preparing_and_answering_is_refused(world: World, review: Any, device: Any) -> None:
    challenge = services.prepare_sign_off(
        review, actor=world.owner, said=statement(review), session=SESSION, party=PARTY
    )
    answer = answer_to(challenge, device)
    world.measure("performance", auc=0.9)
    with pytest.raises(Conflict, match="changed while you were reading"):
        services.sign_prepared(review, actor=world.owner, answer=answer, session=SESSION)
    assert not review.signatures.exists()


def test_without_a_passkey_nothing_can_be_prepared(world: World, review: Any) -> None:
    with pytest.raises(WrongState, match="no passkey"):
        services.prepare_sign_off(review, actor=world.owner, said=statement(review), session=SESSION, party=PARTY)


def test_a_withdrawal_is_signed_by_passkey_too(world: World, review: Any, device: Any) -> None:
    first = sign(world, review, device)
    why = "The record was not complete after all."
    challenge = services.prepare_withdrawal(review, actor=world.owner, reason=why, session=SESSION, party=PARTY)
    made = services.sign_prepared(review, actor=world.owner, answer=answer_to(challenge, device), session=SESSION)
    assert made.meaning == "withdrawn" and made.withdraws == first and made.assertion is not None
    assert world.fresh(review).open_step.key == "attest"
    again = sign(world, review, device)
    assert again.replaces == first and world.fresh(review).open_step.key != "attest"


def test_the_api_signs_by_passkey_in_two_calls(world: World, review: Any, device: Any) -> None:
    caller = factories.api(world.owner, "read", "workflow:write")
    address = f"/api/v1/reviews/{review.pk}"
    shown = caller.get(address).json()
    body = {"seen_digest": shown["seen_digest"], "meaning": "responsible", "reason": REASON}
    prepared = caller.post(f"{address}/sign-offs/prepare", body, **HOST).json()
    assert prepared["digest"] == canonical.digest(canonical.encode(prepared["payload"]))
    passkey = {"challenge": prepared["id"], "response": device.get(prepared["options"])}
    other = caller.post(f"{address}/sign-offs", {**body, "reason": "x" * 30, "passkey": passkey}, **HOST)
    assert check_problem(other, 409)["code"] == "PROOF_FOR_OTHER"
    prepared = caller.post(f"{address}/sign-offs/prepare", body, **HOST).json()
    passkey = {"challenge": prepared["id"], "response": device.get(prepared["options"])}
    answer = caller.post(f"{address}/sign-offs", {**body, "passkey": passkey}, **HOST)
    assert answer.status_code == 201, answer.content
    assert answer.json()["authentication"] == "passkey" and answer.json()["assertion"]["algorithm"] == "ES256"


def test_the_api_takes_one_way_and_not_both(world: World, review: Any) -> None:
    caller = factories.api(world.owner, "read", "workflow:write")
    body = {"seen_digest": "x", "meaning": "responsible", "reason": REASON}
    for more in ({}, {"password": "x", "passkey": {"challenge": str(review.pk), "response": {}}}):
        problem = check_problem(caller.post(f"/api/v1/reviews/{review.pk}/sign-offs", {**body, **more}), 422)
        assert problem["errors"][0]["pointer"] == "/password"


def browser(user: Any) -> Client:
    """A browser that opened the product by its name."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def options_on(page: Any) -> dict[str, Any]:
    """What the page hands to the browser."""
    found = re.search(r'data-options="([^"]+)"', page.content.decode())
    assert found is not None, page.content.decode()
    loaded: dict[str, Any] = json.loads(html.unescape(found[1]))
    return loaded


def test_the_pages_enrol_and_sign_with_a_passkey(world: World, review: Any) -> None:
    client, device = browser(world.owner), Authenticator()
    new = reverse("accounts:passkey-new")
    answer = json.dumps(device.create(options_on(client.get(new))))
    body = {"name": "Laptop", "password": factories.PASSWORD, "answer": answer}
    assert client.post(new, body).status_code == 302 and Passkey.objects.get().user == world.owner
    assert "Laptop" in client.get(reverse("accounts:profile")).content.decode()
    address = reverse("workflow:sign-off", args=[review.pk])
    page = client.get(address).content.decode()
    assert "Sign with your passkey" in page
    seen = re.search(r'name="seen_digest" value="(sha256:[0-9a-f]{64})"', page)
    assert seen is not None
    wish = {"seen_digest": seen[1], "decision": "responsible", "reason": REASON, "way": "passkey"}
    asked = client.post(address, wish)
    assert asked.status_code == 200 and REASON in asked.content.decode()
    action = re.search(rf'action="(/reviews/{review.pk}/passkey/[^"]+)"', asked.content.decode())
    assert action is not None
    done = client.post(action[1], {"answer": json.dumps(device.get(options_on(asked)))})
    signature = Signature.objects.get(review=review)
    assert done.status_code == 302 and done["Location"] == reverse("workflow:receipt", args=[signature.pk])
    receipt = client.get(done["Location"]).content.decode()
    assert "Passkey" in receipt and "Withdraw this signature" in receipt


def test_a_session_that_ended_takes_what_it_prepared_with_it(world: World, review: Any, device: Any) -> None:
    client = browser(world.owner)
    address = reverse("workflow:sign-off", args=[review.pk])
    wish = {
        "seen_digest": services.present(review).digest,
        "decision": "responsible",
        "reason": REASON,
        "way": "passkey",
    }
    asked = client.post(address, wish)
    action = re.search(rf'action="(/reviews/{review.pk}/passkey/[^"]+)"', asked.content.decode())
    assert action is not None
    given = json.dumps(device.get(options_on(asked)))
    client.logout()
    client.force_login(world.owner)
    answer = client.post(action[1], {"answer": given})
    assert answer.status_code == 403 and "another session" in answer.content.decode()
    assert not review.signatures.exists()


def test_after_two_minutes_the_page_says_so(world: World, review: Any, device: Any) -> None:
    challenge = services.prepare_sign_off(
        review, actor=world.owner, said=statement(review), session=SESSION, party=PARTY
    )
    answer = answer_to(challenge, device)
    with time_machine.travel(timezone.now() + timedelta(seconds=125)), pytest.raises(NotAllowed, match="two minutes"):
        services.sign_prepared(review, actor=world.owner, answer=answer, session=SESSION)


def test_a_page_opened_by_address_says_why_there_is_no_passkey(world: World, review: Any) -> None:
    client = Client(headers={"host": "127.0.0.1:8000"})
    client.force_login(world.owner)
    page = client.get(reverse("workflow:sign-off", args=[review.pk])).content.decode()
    assert "bound to a host name" in page and "Sign with your passkey" not in page
    assert "Until then you sign with your password" in client.get(reverse("accounts:passkey-new")).content.decode()
