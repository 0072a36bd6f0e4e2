"""Shapes of accounts in the API. None of them writes."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from apps.accounts.models import Erasure, IdentityMethod, OrganisationFact, Passkey, Role, RoleAssignment, Token, User
from apps.accounts.permissions import SCOPES
from apps.accounts.rechecks import rights_of
from apps.core.rest import StrictSerializer

slug = RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*$", "Small letters and digits with single dashes between them.")


class UserReply(serializers.ModelSerializer[User]):
    """A person or a service account."""

    reports_to = serializers.SlugRelatedField("username", read_only=True)
    identity_verified_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    roles = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "url", "username", "printed_name", "email", "kind", "reports_to", "is_active", "roles", "created_at",
            "identity_verified_by", "identity_verified_at", "identity_method",
        )  # fmt: skip
        read_only_fields = fields

    def get_roles(self, user: User) -> list[str]:
        """Roles that hold now, whatever their scope."""
        return sorted({row.role for row in user.assignments.all() if row.is_current})

    def get_url(self, user: User) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/users/{user.pk}"))


class UserRequest(StrictSerializer):
    """A new account."""

    username = serializers.CharField(max_length=150)
    printed_name = serializers.CharField(max_length=200)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    kind = serializers.ChoiceField(User.Kind.choices, default=User.Kind.PERSON)
    reports_to = serializers.CharField(max_length=150, required=False)
    password = serializers.CharField(max_length=200, required=False, write_only=True, trim_whitespace=False)


class ReasonRequest(StrictSerializer):
    """A reason, which the log keeps."""

    reason = serializers.CharField(max_length=2000)


class IdentityRequest(ReasonRequest):
    """How you made sure who holds an account, and what you saw."""

    method = serializers.ChoiceField([row for row in IdentityMethod.choices if row[0] != IdentityMethod.EARLIER])


class RecheckReply(serializers.ModelSerializer[User]):
    """An account with when its holder and its roles were confirmed last, and whether that is due again."""

    rights = serializers.SerializerMethodField()
    rights_confirmed_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    identity_is_due = serializers.BooleanField(read_only=True)
    rights_are_due = serializers.BooleanField(read_only=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "url", "username", "kind", "rights", "identity_verified_at", "identity_is_due", "rights_confirmed_at",
            "rights_confirmed_by", "rights_are_due",
        )  # fmt: skip
        read_only_fields = fields

    def get_rights(self, user: User) -> list[str]:
        """What a confirmation confirms: "validator", or "validator for retail-credit"."""
        return rights_of(user)

    def get_url(self, user: User) -> str:
        """Where the account is found."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/users/{user.pk}"))


class ConfirmRequest(ReasonRequest):
    """The roles that you looked at, as `rights` names them, and what you compared them with."""

    rights = serializers.ListField(child=serializers.CharField(max_length=120), max_length=200)


class ErasureReply(serializers.ModelSerializer[Erasure]):
    """A request to erase a person. Once it is done, nothing in it names them."""

    person = serializers.SerializerMethodField()
    requested_by = serializers.SlugRelatedField("username", read_only=True)
    decided_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Erasure
        fields = (
            "id",
            "url",
            "person",
            "basis",
            "reason",
            "state",
            "requested_by",
            "created_at",
            "decided_by",
            "decided_at",
        )
        read_only_fields = fields

    def get_person(self, erasure: Erasure) -> str:
        """The account, by its address, which stays."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/users/{erasure.person_id}"))

    def get_url(self, erasure: Erasure) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/erasures/{erasure.pk}"))


class ErasureRequest(StrictSerializer):
    """Why a person is to be erased. The reason names nobody."""

    basis = serializers.ChoiceField(Erasure.Basis.choices)
    reason = serializers.CharField(max_length=300)


class ErasureConfirmation(StrictSerializer):
    """The user name of the person, typed again."""

    username = serializers.CharField(max_length=150)


class PasskeyReply(serializers.ModelSerializer[Passkey]):
    """A passkey: the public half of a key pair."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Passkey
        fields = (
            "id", "url", "name", "credential_id", "algorithm", "public_key", "rp_id", "created_at", "last_used_at", "revoked_at"
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, passkey: Passkey) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/me/passkeys/{passkey.pk}"))


class PasswordRequest(StrictSerializer):
    """A new password."""

    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)


class ReportingRequest(StrictSerializer):
    """To whom somebody reports; null for nobody."""

    reports_to = serializers.CharField(max_length=150, allow_null=True)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class AssignmentReply(serializers.ModelSerializer[RoleAssignment]):
    """A role of a user."""

    user = serializers.SlugRelatedField("username", read_only=True)
    use_case = serializers.CharField(source="use_case_slug", help_text="Empty: for everything")
    granted_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = RoleAssignment
        fields = (
            "id", "url", "user", "role", "use_case", "starts_at", "ends_at", "granted_by", "reason", "revoked_at"
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, row: RoleAssignment) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/roles/{row.pk}"))


class AssignmentRequest(StrictSerializer):
    """A role to grant."""

    user = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(Role.choices)
    use_case = serializers.CharField(max_length=80, required=False, default="", allow_blank=True, validators=[slug])
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class TokenReply(serializers.ModelSerializer[Token]):
    """A token without its secret."""

    user = serializers.SlugRelatedField("username", read_only=True)
    environment = serializers.CharField(source="environment_slug", help_text="Empty: for every environment")
    prefix = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Token
        fields = (
            "id", "url", "prefix", "user", "name", "scopes", "environment", "expires_at", "last_used_at", "revoked_at",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_prefix(self, token: Token) -> str:
        """The public part, to recognise a token by."""
        return f"imp_{token.key}_"

    def get_url(self, token: Token) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/tokens/{token.pk}"))


class IssuedTokenReply(TokenReply):
    """A token with its text, this once."""

    token = serializers.SerializerMethodField()

    class Meta(TokenReply.Meta):
        fields = (*TokenReply.Meta.fields, "token")  # type: ignore[assignment]
        read_only_fields = fields

    def get_token(self, token: Token) -> str:
        """The text of the token. It is not stored and cannot be shown again."""
        return str(self.context["text"])


class TokenRequest(StrictSerializer):
    """A token to issue."""

    user = serializers.CharField(max_length=150, required=False, help_text="A service account; oneself when left out")
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), allow_empty=False, max_length=len(SCOPES))
    environment = serializers.CharField(max_length=80, required=False, default="", allow_blank=True, validators=[slug])
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class FactReply(serializers.ModelSerializer[OrganisationFact]):
    """One fact about the organisation."""

    set_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)

    class Meta:
        model = OrganisationFact
        fields = ("name", "value", "set_by", "set_at")
        read_only_fields = fields


class FactRequest(StrictSerializer):
    """Answers about the organisation as a whole, by dotted name."""

    facts = serializers.DictField(child=serializers.JSONField(allow_null=False), allow_empty=False)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)

    def validate_facts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """At most as many as a catalogue of facts has."""
        if len(facts) > 200:
            raise serializers.ValidationError("At most 200 facts in one call.")
        return facts
