"""What stands between a version and the next move: before it is submitted, and before it is approved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.policy import services as policy
from apps.registry.models import Environment, ModelVersion, UseCase
from apps.workflow import lifecycle
from apps.workflow.models import Finding, Process, Review
from apps.workflow.queries.content import newest_process
from apps.workflow.queries.queue import default_environment
from apps.workflow.queries.standing import newest_review, version_state

WAITS_FOR_ACCEPTANCE = "waiting"


@dataclass(frozen=True)
class Candidate:
    """A version on its way into review: what the permission and the move are asked about."""

    version: ModelVersion
    environment: Environment | None
    state: str

    @property
    def use_case(self) -> UseCase:
        """The use case whose roles count."""
        return self.version.use_case

    @property
    def subject(self) -> str:
        """Filed under the version."""
        return self.version.subject


@dataclass(frozen=True)
class ReadinessItem:
    """One thing that submitting asks for, and whether it is there."""

    id: str
    title: str
    code: str
    outcome: str
    observed: str
    sentence: str
    fix: str
    fix_url: str
    is_missing: bool


@dataclass(frozen=True)
class Readiness:
    """Everything that submitting asks for, what is missing first."""

    candidate: Candidate
    process: Process | None
    items: list[ReadinessItem]

    @property
    def missing(self) -> list[ReadinessItem]:
        """What is not there yet."""
        return [item for item in self.items if item.is_missing]

    @property
    def present(self) -> list[ReadinessItem]:
        """What is there already."""
        return [item for item in self.items if not item.is_missing]

    @property
    def is_ready(self) -> bool:
        """Whether the version may be submitted."""
        return not self.missing

    @property
    def sentence(self) -> str:
        """How much is missing, for a button that is off; empty when nothing is."""
        count = len(self.missing)
        things = "1 missing thing is" if count == 1 else f"{count} missing things are"
        return f"Submitting opens when the {things} there." if count else ""


def candidate_for(
    version: ModelVersion, environment: Environment | None = None, *, at: datetime | None = None
) -> Candidate:
    """The version with its state for an environment; the first production environment when none is named."""
    environment = environment or default_environment()
    state = version_state(version, environment=environment, at=at) if environment else lifecycle.DRAFT
    return Candidate(version, environment, state)


def readiness(
    version: ModelVersion, environment: Environment | None = None, *, at: datetime | None = None
) -> Readiness:
    """What submitting this version asks for: a confirmed tier, answers, the tier's minimum evidence, answered findings."""
    at = at or timezone.now()
    candidate = candidate_for(version, environment, at=at)
    use_case = version.use_case
    process = newest_process(use_case.tier)
    items = setup_items(candidate, process)
    if use_case.tier is not None and candidate.environment is not None:
        judgement = policy.assess(version, candidate.environment, at=at, stage="submit")
        items += [requirement_item(row) for row in judgement.results if is_asked(row)]
    items += finding_items(version, candidate.environment)
    return Readiness(candidate, process, sorted(items, key=lambda item: not item.is_missing))


def setup_items(candidate: Candidate, process: Process | None) -> list[ReadinessItem]:
    """The conditions that are no evidence: an environment, a confirmed tier, a process for it."""
    use_case = candidate.use_case
    confirmed = use_case.is_tier_confirmed
    tier = f"tier {use_case.tier}" if use_case.tier else "no tier"
    items = [
        ReadinessItem(
            id="TIER",
            title="Tier confirmed by a second person",
            code="TIER_NOT_CONFIRMED",
            outcome="satisfied" if confirmed else "missing",
            observed=tier,
            sentence=f"{use_case.title} has {tier}" + ("." if confirmed else ", which nobody has confirmed."),
            fix="" if confirmed else "A risk officer confirms the tier or overrides it with a reason.",
            fix_url=f"/use-cases/{use_case.slug}/intake/",
            is_missing=not confirmed,
        )
    ]
    if candidate.environment is None:
        items.append(
            absent("ENVIRONMENT", "A production environment", "An administrator sets one up under Administration.")
        )
    if use_case.tier is not None and process is None:
        items.append(absent("PROCESS", f"A process for tier {use_case.tier}", "An administrator loads the processes."))
    return items


def absent(key: str, title: str, fix: str) -> ReadinessItem:
    """A part of the set-up that is not there."""
    sentence = f"{title} is not set up."
    return ReadinessItem(key, title, f"NO_{key}", "missing", "nothing", sentence, fix, "/admin/", True)


def is_asked(row: Any) -> bool:
    """Whether submitting looks at this requirement: minimum evidence, and whatever still waits for an answer."""
    is_minimum = row.id.startswith("MIN-") and row.outcome not in {"not_applicable", "not_yet_effective"}
    return (is_minimum and row.code != "MADE_LATER") or (row.outcome == "answer_needed" and row.is_blocking)


def requirement_item(row: Any) -> ReadinessItem:
    """A requirement as a thing to hand in. Evidence that waits for somebody's acceptance is there; reviewers accept it."""
    is_missing = row.is_blocking and row.observed != WAITS_FOR_ACCEPTANCE
    return ReadinessItem(
        id=row.id, title=str(row.title), code=row.code, outcome=row.outcome, observed=row.observed, sentence=str(row.sentence),
        fix=str(row.fix), fix_url=row.fix_url, is_missing=is_missing,
    )  # fmt: skip


def finding_items(version: ModelVersion, environment: Environment | None) -> list[ReadinessItem]:
    """When a version comes back: findings of high severity must be answered first."""
    review = newest_review(version, environment)
    if review is None or review.state != lifecycle.CHANGES_REQUESTED:
        return []
    grave = [Finding.Severity.CRITICAL, Finding.Severity.HIGH]
    rows = Finding.objects.filter(version=version, state=Finding.State.RAISED, severity__in=grave).select_related(
        "owner"
    )
    return [
        ReadinessItem(
            id=row.reference, title=f"Finding {row.reference} answered", code="FINDING_UNANSWERED", outcome="missing",
            observed="no answer", sentence=f"Finding {row.reference} ({row.title}) has no answer.",
            fix=f"{row.owner} answers it.", fix_url=f"/findings/{row.pk}/", is_missing=True,
        )
        for row in rows
    ]  # fmt: skip


def obstacles(review: Review, judgement: Any) -> list[str]:
    """Why the last step may not approve yet, in sentences; empty when it may."""
    found = []
    critical = Finding.objects.open().filter(version=review.version, severity=Finding.Severity.CRITICAL)
    for finding in critical:
        found.append(
            f"Finding {finding.reference} of critical severity is open. It is closed when someone verifies its answer."
        )
    blocking = [row for row in judgement.results if row.is_blocking]
    if blocking:
        count = f"{len(blocking)} open requirement{' is' if len(blocking) == 1 else 's are'}"
        names = ", ".join(str(row.title) for row in blocking[:3]) + (" and more" if len(blocking) > 3 else "")
        found.append(f"Approval opens when the {count} met or waived: {names}.")
    return found
