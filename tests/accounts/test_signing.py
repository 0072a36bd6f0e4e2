"""Re-authentication: one proof, for one person, for one digest, once, for two minutes; failures count and lock."""

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.db import transaction
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import FailedReauthentication, Reauthentication
from apps.audit.models import Entry
from apps.core.errors import NotAllowed
from tests import factories as make

pytestmark = pytest.mark.django_db
DIGEST = "sha256:" + "ab" * 32


def fail(user: object, times: int = 1) -> None:
    """Try with a wrong password."""
    for _ in range(times):
        with pytest.raises(NotAllowed):
            services.reauthenticate(user, password="wrong", bound_to=DIGEST)  # type: ignore[arg-type]


def consume(proof: Reauthentication, actor: object, digest: str = DIGEST) -> None:
    """Use a proof as a signing service does."""
    with transaction.atomic():
        services.consume_reauthentication(proof, actor=actor, bound_to=digest)  # type: ignore[arg-type]


def test_the_right_password_gives_a_proof_for_this_digest_that_works_once() -> None:
    user = make.person("risk_officer")
    proof = services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    consume(proof, user)
    with pytest.raises(NotAllowed, match="used before"):
        consume(proof, user)


def test_a_proof_is_worth_nothing_for_another_digest_or_person() -> None:
    user = make.person("risk_officer")
    proof = services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    with pytest.raises(NotAllowed, match="something else"):
        consume(proof, user, "sha256:" + "cd" * 32)
    with pytest.raises(NotAllowed, match="something else"):
        consume(proof, make.person("risk_officer"))


def test_a_proof_is_worth_nothing_after_two_minutes() -> None:
    user = make.person("risk_officer")
    proof = services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    with time_machine.travel(timezone.now() + timedelta(seconds=121)), pytest.raises(NotAllowed, match="two minutes"):
        consume(proof, user)


def test_a_wrong_password_is_refused_counted_and_recorded() -> None:
    user = make.person("risk_officer")
    fail(user)
    assert FailedReauthentication.objects.filter(user=user).count() == 1
    assert Entry.objects.filter(verb="accounts.reauthentication_failed", actor=user.audit_ref).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_kept_although_it_is_raised() -> None:
    user = make.person("risk_officer")
    fail(user)
    assert FailedReauthentication.objects.filter(user=user).count() == 1


def test_it_refuses_to_run_inside_the_transaction_that_signs() -> None:
    user = make.person("risk_officer")
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)


def test_five_failures_lock_signing_even_for_the_right_password_for_fifteen_minutes() -> None:
    user = make.person("risk_officer")
    fail(user, 4)
    with pytest.raises(NotAllowed, match="now locked until"):
        services.reauthenticate(user, password="wrong", bound_to=DIGEST)
    with pytest.raises(NotAllowed, match="locked until") as refused:
        services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    assert refused.value.code == "SIGNING_LOCKED"
    assert Entry.objects.filter(verb="accounts.signing_locked").count() == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST).method == "password"


def test_a_success_between_failures_starts_the_count_again() -> None:
    user = make.person("risk_officer")
    fail(user, 4)
    services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    fail(user, 4)
    assert services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)


def test_failures_of_one_person_lock_nobody_else() -> None:
    fail(make.person("risk_officer"), 5)
    assert services.reauthenticate(make.person("risk_officer"), password=make.PASSWORD, bound_to=DIGEST)


def test_a_service_account_never_signs() -> None:
    with pytest.raises(NotAllowed, match="never sign"):
        services.reauthenticate(make.service_account(), password="", bound_to=DIGEST)


def test_a_password_set_by_an_administrator_suspends_signing_until_a_second_person_verifies() -> None:
    admin, user = make.person("administrator"), make.person("risk_officer")
    services.set_password(user, password="another long phrase 7", actor=admin)
    with pytest.raises(NotAllowed, match="Signing is suspended"):
        services.reauthenticate(user, password="another long phrase 7", bound_to=DIGEST)
    user.refresh_from_db()
    for insider in (admin, user):
        with pytest.raises(NotAllowed):
            services.verify_identity(user, method="in_person", reason="me", actor=insider)
    services.verify_identity(user, method="in_person", reason="At the office", actor=make.person("compliance"))
    assert services.reauthenticate(user, password="another long phrase 7", bound_to=DIGEST)


def test_an_enrolled_one_time_code_is_asked_for_and_works_once() -> None:
    user = make.person("risk_officer")
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(user, secret)
    assert Authenticator.objects.filter(user=user).exists()
    with pytest.raises(NotAllowed, match="one-time code"):
        services.reauthenticate(user, password=make.PASSWORD, bound_to=DIGEST)
    code = totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))
    assert services.reauthenticate(user, password=make.PASSWORD, code=code, bound_to=DIGEST).method == "password+totp"
    with pytest.raises(NotAllowed, match="not right"):
        services.reauthenticate(user, password=make.PASSWORD, code=code, bound_to=DIGEST)
