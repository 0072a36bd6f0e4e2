"""Passkeys: enrolled with the password, asked for the digest of what is signed, refused whenever anything is not as asked."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import transaction
from django.test import RequestFactory, override_settings
from django.utils import timezone
from fido2.utils import websafe_decode, websafe_encode

from apps.accounts import passkeys, services
from apps.accounts.models import FailedReauthentication, Passkey, Reauthentication, SigningChallenge, User
from apps.accounts.passkeys import RelyingParty
from apps.audit.models import Entry
from apps.core import jobs
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Job, digest_of
from tests import factories as make
from tests.authenticator import PRESENT, Authenticator

pytestmark = pytest.mark.django_db
PARTY = RelyingParty("localhost", "http://localhost")
PAYLOAD = {"v": 2, "type": "signoff", "reason": "Read all of it."}
SESSION = "session:one"


def enrol(user: User, device: Authenticator, *, party: RelyingParty = PARTY, password: str = make.PASSWORD) -> Passkey:
    """Enrol a passkey as the profile page does."""
    options, state = passkeys.enrolment(user, party)
    return services.enrol_passkey(
        user, name="Laptop", answer=device.create(options), state=state, party=party, password=password, session=SESSION
    )


def prepare(user: User, payload: dict[str, Any] = PAYLOAD) -> SigningChallenge:
    """A payload that waits for the user's passkey."""
    return services.open_challenge(user, payload=payload, session=SESSION, party=PARTY)


def prove(user: User, challenge: SigningChallenge, device: Authenticator, session: str = SESSION) -> Reauthentication:
    """Answer with a device."""
    response = device.get(services.challenge_options(challenge))
    answer = services.PasskeyAnswer(challenge.pk, response, PARTY)
    return services.reauthenticate_by_passkey(user, answer, session=session)[0]


@pytest.fixture
def user() -> User:
    return make.person("risk_officer")


@pytest.fixture(params=["ES256", "EdDSA"])
def device(request: pytest.FixtureRequest, user: User) -> Authenticator:
    """An enrolled passkey of each kind."""
    made = Authenticator(kind=request.param)
    enrol(user, made)
    return made


@pytest.fixture
def laptop(user: User) -> Authenticator:
    """An enrolled passkey."""
    made = Authenticator()
    enrol(user, made)
    return made


def test_enrolling_stands_in_the_log_with_the_public_key(user: User, device: Authenticator) -> None:
    passkey = Passkey.objects.get(user=user)
    entry = Entry.objects.get(verb="accounts.passkey_enrolled")
    said = entry.facts
    assert entry.subject == passkey.subject and entry.actor == user.audit_ref
    assert said["public_key"] == passkey.public_key and said["algorithm"] == device.kind
    assert said["rp_id"] == "localhost" and said["credential_id"] == passkey.credential_id


def test_enrolling_asks_for_the_password(user: User) -> None:
    with pytest.raises(NotAllowed, match="password is not right"):
        enrol(user, Authenticator(), password="wrong")
    assert not Passkey.objects.exists() and FailedReauthentication.objects.count() == 1


def test_a_device_that_did_not_verify_the_person_is_not_enrolled(user: User) -> None:
    device = Authenticator()
    device.flags = PRESENT
    with pytest.raises(Invalid, match="[Vv]erif"):
        enrol(user, device)


def test_a_key_is_enrolled_once(user: User, laptop: Authenticator) -> None:
    with pytest.raises(WrongState, match="already"):
        enrol(make.person("risk_officer"), laptop)


def test_the_answer_proves_the_person_for_the_digest_of_the_payload(user: User, device: Authenticator) -> None:
    challenge = prepare(user)
    proof = prove(user, challenge, device)
    assert proof.method == "passkey" and proof.bound_to == challenge.digest == digest_of(PAYLOAD)
    assert proof.assertion is not None and proof.assertion["algorithm"] == device.kind
    with transaction.atomic():
        services.consume_reauthentication(proof, actor=user, bound_to=challenge.digest, session=SESSION)


