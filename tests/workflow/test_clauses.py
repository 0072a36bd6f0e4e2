"""Each rule about records and signatures that the design names, as a test named after its clause.

21 CFR Part 11, Annex 11 of the EU GMP guide (2011), Regulation (EU) 910/2014 Art. 26. The sentences are the design's reading of the
clauses: software requirements, not legal opinions.
"""

import base64
import hashlib
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import FailedReauthentication, Passkey, Reauthentication, RoleAssignment, User
from apps.accounts.rechecks import accounts_to_confirm, rights_of
from apps.audit import canonical, rows
from apps.audit.export import record_file
from apps.audit.models import Entry
from apps.audit.verification import Reading
from apps.core.errors import Conflict, NotAllowed
from apps.core.models import Job
from apps.dossiers.sections.governance import signature_content
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Review, Signature, Step
from tests import factories
from tests.accounts.test_passkeys import PARTY, SESSION, enrol
from tests.authenticator import Authenticator
from tests.workflow.conftest import REASON, World
from tests.workflow.test_passkey import answer_to, sign, statement


@pytest.fixture
def review(world: World) -> Review:
    """The owner is asked to attest."""
    return world.submit()


@pytest.fixture
def signature(world: World, review: Review) -> Signature:
    """The owner has attested, by password."""
    return world.sign(review, world.owner)


@pytest.fixture
def device(world: World) -> Authenticator:
    """The owner's passkey."""
    made = Authenticator()
    enrol(world.owner, made)
    return made


