"""What the workflow answers with. None of these shapes writes."""

from typing import Any

from rest_framework import serializers

from apps.accounts.services import challenge_options
from apps.workflow import lifecycle, processes
from apps.workflow.models import Comment, Finding, Signature, Step

STATES = list(lifecycle.LABELS.items())


class Addressed(serializers.Serializer[Any]):
    """Adds `id` and `url`."""

    id = serializers.UUIDField(source="pk")
    url = serializers.SerializerMethodField()
    path = ""

    def get_url(self, obj: Any) -> str:
        """Where this answer is found again."""
        return self.absolute(f"/api/v1/{self.path.format(obj=obj)}")

    def absolute(self, path: str) -> str:
        """A path of this installation as a whole address."""
        return str(self.context["request"].build_absolute_uri(path))


class UserName(serializers.CharField):
    """A person by user name."""

    def to_representation(self, value: Any) -> str:
        """The user name."""
        return str(value.username)


class SignatureReply(Addressed):
    """A signature: printed name, time and meaning always together (21 CFR 11.50)."""

    path = "reviews/{obj.review_id}/sign-offs/{obj.pk}"
    step = serializers.CharField(source="step.key")
    round = serializers.IntegerField()
    signer = UserName()
    printed_name = serializers.CharField()
    role = serializers.CharField()
    meaning = serializers.ChoiceField(Signature.Meaning.choices)
    meaning_text = serializers.CharField()
    reason = serializers.CharField()
    seen_digest = serializers.CharField()
    digest = serializers.CharField()
    authentication = serializers.CharField()
    proved_by = serializers.CharField(help_text="How the signer proved who they are, in words.")
    assertion = serializers.DictField(
        child=serializers.CharField(), allow_null=True, help_text="The passkey's signature: docs/formats/signature.md."
    )
    signed_at = serializers.DateTimeField()
    withdraws = serializers.UUIDField(source="withdraws_id", allow_null=True)
    replaces = serializers.UUIDField(source="replaces_id", allow_null=True)


class SignOffReply(SignatureReply):
    """A new signature, and where the review stands after it."""

    review_state = serializers.ChoiceField(STATES, source="review.state")


class PreparedReply(serializers.Serializer[Any]):
    """A signature that waits for a passkey: answer within two minutes, once, in the same session."""

    id = serializers.UUIDField(source="pk")
    expires_at = serializers.DateTimeField()
    payload = serializers.DictField()
    digest = serializers.CharField(help_text="SHA-256 of the canonical payload; its bytes are the challenge.")
    options = serializers.SerializerMethodField()

    def get_options(self, challenge: Any) -> dict[str, Any]:
        """What the browser is asked: `PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey)`."""
        return challenge_options(challenge)


class StepReply(serializers.Serializer[Any]):
    """One step of the round."""

    key = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField()
    role = serializers.CharField()
    quorum = serializers.IntegerField()
    rules = serializers.ListField(child=serializers.CharField())
    condition = serializers.CharField()
    state = serializers.CharField()
    opened_at = serializers.DateTimeField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    claimed_by = UserName(allow_null=True)
    meanings = serializers.SerializerMethodField()

    def get_meanings(self, step: Step) -> list[str]:
        """What a signature of this step may mean; the last step that applies always approves."""
        last = step.review.last_step
        return list(processes.meanings_for(step.kind, is_last=last is not None and last.pk == step.pk))


class TurnReply(serializers.Serializer[Any]):
    """Who has to sign now; `reasons` says why it is not you."""

    role = serializers.CharField()
    role_name = serializers.CharField()
    people = serializers.ListField(child=UserName())
    since = serializers.DateTimeField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    is_yours = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())


class ChangeReply(serializers.Serializer[Any]):
    """One difference."""

    part = serializers.CharField()
    code = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    sentence = serializers.CharField()


class StandingReply(serializers.Serializer[Any]):
    """Whether the approval stands now, judged at this moment."""

    state = serializers.ChoiceField(STATES)
    code = serializers.CharField()
    sentence = serializers.CharField()
    valid_until = serializers.DateTimeField(allow_null=True)
    changes = ChangeReply(many=True)
    manifest = serializers.CharField(source="manifest.digest", allow_null=True, default=None)


class ConditionReply(serializers.Serializer[Any]):
    """A condition of the approval."""

    id = serializers.UUIDField(source="pk")
    reference = serializers.CharField()
    text = serializers.CharField()
    owner = UserName()
    due_on = serializers.DateField()
    finding = serializers.UUIDField(source="finding_id")
    is_open = serializers.BooleanField(source="finding.is_open")


class ReviewSummary(Addressed):
    """A review as a line of a list. `state` is the one on record; whether an approval stands now is in the review itself."""

    path = "reviews/{obj.pk}"
    page = serializers.SerializerMethodField()
    reference = serializers.CharField()
    version = serializers.UUIDField(source="version_id")
    version_name = serializers.CharField(source="version.__str__")
    environment = serializers.CharField(source="environment.slug")
    tier = serializers.IntegerField(source="process.tier")
    state = serializers.ChoiceField(STATES)
    round = serializers.IntegerField()
    opened_by = UserName()
    submitted_at = serializers.DateTimeField()
    due_on = serializers.DateField()
    decided_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    state_reason = serializers.CharField()

    def get_page(self, obj: Any) -> str:
        """Where people see it."""
        return self.absolute(f"/reviews/{obj.pk}/")


