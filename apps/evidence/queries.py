"""Reads of evidence: the catalogue, what counts for a version at a moment, and lists for pages.

How items become facts. An item reaches a version by its type's scope: this version, its model, or the organisation. The
newest mark of an item decides; without marks a computed item and a record count, a submitted or attested one waits. Field
by field the newest counting item supplies the value, a measured value wins over a typed one, and a flagged item that is
newer than every counting one blocks its fields. A field that nobody supplied is absent.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from apps.core.models import JobState
from apps.evidence.catalogue import EvidenceType, catalogue
from apps.evidence.models import CheckRun, Document, Evidence, EvidenceMark, Source
from apps.registry.models import ModelVersion

__all__ = [
    "TypeFacts", "catalogue", "current_for", "documents_for", "evidence_of", "facts_for", "latest_runs", "standing_of",
    "upload_of",
]  # fmt: skip

ACCEPTED, FLAGGED, WITHDRAWN, WAITING = "accepted", "flagged", "withdrawn", "waiting"


@dataclass(frozen=True)
class TypeFacts:
    """What is known of one evidence type for one version at one moment; `accepted` is what a requirement's rule reads."""

    type: EvidenceType
    accepted: bool
    status: str  # accepted, expired, flagged, waiting
    age_days: int | None
    fields: dict[str, Any] = field(default_factory=dict)
    items: list[Evidence] = field(default_factory=list)
    expires_at: datetime | None = None
    is_expired: bool = False


def with_marks(items: QuerySet[Evidence], at: datetime | None = None) -> QuerySet[Evidence]:
    """The same items with their marks (up to `at`) fetched in one more query."""
    marks = EvidenceMark.objects.select_related("by").order_by("created_at", "id")
    if at is not None:
        marks = marks.filter(created_at__lte=at)
        items = items.filter(created_at__lte=at)
    return items.prefetch_related(Prefetch("marks", queryset=marks, to_attr="marks_then"))


def standing_of(item: Evidence) -> str:
    """What an item counts as, from its newest mark: accepted, flagged, withdrawn or waiting."""
    if hasattr(item, "standing_then"):
        return str(item.standing_then)
    marks = item.marks_then if hasattr(item, "marks_then") else list(item.marks.order_by("created_at", "id"))
    if marks:
        return str(marks[-1].kind)
    return ACCEPTED if item.source in {Source.COMPUTED, Source.RECORD} else WAITING


def evidence_of(version: ModelVersion) -> QuerySet[Evidence]:
    """Every item bound to this version itself, newest first."""
    return Evidence.objects.filter(version=version).select_related("produced_by", "run").order_by("-created_at", "-id")


def reaching(version: ModelVersion, at: datetime) -> list[Evidence]:
    """Items that could speak for this version: its own, those of its model, those of the organisation; newest first."""
    wide = {name for name, kind in catalogue().items() if kind.scope == "organisation"}
    own = (
        Q(version=version)
        | Q(version__model_id=version.model_id)
        | Q(version=None, use_case_id=version.model.use_case_id)
    )
    items = Evidence.objects.filter(own | Q(types__has_any_keys=sorted(wide)))
    return list(with_marks(items.select_related("produced_by", "version").order_by("-created_at", "-id"), at))


def reaches(item: Evidence, kind: EvidenceType, version: ModelVersion) -> bool:
    """Whether an item of this type speaks for the version."""
    if kind.scope == "organisation" or item.version_id == version.pk:
        return True
    if kind.scope == "model":
        return (
            item.use_case_id == version.model.use_case_id
            and item.version is None
            or (item.version is not None and item.version.model_id == version.model_id)
        )
    return False


def facts_for(version: ModelVersion, *, at: datetime, tier: int | None) -> dict[str, TypeFacts]:
    """Per evidence type what counts at `at`; a type of which nothing was ever supplied is absent from the answer."""
    by_type: dict[str, list[Evidence]] = defaultdict(list)
    for item in settle(reaching(version, at)):
        for type_id in item.types:
            kind = catalogue().get(type_id)
            if kind and standing_of(item) != WITHDRAWN and reaches(item, kind, version):
                by_type[type_id].append(item)
    return {
        type_id: merged(catalogue()[type_id], items, at=at, tier=tier) for type_id, items in sorted(by_type.items())
    }


def settle(items: list[Evidence]) -> list[Evidence]:
    """The items with their standing; a repeated run that found the very same as a flagged one does not wash the flag off."""
    flagged = {item.result_digest for item in items if item.result_digest and standing_of(item) == FLAGGED}
    for item in items:
        has_marks = bool(getattr(item, "marks_then", ()))
        is_repeated = standing_of(item) == ACCEPTED and not has_marks and item.result_digest in flagged
        item.standing_then = FLAGGED if is_repeated else standing_of(item)
    return items


def merged(kind: EvidenceType, items: list[Evidence], *, at: datetime, tier: int | None) -> TypeFacts:
    """One type's facts, field by field from the newest item that counts. `items` are newest first."""
    settled = [item for item in items if standing_of(item) in {ACCEPTED, FLAGGED}]
    if not settled:
        return TypeFacts(kind, False, WAITING, None, items=items)
    fields, suppliers = _added_up(kind, settled) if kind.is_report else _by_field(kind, settled)
    used = sorted(suppliers or settled[:1], key=lambda item: (item.created_at, item.pk), reverse=True)
    if any(standing_of(item) == FLAGGED for item in used):
        return TypeFacts(kind, False, FLAGGED, _age(used, at), fields, used)
    expires_at = min((end for item in used if (end := ends_at(item, kind, tier))), default=None)
    is_expired = expires_at is not None and at >= expires_at
    return TypeFacts(
        kind,
        not is_expired,
        "expired" if is_expired else ACCEPTED,
        _age(used, at),
        fields,
        used,
        expires_at,
        is_expired,
    )


