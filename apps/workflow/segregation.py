"""What one person did, holds and signed, read once for any number of reviews; the conditions of signing ask only this."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.db import connection

from apps.accounts.models import Role, User
from apps.accounts.queries import roles_by_scope
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
    lines: "ReportingLines | None" = None  # of this person and the developers

    def line_to(self, user: Any, developer: User) -> str:
        """How this person stands to a developer in one reporting line; empty when they do not."""
        return self.lines.between(user, developer) if self.lines else ""


def facts_for(user: Any, review: Review) -> SignerFacts:
    """The facts of this person and review; read at the first question and kept with this instance of the review."""
    kept: dict[Any, SignerFacts] = review.__dict__.setdefault("signer_facts", {})
    if user.pk not in kept:
        load_facts(user, [review])
    return kept[user.pk]


def load_facts(user: Any, reviews: Sequence[Review]) -> None:
    """Read the facts for many reviews in a constant number of queries."""
    versions = {review.version_id for review in reviews}
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
    lines = ReportingLines([user, *(person for found in developers.values() for person in found)])
    load_roles(user, reviews)
    for review in reviews:
        kept = review.__dict__["signer_facts"]
        kept[user.pk] = replace(
            kept[user.pk],
            done=done[review.version_id],
            signed=tuple(signed[review.version_id]),
            developers=tuple(developers[review.version_id]),
            lines=lines,
        )


def load_roles(user: Any, reviews: Iterable[Review]) -> None:
    """Only what a person holds: enough for the first reason why a step of another role is not theirs."""
    scopes = roles_by_scope(user)
    everywhere = frozenset().union(*scopes.values()) if scopes else frozenset()
    for review in reviews:
        roles = scopes.get("", frozenset()) | scopes.get(review.use_case.slug, frozenset())
        review.__dict__.setdefault("signer_facts", {})[user.pk] = SignerFacts(roles, everywhere)


def is_only_auditor(roles: Iterable[str]) -> bool:
    """Whether somebody reads everything and changes nothing."""
    return set(roles) == {Role.AUDITOR}


class ReportingLines:
    """Who reports to whom around some people; read in one query, when a step first asks for it."""

    def __init__(self, people: Iterable[User]) -> None:
        self.keys = {person.pk for person in people}

    @cached_property
    def superior(self) -> dict[Any, Any]:
        """Whom each of them and everyone above them reports to; a circle ends the walk."""
        query = f"""
            WITH RECURSIVE line(id, reports_to_id) AS (
                SELECT id, reports_to_id FROM {User._meta.db_table} WHERE id = ANY(%s)
                UNION SELECT u.id, u.reports_to_id FROM {User._meta.db_table} u JOIN line ON u.id = line.reports_to_id
            ) SELECT id, reports_to_id FROM line"""
        with connection.cursor() as cursor:
            cursor.execute(query, [list(self.keys)])
            return dict(cursor.fetchall())

    def above(self, person: User) -> list[Any]:
        """The keys of everyone above a person, nearest first."""
        found: list[Any] = []
        key = self.superior.get(person.pk)
        while key is not None and key not in found and len(found) < LONGEST_LINE:
            found.append(key)
            key = self.superior.get(key)
        return found

    def between(self, one: User, other: User) -> str:
        """How two people stand in one reporting line, as a verb for the first; empty when they do not."""
        above_one, above_other = self.above(one), self.above(other)
        if other.pk in above_one:
            return "report to"
        if one.pk in above_other:
            return "are in the reporting line of"
        if above_one and above_other and above_one[0] == above_other[0]:
            return "share a manager with"
        return ""
