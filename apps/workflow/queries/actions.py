"""What a person may do about a version now, and the sentence why not: buttons and the API ask the same question."""

from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from apps.core.permissions import refusals, state_refusal
from apps.workflow import lifecycle
from apps.workflow.lifecycle import Move
from apps.workflow.models import Review
from apps.workflow.queries.readiness import Candidate


@dataclass(frozen=True)
class Action:
    """A button: where it leads, how it looks, and the sentences why it is off."""

    key: str
    label: str
    url: str
    icon: str = ""
    style: str = ""
    reasons: list[str] = field(default_factory=list)

    @property
    def is_allowed(self) -> bool:
        """Whether pressing it leads anywhere."""
        return not self.reasons


def why_not(user: Any, move: Move | str, obj: Any) -> list[str]:
    """The sentences why this person may not make this move now; empty when they may."""
    reasons = [refusal.sentence for refusal in refusals(user, move, obj)]
    state = state_refusal(move, obj)
    return reasons or ([state] if state else [])


def actions_for(
    user: Any, candidate: Candidate, review: Review | None, *, obstacles: list[str] | None = None
) -> list[Action]:
    """The buttons of the aside, in order: what the state asks for first. What a state never allows is left out."""
    version = candidate.version
    found = []
    if review is not None and review.state in lifecycle.SIGNING:
        found += signing_actions(user, review, obstacles or [])
    if lifecycle.SUBMIT.allows(candidate.state):
        label = "Submit again" if review is not None else "Submit for approval"
        url = reverse("workflow:submit", args=[version.pk])
        found.append(Action("submit", label, url, "send", "is-primary", why_not(user, lifecycle.SUBMIT, candidate)))
    if review is not None:
        found += decided_actions(user, review)
    talk = reverse("workflow:discussion", args=[version.pk])
    found.append(Action("comment", "Comment", talk, "", "is-quiet", why_not(user, "workflow.comment", version)))
    return found


def signing_actions(user: Any, review: Review, obstacles: list[str]) -> list[Action]:
    """Sign, request changes, reject, withdraw."""
    step, name = review.open_step, f"version {review.version.version}"
    last = review.last_step
    is_last = step is not None and last is not None and step.pk == last.pk
    label = f"Approve {name}" if is_last else f"Sign the step {step.title}" if step else f"Sign {name}"
    may_sign = why_not(user, lifecycle.SIGN_OFF, review)
    url = {key: reverse(f"workflow:{key}", args=[review.pk]) for key in ("sign-off", "request-changes", "reject")}
    found = [
        Action("sign", label, url["sign-off"], "stamp", "is-primary", may_sign or obstacles),
        Action(
            "request-changes",
            "Request changes",
            url["request-changes"],
            "",
            "",
            why_not(user, lifecycle.REQUEST_CHANGES, review),
        ),
        Action(
            "reject", f"Reject {name}", url["reject"], "", "is-quiet is-danger", why_not(user, lifecycle.REJECT, review)
        ),
    ]
    withdrawing = why_not(user, lifecycle.WITHDRAW, review)
    if not withdrawing:
        found.append(
            Action(
                "withdraw", f"Withdraw {name}", reverse("workflow:move", args=[review.pk, "withdraw"]), "", "is-quiet"
            )
        )
    return found


def decided_actions(user: Any, review: Review) -> list[Action]:
    """Suspend, reinstate, revoke; only for those who may, because nobody else looks for them here."""
    found = []
    for key, label, move, style in (
        ("reinstate", "Reinstate the approval", lifecycle.REINSTATE, "is-primary"),
        ("suspend", "Suspend the approval", lifecycle.SUSPEND, "is-danger"),
        ("revoke", "Revoke the approval", lifecycle.REVOKE, "is-quiet is-danger"),
    ):
        if move.allows(review.state) and not why_not(user, move, review):
            found.append(Action(key, label, reverse("workflow:move", args=[review.pk, key]), "", style))
    return found