def _by_field(kind: EvidenceType, settled: list[Evidence]) -> tuple[dict[str, Any], list[Evidence]]:
    """Each field from the newest item that has it, a measured one before a typed one; and the items that were used."""
    fields: dict[str, Any] = {}
    suppliers: dict[Any, Evidence] = {}
    for name in kind.fields:
        offers = [item for item in settled if name in item.types[kind.id]]
        measured = [item for item in offers if name in kind.computed and item.source == Source.COMPUTED]
        supplier = next(iter(measured or offers), None)
        if supplier is not None:
            suppliers[supplier.pk] = supplier
            fields[name] = supplier.types[kind.id][name]
    return fields, list(suppliers.values())


def _added_up(kind: EvidenceType, settled: list[Evidence]) -> tuple[dict[str, Any], list[Evidence]]:
    """The counts of all reports together, of each name the newest: one suite that fails makes the whole fail."""
    newest: dict[str, Evidence] = {}
    for item in settled:
        newest.setdefault(report_name(item), item)
    counts = [item.types[kind.id] for item in newest.values()]
    return {name: sum(int(count.get(name, 0)) for count in counts) for name in kind.fields}, list(newest.values())


def report_name(item: Evidence) -> str:
    """What tells reports of tests apart: their title, whatever its capitals and blanks."""
    return " ".join(item.title.split()).casefold()


def ends_at(item: Evidence, kind: EvidenceType, tier: int | None) -> datetime | None:
    """The first moment at which the item no longer counts: its own end, or the type's longest age at this tier."""
    ends = []
    if item.valid_until is not None:
        ends.append(item.valid_until + timedelta(days=1))
    longest = kind.max_age(tier)
    if longest is not None:
        ends.append(item.dated + timedelta(days=longest + 1))
    return datetime.combine(min(ends), time(), tzinfo=zone()).astimezone(UTC) if ends else None


def zone() -> ZoneInfo:
    """The organisation's time zone: its days end there."""
    return ZoneInfo(settings.ORGANISATION_ZONE)


def day_of(at: datetime) -> date:
    """The day it is in the organisation at a moment."""
    return timezone.localdate(at, timezone=zone())


def today() -> date:
    """The day it is in the organisation."""
    return timezone.localdate(timezone=zone())


def _age(items: Iterable[Evidence], at: datetime) -> int:
    """Whole days since the oldest of the items is dated."""
    return max((at.astimezone(zone()).date() - item.dated).days for item in items)


def current_for(version: ModelVersion, *, at: datetime | None = None) -> list[Evidence]:
    """What stands now: per check, or per set of fields typed in, the newest item that is not withdrawn; newest first."""
    seen: set[tuple[str, ...]] = set()
    current = []
    for item in settle(list(with_marks(evidence_of(version), at))):
        supplied = sorted(f"{type_id}.{name}" for type_id, fields in item.types.items() for name in ["", *fields])
        is_report = any(kind.is_report for kind in map(catalogue().get, item.types) if kind)
        key = ("check", item.check_key) if item.check_key else (item.source, *supplied)
        key = (*key, report_name(item)) if is_report else key
        if standing_of(item) != WITHDRAWN and key not in seen:
            seen.add(key)
            current.append(item)
    return current


def latest_runs(version: ModelVersion, *, at: datetime | None = None) -> list[CheckRun]:
    """The newest run of each check on this version. A run whose job was given up or cancelled has failed with it."""
    runs = CheckRun.objects.filter(version=version).select_related("job").order_by("check_key", "-created_at", "-id")
    runs = runs if at is None else runs.filter(created_at__lte=at)
    found = list(runs.distinct("check_key"))
    for run in found if at is not None else ():
        if run.finished_at is None or run.finished_at > at:
            run.state = CheckRun.State.RUNNING if run.started_at and run.started_at <= at else CheckRun.State.WAITING
            run.error, run.error_code, run.finished_at = "", "", None
    for run in found:
        is_open = run.state in {CheckRun.State.WAITING, CheckRun.State.RUNNING}
        if is_open and run.job is not None and run.job.is_over and run.job.state != JobState.DONE:
            run.state, run.error = CheckRun.State.FAILED, run.job.error
            run.error_code = f"JOB_{run.job.state}".upper()
    return found


def documents_for(version: ModelVersion, *, at: datetime | None = None) -> list[Document]:
    """The newest hand-written text of each section and title."""
    texts = (
        Document.objects.filter(version=version)
        .select_related("author")
        .order_by("section", "title", "-created_at", "-id")
    )
    texts = texts if at is None else texts.filter(created_at__lte=at)
    return list(texts.distinct("section", "title"))


def upload_of(item: Evidence, sha256: str) -> dict[str, Any] | None:
    """The file of this item with this hash, or None."""
    return next((row for row in item.files if row["sha256"] == sha256), None)
