"""Signing: who may not, whatever they try; what a signature says; what it is bound to. Names follow 21 CFR Part 11."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.errors import Conflict, Invalid, NotAllowed, WrongState
from apps.core.models import digest_of
from apps.evidence import services as evidence
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Comment, Review, Signature, Snapshot, Step
from tests import factories
from tests.workflow.conftest import REASON

# --- the attack list -------------------------------------------------------------------------------------------------


def codes(refused: pytest.ExceptionInfo[NotAllowed]) -> set[str]:
    return {refusal.code for refusal in refused.value.refusals}


@pytest.fixture
def validating(world):
    """The owner has attested; the validator is awaited."""
    return world.sign_until(world.submit(), "independent_validation")


def test_a_developer_does_not_validate_own_work_even_with_the_role(world, validating) -> None:
    factories.grant(world.developer, "validator")
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.developer)
    assert codes(refused) == {"SIGNER_IS_NOT_INVOLVED"}
    assert "Someone else has to" in refused.value.detail


def test_a_role_given_after_submission_does_not_help(world, validating) -> None:
    helper = factories.person("developer", "validator")
    from apps.registry.services import involve

    involve(world.version, helper, "trained")
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, helper)
    assert "SIGNER_IS_NOT_INVOLVED" in codes(refused)


def test_who_submitted_does_not_sign_an_independent_step(world) -> None:
    factories.grant(world.owner, "validator")
    review = services.submit(world.version, actor=world.owner)
    world.sign(review, world.owner)  # attesting one's own record is the owner's part
    with pytest.raises(NotAllowed) as refused:
        world.sign(review, world.owner)
    assert {"SIGNER_IS_NOT_INVOLVED", "SIGNER_HOLDS_ONE_STEP"} <= codes(refused)


def test_a_deputy_signs_as_themselves_or_not_at_all(world, validating) -> None:
    deputy = factories.person("validator", reports_to=world.developer)
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, deputy)
    assert codes(refused) == {"SIGNER_IS_OUTSIDE_THE_REPORTING_LINE"}
    assert str(world.developer) in refused.value.detail


def test_someone_with_the_same_manager_is_not_independent(world, validating) -> None:
    colleague = factories.person("validator", reports_to=world.first_line)
    with pytest.raises(NotAllowed, match="share a manager"):
        world.sign(validating, colleague)


def test_a_manager_of_the_developer_is_not_independent(world, validating) -> None:
    factories.grant(world.first_line, "validator")
    with pytest.raises(NotAllowed, match="in the reporting line"):
        world.sign(validating, world.first_line)


def test_a_service_account_never_signs(world, validating) -> None:
    factories.grant(world.pipeline, "validator")
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.pipeline)
    assert "IS_PERSON" in codes(refused)


def test_an_administrator_never_signs_even_with_the_role(world, validating) -> None:
    factories.grant(world.administrator, "validator")
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.administrator)
    assert codes(refused) == {"SIGNER_IS_NOT_ADMINISTRATOR"}


def test_a_superuser_gets_no_shortcut(world, validating) -> None:
    root = factories.person(is_superuser=True)
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, root)
    assert "SIGNER_IS_ASSIGNED" in codes(refused)


def test_a_superuser_who_built_it_is_refused_like_anybody(world, validating) -> None:
    world.developer.is_superuser = True
    world.developer.save()
    factories.grant(world.developer, "validator")
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.developer)
    assert codes(refused) == {"SIGNER_IS_NOT_INVOLVED"}


def test_an_auditor_changes_nothing(world, validating) -> None:
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.auditor)
    assert "SIGNER_IS_NOT_AUDITOR_ONLY" in codes(refused)


def test_a_role_for_another_use_case_does_not_count(world, validating) -> None:
    elsewhere = factories.person("validator", use_case="another-use-case")
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, elsewhere)
    assert codes(refused) == {"SIGNER_IS_ASSIGNED"}


def test_a_deactivated_account_signs_nothing(world, validating) -> None:
    world.validator.is_active = False
    world.validator.save()
    with pytest.raises(NotAllowed):
        world.sign(validating, world.validator)


def test_one_person_holds_at_most_one_step_per_version(world, validating) -> None:
    factories.grant(world.validator, "privacy_officer")
    world.sign(validating, world.validator)
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.validator)
    assert codes(refused) == {"SIGNER_HOLDS_ONE_STEP"}


def test_one_person_holds_one_step_also_in_a_later_review_of_the_version(world, validating) -> None:
    world.sign(validating, world.validator)
    services.withdraw(world.fresh(validating), actor=world.owner, reason="Something was forgotten.")
    again = world.sign_until(world.submit(), "privacy")
    factories.grant(world.validator, "privacy_officer")
    with pytest.raises(NotAllowed):
        world.sign(again, world.validator)


def test_the_database_refuses_a_second_signature_of_one_person_in_a_round(world, validating) -> None:
    signature = world.sign(validating, world.validator)
    twin = Signature(**{
        field.attname: getattr(signature, field.attname)
        for field in Signature._meta.concrete_fields if field.name not in {"id", "digest", "reauthentication"}
    }, reauthentication=world.validator.pk)  # fmt: skip
    with pytest.raises(IntegrityError, match="signature_one_step_per_person"), transaction.atomic():
        twin.save()


# --- 11.50, 11.70, 11.100, 11.200 ------------------------------------------------------------------------------------


def test_11_50_a_a_signature_shows_printed_name_time_and_meaning(world, validating) -> None:
    signature = world.sign(validating, world.validator)
    assert signature.printed_name == world.validator.printed_name
    assert signature.signed_at.tzinfo is not None
    assert signature.meaning == "reviewed" and "no objection" in signature.meaning_text
    assert signature.role == "validator" and signature.reason == REASON


def test_11_70_a_signature_names_the_content_that_was_shown(world, validating) -> None:
    signature = world.sign(validating, world.validator)
    snapshot = Snapshot.objects.get(pk=signature.snapshot_id)
    assert signature.seen_digest == snapshot.digest == digest_of(snapshot.body)
    assert signature.payload["content"] == snapshot.digest
    assert signature.payload["version"] == str(world.version.pk)
    assert signature.digest == signature.compute_digest()
    snapshot.review = Review(number=0)
    assert snapshot.compute_digest() != snapshot.digest


def test_the_number_that_people_quote_is_under_the_digest_of_a_comment(world, validating) -> None:
    said = services.comment(validating.version, actor=world.validator, text="Why this sample?", kind="question")
    kept = Comment.objects.get(pk=said.pk)
    assert kept.number == said.number and kept.digest == kept.compute_digest()
    kept.number += 1
    assert kept.compute_digest() != kept.digest


def test_11_70_a_signature_cannot_be_changed_moved_or_removed(world, validating) -> None:
    signature = world.sign(validating, world.validator)
    for statement in (
        "UPDATE workflow_signature SET review_id = review_id WHERE id = %s",
        "DELETE FROM workflow_signature WHERE id = %s",
        "UPDATE workflow_snapshot SET body = '{}' WHERE id IN (SELECT snapshot_id FROM workflow_signature WHERE id = %s)",
    ):
        with (
            pytest.raises((InternalError, ProgrammingError), match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [signature.pk])
    with pytest.raises(TypeError):
        signature.save()


def test_11_10_e_every_signature_is_bound_into_the_log_with_its_reason(world, validating) -> None:
    signature = world.sign(validating, world.validator)
    entry = Entry.objects.get(row=f"workflow.signature:{signature.pk}")
    assert entry.row_digest == signature.digest and entry.reason == REASON
    assert entry.actor == world.validator.audit_ref
    assert world.version.subject in entry.changes


def test_11_200_a_a_wrong_password_signs_nothing_and_counts(world, validating) -> None:
    with pytest.raises(NotAllowed) as refused:
        world.sign(validating, world.validator, password="not it")
    assert refused.value.code == "REAUTHENTICATION_FAILED"
    assert not validating.signatures.filter(step__key="independent_validation").exists()


def test_11_200_a_each_signature_uses_its_own_proof_of_identity(world, validating) -> None:
    first = world.sign(validating, world.validator)
    second = world.sign(validating, world.privacy_officer)
    assert first.reauthentication != second.reauthentication


def test_11_10_f_steps_are_signed_in_order(world) -> None:
    review = world.submit()
    with pytest.raises(NotAllowed) as refused:
        world.sign(review, world.validator)
    assert "model owner" in refused.value.detail


def test_a_reason_of_less_than_twenty_characters_is_refused(world, validating) -> None:
    with pytest.raises(Invalid, match="at least 20"):
        world.sign(validating, world.validator, reason="Looks fine")


def test_a_meaning_that_the_step_does_not_have_is_refused(world, validating) -> None:
    with pytest.raises(Invalid, match="signed as"):
        world.sign(validating, world.validator, meaning="responsible")


# --- what was seen ---------------------------------------------------------------------------------------------------


def test_a_change_since_the_page_was_read_gives_a_conflict_that_shows_the_difference(world, validating) -> None:
    seen = services.present(validating)
    item = world.measure("fairness", min_impact_ratio=0.95)
    with pytest.raises(Conflict) as refused:
        world.sign(validating, world.validator, seen_digest=seen.digest)
    problem = refused.value
    assert problem.code == "CONTENT_CHANGED"
    assert any(change["part"] == "evidence" for change in problem.extra["changes"])
    assert problem.extra["seen_digest"] == queries.seen_digest(world.fresh(validating)) != seen.digest
    assert item.digest in str(problem.extra["changes"])


def test_an_older_session_cannot_sign_what_it_read_before_an_answer_came(world, validating) -> None:
    seen = services.present(validating)
    services.comment(world.version, actor=world.developer, text="We found an error in the sample.", kind="comment")
    with pytest.raises(Conflict, match="Comment"):
        world.sign(validating, world.validator, seen_digest=seen.digest)


def test_a_digest_that_was_never_shown_signs_nothing(world, validating) -> None:
    with pytest.raises(Conflict):
        world.sign(validating, world.validator, seen_digest="sha256:" + "0" * 64)


def test_reading_twice_keeps_one_row(world, validating) -> None:
    assert services.present(validating).pk == services.present(world.fresh(validating)).pk


def test_two_members_of_a_committee_may_sign_what_both_read(tier) -> None:
    world = tier(1)
    review = world.sign_until(world.submit(), "committee")
    seen = services.present(review).digest
    world.sign(review, world.committee1, seen_digest=seen)
    world.sign(review, world.committee2, seen_digest=seen)
    assert world.fresh(review).open_step.signatures.count() == 2


# --- quorum and rejection --------------------------------------------------------------------------------------------


def test_a_committee_decides_at_its_quorum_and_dissent_is_kept(tier) -> None:
    world = tier(1)
    review = world.sign_until(world.submit(), "committee")
    assert review.state == lifecycle.IN_REVIEW
    world.sign(review, world.committee1)
    with pytest.raises(NotAllowed) as refused:
        world.sign(review, world.committee1)
    assert "SIGNER_DID_NOT_VOTE" in codes(refused)
    world.sign(review, world.committee2, meaning="rejected", reason="I would wait for a version without housing.")
    assert world.fresh(review).open_step.key == "committee"
    world.sign(review, world.committee3)
    assert world.fresh(review).open_step.key == "executive"
    assert [row.text for row in queries.dissents(world.version)] == ["I would wait for a version without housing."]
    world.sign(review, world.accountable_executive)
    assert world.fresh(review).state == lifecycle.APPROVED


def test_a_committee_that_votes_against_rejects(tier) -> None:
    world = tier(1)
    review = world.sign_until(world.submit(), "committee")
    world.sign(review, world.committee1)
    for member in (world.committee2, world.committee3):
        world.sign(review, member, meaning="rejected", reason="The remedy is too far away for me.")
    assert world.fresh(review).state == lifecycle.REJECTED


def test_a_rejection_is_a_signature_and_ends_the_version(world, validating) -> None:
    signature = world.sign(
        validating, world.validator, meaning="rejected", reason="The sample does not carry the claim."
    )
    review = world.fresh(validating)
    assert signature.meaning == "rejected" and review.state == lifecycle.REJECTED
    assert review.round_steps[1].state == Step.State.REJECTED
    with pytest.raises(WrongState):
        world.submit()


def test_request_changes_asks_a_question_and_gives_the_turn_back(world, validating) -> None:
    services.request_changes(validating, actor=world.validator, reason="What does the label mean exactly?")
    question = Comment.objects.get(version=world.version, kind="question")
    assert question.by == world.validator
    with pytest.raises((WrongState, NotAllowed)):
        world.sign(validating, world.validator)


def test_only_the_step_s_signers_request_changes(world, validating) -> None:
    with pytest.raises(NotAllowed):
        services.request_changes(validating, actor=world.developer, reason="Let me change something.")


# --- withdrawing a signature -----------------------------------------------------------------------------------------


def test_withdrawing_a_signature_is_a_new_signature_and_reopens_the_step(world, validating) -> None:
    world.sign(validating, world.validator)
    withdrawal = services.withdraw_signature(
        validating, actor=world.validator, reason="I overlooked the small group.", password=factories.PASSWORD
    )
    review = world.fresh(validating)
    assert withdrawal.meaning == "withdrawn" and withdrawal.withdraws is not None
    assert review.open_step.key == "independent_validation"
    assert Signature.objects.standing().filter(review=review, signer=world.validator).count() == 0
    assert review.signatures.filter(signer=world.validator).count() == 2


def test_withdrawing_a_signature_suspends_an_approval(world) -> None:
    review = world.approve()
    services.withdraw_signature(
        review, actor=world.validator, reason="The report was for other data.", password=factories.PASSWORD
    )
    assert world.standing().state == lifecycle.SUSPENDED


def test_nobody_withdraws_another_s_signature(world, validating) -> None:
    with pytest.raises(NotAllowed):
        services.withdraw_signature(
            validating, actor=world.validator, reason="Not mine at all, I think.", password=factories.PASSWORD
        )


# --- claims and records ----------------------------------------------------------------------------------------------


def test_a_claim_says_who_looks_and_releases_itself(world, validating) -> None:
    services.claim(validating, actor=world.validator)
    row = next(row for row in queries.open_reviews_for(world.validator) if row.review is not None)
    assert row.claimed_by == world.validator
    Step.objects.filter(review=validating, state="open").update(claimed_at=timezone.now() - timedelta(hours=9))
    row = next(row for row in queries.open_reviews_for(world.validator) if row.review is not None)
    assert row.claimed_by is None


def test_the_validation_report_is_written_from_what_was_declared_and_nothing_is_filled_in(world, validating) -> None:
    world.sign(validating, world.validator, report={"data_reviewed": True, "opinion": "Fit for use with care."})
    item = world.version.evidence.filter(types__has_key="validation_report").latest("created_at")
    assert item.types["validation_report"] == {
        "independent": True,
        "data_reviewed": True,
        "opinion": "Fit for use with care.",
    }
    assert item.source == "record"


def test_nobody_types_a_record(world) -> None:
    with pytest.raises(Invalid):
        evidence.submit(
            world.version, type="approval_record", fields={"signed": True}, summary="Signed.", actor=world.developer
        )


def test_the_queue_says_whose_turn_it_is_and_agrees_with_the_permission(world, validating) -> None:
    rows = {
        name: queries.open_reviews_for(user)[0] for name, user in world.people.items() if queries.open_reviews_for(user)
    }
    assert {name for name, row in rows.items() if row.is_yours} == {"validator"}
    assert rows["validator"].to_do == "Validate and sign the report"
    assert "validator" in rows["developer"].why
