"""Turns a version into what checks see, runs them, and hands each result to the services. Runs in workers only."""

import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.utils import timezone

from apps.core.models import Job
from apps.evidence import artifact, capacity, engine, pairing, services
from apps.evidence.asking import Opened, endpoint_input
from apps.evidence.checks import registry
from apps.evidence.checks.base import SEED, Check, Result, Subject, Tools, Unmeasurable, label
from apps.evidence.drivers.work import DEFECT
from apps.evidence.models import CheckRun
from apps.registry.models import DatasetLink, ModelVersion

log = structlog.get_logger(__name__)
NOT_MEASURABLE = "NOT_MEASURABLE"  # where the reason has no code of its own
DECIDING = {
    "performance",
    "fairness",
    "subpopulations",
    "comparison",
}  # need a decision per row: on record, or asked of the endpoint


@dataclass(frozen=True)
class Reading:
    """One file that several checks read together. `is_scored_here` adds the endpoint's scores to its rows.

    `reference` is the second file of checks that compare two, `other` the second version of those that compare versions."""

    link: DatasetLink
    is_scored_here: bool = False
    reference: DatasetLink | None = None
    other: ModelVersion | None = None


def measure(runs: Sequence[CheckRun], job: Job) -> dict[str, Any]:
    """Do every run that is not done yet, one reading of each file for all of them; answers with what came of each."""
    waiting = [run for run in runs if run.state != CheckRun.State.DONE]
    CheckRun.objects.filter(pk__in=[run.pk for run in waiting]).update(
        state=CheckRun.State.RUNNING, started_at=timezone.now()
    )
    if waiting:
        from apps.evidence.inputs.remembered import Remembered

        version, scores = waiting[0].version, Remembered()
        facts = declared_facts(version)
        with capacity.copies(job) as stores:
            for reading, together in grouped(version, waiting):
                with Opened(scores, stores) as opened:
                    _measure_together(version, facts, reading, together, job, opened)
    states = CheckRun.objects.filter(pk__in=[run.pk for run in runs]).select_related("evidence")
    return {
        "checks": {
            run.check_key: {
                "state": run.state,
                "evidence": _evidence_id(run),
                "error": run.error,
                "code": run.error_code,
            }
            for run in states
        }
    }


def _evidence_id(run: CheckRun) -> str | None:
    return str(run.evidence.pk) if run.state == CheckRun.State.DONE else None


def grouped(version: ModelVersion, runs: Sequence[CheckRun]) -> Iterator[tuple[Reading | None, list[CheckRun]]]:
    """Runs by the file that serves them best; None for checks that read no rows, or for which there is no file."""
    links = list(version.dataset_links.select_related("dataset_version__dataset"))
    can_score = bool(version.endpoint.get("url"))
    by_reading: dict[Reading | None, list[CheckRun]] = defaultdict(list)
    for run in runs:
        check = registry()[run.check_key]
        reading = reading_for(check, links, can_score=can_score, reference=str(run.params.get("reference", "")))
        if check.compares_versions and reading is not None:
            other = pairing.other_version(version, str(run.params.get("against", "")))
            reading = replace(reading, other=other) if other else None
        by_reading[reading].append(run)
    yield from by_reading.items()


def reading_for(check: Check, links: Sequence[DatasetLink], *, can_score: bool, reference: str = "") -> Reading | None:
    """The best link in one of the check's roles; for decisions one that holds them, else one that the endpoint can score.

    `reference` names the dataset that a check which compares two takes as the second."""
    able = pairing.in_roles(links, check.reads)
    if check.compares_with:
        others = pairing.references(links, check.compares_with, reference)
        return Reading(able[0], reference=others[0]) if able and others else None
    if check.key in DECIDING:
        decided = [link for link in able if link.prediction or link.score]
        if decided:
            return Reading(decided[0])
        return Reading(able[0], is_scored_here=True) if able and can_score else Reading(able[0]) if able else None
    return Reading(able[0]) if able else None


def _measure_together(
    version: ModelVersion,
    facts: dict[str, Any],
    reading: Reading | None,
    runs: list[CheckRun],
    job: Job,
    opened: Opened,
) -> None:
    checks = {
        run.check_key: (registry()[run.check_key], registry()[run.check_key].Params(**run.params)) for run in runs
    }
    inputs = [model_input(version)]
    counting = capacity.counting_for()
    scorer = opened.scorer(version) if version.endpoint.get("url") else None
    tools = Tools(
        predict=scorer.predict if scorer else None, predict_anew=scorer.predict_anew if scorer else None,
        progress=capacity.watched(job), calls=scorer.used if scorer else dict,
        artifact=lambda columns: artifact.scorer_for_file(version).predict(columns),
        memory=scorer.memory if scorer and version.endpoint.get("metrics_url") else None,
    )  # fmt: skip
    subject = subject_of(version, facts, reading)
    try:
        if reading is None:
            outcomes = {key: _without_rows(check, params, subject, tools) for key, (check, params) in checks.items()}
        else:
            rows, reads = _open(reading, subject, scorer, tools, opened)
            inputs += reads
            if scorer is not None:
                inputs.append(endpoint_input(version))
            subject = _decided_here(subject, reading)
            outcomes = _with_types(rows, checks, subject, tools, scorer, counting)
            reads[0]["rows"] = max((column.rows for column in rows.columns.values()), default=0) if rows.columns else 0
    except Unmeasurable as reason:
        outcomes = dict.fromkeys(checks, reason)
    for run in runs:
        _keep(run, outcomes[run.check_key], checks[run.check_key], subject, inputs, job)
    counting.end()


