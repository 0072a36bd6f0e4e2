"""What several views put on a page: the head of a version, the content that is signed, why one may sign."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.permissions import role_names
from apps.core.errors import WrongState
from apps.policy import services as policy
from apps.registry import queries as registry
from apps.registry.models import ModelVersion
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Review
from apps.workflow.queries import Panel, SigningPage


@dataclass(frozen=True)
class Ground:
    """One reason why somebody may sign, or may not."""

    holds: bool
    sentence: str


def version_page(request: HttpRequest, version: ModelVersion, tab: str, panel: Panel | None = None) -> dict[str, Any]:
    """The context of a page under a version: head, tabs and panels."""
    panel = panel or queries.panel(version, request.user)
    is_yours = bool(panel.turn and panel.turn.is_yours)
    header = registry.version_header(version, request.user, state=panel.standing.state, is_your_turn=is_yours)
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
