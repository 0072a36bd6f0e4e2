"""What a signer was shown, what they signed, and what an approval stands on."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.commitments import is_commitment
from apps.accounts.models import Reauthentication, Role
from apps.accounts.queries import names_behind
from apps.core import moment
from apps.core.models import Immutable, ImmutableQuerySet
from apps.registry.models import Environment, ModelVersion
from apps.workflow.models.reviews import Review, Step

LATER = frozenset({"assertion", "replaces_id"})
"""Columns that early rows do not have: they stand in the record only where they hold something."""


class Snapshot(Immutable):
    """Exactly what a signer was shown. Its digest is the `seen_digest` that a signature names; equal content is one row."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="snapshots")
    body = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["digest"], name="snapshot_once")]

    def __str__(self) -> str:
        return self.digest

    def content(self) -> dict[str, Any]:
        """What was shown and nothing else, so that the digest can be computed again; it names the review it was shown for."""
        return {**self.body, "review": self.review.reference}


class SignatureQuerySet(ImmutableQuerySet):
    """Signatures by what they still say."""

    def standing(self) -> "SignatureQuerySet":
        """Signatures that are no withdrawal and were not withdrawn."""
        return self.exclude(meaning=Signature.Meaning.WITHDRAWN).filter(withdrawals__isnull=True)

    def standing_at(self, at: datetime) -> "SignatureQuerySet":
        """Signatures that had been given by then and that nobody had withdrawn."""
        given = self.exclude(meaning=Signature.Meaning.WITHDRAWN).filter(signed_at__lte=at)
        return given.filter(Q(withdrawals__isnull=True) | Q(withdrawals__signed_at__gt=at))


class Signature(Immutable):
    """A person's signature over what they saw: printed name, time and meaning stand in it and in every print of it."""

    class Meaning(models.TextChoices):
        """What the signature says (21 CFR 11.50(a)(3))."""

        AUTHORED = "authored", _("Authored")
        REVIEWED = "reviewed", _("Reviewed")
        APPROVED = "approved", _("Approved")
        RESPONSIBLE = "responsible", _("Responsible")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="signatures")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="signatures")
    round = models.PositiveIntegerField()
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signatures")
    name_commitment = models.CharField(
        max_length=200, db_column="printed_name", help_text=_("Commitment to the printed name; the name in early rows.")
    )
    role = models.CharField(max_length=24, choices=Role.choices)
    meaning = models.CharField(max_length=12, choices=Meaning.choices)
    meaning_text = models.TextField()
    reason = models.TextField()
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="signatures")
    seen_digest = models.CharField(max_length=71)
    opinion = models.JSONField(
        default=dict, help_text=_("The declared parts of a validation report; empty for other steps.")
    )
    payload = models.JSONField(help_text=_("What the re-authentication was bound to."))
    authentication = models.CharField(max_length=40)
    assertion = models.JSONField(null=True, help_text=_("What the signer's passkey answered; none for a password."))
    reauthentication = models.UUIDField(unique=True)
    withdraws = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="withdrawals")
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replacements")
    signed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = SignatureQuerySet.as_manager()

    class Meta:
        ordering = ["signed_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "round", "signer"],
                condition=~Q(meaning="withdrawn") & Q(replaces__isnull=True),
                name="signature_one_step_per_person",
            ),
            models.UniqueConstraint(fields=["withdraws"], name="signature_withdrawn_once"),
            models.UniqueConstraint(fields=["replaces"], name="signature_replaced_once"),
            models.CheckConstraint(
                condition=~Q(name_commitment="") & ~Q(reason=""), name="signature_named_and_reasoned"
            ),
            models.CheckConstraint(
                condition=Q(authentication="passkey", assertion__isnull=False)
                | ~Q(authentication="passkey") & Q(assertion__isnull=True),
                name="signature_asserted",
            ),
            models.CheckConstraint(
                condition=Q(meaning="withdrawn", withdraws__isnull=False)
                | ~Q(meaning="withdrawn") & Q(withdraws__isnull=True),
                name="signature_withdraws",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.printed_name}, {self.get_meaning_display()}, {moment.in_words(self.signed_at)}"

    @property
    def subject(self) -> str:
        """Signatures are filed under their review."""
        return f"review:{self.review_id}"

    @cached_property
    def printed_name(self) -> str:
        """The name of the signer as it was when they signed; "Erased person" and a tag when it was erased."""
        return printed_names([self])[self.name_commitment]

    @property
    def proved_by(self) -> str:
        """How the signer proved who they are, called what it is: password, password and one-time code, passkey."""
        return str(Reauthentication.Method(self.authentication).label)

    def content(self) -> dict[str, Any]:
        """What the digest covers, as docs/formats/signature.md says: the payload, the assertion, and every other column."""
        found = self.columns()
        found["printed_name"] = found.pop("name_commitment")
        return {key: value for key, value in found.items() if value is not None or key not in LATER}


def printed_names(signatures: Iterable[Signature]) -> dict[str, str]:
    """The printed names of these signatures, by their commitments, read at once and kept with each."""
    rows = list(signatures)
    known = names_behind(row.name_commitment for row in rows if is_commitment(row.name_commitment))
    for row in rows:
        erased = (
            f"Erased person {row.signer_id.hex[-4:]}" if is_commitment(row.name_commitment) else row.name_commitment
        )
        row.__dict__["printed_name"] = known.setdefault(row.name_commitment, erased)
    return known


class Manifest(Immutable):
    """What an approval stands on, frozen at the final signature. The approval holds while all of it is still so."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="manifests")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="manifests")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="manifests")
    body = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["review", "-created_at"], name="manifest_review")]

    def __str__(self) -> str:
        return self.digest

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return self.columns()
