"""Everything a dossier is made from, read once: the judgement, the evidence with its numbers, reviews, lineage, the log.

Sections take what they print from here. Reads only; each part is read when the first section asks for it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from apps.accounts.models import User
from apps.audit import services as audit
from apps.audit import verbs
from apps.audit.models import Checkpoint
from apps.dossiers import editions
from apps.dossiers.models import Dossier
from apps.evidence import queries as evidence_queries
from apps.evidence.models import Evidence, EvidenceMark
from apps.gate.models import Decision
from apps.lineage import queries as lineage_queries
from apps.policy import queries as policy_queries
from apps.policy import services as policy
from apps.policy.models import Waiver
from apps.policy.requirements import CompiledPolicy
from apps.registry.models import Deployment, Environment, Involvement, ModelVersion
from apps.registry.queries import involvements_of
from apps.workflow import queries as workflow
from apps.workflow.models import Comment, Condition, Finding, Manifest, Review

MOST_DECISIONS = 200
BUILDERS = frozenset(
    {
        Involvement.Capacity.REGISTERED,
        Involvement.Capacity.BUILT,
        Involvement.Capacity.TRAINED,
        Involvement.Capacity.OWNS,
    }
)


@dataclass(frozen=True)
class Numbered:
    """An item of evidence under the number that the dossier gives it."""

    no: str
    item: Evidence
    standing: str


class VersionRecord:
    """What the record says about a version at the moment of a signed head of the log."""

    def __init__(self, dossier: Dossier, head: Checkpoint) -> None:
        self.dossier, self.head = dossier, head
        self.version: ModelVersion = ModelVersion.objects.select_related(
            "model__use_case__owner", "model__owner", "created_by", "model__use_case__tier_confirmed_by"
        ).get(pk=dossier.version_id)
        self.environment: Environment = dossier.environment
        self.at: datetime = head.signed_at

    @cached_property
    def judgement(self) -> Any:
        """Every requirement, judged at this moment."""
        return policy.assess(self.version, self.environment, at=self.at, stage="gate")

    @cached_property
    def policy(self) -> CompiledPolicy:
        """The policy that judged, compiled."""
        return policy_queries.compiled(self.judgement.policy)

    @cached_property
    def needed(self) -> dict[str, Any]:
        """Evidence types that requirements ask for, by type."""
        rows = policy_queries.needed_evidence(self.version, self.environment, at=self.at)
        return {row.type: row for row in rows}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Answered facts by dotted name."""
        return policy_queries.known_facts(self.version.use_case)

    @cached_property
    def standing(self) -> Any:
        """Whether an approval stands."""
        return workflow.standing_approval(self.version, environment=self.environment, at=self.at)

    @cached_property
    def manifest(self) -> Manifest | None:
        """What the newest approval was given for, whether it stands or not."""
        newest = Manifest.objects.filter(version=self.version, environment=self.environment, created_at__lte=self.at)
        found: Manifest | None = self.standing.manifest or newest.order_by("-created_at", "-id").first()
        return found

    @cached_property
    def approval(self) -> Review | None:
        """The review that approved the version, whatever became of the approval."""
        return self.standing.approval or (self.manifest.review if self.manifest else None)

    @cached_property
    def evidence(self) -> list[Numbered]:
        """Every item that stands for the version, oldest first, with its number."""
        found: dict[Any, Evidence] = {item.pk: item for item in evidence_queries.current_for(self.version, at=self.at)}
        facts = evidence_queries.facts_for(self.version, at=self.at, tier=self.version.use_case.tier)
        for row in facts.values():
            found.update({item.pk: item for item in row.items})
        rows = sorted(found.values(), key=lambda item: (item.created_at, str(item.pk)))
        return [
            Numbered(f"E-{place:02}", item, evidence_queries.standing_of(item))
            for place, item in enumerate(rows, start=1)
        ]

    @cached_property
    def marks(self) -> dict[Any, EvidenceMark]:
        """The newest mark on each item: who accepted, flagged or withdrew it."""
        rows = EvidenceMark.objects.filter(evidence__in=[row.item.pk for row in self.evidence], created_at__lte=self.at)
        return {mark.evidence_id: mark for mark in rows.select_related("by").order_by("created_at", "id")}

    @cached_property
    def under_manifest(self) -> frozenset[str]:
        """Digests of the evidence that the newest approval was given for."""
        body = self.manifest.body if self.manifest else {}
        return frozenset(row["digest"] for row in body.get("evidence", []))

    @cached_property
    def carried(self) -> frozenset[str]:
        """Digests of the records that travel with the dossier: those that entries in scope bind, but for what is left out."""
        hidden = {row["digest"] for row in self.left_out["records"]}
        objects = {row["subject"] for row in self.left_out["objects"]}
        return frozenset(leaf.entry.row_digest for leaf in self.log.leaves if leaf.subject not in objects) - hidden

    @cached_property
    def left_out(self) -> dict[str, Any]:
        """What is left out of this edition, by digest, with the reason."""
        return editions.left_out(self)

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The number of each item of evidence by its id."""
        return {str(row.item.pk): row.no for row in self.evidence}

    @cached_property
    def of_type(self) -> dict[str, list[Numbered]]:
        """Evidence by type id."""
        found: dict[str, list[Numbered]] = {}
        for row in self.evidence:
            for type_id in row.item.types:
                found.setdefault(type_id, []).append(row)
        return found

    @cached_property
    def builders(self) -> set[Any]:
        """People who made or own the version: what they state is not independent."""
        made = {row.user_id for row in self.involvements if row.capacity in BUILDERS}
        return made | {self.version.created_by_id, self.version.model.owner_id}

    @cached_property
    def documents(self) -> list[Any]:
        """Hand-written reasons."""
        return evidence_queries.documents_for(self.version)

    @cached_property
    def involvements(self) -> list[Involvement]:
        """Who did what to the version."""
        return list(involvements_of(self.version).filter(created_at__lte=self.at))

    @cached_property
    def reviews(self) -> list[Review]:
        """Every review of the version, oldest first."""
        rows = Review.objects.filter(version=self.version, submitted_at__lte=self.at)
        return list(rows.select_related("process", "environment", "opened_by").order_by("submitted_at", "id"))

    @cached_property
    def signatures(self) -> list[Any]:
        """Every signature of every review and round, in the order of signing, with its entry."""
        rows = [row for review in self.reviews for row in workflow.signatures_of(review, every_round=True)]
        kept = [row for row in rows if row.signature.signed_at <= self.at]
        return sorted(kept, key=lambda row: (row.signature.signed_at, str(row.signature.pk)))

    @cached_property
    def findings(self) -> list[Finding]:
        """Findings, open ones first."""
        rows = [row for row in workflow.findings_for(self.version) if row.created_at <= self.at]
        return sorted(rows, key=lambda row: (not row.is_open, row.number))

    @cached_property
    def conditions(self) -> list[Condition]:
        """Conditions of every approval of the version."""
        rows = Condition.objects.filter(review__version=self.version, created_at__lte=self.at)
        return list(rows.select_related("finding", "owner", "review").order_by("due_on", "number"))

    @cached_property
    def threads(self) -> list[Any]:
        """The challenge log."""
        return [row for row in workflow.challenge_log(self.version) if row.comment.created_at <= self.at]

    @cached_property
    def dissents(self) -> list[Comment]:
        """Votes against, in the words of who dissented."""
        return [row for row in workflow.dissents(self.version) if row.created_at <= self.at]

    @cached_property
    def waivers(self) -> list[Waiver]:
        """Waivers asked for, granted or not."""
        rows = Waiver.objects.filter(version=self.version, created_at__lte=self.at)
        return list(
            rows.select_related("environment", "requested_by", "decided_by", "withdrawn_by").order_by(
                "created_at", "id"
            )
        )

    @cached_property
    def decisions(self) -> list[Decision]:
        """The newest answers of the gate about the version, oldest first."""
        rows = Decision.objects.filter(version=self.version, asked_at__lte=self.at).select_related("environment")
        return list(rows.order_by("-asked_at", "-id")[:MOST_DECISIONS])[::-1]

    @cached_property
    def decision_count(self) -> int:
        """How many questions were asked about the version."""
        return Decision.objects.filter(version=self.version, asked_at__lte=self.at).count()

    @cached_property
    def deployments(self) -> list[Deployment]:
        """Where the version runs or ran."""
        rows = Deployment.objects.filter(version=self.version, created_at__lte=self.at)
        return list(rows.select_related("environment").order_by("created_at", "id"))

    @cached_property
    def closure(self) -> Any:
        """Everything upstream of the version."""
        return lineage_queries.upstream(self.version)

    @cached_property
    def features(self) -> list[Any]:
        """Each feature with what it comes from."""
        return lineage_queries.feature_lineage(self.version, self.closure)

    @cached_property
    def scope(self) -> list[str]:
        """The subjects whose whole history travels with the dossier."""
        use_case, model = self.version.use_case, self.version.model
        related: list[Any] = [*self.reviews, *self.findings, *self.decisions, *self.waivers]
        subjects = {self.dossier.subject, self.version.subject, use_case.subject, f"model:{model.pk}"}
        subjects |= {str(row.subject) for row in related} | {row.item.subject for row in self.evidence}
        subjects |= {
            f"passkey:{row.signature.assertion['passkey']}" for row in self.signatures if row.signature.assertion
        }
        subjects |= {f"dataset:{key}" for key in self.closure.sources} | set(self.closure.subjects)
        return sorted(subjects)

    @cached_property
    def log(self) -> audit.Export:
        """The entries about all that, below the signed head."""
        return audit.export(self.scope, checkpoint=self.head)

    @cached_property
    def waiver_references(self) -> dict[str, str]:
        """What people call each waiver, by its id."""
        return {str(row.pk): row.reference for row in self.waivers}

    def names_of(self, refs: set[str]) -> dict[str, str]:
        """What people call each "kind:id"."""
        return {ref: name.label for ref, name in verbs.name_all(refs).items()}

    def printed(self, person: User | None) -> str:
        """The printed name of a person; the product itself where nobody acted."""
        return str(person) if person is not None else "Imprimatur"
