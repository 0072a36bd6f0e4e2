"""The judgement of a version in an environment: gather what may be read, in few queries, and apply the rules to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from apps.audit import services as audit
from apps.core.errors import BadRequest
from apps.core.models import digest_of
from apps.evidence import queries as evidence
from apps.evidence.models import CheckRun
from apps.policy import expressions, packs, queries, rules
from apps.policy.models import Assessment, PolicyVersion, Waiver
from apps.policy.queries import measured
from apps.policy.requirements import STAGES, CompiledPolicy
from apps.policy.results import (
    NOT_APPLICABLE,
    NOT_YET,
    SATISFIED,
    WAIVED,
    RequirementResult,
    Snapshot,
    TypeView,
    WaiverView,
    earliest_end,
    summary,
)
from apps.registry.models import Environment, ModelVersion

ORGANISATION = "organisation:self"
MET_SHOWN = 9


@dataclass(frozen=True)
class Judgement:
    """A version, judged for an environment at a moment: the results, what was read, and until when it can hold."""

    version: ModelVersion
    environment: Environment
    at: datetime
    stage: str
    policy: PolicyVersion
    results: list[RequirementResult]
    reads: frozenset[str]
    ends_at: datetime | None
    sentence: str
    is_ready: bool
    counts: dict[str, int]
    facts: dict[str, Any]
    snapshot: Snapshot
    assessment: Assessment | None = None

    @cached_property
    def digest(self) -> str:
        """Over the policy, the stage and every result: equal for two judgements that say the same."""
        return digest_of({"policy": self.policy.digest, "stage": self.stage, "results": result_rows(self.results)})

    @property
    def open(self) -> list[RequirementResult]:
        """What keeps the version from being ready, in the order of the policy."""
        return [row for row in self.results if row.is_blocking]

    @property
    def waived(self) -> list[RequirementResult]:
        """What is excused until a date."""
        return [row for row in self.results if row.outcome == WAIVED]

    @property
    def met(self) -> list[RequirementResult]:
        """What is met."""
        return [row for row in self.results if row.outcome == SATISFIED]

    @property
    def advised(self) -> list[RequirementResult]:
        """What is not met and does not block."""
        return [row for row in self.results if not row.is_blocking and not row.is_settled and row.code != "MADE_LATER"]

    @property
    def later(self) -> list[RequirementResult]:
        """What is written later, and what comes into force later."""
        return [row for row in self.results if row.code == "MADE_LATER" or row.outcome == NOT_YET]

    @property
    def met_first(self) -> list[RequirementResult]:
        """The met ones that the page shows at once."""
        return self.met[:MET_SHOWN]

    @property
    def met_beyond(self) -> list[RequirementResult]:
        """The met ones that the page folds away."""
        return self.met[MET_SHOWN:]

    @property
    def not_applicable(self) -> list[RequirementResult]:
        """What the facts rule out."""
        return [row for row in self.results if row.outcome == NOT_APPLICABLE]


def assess(
    version: ModelVersion,
    environment: Environment,
    *,
    at: datetime | None = None,
    stage: str = "gate",
    store: bool = False,
    extra_waivers: Mapping[str, WaiverView] | None = None,
    past: datetime | None = None,
) -> Judgement:
    """Judge a version for an environment. Everything read is named in `reads`; `store` keeps the judgement for replay.

    `stage` says how far the version is: "submit", "approve" or "gate"; records that are made later are not asked for before.
    `extra_waivers` are tried in addition, for a preview that is never stored. `past` reads facts as they were: see `past.py`.
    """
    if stage not in STAGES:
        raise BadRequest(f"A stage is one of {', '.join(STAGES)}.")
    if extra_waivers and store:
        raise BadRequest("A judgement with waivers that nobody granted is not stored.")
    at = past or at or timezone.now()
    policy_version = queries.policy_for(version, environment, at=at)
    policy = queries.compiled(policy_version)
    snapshot, reads, turn = gather(version, environment, at, extra_waivers or {}, past)
    results = [with_link(row, version) for row in rules.judge(policy, snapshot, at=at, stage=stage)]
    sentence, is_ready, counts = summary(results)
    ends = [moment for moment in (earliest_end(results), turn) if moment and moment > at]
    judgement = Judgement(
        version=version, environment=environment, at=at, stage=stage, policy=policy_version, results=results,
        reads=reads | {policy_version.policy.subject}, ends_at=min(ends, default=None), sentence=sentence, is_ready=is_ready,
        counts=counts, facts=dict(snapshot.facts), snapshot=snapshot,
    )  # fmt: skip
    return replace(judgement, assessment=keep(judgement)) if store else judgement


def gather(
    version: ModelVersion, environment: Environment, at: datetime, extra: Mapping[str, WaiverView],
    past: datetime | None = None,
) -> tuple[Snapshot, frozenset[str], datetime | None]:  # fmt: skip
    """Everything a judgement may read, the subjects it stands for, and when terms of data next end by themselves."""
    use_case = version.use_case
    behind = queries.datasets_behind(version, past)
    types = type_views(version, at)
    found = queries.measured_facts(version, behind, types, at, past)
    facts = queries.facts_of(version, at=past) | expressions.nest(found.facts)
    snapshot = Snapshot(
        facts=facts, types=types, sources=found.sources, waivers=granted_waivers(version, environment, at) | dict(extra),
        questions={name: row["question"] for name, row in packs.facts().items()}, zone=measured.zone(),
    )  # fmt: skip
    reads = frozenset({version.subject, use_case.subject, environment.subject, ORGANISATION}) | behind.subjects
    return snapshot, reads, measured.terms_turn(behind.datasets, at)


def type_views(version: ModelVersion, at: datetime) -> dict[str, TypeView]:
    """What stands for every evidence type, with checks that failed to run since."""
    views = {
        type_id: TypeView(
            accepted=facts.accepted, status=facts.status, age_days=facts.age_days, fields=facts.fields,
            evidence=tuple(measured.reference(item) for item in facts.items), expires_at=facts.expires_at,
            is_expired=facts.is_expired,
        )
        for type_id, facts in evidence.facts_for(version, at=at, tier=version.use_case.tier).items()
    }  # fmt: skip
    failed = {
        run.check_key: run.error
        for run in evidence.latest_runs(version)
        if run.state == CheckRun.State.FAILED and run.finished_at and run.finished_at <= at
    }
    for kind in evidence.catalogue().values():
        troubles = [failed[check] for check in sorted(set(kind.computed.values())) if check in failed]
        view = views.get(kind.id, TypeView())
        if troubles and not view.accepted:
            views[kind.id] = replace(view, trouble=troubles[0])
    return views


def granted_waivers(version: ModelVersion, environment: Environment, at: datetime) -> dict[str, WaiverView]:
    """Waivers that stand at this moment, by requirement; the longest counts."""
    scope = Q(environment__isnull=True) | Q(environment=environment)
    stood = Q(state=Waiver.State.GRANTED) | Q(
        state=Waiver.State.WITHDRAWN, withdrawn_at__gt=at, starts_at__isnull=False
    )
    rows = Waiver.objects.filter(scope, stood, version=version, starts_at__lte=at).order_by("ends_on", "id")
    views = [WaiverView(str(row.pk), row.requirement_id, row.starts_at, end_of_day(row.ends_on)) for row in rows]
    return {view.requirement: view for view in views if at < view.ends_at}


def end_of_day(day: Any) -> datetime:
    """The first moment after a day in the organisation's zone."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=measured.zone())


