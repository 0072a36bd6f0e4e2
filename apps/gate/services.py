"""Decide: may these bytes run in this environment now? Closed is the default, and no record means no allow."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.audit import queries as audit_queries
from apps.audit import services as audit
from apps.core import jobs
from apps.core.errors import ProductError
from apps.gate import judging, queries
from apps.gate.models import Clearance, Decision, Outcome
from apps.gate.queries import Resolved
from apps.registry import services as registry
from apps.registry.models import Environment, ModelVersion

log = structlog.get_logger(__name__)

ACTIONS = ("deploy", "scale", "restart", "keep_running")
MOST_TRIES = 3
ENFORCE = "enforce"


@dataclass(frozen=True)
class Question:
    """What a door heard, in our words. `environment` comes from the credential or the door where one is bound."""

    door: str
    resource: dict[str, Any]
    environment: str
    action: str = "deploy"
    subject: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    is_dry_run: bool = False
    request_id: str = ""
    request_digest: str = ""
    credential: str = ""
    peer: str = ""
    asked_at: datetime = field(default_factory=timezone.now)


def current_clearance(version: ModelVersion, environment: Environment) -> Clearance:
    """The clearance, judged again when anything it was judged from has changed since, or its end has come."""
    clearance = queries.clearance_of(version, environment)
    if clearance is not None and is_current(clearance):
        return clearance
    for _ in range(MOST_TRIES):
        clearance = refresh_clearance(version, environment)
        if is_current(clearance):
            return clearance
    raise ProductError("The facts keep changing while they are judged. Ask again.", code="FACTS_CHANGING")


def is_current(clearance: Clearance) -> bool:
    """Whether every subject still has the epoch that was read, and no end date has passed."""
    if clearance.ends_at is not None and clearance.ends_at <= timezone.now():
        return False
    present = audit_queries.epochs(clearance.read_refs)
    read = dict(zip(clearance.read_refs, clearance.read_epochs, strict=True))
    return all(present.get(ref, 0) == epoch for ref, epoch in read.items())


@transaction.atomic
def refresh_clearance(version: ModelVersion, environment: Environment) -> Clearance:
    """Judge now and keep the answer. Epochs are read before the facts, so a change in between shows as behind."""
    if version.get_deferred_fields():  # resolved for an answer that was expected to stand
        version = ModelVersion.objects.select_related("model__use_case").get(pk=version.pk)
    before = judging.subjects_of(version, environment)
    epochs = audit_queries.epochs(before)
    verdict = judging.judge(version, environment)
    if extra := verdict.reads - before:
        # Facts read beyond those foreseen: their epochs are taken now, and the judgement is made again from here.
        epochs = audit_queries.epochs(before | extra)
        verdict = judging.judge(version, environment)
    refs = sorted(verdict.reads | before)
    values = judging.clearance_values(verdict)
    values["read_refs"] = refs
    values["read_epochs"] = [epochs.get(ref, 0) for ref in refs]
    clearance, _ = Clearance.objects.update_or_create(version=version, environment=environment, defaults=values)
    return clearance


def queue_refresh(refs: list[str]) -> None:
    """Ask a worker to judge again every clearance that read one of these subjects."""
    rows = Clearance.objects.filter(read_refs__overlap=refs).values_list("pk", flat=True)
    _queue(rows)


def queue_first(submitted: list[tuple[str, str]]) -> None:
    """Ask a worker to judge what was submitted, version and environment each: reviewers see where it stands from the start."""
    with transaction.atomic():
        jobs.enqueue("gate.first", submitted=[list(pair) for pair in submitted])


def queue_ended() -> None:
    """Ask a worker to judge again every clearance whose end has passed since it was judged."""
    ended = Clearance.objects.filter(ends_at__lte=timezone.now(), judged_at__lt=F("ends_at"))
    _queue(ended.values_list("pk", flat=True))


def _queue(rows: Any) -> None:
    if found := [str(pk) for pk in rows]:
        with transaction.atomic():
            jobs.enqueue("gate.refresh", clearances=found)


def decide(question: Question, *, asker: Any) -> Decision:
    """Answer one question and record it. Raises only when the record could not be written: then there is no decision."""
    started = time.perf_counter_ns()
    try:
        with transaction.atomic():
            return _decide(question, asker=asker, started=started)
    except ProductError as refused:
        log.warning("gate_refused", code=refused.code)
        with transaction.atomic():
            return _record_failure(question, refused.code, refused.detail, asker=asker, started=started)


def _decide(question: Question, *, asker: Any, started: int) -> Decision:
    environment = queries.environment_named(question.environment)
    resolved = queries.resolve(question.resource)
    refused = _identity_refusal(question, environment, resolved)
    if refused is not None or environment is None or resolved.version is None:
        code, sentence = refused or ("INTERNAL", "The question could not be resolved.")
        return _record(
            question,
            asker=asker,
            started=started,
            environment=environment,
            resolved=resolved,
            values=_denied(code, sentence),
        )
    clearance = current_clearance(resolved.version, environment)
    loaded = time.perf_counter_ns()
    values = judging.decision_values(clearance)
    values["is_allowed"] = clearance.outcome == Outcome.ALLOW or environment.mode != ENFORCE
    values["mode"] = environment.mode
    values["timing"] = {"judge_us": (loaded - started) // 1000}
    decision = _build(question, asker=asker, environment=environment, resolved=resolved, values=values)
    if values["is_allowed"] and question.action == "deploy" and not question.is_dry_run:
        deployment = registry.authorise_deployment(
            resolved.version, environment, digest=resolved.version.artifact_digest, decision_id=decision.pk, actor=asker
        )
        decision.deployment_id = deployment.pk
    return _keep(decision, asker=asker)


def _identity_refusal(
    question: Question, environment: Environment | None, resolved: Resolved
) -> tuple[str, str] | None:
    if environment is None:
        return (
            "UNKNOWN_ENVIRONMENT",
            f"There is no environment {question.environment[:60]!r}. Ask for one that is registered.",
        )
    if question.action not in ACTIONS:
        return (
            "UNKNOWN_ACTION",
            f"{question.action[:60]!r} is not an action the gate decides. Known: {', '.join(ACTIONS)}.",
        )
    if resolved.version is None:
        return resolved.code, resolved.sentence
    return None


def _denied(code: str, sentence: str) -> dict[str, Any]:
    return {"outcome": Outcome.DENY, "is_allowed": False, "codes": [code], "sentence": sentence, "mode": ENFORCE}


def _record_failure(question: Question, code: str, sentence: str, *, asker: Any, started: int) -> Decision:
    environment, resolved = queries.environment_named(question.environment), queries.resolve(question.resource)
    values = _denied(code, f"Denied, because no judgement could be made: {sentence}")
    return _record(question, asker=asker, started=started, environment=environment, resolved=resolved, values=values)


def _record(
    question: Question,
    *,
    asker: Any,
    started: int,
    environment: Environment | None,
    resolved: Resolved,
    values: dict[str, Any],
) -> Decision:
    values.setdefault("timing", {"judge_us": (time.perf_counter_ns() - started) // 1000})
    return _keep(_build(question, asker=asker, environment=environment, resolved=resolved, values=values), asker=asker)


def _build(
    question: Question, *, asker: Any, environment: Environment | None, resolved: Resolved, values: dict[str, Any]
) -> Decision:
    return Decision(
        door=question.door,
        action=question.action[:60],
        asked_by=asker,
        credential=question.credential[:60],
        peer=question.peer[:60],
        subject_given=question.subject,
        request_id=question.request_id,
        request_digest=question.request_digest,
        nonce=question.nonce[:200],
        is_dry_run=question.is_dry_run,
        resource_given=question.resource,
        resolved_by=resolved.by,
        artifact_digest=resolved.version.artifact_digest if resolved.version else resolved.digest,
        version=resolved.version,
        environment=environment,
        environment_given=question.environment[:200],
        asked_at=question.asked_at,
        engine={"name": "imprimatur", "version": settings.VERSION},
        **values,
    )


def _keep(decision: Decision, *, asker: Any) -> Decision:
    decision.save()
    verdict = {"outcome": str(decision.outcome), "allowed": decision.is_allowed, "codes": decision.codes}
    where = {
        "environment": decision.environment_given,
        "artifact": decision.artifact_digest,
        "dry_run": decision.is_dry_run,
    }
    subject = decision.version.subject if decision.version else decision
    audit.record(asker, "gate.decided", subject, data={**verdict, **where, "decision": str(decision.pk)}, row=decision)
    return decision
