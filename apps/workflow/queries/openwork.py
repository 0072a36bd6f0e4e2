"""Open work apart by whose turn it is, read page by page: nobody's permission is asked about rows that no page shows."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, overload

from django.db.models import Case, DateField, DateTimeField, F, FilteredRelation, Q, QuerySet, Value, When
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.queries import roles_by_scope
from apps.policy.queries.measured import organisation_day
from apps.workflow.models import Finding, Review, Step
from apps.workflow.queries.queue import WIDE, QueueRow, finding_row, review_row
from apps.workflow.segregation import load_facts, load_roles

STEP = [field.attname for field in Step._meta.concrete_fields]
CLAIMER = ["id", "username", "printed_name"]
UNREAD = (
    *(f"version__{name}" for name in WIDE), "version__model__use_case__facts", "version__model__use_case__intake_answers",
    "version__model__use_case__tier_arithmetic",
)  # fmt: skip


def open_reviews(user: User) -> QuerySet[Review]:
    """Open reviews that this person may see; `now` is the step that waits, `due` and `since` are what a line shows."""
    waits = Q(steps__state=Step.State.OPEN, steps__round=F("round"))
    rows: QuerySet[Review] = Review.objects.open().visible_to(user)
    return rows.annotate(now=FilteredRelation("steps", condition=waits)).annotate(
        due=Case(When(now__isnull=True, then=F("due_on")), default=F("now__due_on"), output_field=DateField()),
        since=Case(
            When(now__isnull=True, then=F("submitted_at")), default=F("now__opened_at"), output_field=DateTimeField()
        ),
    )


def with_steps(reviews: QuerySet[Review], start: int = 0, stop: int | None = None) -> list[Review]:
    """The reviews with everything that a line reads and nothing wide: one query, the step that waits and its claimer too."""
    related = ("version__model__use_case", "version__model__owner", "process", "opened_by")
    step = {f"now_{name}": F(f"now__{name}") for name in STEP}
    claimer = {f"by_{name}": F(f"now__claimed_by__{name}") for name in CLAIMER}
    rows = reviews.select_related(*related).defer(*UNREAD).annotate(**step, **claimer)
    found = list(rows[start:stop])
    for review in found:
        given = review.__dict__
        review.round_steps = []
        if given["now_id"] is not None:
            waits = Step.from_db("default", STEP, [given[f"now_{name}"] for name in STEP])
            waits.review = review
            if waits.claimed_by_id is not None:
                waits.claimed_by = User.from_db("default", CLAIMER, [given[f"by_{name}"] for name in CLAIMER])
            review.round_steps = [waits]
    return found


def in_order(reviews: QuerySet[Review]) -> QuerySet[Review]:
    """Overdue first, then by tier, then oldest: the order of `QueueRow.order`."""
    today = organisation_day(timezone.now())
    is_overdue = Case(When(due__lt=today, then=Value(0)), default=Value(1))
    return reviews.order_by(is_overdue, "process__tier", F("since").asc(nulls_last=True), "-submitted_at", "-id")


def may_be_theirs(user: User) -> Q:
    """What may be this person's turn: the role of the step that waits is theirs, or changes are asked of them."""
    slugs: dict[frozenset[str], list[str]] = defaultdict(list)
    for scope, roles in roles_by_scope(user).items():
        slugs[roles].append(scope)
    wanted = Q(now__isnull=True) & (Q(opened_by=user) | Q(version__model__owner=user))
    for roles, scopes in slugs.items():
        place = Q() if "" in scopes else Q(version__model__use_case__slug__in=scopes)
        wanted |= Q(now__role__in=roles) & place
    return wanted


class OpenWork:
    """The open work that one person may see: theirs, and what waits for others."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def candidates(self) -> dict[Any, QueueRow]:
        """Lines of the reviews that may be this person's turn; the conditions of signing are asked for these alone."""
        found = with_steps(open_reviews(self.user).filter(may_be_theirs(self.user)))
        load_facts(self.user, found)
        return {review.pk: review_row(review, self.user) for review in found}

    @cached_property
    def yours(self) -> list[QueueRow]:
        """What needs this person, in order."""
        mine = Finding.objects.open().filter(owner=self.user, state=Finding.State.RAISED).visible_to(self.user)
        rows = [row for row in self.candidates.values() if row.is_yours]
        rows += [finding_row(finding) for finding in mine.select_related("version__model__use_case", "owner")]
        return sorted(rows, key=lambda row: row.order)

    @cached_property
    def others(self) -> "Others":
        """What waits for others."""
        return Others(self)

    @property
    def every(self) -> list[QueueRow]:
        """All of it, this person's first."""
        return [*self.yours, *self.others]


class Others(Sequence[QueueRow]):
    """The lines that wait for others, in order; only the slice that is asked for is read."""

    def __init__(self, work: OpenWork, tier: str = "", first: Sequence[QueueRow] = ()) -> None:
        self.work, self.tier, self.first = work, tier, first
        taken = [key for key, row in work.candidates.items() if row.is_yours]
        self.reviews = open_reviews(work.user).exclude(pk__in=taken)
        if tier:
            self.reviews = self.reviews.filter(process__tier=tier)

    @cached_property
    def _size(self) -> int:
        return self.reviews.order_by().count()

    def of_tier(self, tier: str) -> "Others":
        """Those of one tier."""
        return Others(self.work, tier)

    def after(self, rows: Sequence[QueueRow]) -> "Others":
        """These rows first, then the lines that wait for others; what was counted is not counted again."""
        found = Others(self.work, self.tier, rows)
        found.__dict__["_size"] = self._size
        return found

    def __len__(self) -> int:
        return len(self.first) + self._size

    @overload
    def __getitem__(self, place: int) -> QueueRow: ...

    @overload
    def __getitem__(self, place: slice) -> list[QueueRow]: ...

    def __getitem__(self, place: int | slice) -> QueueRow | list[QueueRow]:
        """A line, or the lines of a page."""
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _step = place.indices(len(self))
        own = len(self.first)
        return [*self.first[start:stop], *self._rows(max(start - own, 0), max(stop - own, 0))]

    def __iter__(self) -> Any:
        return iter(self[:])

    def _rows(self, start: int, stop: int) -> list[QueueRow]:
        if stop <= start:
            return []
        found = with_steps(in_order(self.reviews), start, stop)
        known = self.work.candidates
        load_roles(self.work.user, [review for review in found if review.pk not in known])
        return [known.get(review.pk) or review_row(review, self.work.user) for review in found]


def open_reviews_for(user: User) -> list[QueueRow]:
    """Everything open that this person may see, as lines: whose turn it is and why; theirs first, then overdue, then tier."""
    return OpenWork(user).every