def test_what_is_kept_verifies_again_without_the_product(user: User, laptop: Authenticator) -> None:
    kept = prove(user, prepare(user), laptop).assertion
    assert kept is not None
    key = load_der_public_key(base64.b64decode(kept["public_key"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    message = (
        base64.b64decode(kept["authenticator_data"]) + hashlib.sha256(base64.b64decode(kept["client_data"])).digest()
    )
    key.verify(base64.b64decode(kept["signature"]), message, ec.ECDSA(hashes.SHA256()))


def test_an_answer_counts_once(user: User, laptop: Authenticator) -> None:
    challenge = prepare(user)
    prove(user, challenge, laptop)
    with pytest.raises(NotAllowed, match="answered before"):
        prove(user, challenge, laptop)


def test_an_answer_after_two_minutes_is_refused(user: User, laptop: Authenticator) -> None:
    challenge = prepare(user)
    with time_machine.travel(timezone.now() + timedelta(seconds=121)), pytest.raises(NotAllowed, match="two minutes"):
        prove(user, challenge, laptop)


def test_an_answer_in_another_session_is_refused(user: User, laptop: Authenticator) -> None:
    with pytest.raises(NotAllowed, match="another session"):
        prove(user, prepare(user), laptop, session="session:two")


def test_nobody_answers_what_was_prepared_for_another(user: User, laptop: Authenticator) -> None:
    other, phone = make.person("risk_officer"), Authenticator()
    enrol(other, phone)
    challenge = prepare(user)
    response = laptop.get(services.challenge_options(challenge))
    with pytest.raises(NotAllowed, match="another session"):
        services.reauthenticate_by_passkey(
            other, services.PasskeyAnswer(challenge.pk, response, PARTY), session=SESSION
        )


WRONG = {
    "another origin": {"origin": "http://localhost.evil.example"},
    "another port": {"origin": "http://localhost:666"},
    "another host": {"rp_id": "evil.example"},
    "nobody verified": {"flags": PRESENT},
    "nobody present": {"flags": 0x04},
    "inside another page": {"cross_origin": True},
    "a counter that went back": {"counter": -1},
    "another key": {"key": ec.generate_private_key(ec.SECP256R1())},
}


@pytest.mark.parametrize("wrong", list(WRONG))
def test_an_answer_that_is_not_as_asked_is_refused_and_counted(user: User, laptop: Authenticator, wrong: str) -> None:
    prove(user, prepare(user), laptop)
    for name, value in WRONG[wrong].items():
        setattr(laptop, name, value)
    with pytest.raises(NotAllowed) as refused:
        prove(user, prepare(user), laptop)
    assert refused.value.code == "REAUTHENTICATION_FAILED"
    assert FailedReauthentication.objects.filter(user=user, method="passkey").count() == 1


def test_an_answer_to_another_payload_is_refused(user: User, laptop: Authenticator) -> None:
    first, second = prepare(user), prepare(user, {**PAYLOAD, "reason": "Something else."})
    response = laptop.get(services.challenge_options(second))
    with pytest.raises(NotAllowed, match="did not confirm"):
        services.reauthenticate_by_passkey(user, services.PasskeyAnswer(first.pk, response, PARTY), session=SESSION)


@pytest.mark.parametrize(
    "garbage", [None, {}, [], "x", {"id": "!", "rawId": "!", "response": {}, "type": "public-key"}]
)
def test_garbage_is_refused_with_a_sentence(user: User, laptop: Authenticator, garbage: Any) -> None:
    with pytest.raises(NotAllowed, match="did not confirm"):
        services.reauthenticate_by_passkey(
            user, services.PasskeyAnswer(prepare(user).pk, garbage, PARTY), session=SESSION
        )


@pytest.mark.parametrize("part", ["attestationObject", "clientDataJSON"])
def test_a_damaged_enrolment_is_refused_at_every_byte(user: User, part: str) -> None:
    device = Authenticator()
    options, state = passkeys.enrolment(user, PARTY)
    whole = device.create(options)
    content = websafe_decode(whole["response"][part])
    for place in range(len(content) + 1):
        bad = content[:place] if place % 3 else content[:place] + b"\xff" + content[place + 1 :]
        if bad == content:
            continue
        answer = {**whole, "response": {**whole["response"], part: websafe_encode(bad)}}
        try:
            passkeys.read_enrolment(answer, state, PARTY)
        except passkeys.BadPasskey:
            continue
        assert part == "attestationObject"  # names, ids and key bytes may differ and still be a key; never an error


def test_a_key_that_is_on_no_curve_is_not_enrolled(user: User) -> None:
    device = Authenticator()
    options, state = passkeys.enrolment(user, PARTY)
    answer = device.create(options)
    x = device.key.public_key().public_numbers().x.to_bytes(32, "big")
    content = websafe_decode(answer["response"]["attestationObject"]).replace(x, b"\x01" * 32)
    answer["response"]["attestationObject"] = websafe_encode(content)
    with pytest.raises(passkeys.BadPasskey):
        passkeys.read_enrolment(answer, state, PARTY)


@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
def test_a_damaged_answer_is_refused_at_every_byte(user: User, laptop: Authenticator, part: str) -> None:
    challenge = prepare(user)
    options = services.challenge_options(challenge)
    whole = laptop.get(options)
    content = websafe_decode(whole["response"][part])
    wanted = websafe_decode(options["publicKey"]["challenge"])
    for place in range(len(content)):
        for bad in (content[:place], content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]):
            answer = {**whole, "response": {**whole["response"], part: websafe_encode(bad)}}
            with pytest.raises(passkeys.BadPasskey):
                passkeys.read_answer(answer, user, PARTY, wanted)


def test_five_bad_answers_lock_signing_by_password_too(user: User, laptop: Authenticator) -> None:
    laptop.origin = "http://elsewhere.example"
    for _ in range(5):
        with pytest.raises(NotAllowed):
            prove(user, prepare(user), laptop)
    with pytest.raises(NotAllowed, match="locked"):
        services.reauthenticate(user, password=make.PASSWORD, bound_to="sha256:" + "0" * 64)
    with pytest.raises(NotAllowed, match="locked"):
        prepare(user)


def test_an_ended_passkey_signs_nothing_more(user: User, laptop: Authenticator) -> None:
    services.revoke_passkey(Passkey.objects.get(), reason="Lost", actor=user)
    with pytest.raises(WrongState, match="no passkey"):
        prepare(user)
    assert Entry.objects.filter(verb="accounts.passkey_revoked").count() == 1


def test_who_is_locked_out_and_who_administers_are_written_to(user: User, mailoutbox: list[Any]) -> None:
    User.objects.filter(pk=user.pk).update(email="signer@models.example")
    make.person("administrator", email="admin@models.example")
    for _ in range(5):
        with pytest.raises(NotAllowed):
            services.reauthenticate(user, password="wrong", bound_to="sha256:" + "0" * 64)
    job = jobs.run_now(Job.objects.get(task="accounts.tell_signing_locked"))
    assert job.result == {"told": 2}
    assert {address for message in mailoutbox for address in message.to} == {
        "signer@models.example",
        "admin@models.example",
    }
    assert "Signing is locked until" in mailoutbox[0].body


def test_only_its_holder_or_an_administrator_ends_a_passkey(user: User, laptop: Authenticator) -> None:
    with pytest.raises(NotAllowed):
        services.revoke_passkey(Passkey.objects.get(), actor=make.person("risk_officer"))
    services.revoke_passkey(Passkey.objects.get(), actor=make.person("administrator"))


def party(host: str, secure: bool = False) -> RelyingParty:
    """The relying party of a page at this host."""
    request = RequestFactory().get("/", headers={"host": host}, secure=secure)
    return passkeys.relying_party_of(request)


@override_settings(ALLOWED_HOSTS=["*"])
def test_a_page_says_when_no_browser_offers_passkeys_there() -> None:
    assert party("localhost:8000") == RelyingParty("localhost", "http://localhost:8000")
    assert party("localhost:8000").obstacle == ""
    assert "host name" in party("127.0.0.1:8000").obstacle
    assert "host name" in party("[::1]:8000").obstacle
    assert "https" in party("models.example").obstacle
    assert party("models.example", secure=True).obstacle == ""


@override_settings(ALLOWED_HOSTS=["*"], PRODUCTION=True, BASE_URL="https://models.example")
def test_in_production_only_the_known_origin_asks_for_passkeys() -> None:
    assert party("models.example", secure=True).obstacle == ""
    assert "models.example" in party("other.example", secure=True).obstacle
