"""People and service accounts, their roles and tokens. Users are deactivated and never deleted: an id means one person for ever."""

from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, TextChoices
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import LockedQuerySet, Record, uuid7


class Role(TextChoices):
    """What a person may do. The words are those of product.md section 5 and of the process files."""

    DEVELOPER = "developer", _("Model developer")
    MODEL_OWNER = "model_owner", _("Model owner")
    VALIDATOR = "validator", _("Validator")
    REVIEWER = "reviewer", _("Reviewer")
    DATA_STEWARD = "data_steward", _("Data steward")
    PRIVACY_OFFICER = "privacy_officer", _("Privacy officer")
    RISK_OFFICER = "risk_officer", _("Risk officer")
    COMPLIANCE = "compliance", _("Compliance officer")
    SECURITY = "security", _("Security officer")
    HEAD_OF_MODEL_RISK = "head_of_model_risk", _("Head of model risk")
    RISK_COMMITTEE = "risk_committee", _("Risk committee member")
    ACCOUNTABLE_EXECUTIVE = "accountable_executive", _("Accountable executive")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")
    SERVICE = "service", _("Service account")


class IdentityMethod(TextChoices):
    """How a second person made sure who holds an account (21 CFR 11.100(b))."""

    IN_PERSON = "in_person", _("Met in person")
    DOCUMENT = "document", _("Official document seen")
    VIDEO = "video", _("Video call with a document")
    STAFF_RECORD = "staff_record", _("Compared with the staff record")
    EARLIER = "earlier", _("Verified before methods were recorded")


class UserQuerySet(LockedQuerySet):
    """Users by kind and standing."""

    def active(self) -> "UserQuerySet":
        """Users who may sign in."""
        return self.filter(is_active=True)

    def people(self) -> "UserQuerySet":
        """Persons, not service accounts."""
        return self.filter(kind=User.Kind.PERSON)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Users are deactivated, never deleted")


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Finds a user by the name they sign in with."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Usernames differ by more than case, so signing in ignores case."""
        return self.get(username__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person or a service account. `is_superuser` opens no door in this product: permissions ask roles only."""

    class Kind(TextChoices):
        """Whether a human being signs in with it."""

        PERSON = "person", _("Person")
        SERVICE = "service", _("Service account")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(
        _("user name"),
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": _("This user name belongs to someone, or once did; names are never given twice.")},
    )
    printed_name = models.CharField(_("printed name"), max_length=200, help_text=_("As it appears on signatures."))
    email = models.EmailField(_("email address"), blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON)
    reports_to = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name=_("reports to"),
    )
    theme = models.CharField(max_length=5, blank=True, choices=[("light", _("Light")), ("dark", _("Dark"))])
    is_active = models.BooleanField(default=True)
    identity_verified_by = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="identities_verified",
    )
    identity_verified_at = models.DateTimeField(null=True, blank=True)
    identity_method = models.CharField(max_length=12, blank=True, choices=IdentityMethod.choices)
    signing_suspended_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("An administrator set the password; identity is to be verified."),
    )
    password_set_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="passwords_set"
    )
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    rights_confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    rights_confirmed_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="rights_confirmed"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[Any] = UserManager()

    class Meta:
        ordering = ["printed_name", "username"]
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_name_once_in_any_case"),
            models.CheckConstraint(condition=~Q(printed_name=""), name="user_has_printed_name"),
            models.CheckConstraint(
                condition=Q(identity_verified_at__isnull=True) | ~Q(identity_method=""), name="user_identity_has_method"
            ),
        ]

    def __str__(self) -> str:
        return self.printed_name

    @property
    def is_person(self) -> bool:
        """Whether this is a human being."""
        return self.kind == self.Kind.PERSON

    @property
    def audit_ref(self) -> str:
        """How entries of the log name this actor."""
        return f"{'user' if self.is_person else 'service'}:{self.pk}"

    @property
    def subject(self) -> str:
        """How entries of the log name this user when something is done to it."""
        return f"user:{self.pk}"

    def get_full_name(self) -> str:
        """The printed name; Django and allauth ask for it."""
        return self.printed_name

    def get_short_name(self) -> str:
        """The printed name; there is no shorter one."""
        return self.printed_name

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Users are deactivated, never deleted")


class RoleAssignmentQuerySet(LockedQuerySet):
    """Role assignments by standing."""

    def current(self) -> "RoleAssignmentQuerySet":
        """Assignments that hold at this moment, of users who are active."""
        now = timezone.now()
        unended = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
        return self.filter(unended, revoked_at__isnull=True, starts_at__lte=now, user__is_active=True)


class RoleAssignment(Record):
    """A role of a user, for everything or for one use case, until an end."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    role = models.CharField(max_length=24, choices=Role.choices)
    use_case_slug = models.SlugField(max_length=80, blank=True, help_text=_("Empty: for everything."))
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="roles_granted")
    reason = models.CharField(max_length=300, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="roles_revoked",
    )

    objects: ClassVar[Any] = RoleAssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["user", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "use_case_slug"],
                condition=Q(revoked_at__isnull=True),
                name="role_granted_once",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=models.F("starts_at")),
                name="role_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["role", "use_case_slug"], name="role_holders")]

    def __str__(self) -> str:
        scope = self.use_case_slug or _("everything")
        return f"{self.user}: {self.get_role_display()} ({scope})"

    @property
    def is_current(self) -> bool:
        """Whether it holds at this moment."""
        now = timezone.now()
        return self.revoked_at is None and self.starts_at <= now and (self.ends_at is None or self.ends_at > now)


class TokenQuerySet(LockedQuerySet):
    """Tokens by standing."""

    def usable(self) -> "TokenQuerySet":
        """Tokens that open something now."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=timezone.now(), user__is_active=True)


class Token(Record):
    """A key for machines: only a hash is kept, so the text is shown once, when it is issued."""

    key = models.CharField(
        max_length=8,
        unique=True,
        editable=False,
        help_text=_("The public part, to recognise it by."),
    )
    secret_digest = models.CharField(max_length=64, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100, help_text=_("Where it is used."))
    scopes = ArrayField(models.CharField(max_length=40))
    environment_slug = models.SlugField(max_length=80, blank=True, help_text=_("Empty: for every environment."))
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens_issued")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tokens_revoked",
    )

    objects: ClassVar[Any] = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} (imp_{self.key}_…)"

    @property
    def subject(self) -> str:
        """How entries of the log name this token."""
        return f"token:{self.pk}"

    @property
    def is_usable(self) -> bool:
        """Whether it opens something now."""
        return self.revoked_at is None and self.expires_at > timezone.now() and self.user.is_active


class OrganisationFact(Record):
    """One answer about the organisation as a whole, under its dotted name of the fact catalogue (`org.sector`)."""

    name = models.CharField(max_length=80, unique=True)
    value = models.JSONField()
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="organisation_facts_set")
    set_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"