def refuses(statement_: str, *parameters: Any) -> None:
    """The database itself refuses this."""
    with pytest.raises(DatabaseError, match="append-only|refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement_, parameters)


def words_of(page: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


# --- 21 CFR 11.10 ----------------------------------------------------------------------------------------------------


def test_11_10_a_an_altered_record_is_discerned(signature: Signature) -> None:
    reading = Reading()
    rows.read_rows(reading, Signature)
    assert reading.findings == []
    with connection.cursor() as cursor:  # as the owner of the database may
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE workflow_signature DISABLE TRIGGER ALL")
        cursor.execute("UPDATE workflow_signature SET reason = 'I never said this.' WHERE id = %s", [signature.pk])
    rows.read_rows(reading, Signature)
    assert [found["subject"] for found in reading.findings] == [f"workflow.signature:{signature.pk}"]


def test_11_10_b_there_is_a_form_for_people_and_an_electronic_copy(world: World, signature: Signature) -> None:
    page = words_of(factories.signed_in(world.auditor).get(reverse("workflow:receipt", args=[signature.pk])))
    name, content = record_file(signature)
    record = json.loads(content)
    for said in (record["reason"], record["meaning_text"]):
        assert said in page
    assert name == f"data/rows/{hashlib.sha256(content).hexdigest()}.json"


def test_11_10_c_a_copy_is_read_without_the_product_and_proves_itself(signature: Signature) -> None:
    content = record_file(signature)[1]
    entry = Entry.objects.get(row=f"workflow.signature:{signature.pk}")
    assert json.loads(bytes(entry.body))["row"]["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
    refuses("DELETE FROM workflow_signature WHERE id = %s", signature.pk)
    refuses("DELETE FROM audit_entry WHERE id = %s", entry.pk)


def test_11_10_d_authority_is_asked_at_the_moment_of_signing(world: World, review: Review) -> None:
    seen = services.present(review).digest
    RoleAssignment.objects.filter(user=world.owner).update(revoked_at=timezone.now())
    with pytest.raises(NotAllowed, match="signed by the model owner"):
        world.sign(review, world.owner, seen_digest=seen)


def test_11_10_e_who_what_when_and_why_stand_in_the_trail_and_nobody_edits_it(
    world: World, signature: Signature
) -> None:
    entry = Entry.objects.get(row=f"workflow.signature:{signature.pk}")
    said = entry.value
    assert (said["actor"], said["verb"], said["reason"]) == (world.owner.audit_ref, "workflow.signed_off", REASON)
    assert said["at"].endswith("Z") and said["subject"] == signature.review.subject
    refuses("UPDATE audit_entry SET actor = 'user:nobody' WHERE id = %s", entry.pk)
    refuses("TRUNCATE audit_entry CASCADE")


def test_11_10_f_steps_out_of_order_are_refused_by_product_and_database(world: World, review: Review) -> None:
    with pytest.raises(NotAllowed):
        world.sign(review, world.head_of_model_risk)
    later = review.round_steps[2]
    with pytest.raises(IntegrityError, match="step_open_once"), transaction.atomic():
        Step.objects.filter(pk=later.pk).update(state=Step.State.OPEN)
    with pytest.raises(IntegrityError, match="review_state"), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(state=lifecycle.STALE)


def test_11_10_g_the_role_that_gave_authority_is_signed_and_an_author_approves_nothing(
    world: World, review: Review, signature: Signature
) -> None:
    assert signature.payload["signer"]["role"] == signature.role == "model_owner"
    factories.grant(world.developer, "validator")
    with pytest.raises(NotAllowed, match="Someone else has to"):
        world.sign(review, world.developer)


# --- 21 CFR 11.50, 11.70 ---------------------------------------------------------------------------------------------


def test_11_50_a_a_signed_record_holds_name_time_and_meaning(world: World, signature: Signature) -> None:
    assert signature.printed_name == world.owner.printed_name
    assert signature.payload["signed_at"].endswith("Z") and signature.signed_at.tzinfo is not None
    assert (
        signature.payload["meaning"] == "responsible" and "I take responsibility" in signature.payload["meaning_text"]
    )


def test_11_50_b_all_three_stand_in_every_form_for_people(world: World, signature: Signature) -> None:
    reader = factories.signed_in(world.auditor)
    moment = f"{signature.signed_at:%H:%M}"
    for address in ("workflow:receipt", "workflow:review-detail"):
        key = signature.pk if address == "workflow:receipt" else signature.review_id
        page = words_of(reader.get(reverse(address, args=[key])))
        assert signature.printed_name in page and "Responsible" in page and moment in page, address
    reply = factories.api(world.auditor, "read").get(f"/api/v1/reviews/{signature.review_id}").json()["signatures"][0]
    assert (reply["printed_name"], reply["meaning"]) == (signature.printed_name, "responsible") and reply["signed_at"]
    row = queries.signatures_of(signature.review)[0]
    printed = signature_content(row)
    assert printed["name"] == signature.printed_name and printed["meaning"] == "Responsible" and moment in printed["at"]


def test_11_70_a_signature_cannot_be_moved_to_another_record(signature: Signature) -> None:
    payload = signature.payload
    assert payload["id"] == str(signature.pk) and payload["review"] == str(signature.review_id)
    assert payload["content"] == signature.snapshot.digest == signature.seen_digest
    assert payload["artifact"] == signature.review.version.artifact_digest
    entry = Entry.objects.get(row=f"workflow.signature:{signature.pk}")
    assert entry.row_digest == signature.digest
    for column in ("id", "review_id", "seen_digest", "name_commitment"):
        other = Signature.objects.get(pk=signature.pk)
        setattr(other, column, "00000000-0000-7000-8000-000000000000")
        assert other.compute_digest() != entry.row_digest, column
    refuses("UPDATE workflow_signature SET review_id = review_id WHERE id = %s", signature.pk)


# --- 21 CFR 11.100, 11.200 -------------------------------------------------------------------------------------------


def test_11_100_a_an_identity_belongs_to_one_person_for_ever(world: World) -> None:
    with pytest.raises(TypeError, match="never deleted"):
        world.owner.delete()
    refuses("DELETE FROM accounts_user WHERE id = %s", world.owner.pk)
    accounts.deactivate_user(world.owner, reason="Left the company", actor=world.administrator)
    with pytest.raises(Conflict, match="never given twice"):
        accounts.create_user(world.owner.username.upper(), printed_name="Somebody", actor=world.administrator)


def test_11_100_b_identity_is_verified_before_anybody_signs(world: World, review: Review) -> None:
    newcomer = accounts.create_user(
        "newcomer", printed_name="New owner", password=factories.PASSWORD, actor=world.administrator
    )
    factories.grant(newcomer, "model_owner")
    with pytest.raises(NotAllowed, match="Nobody has verified") as refused:
        world.sign(review, newcomer)
    assert refused.value.code == "IDENTITY_NOT_VERIFIED"
    with pytest.raises(NotAllowed, match="second person"):
        accounts.verify_identity(newcomer, method="document", reason="Seen", actor=world.administrator)
    accounts.verify_identity(newcomer, method="document", reason="Passport seen", actor=world.compliance)
    newcomer.refresh_from_db()
    assert newcomer.identity_verified_by == world.compliance and newcomer.identity_method == "document"
    assert world.sign(review, newcomer).signer == newcomer


def test_11_200_a_1_two_components_are_asked_for_each_time(world: World, review: Review) -> None:
    caller = factories.api(world.owner)  # a session: the user name is known, the password is not given
    body = {"seen_digest": services.present(review).digest, "meaning": "responsible", "reason": REASON}
    assert caller.post(f"/api/v1/reviews/{review.pk}/sign-offs", body).status_code == 422
    assert caller.post(f"/api/v1/reviews/{review.pk}/sign-offs", {**body, "password": "guess"}).status_code == 403
    assert not review.signatures.exists()


def test_11_200_a_1_i_a_second_signing_in_a_session_asks_for_all_again(world: World, review: Review) -> None:
    caller = factories.api(world.owner)
    seen = services.present(review).digest
    body = {"seen_digest": seen, "meaning": "responsible", "reason": REASON, "password": factories.PASSWORD}
    assert caller.post(f"/api/v1/reviews/{review.pk}/sign-offs", body).status_code == 201
    withdrawal = {"reason": "The record was not complete after all."}
    address = f"/api/v1/reviews/{review.pk}/withdraw-signature"
    assert caller.post(address, withdrawal).status_code == 422
    assert caller.post(address, {**withdrawal, "password": factories.PASSWORD}).status_code == 201
    assert Reauthentication.objects.filter(user=world.owner, used_at__isnull=False).count() == 2


def test_11_200_a_1_ii_after_a_break_everything_is_asked_for_again(world: World, review: Review, device: Any) -> None:
    challenge = services.prepare_sign_off(
        review, actor=world.owner, said=statement(review), session=SESSION, party=PARTY
    )
    answer = answer_to(challenge, device)
    with pytest.raises(NotAllowed, match="another session"):  # signed out and in again, or another device
        services.sign_prepared(review, actor=world.owner, answer=answer, session="session:two")
    with (
        time_machine.travel(timezone.now() + timedelta(minutes=15)),
        pytest.raises(NotAllowed, match="two minutes"),
    ):
        services.sign_prepared(review, actor=world.owner, answer=answer, session=SESSION)
    proof = accounts.reauthenticate(
        world.owner, password=factories.PASSWORD, bound_to="sha256:" + "0" * 64, session=SESSION
    )
    with transaction.atomic(), pytest.raises(NotAllowed, match="something else"):
        accounts.consume_reauthentication(
            proof, actor=world.owner, bound_to="sha256:" + "0" * 64, session="session:two"
        )


def test_11_200_a_2_nobody_signs_for_another(world: World, review: Review) -> None:
    with pytest.raises(NotAllowed, match="Administrators set up"):
        world.sign(review, world.administrator)
    with pytest.raises(NotAllowed, match="ervice account"):
        world.sign(review, world.pipeline)
    proof = accounts.reauthenticate(world.owner, password=factories.PASSWORD, bound_to="sha256:" + "0" * 64)
    with transaction.atomic(), pytest.raises(NotAllowed):
        accounts.consume_reauthentication(proof, actor=world.validator, bound_to="sha256:" + "0" * 64)


def test_11_200_a_3_using_another_s_signature_takes_two_people(world: World, review: Review) -> None:
    accounts.set_password(world.owner, password="known to the administrator", actor=world.administrator)
    with pytest.raises(NotAllowed, match="Signing is suspended"):
        world.sign(review, world.owner, password="known to the administrator")
    with pytest.raises(NotAllowed, match="second person"):
        accounts.verify_identity(world.owner, method="in_person", reason="Me", actor=world.administrator)
    accounts.verify_identity(world.owner, method="in_person", reason="Met", actor=world.compliance)
    assert world.sign(review, world.owner, password="known to the administrator")


# --- 21 CFR 11.300 ---------------------------------------------------------------------------------------------------


def test_11_300_b_credentials_that_were_recalled_sign_nothing(world: World, review: Review, device: Any) -> None:
    accounts.revoke_passkey(Passkey.objects.get(user=world.owner), reason="Lost", actor=world.administrator)
    with pytest.raises(Exception, match="no passkey"):
        sign(world, review, device)
    accounts.deactivate_user(world.owner, reason="On leave", actor=world.administrator)
    world.owner.refresh_from_db()
    with pytest.raises(NotAllowed):
        world.sign(review, world.owner)
    accounts.reactivate_user(world.owner, reason="Back", actor=world.administrator)
    world.owner.refresh_from_db()
    with pytest.raises(NotAllowed, match="suspended"):
        world.sign(review, world.owner)


def test_11_300_b_a_password_past_its_age_signs_nothing_until_it_is_changed(
    world: World, review: Review, settings: Any
) -> None:
    settings.PASSWORD_MAX_AGE_DAYS = 90
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        with pytest.raises(NotAllowed, match="every 90 days"):
            world.sign(review, world.owner)
        assert factories.signed_in(world.owner).get("/queue/")["Location"] == "/accounts/password/change/"
        accounts.set_password(world.owner, password="quite another pass phrase", actor=world.administrator)
        accounts.verify_identity(world.owner, method="in_person", reason="Met", actor=world.compliance)
        assert world.sign(review, world.owner, password="quite another pass phrase")


def test_11_300_b_accounts_are_checked_from_time_to_time_and_the_check_is_recorded(world: World) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        assert world.owner in accounts_to_confirm(world.administrator)
        with pytest.raises(NotAllowed):
            accounts.confirm_rights(world.owner, seen=rights_of(world.owner), reason="Myself", actor=world.owner)
        accounts.confirm_rights(world.owner, seen=rights_of(world.owner), reason="List", actor=world.administrator)
        accounts.verify_identity(world.owner, method="staff_record", reason="List", actor=world.administrator)
        assert world.owner not in accounts_to_confirm(world.administrator)
    entry = Entry.objects.get(verb="accounts.rights_confirmed")
    assert entry.subject == world.owner.subject and entry.facts["rights"] == rights_of(world.owner)


def test_11_300_d_failed_attempts_are_recorded_lock_signing_and_are_told(world: World, review: Review) -> None:
    for _ in range(5):
        with pytest.raises(NotAllowed):
            world.sign(review, world.owner, password="guess")
    about = Entry.objects.filter(subject=world.owner.subject)
    assert about.filter(verb="accounts.reauthentication_failed").count() == 5
    assert about.filter(verb="accounts.signing_locked").count() == 1
    assert FailedReauthentication.objects.filter(user=world.owner).count() == 5
    assert Job.objects.filter(task="accounts.tell_signing_locked", subject=world.owner.subject).count() == 1
    with pytest.raises(NotAllowed, match="locked"):
        world.sign(review, world.owner)
    assert "Signing is locked until" in words_of(factories.signed_in(world.owner).get("/profile/"))


# --- Annex 11 (2011) -------------------------------------------------------------------------------------------------


def test_annex_11_9_a_change_has_a_reason_and_reads_in_words(
    world: World, review: Review, signature: Signature
) -> None:
    services.withdraw(world.fresh(review), actor=world.owner, reason="A table was missing from the record.")
    entry = Entry.objects.get(verb="workflow.withdrawn", subject=review.subject)
    assert entry.reason == "A table was missing from the record."
    page = words_of(factories.signed_in(world.auditor).get(f"/audit/?subject={review.subject}"))
    assert "withdrew" in page and world.owner.printed_name in page


def test_annex_11_12_4_who_entered_confirmed_or_withdrew_is_recorded_with_date_and_time(
    world: World, review: Review, signature: Signature
) -> None:
    services.withdraw_signature(
        review, actor=world.owner, reason="The record was not complete after all.", password=factories.PASSWORD
    )
    told = Entry.objects.filter(subject=review.subject, actor=world.owner.audit_ref).order_by("at")
    assert [entry.verb for entry in told] == ["workflow.signed_off", "workflow.signature_withdrawn"]
    assert all(entry.at.tzinfo for entry in told)


def test_annex_11_14_a_signature_is_linked_for_ever_and_dated(world: World, signature: Signature) -> None:
    for statement_ in ("UPDATE workflow_signature SET signed_at = now() WHERE id = %s",
                       "DELETE FROM workflow_signature WHERE id = %s"):  # fmt: skip
        refuses(statement_, signature.pk)
    refuses("UPDATE workflow_snapshot SET body = '{}' WHERE id = %s", signature.snapshot_id)
    entry = Entry.objects.get(row=f"workflow.signature:{signature.pk}")
    assert timedelta(0) <= entry.at - signature.signed_at < timedelta(seconds=180)


# --- Regulation (EU) 910/2014, Article 26 ----------------------------------------------------------------------------


def test_eidas_26_a_a_passkey_signature_belongs_to_one_person(world: World, review: Review, device: Any) -> None:
    signature = sign(world, review, device)
    assert Passkey.objects.get(pk=signature.assertion["passkey"]).user == world.owner
    twin = Passkey(
        user=world.validator, credential_id=signature.assertion["credential_id"], rp_id="localhost", credential=b""
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_eidas_26_b_it_identifies_who_signed(world: World, review: Review, device: Any) -> None:
    signature = sign(world, review, device)
    enrolled = Entry.objects.get(subject=f"passkey:{signature.assertion['passkey']}")
    assert enrolled.actor == f"user:{signature.payload['signer']['id']}" == world.owner.audit_ref
    assert User.objects.get(pk=signature.payload["signer"]["id"]).identity_verified_at is not None


def test_eidas_26_c_the_means_of_signing_are_under_the_signer_s_sole_control(
    world: World, review: Review, device: Any
) -> None:
    impostor = Authenticator()
    impostor.credential_id = device.credential_id  # all that the server knows, without the private key
    with pytest.raises(NotAllowed, match="did not confirm"):
        sign(world, review, impostor)
    device.flags = 0x01  # the device is there, the person is not
    with pytest.raises(NotAllowed, match="did not confirm"):
        sign(world, review, device)
    signed = world.sign(review, world.owner)
    page = words_of(factories.signed_in(world.owner).get(reverse("workflow:receipt", args=[signed.pk])))
    assert "This server checked it and vouches for it" in page  # a password is never called more than it is


def test_eidas_26_d_any_later_change_of_what_was_signed_shows(world: World, review: Review, device: Any) -> None:
    signature = sign(world, review, device)
    said = json.loads(base64.b64decode(signature.assertion["client_data"]))
    for name in signature.payload:
        changed = {**signature.payload, name: "changed"}
        digest = hashlib.sha256(canonical.encode(changed)).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") != said["challenge"], name


def test_what_was_signed_is_set_aside_in_the_log_when_it_is_signed_anew(world: World, signature: Signature) -> None:
    review = world.fresh(signature.review)
    services.request_changes(review, actor=world.validator, reason="What does the label mean exactly?")
    services.submit(world.version, actor=world.developer)
    entry = Entry.objects.get(verb="workflow.signatures_superseded")
    assert entry.facts["signatures"] == [{"signature": str(signature.pk), "digest": signature.digest}]
    page = words_of(factories.signed_in(world.auditor).get(f"/reviews/{review.pk}/"))
    assert "of an earlier round" in page


def test_who_withdrew_signs_the_step_again_and_the_new_signature_says_so(world: World, signature: Signature) -> None:
    review = signature.review
    services.withdraw_signature(
        review, actor=world.owner, reason="The record was not complete after all.", password=factories.PASSWORD
    )
    again = world.sign(review, world.owner)
    assert again.replaces == signature and again.payload["replaces"] == str(signature.pk)
    assert [row.pk for row in Signature.objects.standing().filter(review=review)] == [again.pk]
