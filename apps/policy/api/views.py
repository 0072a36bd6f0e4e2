"""The JSON door of policy: intake, judgements, waivers, frameworks, policies."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.openapi import describe
from apps.core import moment
from apps.core.errors import NotFound
from apps.core.rest import ApiView, ViewSet
from apps.policy import past, queries, services
from apps.policy.api import examples
from apps.policy.api import serializers as shapes
from apps.policy.models import Framework, FrameworkChoice, Policy, PolicyVersion, Waiver
from apps.registry.models import Environment
from apps.registry.queries import environment_for, use_case_for, version_for

WRITES = {"GET": "read", "POST": "workflow:write", "PUT": "registry:write"}


def read(shape: Any, given: Any) -> dict[str, Any]:
    """The checked body or query of a request; ValidationError with pointers otherwise."""
    form = shape(data=given)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def intake(request: Request, name: str) -> dict[str, Any]:
    """The intake of a use case as an answer."""
    use_case = use_case_for(request.user, name)
    url = request.build_absolute_uri(f"/api/v1/use-cases/{use_case.slug}/facts")
    return {**services.intake_of(use_case), "url": url}


class Facts(ApiView):
    """Intake answers of a use case."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Intake answers", answers=shapes.IntakeReply, refuses=(404,))
    def get(self, request: Request, name: str) -> Response:
        """What was answered, what was not, and the tier that follows."""
        return Response(shapes.IntakeReply(intake(request, name)).data)

    @describe(
        "Answer facts",
        sends=shapes.FactsRequest,
        answers=shapes.IntakeReply,
        refuses=(404, 422),
        example=examples.FACTS,
    )
    def put(self, request: Request, name: str) -> Response:
        """Answer facts of the catalogue and intake questions; names that are not given stay. The tier is proposed anew."""
        use_case = use_case_for(request.user, name)
        services.answer_facts(use_case, **read(shapes.FactsRequest, request.data), actor=request.user)
        return Response(shapes.IntakeReply(intake(request, name)).data)


class Tier(ApiView):
    """The tier of a use case."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe(
        "Confirm the tier",
        sends=shapes.TierRequest,
        answers=shapes.IntakeReply,
        refuses=(404, 409, 422),
        example=examples.TIER,
    )
    def post(self, request: Request, name: str) -> Response:
        """A second person confirms the proposed tier, or overrides it with a reason; never below a floor."""
        use_case = use_case_for(request.user, name)
        services.confirm_tier(use_case, **read(shapes.TierRequest, request.data), actor=request.user)
        return Response(shapes.IntakeReply(intake(request, name)).data)


def place_of(request: Request, slug: str) -> Environment:
    """The environment that was named; without a name the production environment, when there is one."""
    if slug:
        return environment_for(request.user, slug)
    found: Environment | None = (
        Environment.objects.visible_to(request.user).filter(is_production=True).order_by("slug").first()
    )
    if found is None:
        raise NotFound("No environment was named, and there is no production environment. Add ?environment=slug.")
    return found


class AssessmentOf(ApiView):
    """The judgement of a version."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe(
        "Judgement of a version",
        answers=shapes.AssessmentReply,
        refuses=(404, 422),
        parameters=[shapes.AssessmentQuery],
    )
    def get(self, request: Request, pk: Any) -> Response:
        """The same list that the version page shows and the gate returns, now or at a moment (`as_of`)."""
        asked = read(shapes.AssessmentQuery, request.query_params.dict())
        place = place_of(request, asked["environment"])
        return Response(
            shapes.AssessmentReply(
                services.judged_as_of(version_for(request.user, pk), place, asked["as_of"], asked["stage"])
            ).data
        )