class FindingReply(Addressed):
    """A finding."""

    path = "findings/{obj.pk}"
    page = serializers.SerializerMethodField()
    reference = serializers.CharField()
    version = serializers.UUIDField(source="version_id")
    review = serializers.UUIDField(source="review_id", allow_null=True)
    severity = serializers.ChoiceField(Finding.Severity.choices)
    state = serializers.ChoiceField(Finding.State.choices)
    source = serializers.ChoiceField(Finding.Source.choices)
    title = serializers.CharField()
    text = serializers.CharField()
    requirement = serializers.CharField(source="requirement_id")
    owner = UserName()
    due_on = serializers.DateField()
    raised_by = UserName(allow_null=True)
    answered_by = UserName(allow_null=True)
    closed_by = UserName(allow_null=True)
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_page(self, obj: Any) -> str:
        """Where people see it."""
        return self.absolute(f"/findings/{obj.pk}/")


class ReviewReply(ReviewSummary):
    """A review with whose turn it is and why, what is signed (`seen_digest`), and whether its approval stands."""

    process = serializers.CharField(source="process.__str__")
    process_digest = serializers.CharField(source="process.digest")
    note = serializers.CharField()
    steps = StepReply(many=True, source="round_steps")
    signatures = serializers.SerializerMethodField()
    turn = serializers.SerializerMethodField()
    seen_digest = serializers.SerializerMethodField()
    meanings = serializers.SerializerMethodField()
    obstacles = serializers.SerializerMethodField()
    standing = serializers.SerializerMethodField()
    conditions = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()

    @property
    def extra(self) -> Any:
        """What the view looked up for this one review."""
        return self.context["extra"]

    def get_signatures(self, obj: Any) -> list[dict[str, Any]]:
        """Signatures of every round, oldest first."""
        return list(SignatureReply(self.extra.signatures, many=True, context=self.context).data)

    def get_turn(self, obj: Any) -> dict[str, Any] | None:
        """Who has to sign now; null when nobody's signature is awaited."""
        return dict(TurnReply(self.extra.turn).data) if self.extra.turn else None

    def get_seen_digest(self, obj: Any) -> str | None:
        """The digest that a signature of the open step names; null when no step is open."""
        return self.extra.seen_digest

    def get_meanings(self, obj: Any) -> list[str]:
        """What a signature of the open step may mean."""
        return list(self.extra.meanings)

    def get_obstacles(self, obj: Any) -> list[str]:
        """Why the last step may not approve yet."""
        return list(self.extra.obstacles)

    def get_standing(self, obj: Any) -> dict[str, Any]:
        """Whether the approval stands now."""
        return dict(StandingReply(self.extra.standing).data)

    def get_conditions(self, obj: Any) -> list[dict[str, Any]]:
        """The conditions of the approval."""
        return list(ConditionReply(self.extra.conditions, many=True).data)

    def get_findings(self, obj: Any) -> list[dict[str, Any]]:
        """Open findings about the version."""
        return list(FindingReply(self.extra.findings, many=True, context=self.context).data)


class CommentReply(Addressed):
    """A word in the challenge log."""

    path = "versions/{obj.version_id}/comments/{obj.pk}"
    version = serializers.UUIDField(source="version_id")
    review = serializers.UUIDField(source="review_id", allow_null=True)
    finding = serializers.UUIDField(source="finding_id", allow_null=True)
    parent = serializers.UUIDField(source="parent_id", allow_null=True)
    kind = serializers.ChoiceField(Comment.Kind.choices)
    text = serializers.CharField()
    by = UserName()
    digest = serializers.CharField()
    created_at = serializers.DateTimeField()


class RunningReply(serializers.Serializer[Any]):
    """A deployment that runs and is touched."""

    id = serializers.UUIDField(source="pk")
    version = serializers.UUIDField(source="version_id")
    environment = serializers.CharField(source="environment.slug")
    started_at = serializers.DateTimeField(allow_null=True)


class CompletenessReply(serializers.Serializer[Any]):
    """How much of the answer is known."""

    is_complete = serializers.BooleanField()
    sentence = serializers.CharField()
    edges = serializers.DictField(child=serializers.IntegerField())


class DatasetEventReply(serializers.Serializer[Any]):
    """What an event of a dataset touches, and what followed."""

    id = serializers.UUIDField(source="event.pk")
    url = serializers.SerializerMethodField()
    dataset = serializers.UUIDField(source="event.dataset_id")
    kind = serializers.CharField(source="event.kind")
    columns = serializers.ListField(child=serializers.CharField(), source="event.fields")
    reason = serializers.CharField(source="event.reason")
    versions = serializers.SerializerMethodField()
    findings = FindingReply(many=True)
    suspended = ReviewSummary(many=True)
    running = RunningReply(many=True)
    completeness = CompletenessReply()

    def get_url(self, obj: Any) -> str:
        """The dataset it happened to."""
        return str(self.context["request"].build_absolute_uri(f"/api/v1/datasets/{obj.event.dataset_id}"))

    def get_versions(self, obj: Any) -> list[dict[str, str]]:
        """The model versions downstream."""
        return [{"id": str(row.pk), "name": str(row)} for row in obj.versions]
