"""Who may make which move. Each condition's docstring is the sentence that a refused person reads.

Segregation reads involvement, which is written by events and never taken back: a new role, another name in a field or
an older session change nothing about what somebody did.
"""

from typing import Any

from apps.accounts.models import Role
from apps.accounts.permissions import holds_role, is_not_auditor_only, is_person, role_names
from apps.accounts.queries import roles_anywhere, roles_of
from apps.core.permissions import permit
from apps.registry.models import Involvement, ModelVersion
from apps.workflow import processes
from apps.workflow.models import Finding, Review, Signature, Step
from apps.workflow.segregation import AUTHORED, DEVELOPED, facts_for, is_only_auditor

BUILDERS = (Role.DEVELOPER, Role.MODEL_OWNER)
REVIEWERS = (
    Role.VALIDATOR, Role.REVIEWER, Role.DATA_STEWARD, Role.PRIVACY_OFFICER, Role.RISK_OFFICER, Role.COMPLIANCE, Role.SECURITY,
    Role.HEAD_OF_MODEL_RISK, Role.RISK_COMMITTEE, Role.ACCOUNTABLE_EXECUTIVE,
)  # fmt: skip
STOPPERS = (
    Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK, Role.COMPLIANCE, Role.PRIVACY_OFFICER, Role.SECURITY, Role.RISK_COMMITTEE,
    Role.ACCOUNTABLE_EXECUTIVE,
)  # fmt: skip
REVOKERS = (
    Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK, Role.COMPLIANCE, Role.RISK_COMMITTEE, Role.ACCOUNTABLE_EXECUTIVE,
)  # fmt: skip


def step_to_sign(review: Review) -> Step | None:
    """The step that waits for a signature; of a decided review the last one, whose signers may reinstate it."""
    return review.open_step or review.last_step


def is_not_administrator(user: Any, obj: Any) -> bool:
    """Administrators set up users, packs and settings; they never decide about a version."""
    return Role.ADMINISTRATOR not in roles_anywhere(user)


def signer_is_not_administrator(user: Any, review: Review) -> bool:
    """Administrators set up users, packs and settings; they never sign."""
    return Role.ADMINISTRATOR not in facts_for(user, review).roles_anywhere


def signer_is_not_auditor_only(user: Any, review: Review) -> bool:
    """Auditors read everything and change nothing; they never sign."""
    return not is_only_auditor(facts_for(user, review).roles_anywhere)


def signer_is_assigned(user: Any, review: Review) -> bool | str:
    """The step that is open is signed by another role."""
    step = step_to_sign(review)
    if step is None:
        return "No step of this review is open."
    if step.role in facts_for(user, review).roles:
        return True
    return (
        f"The step {step.title} is signed by the {role_names(step.role)}; you do not hold that role for "
        f"{review.use_case.title}. An administrator assigns roles."
    )


def signer_is_not_involved(user: Any, review: Review) -> bool | str:
    """People who built this version may not sign this step."""
    step = step_to_sign(review)
    if step is None or not step.rules:
        return True
    closed = AUTHORED if processes.NOT_AUTHOR in step.rules else DEVELOPED
    done = facts_for(user, review).done
    if found := next((done[capacity] for capacity in closed if capacity in done), ""):
        return (
            f"You {found} version {review.version.version}. People who built a version, or submitted it, may not sign the "
            f"step {step.title}. Someone else has to."
        )
    if review.opened_by_id == user.pk:
        return f"You submitted version {review.version.version}. Someone else has to sign the step {step.title}."
    return True


def signer_is_outside_the_reporting_line(user: Any, review: Review) -> bool | str:
    """Whoever validates this version may not stand in the reporting line of its developers."""
    step = step_to_sign(review)
    if step is None or processes.NOT_SAME_LINE not in step.rules:
        return True
    facts = facts_for(user, review)
    for developer in facts.developers:
        if developer.pk != user.pk and (relation := facts.line_to(user, developer)):
            return f"You {relation} {developer}, who developed this version. The step {step.title} needs someone independent."
    return True


def signer_holds_one_step(user: Any, review: Review) -> bool | str:
    """One person holds at most one step per version."""
    step = step_to_sign(review)
    if step is None or not is_four_eyes(review):
        return True
    for signature in facts_for(user, review).signed:
        if signature.step.key != step.key and signature.meaning != Signature.Meaning.REJECTED:
            return f"You signed the step {signature.step.title} of this version. One person holds at most one step per version."
    return True


