"""What callers send to policy, and what it answers with; none of them writes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.rest import StrictSerializer
from apps.policy.models import Framework, FrameworkChoice, Policy, PolicyVersion, Waiver
from apps.policy.requirements import STAGES

LONGEST = 4_000


class FactsRequest(StrictSerializer):
    """Answers. `facts` by name in the fact catalogue, `answers` by question; null takes an answer back."""

    facts = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False, default=dict)
    answers = serializers.DictField(
        child=serializers.CharField(allow_null=True, max_length=40), required=False, default=dict
    )


class TierRequest(StrictSerializer):
    """The tier that a second person confirms, or chooses instead with a reason."""

    tier = serializers.IntegerField(min_value=1, max_value=4)
    reason = serializers.CharField(max_length=LONGEST, required=False, default="", allow_blank=True)


class IntakeReply(serializers.Serializer[Any]):
    """What is known of a use case, and the tier that follows with its arithmetic."""

    use_case = serializers.CharField()
    url = serializers.CharField()
    facts = serializers.DictField(child=serializers.JSONField())
    answers = serializers.DictField(child=serializers.CharField())
    unanswered_facts = serializers.ListField(child=serializers.CharField())
    unanswered_questions = serializers.ListField(child=serializers.CharField())
    proposed_tier = serializers.IntegerField(allow_null=True)
    tier = serializers.IntegerField(allow_null=True)
    is_tier_confirmed = serializers.BooleanField()
    is_blocked = serializers.BooleanField()
    sentence = serializers.CharField()
    arithmetic = serializers.JSONField()


class EvidenceMention(serializers.Serializer[Any]):
    """An item of evidence that was read."""

    id = serializers.CharField()
    title = serializers.CharField()
    digest = serializers.CharField()
    dated = serializers.CharField()


class RequirementReply(serializers.Serializer[Any]):
    """One requirement, judged: what was found, what is required, who can mend it and how."""

    id = serializers.CharField()
    title = serializers.CharField()
    framework = serializers.CharField()
    ref = serializers.CharField()
    kind = serializers.CharField()
    severity = serializers.CharField()
    outcome = serializers.CharField()
    code = serializers.CharField()
    observed = serializers.CharField()
    required = serializers.CharField()
    evidence = EvidenceMention(many=True)
    owner = serializers.CharField()
    sentence = serializers.CharField()
    fix = serializers.CharField()
    fix_url = serializers.CharField()
    is_blocking = serializers.BooleanField()
    is_counted = serializers.BooleanField()
    waiver = serializers.CharField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)


class PolicyMention(serializers.Serializer[Any]):
    """The policy version that was applied."""

    id = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField()


class AssessmentReply(serializers.Serializer[Any]):
    """A judgement. `basis` is "now", "stored" (as it was made then) or "reconstructed" (from what was recorded until then)."""

    version = serializers.CharField()
    environment = serializers.CharField()
    policy = PolicyMention()
    stage = serializers.CharField()
    basis = serializers.CharField()
    at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()
    is_ready = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField())
    requirements = RequirementReply(many=True)


class AssessmentQuery(StrictSerializer):
    """Where, when and how far along a version is judged."""

    environment = serializers.SlugField(required=False, default="", allow_blank=True)
    as_of = serializers.DateTimeField(required=False, default=None, allow_null=True)
    stage = serializers.ChoiceField(choices=STAGES, required=False, default="gate")


class NeededReply(serializers.Serializer[Any]):
    """One evidence type that is asked for, and the values with which the requirements hold."""

    type = serializers.CharField()
    title = serializers.CharField()
    stage = serializers.CharField()
    produced_by = serializers.CharField()
    scope = serializers.CharField()
    required_fields = serializers.DictField(child=serializers.JSONField(), source="fields")
    attested_fields = serializers.DictField(child=serializers.JSONField())
    computed_by = serializers.ListField(child=serializers.CharField())
    why = serializers.ListField(child=serializers.CharField())
    is_blocking = serializers.BooleanField()
    is_record = serializers.BooleanField()


class WaiverRequest(StrictSerializer):
    """A request that a requirement need not be met until a day. Without an environment it is for all of them."""

    version = serializers.UUIDField()
    environment = serializers.SlugField(required=False, default="", allow_blank=True)
    requirement = serializers.CharField(max_length=120)
    reason = serializers.CharField(max_length=LONGEST)
    compensating_control = serializers.CharField(max_length=LONGEST)
    ends_on = serializers.DateField()
    extends = serializers.UUIDField(required=False, default=None, allow_null=True)


class DecisionReason(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=LONGEST, required=False, default="", allow_blank=True)


class WaiverReply(serializers.ModelSerializer[Waiver]):
    """A waiver. It ends with its last day by itself and never counts as met."""

    url = serializers.SerializerMethodField()
    reference = serializers.CharField(read_only=True)
    version = serializers.CharField(source="version_id", read_only=True)
    environment = serializers.SlugRelatedField("slug", read_only=True, allow_null=True)
    requirement = serializers.CharField(source="requirement_id", read_only=True)
    requested_by = serializers.SlugRelatedField("username", read_only=True)
    decided_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    withdrawn_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)

    class Meta:
        model = Waiver
        fields = (
            "id", "url", "reference", "version", "environment", "requirement", "requirement_title", "reason", "compensating_control",
            "state", "starts_at", "ends_on", "requested_by", "decided_by", "decided_at", "decision_reason", "withdrawn_by",
            "withdrawn_at", "withdrawal_reason", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, obj: Waiver) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/waivers/{obj.pk}"))


class FrameworkReply(serializers.Serializer[Any]):
    """A framework of the library, with what the organisation chose."""

    slug = serializers.CharField(source="framework.slug")
    name = serializers.CharField(source="framework.name")
    short_name = serializers.CharField(source="framework.short_name")
    library_version = serializers.IntegerField(source="framework.library_version")
    digest = serializers.CharField(source="framework.digest")
    binding = serializers.CharField(source="framework.binding")
    activation = serializers.CharField(source="framework.activation")
    is_on = serializers.BooleanField()
    is_early = serializers.BooleanField()
    waits_for_second_person = serializers.SerializerMethodField()

    def get_waits_for_second_person(self, obj: Any) -> bool:
        """Whether a change was asked for and nobody has decided it yet."""
        return obj.wish is not None


class FrameworkBodyReply(serializers.ModelSerializer[Framework]):
    """A framework with its requirements, as its file says."""

    class Meta:
        model = Framework
        fields = ("slug", "name", "short_name", "library_version", "digest", "binding", "activation", "body")
        read_only_fields = fields


class FrameworkChangeRequest(StrictSerializer):
    """Adopt or leave a framework, or start with it before its dates."""

    is_on = serializers.BooleanField()
    is_early = serializers.BooleanField(required=False, default=False)
    reason = serializers.CharField(max_length=LONGEST)


class FrameworkChangeReply(serializers.ModelSerializer[FrameworkChoice]):
    """A wish to change a framework, and where it stands."""

    requested_by = serializers.SlugRelatedField("username", read_only=True)
    decided_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)

    class Meta:
        model = FrameworkChoice
        fields = (
            "id",
            "slug",
            "is_on",
            "is_early",
            "reason",
            "state",
            "requested_by",
            "decided_by",
            "decided_at",
            "created_at",
        )
        read_only_fields = fields


class PolicyReply(serializers.ModelSerializer[Policy]):
    """A policy, and the version of it that is in force."""

    url = serializers.SerializerMethodField()
    environment = serializers.SlugRelatedField("slug", read_only=True, allow_null=True)
    in_force = serializers.SerializerMethodField()

    class Meta:
        model = Policy
        fields = ("id", "url", "slug", "name", "tier", "is_production", "environment", "in_force")
        read_only_fields = fields

    def get_url(self, obj: Policy) -> str:
        """Where this answer is found again."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/policies/{obj.slug}"))

    @extend_schema_field(PolicyMention(allow_null=True))
    def get_in_force(self, obj: Policy) -> dict[str, Any] | None:
        """The version in force."""
        version = self.context["in_force"].get(obj.pk)
        return mention(version) if version else None