def with_link(row: RequirementResult, version: ModelVersion) -> RequirementResult:
    """The same result with the page where it can be mended."""
    if row.is_settled or not row.fix_target:
        return row
    target, _, key = row.fix_target.partition(":")
    names: dict[str, tuple[str, list[Any]]] = {
        "check": ("evidence:check-new", [version.pk]),
        "evidence": ("evidence:version-list", [version.pk]),
        "facts": ("policy:intake", [version.use_case.slug]),
        "data": ("console:dataset-list", []),
    }
    name, arguments = names[target]
    try:
        url = reverse(name, args=arguments)
    except NoReverseMatch:
        return row
    return replace(
        row, fix_url=f"{url}?type={key}" if target == "evidence" else f"{url}?check={key}" if target == "check" else url
    )


def keep(judgement: Judgement) -> Assessment:
    """Store a judgement with everything it read. The same judgement again is the same row."""
    rows = Assessment.objects.filter(version=judgement.version, environment=judgement.environment).order_by(
        "-at", "-id"
    )
    row = Assessment(
        version=judgement.version, environment=judgement.environment, policy_version=judgement.policy, stage=judgement.stage,
        at=judgement.at, sentence=judgement.sentence, is_ready=judgement.is_ready, results=result_rows(judgement.results),
        snapshot=snapshot_content(judgement.snapshot), reads=sorted(judgement.reads), ends_at=judgement.ends_at,
    )  # fmt: skip
    last = rows.filter(stage=judgement.stage).first()
    if last is not None and same(last, row):
        return last
    with transaction.atomic():
        row.save()
        audit.record(
            audit.system("policy"), "policy.assessed", judgement.version, row=row,
            data={"assessment": str(row.pk), "environment": str(judgement.environment.pk), "is_ready": judgement.is_ready,
                  "policy": judgement.policy.digest, "stage": judgement.stage},
        )  # fmt: skip
    return row