class NeededFor(ApiView):
    """What a version has to show."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Evidence a version has to show", answers=shapes.NeededReply(many=True), refuses=(404, 422),
              parameters=[shapes.AssessmentQuery])  # fmt: skip
    def get(self, request: Request, pk: Any) -> Response:
        """Every evidence type that is asked for, with the field values that would satisfy, and who or which check supplies it."""
        asked = read(shapes.AssessmentQuery, request.query_params.dict())
        place = place_of(request, asked["environment"])
        return Response(
            shapes.NeededReply(queries.needed_evidence(version_for(request.user, pk), place), many=True).data
        )


@moment.shows_past
class Waivers(ViewSet):
    """Waivers, now or, with `as_at`, as they were."""

    changing: ClassVar[frozenset[str]] = frozenset({"state"})

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.WaiverReply
    filterset_fields = ("state", "version", "environment__slug", "requirement_id")

    def get_queryset(self) -> QuerySet[Waiver]:
        """The waivers that this caller may see."""
        return queries.waivers_for(self.request.user)

    def reply(self, waiver: Waiver, status: int = 200) -> Response:
        """One waiver as an answer."""
        return Response(shapes.WaiverReply(waiver, context=self.get_serializer_context()).data, status=status)

    def wanted(self, pk: Any) -> Waiver:
        """The waiver with this id, if the caller may see it."""
        found: Waiver | None = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound("There is no such waiver, or you may not see it.")
        return found

    @describe("Waivers", answers=shapes.WaiverReply(many=True))
    def list(self, request: Request) -> Response:
        """Waivers, newest first."""
        return self.page_of(self.filter_queryset(self.get_queryset()), shapes.WaiverReply, then=past.waiver_at)

    @describe("One waiver", answers=shapes.WaiverReply, refuses=(404,))
    def retrieve(self, request: Request, pk: Any) -> Response:
        """One waiver."""
        found, at = self.wanted(pk), moment.of(request)
        return self.reply(found if at is None else past.waiver_at(found, at))

    @describe("Ask for a waiver", sends=shapes.WaiverRequest, answers=shapes.WaiverReply, status=201, refuses=(404, 409, 422),
              example=examples.WAIVER)  # fmt: skip
    def create(self, request: Request) -> Response:
        """Ask that a requirement need not be met by a version until a day. Nobody waives a legal prohibition."""
        body = read(shapes.WaiverRequest, request.data)
        version = version_for(request.user, body.pop("version"))
        slug, earlier = body.pop("environment"), body.pop("extends")
        place = environment_for(request.user, slug) if slug else None
        extends = self.wanted(earlier) if earlier else None
        return self.reply(
            services.request_waiver(version, environment=place, extends=extends, **body, actor=request.user), 201
        )

    @describe("Grant a waiver", sends=shapes.DecisionReason, answers=shapes.WaiverReply, refuses=(404, 409, 422),
              example=examples.DECISION)  # fmt: skip
    def approve(self, request: Request, pk: Any) -> Response:
        """Grant a waiver. Whoever asked, built, checked or gains cannot."""
        return self.reply(
            services.approve_waiver(self.wanted(pk), **read(shapes.DecisionReason, request.data), actor=request.user)
        )

    @describe("Refuse a waiver", sends=shapes.DecisionReason, answers=shapes.WaiverReply, refuses=(404, 409, 422),
              example=examples.REJECTION)  # fmt: skip
    def reject(self, request: Request, pk: Any) -> Response:
        """Refuse a waiver, with a reason."""
        return self.reply(
            services.reject_waiver(self.wanted(pk), **read(shapes.DecisionReason, request.data), actor=request.user)
        )

    @describe("Withdraw a waiver", sends=shapes.DecisionReason, answers=shapes.WaiverReply, refuses=(404, 409, 422),
              example=examples.WITHDRAWAL)  # fmt: skip
    def withdraw(self, request: Request, pk: Any) -> Response:
        """Take a request or a granted waiver back; a granted one ends at this moment."""
        return self.reply(
            services.withdraw_waiver(self.wanted(pk), **read(shapes.DecisionReason, request.data), actor=request.user)
        )


@moment.shows_past
class Frameworks(ApiView):
    """The library of frameworks."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("Frameworks", answers=shapes.FrameworkReply(many=True), operation_id="frameworks_list")
    def get(self, request: Request) -> Response:
        """Every framework in its newest library version, and whether its requirements are looked at."""
        return Response(
            {
                "results": shapes.FrameworkReply(queries.framework_states(moment.of(request)), many=True).data,
                "next": None,
                "previous": None,
            }
        )