def signer_did_not_vote(user: Any, review: Review) -> bool:
    """You have signed this step already. Your signature counts once."""
    step = review.open_step
    return step is None or all(signature.step_id != step.pk for signature in facts_for(user, review).signed)


def withdrawer_submitted(user: Any, review: Review) -> bool:
    """Only the person who submitted this version, or the owner of the model, withdraws it from review."""
    return user.pk in {review.opened_by_id, review.version.model.owner_id}


def signature_is_own(user: Any, review: Review) -> bool:
    """Only a person who signed this version withdraws a signature, and only their own."""
    return review.signatures.standing().filter(signer=user.pk).exists()


def answerer_is_concerned(user: Any, finding: Finding) -> bool | str:
    """A finding is answered by its owner, or by a developer or the owner of the model."""
    return user.pk == finding.owner_id or not roles_of(user, finding.use_case).isdisjoint(BUILDERS)


def verifier_is_not_the_developer(user: Any, finding: Finding) -> bool | str:
    """People who developed this version do not verify that its findings are closed."""
    found = involvement(user, finding.version, DEVELOPED)
    return f"You {found} this version, so someone else verifies that its findings are closed." if found else True


def verifier_is_not_the_answerer(user: Any, finding: Finding) -> bool:
    """You answered this finding. Someone else verifies the answer."""
    return finding.answered_by_id != user.pk and finding.owner_id != user.pk


def raiser_reviews(user: Any, obj: Any) -> bool:
    """Findings are recorded by people who review: validation, risk, privacy, compliance, security, data stewards."""
    return not roles_of(user, obj.use_case).isdisjoint(REVIEWERS)


def reporter_answers_for_the_data(user: Any, dataset: Any) -> bool:
    """What happened to a dataset is reported by its owner, a data steward, the privacy officer, compliance or risk."""
    roles = {Role.DATA_STEWARD, Role.PRIVACY_OFFICER, Role.COMPLIANCE, Role.RISK_OFFICER, Role.HEAD_OF_MODEL_RISK}
    return dataset.owner_id == user.pk or not roles_anywhere(user).isdisjoint(roles)


def involvement(user: Any, version: ModelVersion, capacities: tuple[str, ...]) -> str:
    """What the user did to the version in one of these capacities, as words ("registered it"); empty when nothing."""
    rows = Involvement.objects.filter(version=version, user=user.pk, capacity__in=capacities)
    first = rows.order_by("created_at").first()
    return str(first.get_capacity_display()).removesuffix(" it").removesuffix(" for") if first else ""


def is_four_eyes(review: Review) -> bool:
    """Whether the process of this review asks that nobody approves their own work."""
    return bool(review.process.body.get("four_eyes", True))


_signs = (
    is_person, signer_is_not_administrator, signer_is_not_auditor_only, signer_is_assigned, signer_is_not_involved,
    signer_is_outside_the_reporting_line, signer_holds_one_step,
)  # fmt: skip
_person = (is_person, is_not_administrator, is_not_auditor_only)

permit("workflow.submit", *_person, holds_role(*BUILDERS))
permit("workflow.sign_off", *_signs, signer_did_not_vote)
permit("workflow.reject", *_signs, signer_did_not_vote)
permit("workflow.request_changes", *_signs, signer_did_not_vote)
permit("workflow.claim", *_signs)
permit("workflow.reinstate", *_signs)
permit("workflow.withdraw", *_person, withdrawer_submitted)
permit("workflow.withdraw_signature", is_person, signature_is_own)
permit("workflow.suspend", *_person, holds_role(*STOPPERS))
permit("workflow.revoke", *_person, holds_role(*REVOKERS))
permit("workflow.comment", *_person, holds_role(*BUILDERS, *REVIEWERS))
permit("workflow.raise_finding", *_person, raiser_reviews)
permit("workflow.answer_finding", *_person, answerer_is_concerned)
permit("workflow.close_finding", *_person, verifier_is_not_the_developer, verifier_is_not_the_answerer, raiser_reviews)
permit("workflow.report_data_event", *_person, reporter_answers_for_the_data)
permit("workflow.publish_process", is_person, holds_role(Role.ADMINISTRATOR, Role.HEAD_OF_MODEL_RISK))
