"""What a version stands on at a moment: the content that signers are shown, and that an approval freezes.

Records of the workflow itself (approval, findings, challenge) are left out: they follow from signatures, findings and
comments, which are in, and an approval must not go stale by being written down.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.accounts.permissions import role_names
from apps.catalog.models import Classification, Dataset, Field
from apps.core.models import digest_of
from apps.evidence import queries as evidence_queries
from apps.evidence.models import Evidence, Source
from apps.lineage import queries as lineage_queries
from apps.policy import queries as policy_queries
from apps.policy import services as policy
from apps.policy.models import Waiver
from apps.policy.queries.measured import organisation_day
from apps.registry.models import Environment, ModelVersion
from apps.workflow import processes
from apps.workflow.differences import Change, policy_effect, what_changed
from apps.workflow.models import Comment, Finding, Process, Review, Signature, Snapshot, Step

Item = dict[str, Any]
UNINTERESTING = {Classification.UNCLASSIFIED, Classification.NONE}


def newest_process(tier: int | None, *, at: datetime | None = None) -> Process | None:
    """The process in force for a tier, now or then: its newest version."""
    if not tier:
        return None
    rows = Process.objects.filter(tier=tier) if at is None else Process.objects.filter(tier=tier, created_at__lte=at)
    return rows.order_by("-version").first()


def relied_on(version: ModelVersion, environment: Environment, *, at: datetime, frozen: Iterable[Item] = ()) -> Item:
    """What an approval would rely on now, in few queries. `frozen` is the evidence of an approval whose fate is asked for."""
    evidence, fates = evidence_now(version, at, frozen)
    policy_version = policy_queries.policy_for(version, environment)
    process = newest_process(version.use_case.tier)
    return {
        "artifact": {"name": version.artifact_digest, "digest": version.digest},
        "tier": version.use_case.tier,
        "environment": environment.slug,
        "policy": {"name": str(policy_version), "digest": policy_version.digest},
        "process": described_process(process, step_items(process)) if process else {},
        "evidence": evidence,
        "evidence_fates": fates,
        "data": data_now(version),
        "waivers": waivers_now(version, environment, at),
        "findings": findings_now(version),
    }


def described_process(process: Process, steps: list[Item]) -> Item:
    """A process in a content: its name, its digest, and the signatures it asks for."""
    return {"name": str(process), "digest": process.digest, "steps": steps}


def step_items(process: Process) -> list[Item]:
    """The steps of a definition, as far as a later one may ask for more than an earlier one did."""
    return [
        {
            "title": plan.title,
            "role": plan.role,
            "kind": plan.kind,
            "quorum": plan.quorum,
            "always": plan.condition == "true",
        }
        for plan in processes.step_plans(process.body)
    ]


def signed_step_items(steps: Iterable[Step]) -> list[Item]:
    """The steps that a review really asked for."""
    return [
        {
            "title": step.title,
            "role": step.role,
            "kind": step.kind,
            "quorum": step.quorum,
            "always": step.condition == "true",
        }
        for step in steps
        if step.state != Step.State.SKIPPED
    ]


def evidence_now(version: ModelVersion, at: datetime, frozen: Iterable[Item] = ()) -> tuple[list[Item], dict[str, str]]:
    """The evidence that stands, newest per check or set of fields, and what became of frozen items that do not."""
    asked = {item["id"]: item for item in frozen}
    rows = Evidence.objects.filter(Q(version=version) | Q(pk__in=list(asked))).exclude(source=Source.RECORD)
    newest: dict[tuple[str, ...], Evidence] = {}
    fates: dict[str, str] = {}
    standing: list[Evidence] = []
    for item in evidence_queries.with_marks(rows.order_by("-created_at", "-id"), at):
        state = evidence_queries.standing_of(item)
        if state in {evidence_queries.FLAGGED, evidence_queries.WITHDRAWN}:
            fates[str(item.pk)] = state
        elif state == evidence_queries.ACCEPTED and is_newest(item, newest):
            standing.append(item)
    return [evidence_item(item) for item in standing], fates


def is_newest(item: Evidence, newest: dict[tuple[str, ...], Evidence]) -> bool:
    """Whether no newer accepted item says the same kind of thing; a repeated run that found the same replaces nothing."""
    supplied = sorted(f"{type_id}.{name}" for type_id, fields in item.types.items() for name in ["", *fields])
    key = ("check", item.check_key) if item.check_key else (item.source, *supplied)
    other = newest.setdefault(key, item)
    return other is item or bool(item.result_digest) and item.result_digest == other.result_digest


def evidence_item(item: Evidence) -> Item:
    """An item of evidence in a content."""
    return {"id": str(item.pk), "title": item.title, "digest": item.digest, "source": item.source}


def data_now(version: ModelVersion) -> list[Item]:
    """Every dataset upstream of a version, with the facts that made it fit for use."""
    keys = [ref.removeprefix("dataset_version:") for ref in lineage_queries.closure_subjects(version)]
    upstream = Q(versions__in=keys) | Q(versions__links__version=version)
    datasets = list(Dataset.objects.filter(upstream).distinct().order_by("namespace", "name"))
    columns: dict[Any, dict[str, str]] = {dataset.pk: {} for dataset in datasets}
    for field in Field.objects.filter(dataset__in=columns).exclude(
        classification__in=UNINTERESTING, is_protected=False
    ):
        columns[field.dataset_id][field.path] = column_words(field)
    return [{"id": str(row.pk), "name": str(row), "facts": dataset_facts(row, columns[row.pk])} for row in datasets]


def column_words(field: Field) -> str:
    """What was declared about a column, in words."""
    words = [str(field.get_classification_display()).lower()]
    words += ["protected"] if field.is_protected else []
    words += ["masked"] if field.is_masked else []
    return ", ".join(words)


def dataset_facts(dataset: Dataset, columns: dict[str, str]) -> Item:
    """The facts of a dataset whose change ends an approval that relied on them."""
    return {
        "state": dataset.state,
        "terms": dataset.terms,
        "permitted_purposes": sorted(dataset.permitted_purposes),
        "terms_end_on": dataset.terms_end_on.isoformat() if dataset.terms_end_on else "",
        "lawful_basis": dataset.lawful_basis,
        "columns": columns,
    }


def waivers_now(version: ModelVersion, environment: Environment, at: datetime) -> list[Item]:
    """Waivers in force for this version in this environment."""
    scope = Q(environment__isnull=True) | Q(environment=environment)
    rows = Waiver.objects.granted().filter(scope, version=version, starts_at__lte=at, ends_on__gte=organisation_day(at))
    return [
        {
            "id": str(row.pk), "name": row.reference, "requirement": row.requirement_id, "title": row.requirement_title,
            "ends_on": row.ends_on.isoformat(),
        }
        for row in rows.order_by("requirement_id", "pk")
    ]  # fmt: skip


def findings_now(version: ModelVersion) -> list[Item]:
    """Findings that nobody has verified as closed."""
    return [
        {"id": str(row.pk), "name": row.reference, "title": row.title, "severity": row.severity, "state": row.state}
        for row in Finding.objects.open().filter(version=version).order_by("number")
    ]


def requirement_items(judgement: Any) -> list[Item]:
    """The outcomes of a judgement that say something about this version."""
    return [
        {"id": row.id, "title": str(row.title), "outcome": row.outcome, "is_blocking": row.is_blocking,
         "waiver": str(row.waiver_id) if row.waiver_id else ""}
        for row in judgement.results
        if row.outcome not in {"not_applicable", "not_yet_effective"}
    ]  # fmt: skip


def shown(review: Review, *, at: datetime | None = None, judgement: Any = None) -> Item:
    """Exactly what a signer of this review is shown now; its digest is the `seen_digest`."""
    at = at or timezone.now()
    version = review.version
    judgement = judgement or policy.assess(version, review.environment, at=at, stage="approve")
    content = relied_on(version, review.environment, at=at)
    del content["evidence_fates"]
    return content | {
        "v": 1,
        "review": review.reference,
        "version": {"name": str(version), "id": str(version.pk), "digest": version.digest},
        "round": review.round,
        "process": described_process(review.process, signed_step_items(review.round_steps)),
        "requirements": requirement_items(judgement),
        "comments": comment_items(version),
        "signatures": signature_items(review),
    }


def comment_items(version: ModelVersion) -> list[Item]:
    """Every comment on a version, by digest."""
    rows = Comment.objects.filter(version=version).order_by("created_at", "id")
    return [{"id": str(row.pk), "name": row.reference or row.get_kind_display(), "digest": row.digest} for row in rows]


def signature_items(review: Review) -> list[Item]:
    """Signatures of the steps before the one that is open. Votes of the open step are not shown to its other voters."""
    step = review.open_step
    rows = Signature.objects.standing().filter(review=review, round=review.round).select_related("step")
    if step is not None:
        rows = rows.filter(step__order__lt=step.order)
    return [
        {
            "id": str(row.pk),
            "name": f"{row.step.title} by the {role_names(row.role)}",
            "state": row.meaning,
            "digest": row.digest,
        }
        for row in rows.order_by("signed_at", "id")
    ]


def seen_digest(review: Review, *, at: datetime | None = None) -> str:
    """The digest of exactly what a signer of this review sees now."""
    return digest_of(shown(review, at=at))


def changes_since(review: Review, seen: str, content: Item) -> list[Change]:
    """What differs between what somebody was shown earlier and what is so now; empty when that page is not known."""
    earlier = Snapshot.objects.filter(review=review, digest=seen).first()
    return what_changed(earlier.body, content) if earlier else []


def policy_changes(
    version: ModelVersion, environment: Environment, frozen: Item, present: Item, at: datetime
) -> list[Change]:
    """When the policy is another one than at approval: the requirements that held then and do not now."""
    if frozen["policy"]["digest"] == present["policy"]["digest"]:
        return []
    judgement = policy.assess(version, environment, at=at, stage="approve")
    return policy_effect(frozen["requirements"], requirement_items(judgement))


def meaning_sentence(review: Review, step: Step, meaning: str, seen: str) -> str:
    """The statement above the password, in words: it is what the signature says."""
    name, count = f"{review.version.model}, version {review.version.version}", f"set {seen.removeprefix('sha256:')[:8]}"
    words = {
        "authored": f"I wrote this record of {name} and state that it is complete and true to my knowledge ({count}).",
        "responsible": f"I take responsibility for {name} and state that its record is complete and true to my knowledge ({count}).",
        "reviewed": f"I have reviewed {name} for the step {step.title} and have no objection ({count}).",
        "approved": f"I have reviewed what is listed here ({count}) and approve {name} for {review.environment}.",
        "rejected": f"I have reviewed what is listed here ({count}) and reject {name}.",
        "withdrawn": f"I withdraw my signature under the step {step.title} of {name}.",
    }
    return words[meaning]
