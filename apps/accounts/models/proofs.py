"""What proves who is signing: passkeys, challenges that are waiting for one, proofs of identity, and failed attempts."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models.people import User
from apps.core.models import LockedQuerySet, Record


class Reauthentication(Record):
    """A person proved again who they are, for one digest, in one session, once, within two minutes."""

    class Method(models.TextChoices):
        """What was shown: each is called what it is wherever a signature is printed."""

        PASSWORD = "password", _("password")
        PASSWORD_AND_CODE = "password+totp", _("password and one-time code")
        PASSKEY = "passkey", _("passkey")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reauthentications")
    bound_to = models.CharField(max_length=200, help_text=_("The digest that is about to be signed."))
    session = models.CharField(
        max_length=80, blank=True, help_text=_("Digest of the session, or the token, it was given in.")
    )
    method = models.CharField(max_length=40)
    assertion = models.JSONField(null=True, blank=True, help_text=_("What the passkey answered; none for a password."))
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class FailedReauthentication(Record):
    """A failed attempt to prove who one is when signing. Five within fifteen minutes lock signing for fifteen minutes."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="failed_reauthentications")
    method = models.CharField(max_length=40)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at"], name="failed_reauthentication_recent")]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class PasskeyQuerySet(LockedQuerySet):
    """Passkeys by what they may still do."""

    def usable(self) -> "PasskeyQuerySet":
        """Passkeys that sign."""
        return self.filter(revoked_at__isnull=True)


class Passkey(Record):
    """A key pair whose private half is in a person's authenticator. The public half also stands in the entry of enrolment."""

    class Algorithm(models.TextChoices):
        """The kinds of key that anybody can check with openssl."""

        ES256 = "ES256", _("ECDSA on P-256")
        EDDSA = "EdDSA", _("Ed25519")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="passkeys")
    name = models.CharField(max_length=100, blank=True, help_text=_("What its holder calls it."))
    credential_id = models.CharField(max_length=1400, unique=True)
    algorithm = models.CharField(max_length=8, choices=Algorithm.choices)
    public_key = models.CharField(max_length=200, help_text=_("SubjectPublicKeyInfo, Base64."))
    credential = models.BinaryField(help_text=_("Attested credential data as WebAuthn lays it out."))
    rp_id = models.CharField(max_length=253)
    counter = models.BigIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = PasskeyQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["user", "rp_id"], name="passkey_holder")]

    def __str__(self) -> str:
        return self.name or str(_("Passkey"))

    @property
    def subject(self) -> str:
        """How entries of the log name this passkey."""
        return f"passkey:{self.pk}"

    @property
    def is_usable(self) -> bool:
        """Whether it signs."""
        return self.revoked_at is None


class SigningChallenge(Record):
    """A payload that waits for a passkey: for one person, in one session, once, within two minutes."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="signing_challenges")
    session = models.CharField(max_length=80)
    rp_id = models.CharField(max_length=253)
    origin = models.CharField(max_length=300)
    payload = models.JSONField()
    digest = models.CharField(max_length=71)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LockedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="signing_challenge_expires")]

    def __str__(self) -> str:
        return f"{self.user} {self.digest}"

    @property
    def is_open(self) -> bool:
        """Whether it may still be answered."""
        return self.used_at is None and self.expires_at > timezone.now()


class FormerPassword(Record):
    """The hash of a password that a person had, kept while passwords have an age, so that none comes back. Erasing deletes it."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="former_passwords")
    encoded = models.CharField(max_length=128)

    class Meta:
        indexes = [models.Index(fields=["user", "created_at"], name="former_passwords_of")]

    def __str__(self) -> str:
        return str(self.pk)
