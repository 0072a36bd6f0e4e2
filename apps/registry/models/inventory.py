"""Use cases with their objective, facts and tier, and the models that serve them."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.queries import visible_use_cases
from apps.core.models import Immutable, ImmutableQuerySet, LockedQuerySet, Record

TIERS = [
    (1, _("Tier 1 (highest)")),
    (2, _("Tier 2")),
    (3, _("Tier 3")),
    (4, _("Tier 4 (lowest)")),
]


class UseCaseQuerySet(LockedQuerySet):
    """Use cases by who may see them."""

    def visible_to(self, user: Any) -> "UseCaseQuerySet":
        """Everything for those with a role for everything, otherwise the use cases of their roles."""
        slugs = visible_use_cases(user)
        return self.all() if slugs is None else self.filter(slug__in=slugs)


class UseCase(Record):
    """What a model is for: purpose, objective, people affected, and the facts from which the tier follows."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=200)
    purpose = models.TextField(help_text=_("What it is intended to decide or support, and what it is not for."))
    objective = models.TextField(blank=True, help_text=_("The business objective."))
    people_affected = models.TextField(blank=True, help_text=_("Who is affected, and roughly how many."))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="use_cases")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="use_cases_created",
    )
    facts = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    intake_answers = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    answered_at = models.DateTimeField(null=True, blank=True)
    tier = models.PositiveSmallIntegerField(null=True, blank=True, choices=TIERS)
    proposed_tier = models.PositiveSmallIntegerField(null=True, blank=True, choices=TIERS)
    tier_arithmetic = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    tier_proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tiers_proposed",
    )
    tier_proposed_at = models.DateTimeField(null=True, blank=True)
    tier_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tiers_confirmed",
    )
    tier_confirmed_at = models.DateTimeField(null=True, blank=True)
    tier_confirmed_for = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text=_("The proposal that was confirmed or overridden."),
    )
    tier_reason = models.TextField(blank=True)

    objects: ClassVar[Any] = UseCaseQuerySet.as_manager()

    class Meta:
        ordering = ["title"]
        constraints = [
            models.CheckConstraint(
                condition=Q(tier__isnull=True) | Q(tier__range=(1, 4)),
                name="use_case_tier",
            ),
            models.CheckConstraint(
                condition=Q(proposed_tier__isnull=True) | Q(proposed_tier__range=(1, 4)),
                name="use_case_proposed_tier",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        """The judged subject: judgements of all versions of this use case read it."""
        return f"use_case:{self.pk}"

    @property
    def use_case(self) -> "UseCase":
        """Itself, so that conditions on roles can ask any object for its use case."""
        return self

    @property
    def is_tier_confirmed(self) -> bool:
        """Whether a second person confirmed a tier, and the facts propose no other one since."""
        return self.tier is not None and self.proposed_tier in {
            None,
            self.tier_confirmed_for,
        }


class Kpi(Record):
    """A measure of the objective with a target and the named baseline that it is compared with; a rule-based one counts."""

    class Direction(models.TextChoices):
        """Which way is better."""

        HIGHER = "higher", _("Higher is better")
        LOWER = "lower", _("Lower is better")

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="kpis")
    name = models.CharField(max_length=120)
    measure = models.CharField(max_length=300, blank=True, help_text=_("How it is measured."))
    unit = models.CharField(max_length=40, blank=True)
    target = models.FloatField()
    baseline_name = models.CharField(max_length=200, blank=True)
    baseline_value = models.FloatField(null=True, blank=True)
    direction = models.CharField(max_length=6, choices=Direction.choices, default=Direction.HIGHER)

    class Meta:
        ordering = ["use_case", "name"]
        constraints = [models.UniqueConstraint(fields=["use_case", "name"], name="kpi_named_once")]

    def __str__(self) -> str:
        return self.name


class IntakeAnswer(Immutable):
    """Facts that one person answered at one time. The use case holds the newest of each; these rows hold how it came so."""

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="answers")
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    answers = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="intake_answers",
    )

    objects: ClassVar[Any] = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.use_case} {self.created_at:%Y-%m-%d}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "use_case": str(self.use_case_id),
            "facts": self.facts,
            "answers": self.answers,
            "by": str(self.by_id),
            "at": self.created_at.isoformat(),
        }


class ModelQuerySet(LockedQuerySet):
    """Models by who may see them."""

    def visible_to(self, user: Any) -> "ModelQuerySet":
        """Models of the use cases this user may see."""
        slugs = visible_use_cases(user)
        return self.all() if slugs is None else self.filter(use_case__slug__in=slugs)


class Model(Record):
    """An entry of the inventory: one way of serving a use case, in many versions."""

    class State(models.TextChoices):
        """Where it stands in the inventory. The owner proposes a move, model risk confirms it."""

        CANDIDATE = "candidate", _("Candidate")
        NOT_A_MODEL = "not_a_model", _("Not a model")
        REGISTERED = "registered", _("Registered")
        IN_USE = "in_use", _("In use")
        UNDER_DECOMMISSION = "under_decommission", _("Under decommission")
        RETIRED = "retired", _("Retired")

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="models")
    purpose = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="models")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="models_created",
    )
    state = models.CharField(max_length=20, choices=State.choices, default=State.REGISTERED)
    proposed_state = models.CharField(max_length=20, choices=State.choices, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="model_moves_proposed",
    )
    proposed_reason = models.TextField(blank=True)

    objects: ClassVar[Any] = ModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        """How entries of the log name this model."""
        return f"model:{self.pk}"
