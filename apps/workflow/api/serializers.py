"""What callers send to the workflow. None of these shapes writes."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apps.catalog.models import Classification, DatasetEvent
from apps.core.rest import StrictSerializer
from apps.workflow.models import Comment, Finding, Signature

# A withdrawal has a call of its own.
GIVEN = [row for row in Signature.Meaning.choices if row[0] != Signature.Meaning.WITHDRAWN]


def in_ten_days() -> Any:
    """When an answer is due unless somebody says otherwise."""
    return timezone.now().date() + timedelta(days=10)


class SubmitRequest(StrictSerializer):
    """Where the approval is asked for (slug; the first production environment when left out), and a note to the reviewers."""

    environment = serializers.CharField(max_length=80, required=False)
    note = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)


class ReviewReasonRequest(StrictSerializer):
    """Why. It is kept in the log."""

    reason = serializers.CharField(max_length=4000)


class MoveRequest(ReviewReasonRequest):
    """Why, and for which environment (slug); the newest approval when left out."""

    environment = serializers.CharField(max_length=80, required=False)


class PasskeyRequest(StrictSerializer):
    """A passkey's answer to a prepared signature."""

    challenge = serializers.UUIDField(help_text="The `id` that preparing answered with.")
    response = serializers.DictField(
        help_text="The browser's `PublicKeyCredential` as JSON (`toJSON()`): `id`, `rawId`, `type`, `response`."
    )


class IdentityProof(StrictSerializer):
    """The components that prove who is signing: a password (with the one-time code where enrolled), or a passkey's answer."""

    password = serializers.CharField(max_length=200, required=False, trim_whitespace=False, write_only=True)
    code = serializers.CharField(max_length=10, required=False, default="", allow_blank=True, write_only=True)
    passkey = PasskeyRequest(required=False, help_text="Instead of the password.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One way, not two and not none."""
        if ("password" in attrs) == ("passkey" in attrs):
            raise serializers.ValidationError(
                {"password": "Prove who you are by password or by passkey, one of the two."}
            )
        return attrs


class PrepareRequest(StrictSerializer):
    """What is to be signed with a passkey."""

    seen_digest = serializers.CharField(max_length=71)
    meaning = serializers.ChoiceField(GIVEN)
    reason = serializers.CharField(max_length=4000)


class ProofRequest(IdentityProof):
    """A reason of at least 20 characters over what was seen, with the components that prove who is signing."""

    seen_digest = serializers.CharField(
        max_length=71, help_text="From `GET /reviews/{id}`: exactly what you were shown."
    )
    reason = serializers.CharField(max_length=4000)


class ConditionRequest(StrictSerializer):
    """A condition of an approval: what, by whom (user name), until when."""

    text = serializers.CharField(max_length=1000)
    owner = serializers.CharField(max_length=150)
    due_on = serializers.DateField()
    severity = serializers.ChoiceField(Finding.Severity.choices, default=Finding.Severity.MEDIUM)


class ReportRequest(StrictSerializer):
    """The declared parts of a validation report; what is left out stands as not declared."""

    conceptual_soundness = serializers.BooleanField(required=False)
    data_reviewed = serializers.BooleanField(required=False)
    replication = serializers.BooleanField(required=False)
    outcomes = serializers.BooleanField(required=False)
    limits = serializers.BooleanField(required=False)
    opinion = serializers.CharField(max_length=4000, required=False)


class SignOffRequest(ProofRequest):
    """A signature. `meaning` is one of the step's `meanings`; conditions go with the approval of the last step."""

    meaning = serializers.ChoiceField(GIVEN)
    conditions = ConditionRequest(many=True, required=False, max_length=50)
    report = ReportRequest(required=False)


class PrepareSignOffRequest(PrepareRequest):
    """A signature by passkey, before the passkey has signed: the same words as in the signature itself."""

    conditions = ConditionRequest(many=True, required=False, max_length=50)
    report = ReportRequest(required=False)


class WithdrawSignatureRequest(IdentityProof):
    """Withdraw one's own signature by a new one."""

    reason = serializers.CharField(max_length=4000)


class FindingRequest(StrictSerializer):
    """A finding. `owner` is a user name; the owner of the model when left out."""

    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=4000, required=False)
    severity = serializers.ChoiceField(Finding.Severity.choices, default=Finding.Severity.MEDIUM)
    owner = serializers.CharField(max_length=150, required=False)
    due_on = serializers.DateField(default=in_ten_days)
    requirement = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)


class TextRequest(StrictSerializer):
    """What was done, or what was looked at."""

    text = serializers.CharField(max_length=4000)


class CommentRequest(StrictSerializer):
    """A word in the challenge log. An answer or outcome names its question in `parent`."""

    text = serializers.CharField(max_length=4000)
    kind = serializers.ChoiceField(Comment.Kind.choices, default=Comment.Kind.COMMENT)
    parent = serializers.UUIDField(required=False, allow_null=True, default=None)


class DatasetEventRequest(StrictSerializer):
    """What happened to a dataset, to which of its columns, and why that is known."""

    kind = serializers.ChoiceField(DatasetEvent.Kind.choices)
    fields_ = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, default=list, max_length=500
    )
    classification = serializers.ChoiceField(Classification.choices, required=False, default="", allow_blank=True)
    reason = serializers.CharField(max_length=4000)

    def get_fields(self) -> dict[str, Any]:
        """The list of columns is called `fields` outside; inside, every serializer has a `fields` of its own."""
        found = super().get_fields()
        return {name.rstrip("_"): field for name, field in found.items()}