class PolicyVersionReply(serializers.ModelSerializer[PolicyVersion]):
    """One version of a policy with its requirements."""

    policy = serializers.SlugRelatedField("slug", read_only=True)
    drafted_by = serializers.SlugRelatedField("username", read_only=True, allow_null=True)
    is_published = serializers.SerializerMethodField()

    class Meta:
        model = PolicyVersion
        fields = ("id", "policy", "version", "digest", "reason", "drafted_by", "created_at", "is_published", "body")
        read_only_fields = fields

    def get_is_published(self, obj: PolicyVersion) -> bool:
        """Whether it was put in force, now or from a later moment."""
        return hasattr(obj, "publication")


class DraftRequest(StrictSerializer):
    """Other house rules for a policy, in the form of fixtures/policies/."""

    requirements = serializers.ListField(child=serializers.DictField(child=serializers.JSONField()), max_length=200)
    reason = serializers.CharField(max_length=LONGEST)


class PublishRequest(StrictSerializer):
    """When a drafted version starts; at once without a moment."""

    reason = serializers.CharField(max_length=LONGEST, required=False, default="", allow_blank=True)
    starts_at = serializers.DateTimeField(required=False, default=None, allow_null=True)


class RuleChangeReply(serializers.Serializer[Any]):
    """A requirement that a draft adds, drops or changes."""

    id = serializers.CharField()
    title = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class FlipReply(serializers.Serializer[Any]):
    """A past judgement that would come out otherwise."""

    assessment = serializers.CharField(source="assessment.pk")
    version = serializers.CharField(source="assessment.version_id")
    environment = serializers.CharField(source="assessment.environment.slug")
    at = serializers.DateTimeField(source="assessment.at")
    was_ready = serializers.BooleanField()
    would_be_ready = serializers.BooleanField()
    deciding = serializers.SerializerMethodField()

    def get_deciding(self, obj: Any) -> list[str]:
        """The ids of the requirements that make the difference."""
        return [row.id for row in obj.deciding]


class SimulationReply(serializers.Serializer[Any]):
    """What a policy version would have changed."""

    sentence = serializers.CharField()
    since = serializers.DateTimeField()
    replayed = serializers.IntegerField()
    excluded = serializers.IntegerField()
    same = serializers.IntegerField()
    closes = FlipReply(many=True)
    opens = FlipReply(many=True)
    changes = RuleChangeReply(many=True)


def mention(version: PolicyVersion) -> dict[str, Any]:
    """A policy version, named."""
    return {"id": str(version.pk), "name": version.policy.name, "version": version.version, "digest": version.digest}