def same(last: Assessment, row: Assessment) -> bool:
    """Whether two judgements differ in nothing but the moment."""
    names = ("policy_version_id", "stage", "results", "snapshot", "reads", "ends_at")
    return all(getattr(last, name) == getattr(row, name) for name in names)


def result_rows(results: list[RequirementResult]) -> list[dict[str, Any]]:
    """Results as stored: everything but the links, which follow from where the product runs."""
    return [result_row(row) for row in results]


def result_row(row: RequirementResult) -> dict[str, Any]:
    """One result as JSON."""
    return {
        "id": row.id, "title": row.title, "framework": row.framework, "ref": row.ref, "kind": row.kind, "severity": row.severity,
        "outcome": row.outcome, "code": row.code, "observed": row.observed, "required": row.required,
        "evidence": [dict(item) for item in row.evidence], "owner": row.owner, "sentence": row.sentence, "fix": row.fix,
        "fix_target": row.fix_target, "is_blocking": row.is_blocking, "is_counted": row.is_counted, "waiver": row.waiver_id,
        "ends_at": row.ends_at.astimezone(UTC).isoformat() if row.ends_at else None,
    }  # fmt: skip


def results_of(assessment: Assessment, version: ModelVersion) -> list[RequirementResult]:
    """The results of a stored judgement as they were written, with the pages where each can be mended. Judges nothing."""
    return [with_link(result_from(row), version) for row in assessment.results]


def result_from(row: Mapping[str, Any]) -> RequirementResult:
    """The result that was stored as this row."""
    ends_at = datetime.fromisoformat(row["ends_at"]) if row["ends_at"] else None
    rest = {name: value for name, value in row.items() if name not in {"waiver", "evidence", "ends_at"}}
    return RequirementResult(**rest, waiver_id=row["waiver"], evidence=tuple(row["evidence"]), ends_at=ends_at)


def snapshot_content(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as JSON, from which `replay` makes the same results."""
    return {
        "facts": dict(snapshot.facts),
        "types": {name: view_content(view) for name, view in snapshot.types.items()},
        "sources": {name: [dict(row) for row in rows] for name, rows in snapshot.sources.items()},
        "waivers": {name: {"id": row.id, "starts_at": moment(row.starts_at), "ends_at": moment(row.ends_at)}
                    for name, row in snapshot.waivers.items()},
        "zone": str(snapshot.zone),
    }  # fmt: skip


def view_content(view: TypeView) -> dict[str, Any]:
    """One evidence type of a snapshot as JSON."""
    return {
        "accepted": view.accepted, "status": view.status, "age_days": view.age_days, "fields": dict(view.fields),
        "evidence": [dict(row) for row in view.evidence], "expires_at": moment(view.expires_at), "is_expired": view.is_expired,
        "trouble": view.trouble,
    }  # fmt: skip


def moment(value: datetime | None) -> str | None:
    """A moment as it is stored."""
    return value.astimezone(UTC).isoformat() if value else None


def replay(assessment: Assessment, *, policy: CompiledPolicy | None = None) -> list[RequirementResult]:
    """Judge a stored snapshot again, under its own policy version or under another one. Reads nothing but the row."""
    ready = policy or queries.compiled(assessment.policy_version)
    return rules.judge(ready, snapshot_from(assessment.snapshot), at=assessment.at, stage=assessment.stage)


def judgement_from(assessment: Assessment, version: ModelVersion, environment: Environment) -> Judgement:
    """A stored judgement as it was made, without reading any fact again; whether it still holds is for the asker to know."""
    results = results_of(assessment, version)
    sentence, is_ready, counts = summary(results)
    snapshot = snapshot_from(assessment.snapshot)
    return Judgement(
        version=version, environment=environment, at=assessment.at, stage=assessment.stage, policy=assessment.policy_version,
        results=results, reads=frozenset(assessment.reads), ends_at=assessment.ends_at, sentence=sentence, is_ready=is_ready,
        counts=counts, facts=dict(snapshot.facts), snapshot=snapshot, assessment=assessment,
    )  # fmt: skip


def snapshot_from(content: Mapping[str, Any]) -> Snapshot:
    """The snapshot that was stored as this content."""

    def when(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    return Snapshot(
        facts=content["facts"],
        types={name: TypeView(**{**row, "evidence": tuple(row["evidence"]), "expires_at": when(row["expires_at"])})
               for name, row in content["types"].items()},
        sources={name: tuple(rows) for name, rows in content["sources"].items()},
        waivers={name: WaiverView(row["id"], name, datetime.fromisoformat(row["starts_at"]), datetime.fromisoformat(row["ends_at"]))
                 for name, row in content["waivers"].items()},
        questions={name: row["question"] for name, row in packs.facts().items()},
        zone=measured.zone(),
    )  # fmt: skip
