"""What one person did, holds and signed, read once for any number of reviews; the conditions of signing ask only this."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.accounts.models import Role, RoleAssignment, User
from apps.registry.models import Involvement
from apps.workflow.models import Review, Signature

DEVELOPED = ("registered", "built", "trained")
AUTHORED = (*DEVELOPED, "submitted_evidence")
LONGEST_LINE = 30


@dataclass(frozen=True)
class SignerFacts:
    """One person before one review."""

    roles: frozenset[str]
    roles_anywhere: frozenset[str]
    done: dict[str, str] = field(default_factory=dict)  # capacity -> as words
    signed: tuple[Signature, ...] = ()  # standing signatures on any review of the version
    developers: tuple[User, ...] = ()


def facts_for(user: Any, review: Review) -> SignerFacts:
    """The facts of this person and review; read at the first question and kept with this instance of the review."""
    kept: dict[Any, SignerFacts] = review.__dict__.setdefault("signer_facts", {})
    if user.pk not in kept:
        load_facts(user, [review])
    return kept[user.pk]


def load_facts(user: Any, reviews: Sequence[Review]) -> None:
    """Read the facts for many reviews in a constant number of queries."""
    versions = {review.version_id for review in reviews}
    scopes = roles_by_scope(user)
    everywhere = frozenset().union(*scopes.values()) if scopes else frozenset()
    done: dict[Any, dict[str, str]] = defaultdict(dict)
    developers: dict[Any, list[User]] = defaultdict(list)
    rows = (
        Involvement.objects.filter(version__in=versions, capacity__in=AUTHORED)
        .select_related("user")
        .order_by("created_at")
    )
    for row in rows:
        if row.user_id == user.pk:
            done[row.version_id][row.capacity] = (
                str(row.get_capacity_display()).removesuffix(" it").removesuffix(" for")
            )
        if row.capacity in DEVELOPED and row.user.is_person and row.user not in developers[row.version_id]:
            developers[row.version_id].append(row.user)
    signed: dict[Any, list[Signature]] = defaultdict(list)
    mine = (
        Signature.objects.standing()
        .filter(review__version__in=versions, signer=user.pk)
        .select_related("step", "review")
    )
    for signature in mine:
        signed[signature.review.version_id].append(signature)
    for review in reviews:
        review.__dict__.setdefault("signer_facts", {})[user.pk] = SignerFacts(
            roles=scopes.get("", frozenset()) | scopes.get(review.use_case.slug, frozenset()),
            roles_anywhere=everywhere,
            done=done[review.version_id],
            signed=tuple(signed[review.version_id]),
            developers=tuple(developers[review.version_id]),
        )


def roles_by_scope(user: Any) -> dict[str, frozenset[str]]:
    """The roles a person holds now, by the use case they hold them for ("" for everything)."""
    found: dict[str, set[str]] = defaultdict(set)
    if isinstance(user, User) and user.is_active:
        rows = RoleAssignment.objects.current().filter(user=user)
        for scope, role in rows.values_list("use_case_slug", "role"):
            found[scope].add(role)
    return {scope: frozenset(roles) for scope, roles in found.items()}


def is_only_auditor(roles: Iterable[str]) -> bool:
    """Whether somebody reads everything and changes nothing."""
    return set(roles) == {Role.AUDITOR}


def line_between(one: User, other: User) -> str:
    """How two people stand in one reporting line, as a verb for the first; empty when they do not."""
    if other.pk in superiors(one):
        return "report to"
    if one.pk in superiors(other):
        return "are in the reporting line of"
    if one.reports_to_id is not None and one.reports_to_id == other.reports_to_id:
        return "share a manager with"
    return ""


def superiors(user: User) -> list[Any]:
    """The keys of everyone above a user, nearest first; a circle ends the walk."""
    above: list[Any] = []
    key = user.reports_to_id
    while key is not None and key not in above and len(above) < LONGEST_LINE:
        above.append(key)
        key = User.objects.filter(pk=key).values_list("reports_to_id", flat=True).first()
    return above