class FrameworkDetail(ApiView):
    """One framework."""

    required_scopes: ClassVar[dict[str, str]] = WRITES

    @describe("One framework", answers=shapes.FrameworkBodyReply, refuses=(404,))
    def get(self, request: Request, slug: str) -> Response:
        """A framework with its requirements."""
        found = Framework.objects.filter(slug=slug).order_by("-library_version").first()
        if found is None:
            raise NotFound(f"There is no framework {slug!r}.")
        return Response(shapes.FrameworkBodyReply(found).data)

    @describe("Ask to adopt or leave a framework", sends=shapes.FrameworkChangeRequest, answers=shapes.FrameworkChangeReply, status=201,
              refuses=(409, 422), example=examples.FRAMEWORK_CHANGE)  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Ask to adopt a framework, to leave it, or to start with it before its dates. A second person confirms."""
        body = read(shapes.FrameworkChangeRequest, request.data)
        return Response(
            shapes.FrameworkChangeReply(services.request_framework(slug, **body, actor=request.user)).data, status=201
        )


class FrameworkChanges(ViewSet):
    """Decisions about wishes to change a framework."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.FrameworkChangeReply
    queryset = FrameworkChoice.objects.all()

    @describe("Confirm a change of a framework", answers=shapes.FrameworkChangeReply, refuses=(404, 409))
    def confirm(self, request: Request, pk: Any) -> Response:
        """A second person agrees; the default policies are published anew."""
        choice = self.get_object()
        services.confirm_framework(choice, actor=request.user)
        return Response(shapes.FrameworkChangeReply(self.get_object()).data)

    @describe(
        "Refuse a change of a framework",
        sends=shapes.DecisionReason,
        answers=shapes.FrameworkChangeReply,
        refuses=(404, 409, 422),
    )
    def reject(self, request: Request, pk: Any) -> Response:
        """A second person refuses, with a reason."""
        reason = read(shapes.DecisionReason, request.data)["reason"]
        return Response(
            shapes.FrameworkChangeReply(
                services.reject_framework(self.get_object(), actor=request.user, reason=reason)
            ).data
        )


@moment.shows_past
class Policies(ViewSet):
    """Policies and their versions."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.PolicyReply
    queryset = Policy.objects.select_related("environment").all()
    lookup_field = "slug"

    def get_serializer_context(self) -> dict[str, Any]:
        """With the versions in force."""
        return {**super().get_serializer_context(), "in_force": queries.policies_in_force(moment.of(self.request))}

    @describe("Policies", answers=shapes.PolicyReply(many=True))
    def list(self, request: Request) -> Response:
        """Policies, with the version of each that is in force."""
        return self.page_of(self.get_queryset(), shapes.PolicyReply)

    @describe("One policy", answers=shapes.PolicyVersionReply, refuses=(404,))
    def retrieve(self, request: Request, slug: str) -> Response:
        """The version of a policy that is in force, with its requirements."""
        version = queries.policies_in_force(moment.of(request)).get(self.get_object().pk)
        if version is None:
            raise NotFound(f"No version of {slug} is in force yet.")
        return Response(shapes.PolicyVersionReply(version).data)

    @describe(
        "Draft a policy version",
        sends=shapes.DraftRequest,
        answers=shapes.PolicyVersionReply,
        status=201,
        refuses=(404, 422),
    )
    def draft(self, request: Request, slug: str) -> Response:
        """Draft a version with other house rules. It is in force when a second person publishes it."""
        body = read(shapes.DraftRequest, request.data)
        made = services.draft_policy(
            self.get_object(), rules=body["requirements"], reason=body["reason"], actor=request.user
        )
        return Response(shapes.PolicyVersionReply(made).data, status=201)


class PolicyVersions(ViewSet):
    """One version of a policy."""

    required_scopes: ClassVar[dict[str, str]] = WRITES
    serializer_class = shapes.PolicyVersionReply
    queryset = PolicyVersion.objects.select_related("policy", "drafted_by", "publication")

    @describe("One policy version", answers=shapes.PolicyVersionReply, refuses=(404,))
    def retrieve(self, request: Request, pk: Any) -> Response:
        """A version of a policy as it is and stays."""
        return Response(shapes.PolicyVersionReply(self.get_object()).data)

    @describe("What a policy version would have changed", answers=shapes.SimulationReply, refuses=(404,))
    def simulation(self, request: Request, pk: Any) -> Response:
        """The judgements of the last 90 days under these rules. Nothing is stored."""
        return Response(shapes.SimulationReply(services.simulate(self.get_object())).data)

    @describe(
        "Publish a policy version",
        sends=shapes.PublishRequest,
        answers=shapes.PolicyVersionReply,
        refuses=(404, 409, 422),
    )
    def publish(self, request: Request, pk: Any) -> Response:
        """Put a drafted version in force, now or later. Who drafted it cannot."""
        services.publish_policy(self.get_object(), **read(shapes.PublishRequest, request.data), actor=request.user)
        return Response(shapes.PolicyVersionReply(self.get_object()).data)