def _without_rows(check: Check, params: Any, subject: Subject, tools: Tools) -> engine.Outcome:
    if check.compares_versions:
        return Unmeasurable(
            "There is no other version of this model, of this name, whose scores on the same rows are on record or can be asked."
        )
    if check.reads:
        roles = " or ".join(check.reads)
        called = f" called {params.reference}" if getattr(params, "reference", "") else ""
        beside = f", with another one{called} as {' or '.join(check.compares_with)}" if check.compares_with else ""
        return Unmeasurable(
            f"No dataset with a file is linked to this version as {roles}{beside}. "
            "The pipeline names it when it registers the version.",
            code="NO_DATA",
        )
    return engine.measure_facts(check, params, subject, tools)


def _open(
    reading: Reading, subject: Subject, scorer: Any, tools: Tools, opened: Opened
) -> tuple[Any, list[dict[str, Any]]]:
    """The rows to read, and how evidence names them."""
    from apps.evidence.inputs import scored

    rows, read = _open_link(reading.link, tools, opened)
    if reading.reference is not None:
        reference, beside = _open_link(reading.reference, tools, opened)
        return engine.Pair(rows, reference), [read, beside]
    if reading.is_scored_here:
        rows = scored.ScoredFile(rows, scorer, subject.features)
    if reading.other is not None:
        rows, others = _beside(reading, reading.other, rows, subject.outcomes - {subject.target}, tools, opened)
        return rows, [read, *others]
    return rows, [read]


def _beside(
    reading: Reading, other: ModelVersion, rows: Any, own: set[str], tools: Tools, opened: Opened
) -> tuple[Any, list[dict[str, Any]]]:
    """The rows with what the other version makes of them: its scored file where that holds the same rows, else its endpoint."""
    from apps.evidence.inputs import joined, scored

    named = model_input(other) | {"role": "other version"}
    link = pairing.scored_link(other)
    if link is not None and not reading.is_scored_here:
        others, beside = _open_link(link, tools, opened)
        added = {link.prediction: joined.OTHER_PREDICTION, link.score: joined.OTHER_SCORE}
        both = joined.JoinedFile(rows, others, {name: to for name, to in added.items() if name}, own, str(other))
        try:
            both.prove()
            shared = {"kind": "rows", "name": "columns of both files", "role": "shared", "sha256": both.shared_digest}
            return both, [named, beside, shared]
        except Unmeasurable:
            if not other.endpoint.get("url"):
                raise
            rows.columns = None
    if not other.endpoint.get("url"):
        raise Unmeasurable(f"{other} names no endpoint that could be asked about these rows.")
    features = feature_names(other)
    return scored.ScoredFile(rows, opened.scorer(other), features, column=joined.OTHER_SCORE), [
        named,
        endpoint_input(other),
    ]


def _open_link(link: DatasetLink, tools: Tools, opened: Opened) -> tuple[Any, dict[str, Any]]:
    """One open file, closed with the others, and how evidence names it."""
    sha256 = digest_of_link(link)
    file = opened.data(pairing.address(link), sha256=sha256, progress=tools.progress)
    return file, {
        "kind": "dataset",
        "name": str(link.dataset_version.dataset),
        "version": link.dataset_version.key,
        "role": link.role,
        "sha256": file.sha256,
        "registered": bool(sha256),
    }


def _decided_here(subject: Subject, reading: Reading) -> Subject:
    from apps.evidence.inputs.scored import SCORE

    return replace(subject, score=SCORE, prediction="") if reading.is_scored_here else subject


def _with_types(
    rows: Any, checks: Any, subject: Subject, tools: Tools, scorer: Any, counting: Any
) -> dict[str, engine.Outcome]:
    """Measure; the endpoint is told the columns' types as soon as they are known."""
    if scorer is not None:
        tools = replace(
            tools,
            predict=_told_types(scorer, scorer.predict, rows),
            predict_anew=_told_types(scorer, scorer.predict_anew, rows),
        )
    found = engine.measure(rows, checks, subject, tools, counting)
    used = getattr(rows, "used", {})
    return {key: engine.with_scores_noted(outcome, used, "Scores of the file") for key, outcome in found.items()}


def _told_types(scorer: Any, ask: Any, rows: Any) -> Any:
    """The same question, asked after the scorer was told what the columns are."""

    def asked(columns: Any) -> Any:
        scorer.kinds = {name: column.kind for name, column in rows.columns.items()}
        return ask(columns)

    return asked


