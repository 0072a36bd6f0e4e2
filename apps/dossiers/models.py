"""Tables of dossiers: what was asked for and how far it is, and, written once, what was issued."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Func, Value
from django.utils.translation import gettext_lazy as _

from apps.core.models import Immutable, Job, JobState, LockedQuerySet, Record
from apps.registry.models import Environment, ModelVersion, UseCase

NUMBERS = "dossiers_dossier_number"


class NextNumber(Func):
    """The next number of the sequence: people quote D-119, never a UUID."""

    function = "nextval"
    output_field = models.BigIntegerField()

    def __init__(self, sequence: str = NUMBERS, **extra: Any) -> None:
        super().__init__(Value(sequence), **extra)


class DossierQuerySet(LockedQuerySet):
    """Dossiers by who may see them."""

    def visible_to(self, user: Any) -> "DossierQuerySet":
        """Dossiers about versions this user may see."""
        return self.filter(version__in=ModelVersion.objects.visible_to(user))


class Dossier(Record):
    """A frozen export about a version. It is made once; what was issued stands in its `issue` and in the log."""

    class Order(models.TextChoices):
        """In which sequence the sections are printed."""

        ANNEX_IV = "annex_iv", _("Order of AI Act Annex IV")
        SR_26_2 = "sr_26_2", _("Order of SR 26-2")

    class Profile(models.TextChoices):
        """For whom it is made. Small groups are withheld from everybody."""

        INSIDE = "inside", _("Readers inside")
        OUTSIDE = "outside", _("Readers outside")

    number = models.BigIntegerField(unique=True, db_default=NextNumber(), editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="dossiers")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="dossiers")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="dossiers")
    order = models.CharField(max_length=8, choices=Order.choices, default=Order.ANNEX_IV)
    profile = models.CharField(max_length=8, choices=Profile.choices, default=Profile.INSIDE)
    has_names = models.BooleanField(default=True, help_text=_("Names of staff are printed; else their roles."))
    has_texts = models.BooleanField(default=True, help_text=_("What people wrote in their own words is printed."))
    language = models.CharField(max_length=8, default="en")
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="dossiers")
    log_size = models.BigIntegerField(null=True, help_text=_("Entries of the log that the dossier was made from."))
    content_sha256 = models.CharField(max_length=64, blank=True)
    sealed_sha256 = models.CharField(max_length=64, blank=True)
    bundle_sha256 = models.CharField(max_length=64, blank=True)
    has_time_stamp = models.BooleanField(default=False)
    word_job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="dossier_words")
    word_sha256 = models.CharField(max_length=64, blank=True)

    objects: ClassVar[Any] = DossierQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["version", "-created_at"], name="dossier_version")]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """The short name that people quote."""
        return f"D-{self.number}"

    @property
    def subject(self) -> str:
        """How entries of the log name this dossier."""
        return f"dossier:{self.pk}"

    @property
    def use_case(self) -> UseCase:
        """The use case whose roles count."""
        return self.version.use_case

    @property
    def is_ready(self) -> bool:
        """Whether PDF and bundle can be downloaded."""
        return bool(self.bundle_sha256)

    @property
    def is_redacted(self) -> bool:
        """Whether names or texts are left out of it."""
        return not (self.has_names and self.has_texts)

    @property
    def is_word_asked(self) -> bool:
        """Whether a Word document is being written."""
        return self.word_job is not None and self.word_job.state in {JobState.WAITING, JobState.RUNNING}

    @property
    def edition(self) -> str:
        """For whom it is made and what is therefore left out, in one line, as page 1 and the bundle say it."""
        if self.profile == self.Profile.INSIDE:
            return "For readers inside; small groups are withheld."
        names = "names of staff are printed" if self.has_names else "roles stand for names of staff"
        texts = (
            "texts in people's own words are printed" if self.has_texts else "texts in people's own words are withheld"
        )
        return f"For readers outside: {names}; {texts}; files handed in and small groups are withheld."

    @property
    def state(self) -> str:
        """sealed, building, or failed: the row is ready, or its job says how far it is."""
        if self.is_ready:
            return "sealed"
        over = {JobState.FAILED, JobState.CANCELLED}
        return "failed" if self.job is not None and self.job.state in over else "building"

    @property
    def file_name(self) -> str:
        """The name of its files, without the ending."""
        return f"{self.reference}-{self.version.model.slug}-{self.version.version}"


class DossierIssue(Immutable):
    """What was issued, to the byte. The entry `dossiers.issued` binds this row and says the same."""

    dossier = models.OneToOneField(Dossier, on_delete=models.PROTECT, related_name="issue")
    log_size = models.BigIntegerField()
    log_root = models.CharField(max_length=64)
    content_sha256 = models.CharField(max_length=64)
    base_sha256 = models.CharField(max_length=64)
    base_size = models.BigIntegerField()
    sealed_sha256 = models.CharField(max_length=64)
    sealed_size = models.BigIntegerField()
    payload_manifest_sha256 = models.CharField(max_length=64)
    pages = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"Issue of {self.dossier}"

    def content(self) -> dict[str, Any]:
        """What the digest covers."""
        return {
            "id": str(self.pk),
            "dossier": str(self.dossier_id),
            "version": str(self.dossier.version_id),
            "order": self.dossier.order,
            "language": self.dossier.language,
            "log_size": self.log_size,
            "log_root": self.log_root,
            "content_sha256": self.content_sha256,
            "base_sha256": self.base_sha256,
            "base_size": self.base_size,
            "sealed_sha256": self.sealed_sha256,
            "sealed_size": self.sealed_size,
            "payload_manifest_sha256": self.payload_manifest_sha256,
            "pages": self.pages,
            "at": self.created_at.isoformat(),
        }
