"""What several views put on a page: the head of a version, the content that is signed, why one may sign."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.passkeys import relying_party_of
from apps.accounts.permissions import role_names
from apps.accounts.queries import passkeys_of
from apps.core import moment
from apps.core.errors import WrongState
from apps.policy import services as policy
from apps.registry import queries as registry
from apps.registry.models import ModelVersion
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Review, Signature
from apps.workflow.queries import Panel, SigningPage


@dataclass(frozen=True)
class Ground:
    """One reason why somebody may sign, or may not."""

    holds: bool
    sentence: str


def version_page(request: HttpRequest, version: ModelVersion, tab: str, panel: Panel | None = None) -> dict[str, Any]:
    """The context of a page under a version: head, tabs and panels."""
    panel = panel or queries.panel(version, request.user, at=moment.of(request))
    is_yours = bool(panel.turn and panel.turn.is_yours)
    header = registry.version_header(
        version, request.user, state=panel.standing.state, is_your_turn=is_yours, at=moment.of(request)
    )
    return {"version": version, "header": header, "tab": tab, "panel": panel}


def signing(review: Review) -> SigningPage:
    """Judge, keep exactly what will be shown, and lay it out. Raises WrongState when no step is open."""
    step = review.open_step
    if step is None:
        raise WrongState(lifecycle.SIGN_OFF.refuses(review) or _("No step of this review is open."))
    judgement = policy.assess(review.version, review.environment, at=timezone.now(), stage="approve")
    snapshot = services.present(review, judgement=judgement)
    return queries.signing_page(review, step, snapshot, judgement)


def grounds(review: Review, user: Any) -> list[Ground]:
    """Why this person may sign the open step, or every reason why not."""
    reasons = queries.why_not(user, lifecycle.SIGN_OFF, review)
    step = review.open_step
    if reasons or step is None:
        return [Ground(False, reason) for reason in reasons]
    name = f"version {review.version.version}"
    found = [f"You hold the role {role_names(step.role)} for {review.use_case.title}."]
    found.append(
        f"You did not develop or submit {name}." if step.rules else f"This step is open to the people who made {name}."
    )
    found.append(f"You signed no other step of {name}.")
    return [Ground(True, sentence) for sentence in found]


def asking(review: Review, form: Any, why_not: list[str]) -> dict[str, Any]:
    """The context of a page that asks for a reason."""
    return {"review": review, "version": review.version, "form": form, "why_not": why_not}


@dataclass(frozen=True)
class Ways:
    """How somebody may sign on this page: by password always, by passkey when one is enrolled here."""

    has_passkey: bool
    may_add: bool
    sentence: str


def ways_to_sign(request: HttpRequest) -> Ways:
    """The ways of this person on this host, and a sentence about passkeys where there is none yet."""
    party = relying_party_of(request)
    has_passkey = not party.obstacle and passkeys_of(request.user).filter(rp_id=party.id, revoked_at=None).exists()
    sentence = "" if has_passkey else party.obstacle or _("You have no passkey here yet.")
    return Ways(has_passkey, not has_passkey and not party.obstacle, sentence)


def why_not_withdraw(user: Any, signature: Signature) -> list[str]:
    """Every reason why this person may not withdraw this signature now."""
    if queries.may_withdraw(user, signature):
        return []
    reasons = queries.why_not(user, lifecycle.WITHDRAW_SIGNATURE, signature.review)
    return reasons or [_("This signature is not yours, was withdrawn, or belongs to an earlier round.")]


def effect_of_withdrawing(signature: Signature) -> str:
    """What follows, as a sentence."""
    review = signature.review
    if review.state in lifecycle.GRANTED:
        return _("The approval is suspended at once, and the gate denies from the next question on.")
    return _("The step %(step)s is open again and waits for a signature.") % {"step": signature.step.title}