def _keep(
    run: CheckRun, outcome: engine.Outcome, check: tuple[Check, Any], subject: Subject, inputs: Any, job: Job
) -> None:
    if isinstance(outcome, Result):
        result = engine.finished(check[0], check[1], subject, outcome, inputs)
        services.keep_result(run, result, job=job)
        return
    if outcome.code == DEFECT:  # the steps only: what the failure itself says may hold a value of the data
        steps = traceback.format_tb(outcome.__cause__.__traceback__) if outcome.__cause__ else []
        log.error("check_defect", check=run.check_key, said=str(outcome), trace="".join(steps))
    services.keep_failure(run, str(outcome), code=outcome.code or NOT_MEASURABLE, job=job)


# --- what a check sees ------------------------------------------------------------------------------------------------


def subject_of(version: ModelVersion, facts: dict[str, Any], reading: Reading | None) -> Subject:
    """The version and one of its datasets as plain values."""
    output = version.output or {}
    threshold = output.get("threshold")
    subject = Subject(
        name=str(version), features=feature_names(version), facts=facts, seed=SEED, positive=label(output.get("positive", 1)),
        threshold=float(threshold) if isinstance(threshold, int | float) and not isinstance(threshold, bool) else 0.5,
    )  # fmt: skip
    if reading is None:
        return subject
    link = reading.link
    fields = link.dataset_version.dataset.fields.all()
    declared = {
        field.path: {
            "classification": field.classification,
            "is_protected": field.is_protected,
            "is_masked": field.is_masked,
            "privileged": field.privileged,
        }
        for field in fields
    }
    sha256 = digest_of_link(link)
    reference = None if reading.reference is None else subject_of(version, facts, Reading(reading.reference))
    reference = as_decided_beside(reading.other) if reading.other else reference
    holdout = sha256 not in facts["train_digests"] if facts["train_digests"] and sha256 else None
    return replace(
        subject, name=str(link.dataset_version.dataset), role=link.role, target=link.target, prediction=link.prediction,
        score=link.score, declared=declared, facts={**facts, "is_holdout": holdout}, reference=reference,
    )  # fmt: skip


def feature_names(version: ModelVersion) -> list[str]:
    """The columns that the version was registered to read."""
    return [item["name"] if isinstance(item, dict) else str(item) for item in version.features or []]


def as_decided_beside(other: ModelVersion) -> Subject:
    """The other version as its columns beside these rows show it."""
    from apps.evidence.inputs.joined import OTHER_PREDICTION, OTHER_SCORE

    return replace(subject_of(other, {}, None), prediction=OTHER_PREDICTION, score=OTHER_SCORE)


def declared_facts(version: ModelVersion) -> dict[str, Any]:
    """What people and pipelines said about the version, its data and its lineage."""
    links = list(version.dataset_links.select_related("dataset_version__dataset"))
    train = [digest_of_link(link) for link in links if link.role == "train"]
    return {
        "output_kind": (version.output or {}).get("kind", ""),
        "training": version.training or {},
        "train_digests": [digest for digest in train if digest],
        "data_sha256": next((digest for digest in train if digest), ""),
        "data": data_facts(links),
        "lineage": lineage_facts(version, links),
    }


def digest_of_link(link: DatasetLink) -> str:
    """The registered digest of the link's file."""
    return link.sha256 or link.dataset_version.sha256


def data_facts(links: Sequence[DatasetLink]) -> dict[str, bool]:
    """What the catalog says of the linked data, and whether training and other data are told apart by digest."""
    datasets = [link.dataset_version.dataset for link in links]
    train = [digest_of_link(link) for link in links if link.role == "train"]
    others = [digest_of_link(link) for link in links if link.role in {"test", "validate", "scored"}]
    return {
        "provenance": bool(datasets) and all(dataset.provenance for dataset in datasets),
        "licence": bool(datasets) and all(dataset.terms for dataset in datasets),
        "splits": bool(train and others) and all([*train, *others]) and not set(train) & set(others),
    }


def lineage_facts(version: ModelVersion, links: Sequence[DatasetLink]) -> dict[str, Any]:
    """Features with their sources from lineage, and the linked datasets."""
    from apps.lineage.queries import as_values, feature_lineage

    features = [
        {
            "feature": row["feature"],
            "basis": row["basis"],
            "sources": [origin_name(origin) for origin in row["sources"]],
        }
        for row in as_values(feature_lineage(version))
    ]
    roots = {source.partition(" · ")[0] for row in features for source in row["sources"]}
    linked = [
        {
            "name": str(link.dataset_version.dataset),
            "role": link.role,
            "sha256": digest_of_link(link),
            "purpose": bool(link.dataset_version.dataset.permitted_purposes),
        }
        for link in links
    ]
    return {"features": features, "links": linked, "sources": len(roots) or len({row["name"] for row in linked})}


def origin_name(origin: dict[str, str]) -> str:
    """A column at the start of the lineage, in words."""
    return f"{origin['name']} · {origin['field']}" if origin["field"] else origin["name"]


def model_input(version: ModelVersion) -> dict[str, Any]:
    """How evidence names the version it is about."""
    return {
        "kind": "model",
        "name": str(version),
        "role": "version",
        "sha256": version.artifact_digest.removeprefix("sha256:"),
    }
