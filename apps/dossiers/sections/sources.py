"""Where the data come from: terms and purposes, columns, lineage with its confidence, events."""

from typing import Any

from apps.catalog.models import Classification, Dataset, DatasetEvent, Field
from apps.dossiers import wording
from apps.dossiers.record import VersionRecord
from apps.lineage import queries as lineage

Content = dict[str, Any]
NOTHING = {Classification.UNCLASSIFIED, Classification.NONE}
MOST_COLUMNS = 200
FEW = 3  # more datasets than these make a drawing that needs the long side of the page


def query(record: VersionRecord) -> Content:
    """Data and lineage."""
    confidence = lineage.confidence_of(record.features)
    sources = sorted(record.closure.sources.values(), key=lambda row: (row.depth, str(row.dataset)))
    return {
        "datasets": [dataset_content(source, record) for source in sources],
        "columns": columns(record),
        "drawing": drawing(record) if sources else "",
        "is_landscape": len(sources) > FEW,
        "confidence": confidence.sentence,
        "features": [feature_content(item) for item in record.features],
        "opaque": [item.name for item in record.features if item.basis == "opaque"],
        "events": events(record),
    }


def drawing(record: VersionRecord) -> str:
    """The drawing of the page, set in the typeface of the document."""
    return lineage.drawing(record.closure).replace("<svg ", '<svg font-family="Source Sans Pro" ', 1)


def dataset_content(source: Any, record: VersionRecord) -> Content:
    """One dataset behind the version with its terms."""
    dataset: Dataset = source.dataset
    purposes = {str(record.facts.get("use.domain", "")), record.version.use_case.slug} - {""}
    is_permitted = bool(purposes & set(dataset.permitted_purposes))
    today = record.at.date()
    ended = dataset.terms_end_on is not None and dataset.terms_end_on < today
    word, shape = (
        ("Permitted", "satisfied")
        if is_permitted and not ended
        else ("Ended", "expired")
        if ended
        else ("Not named", "ask")
    )
    if not dataset.is_governed:
        word, shape = "Nobody answers for it", "missing"
    states = [f"{read.version.key}{' (inferred)' if read.is_inferred else ''}" for read in source.versions[:3]]
    return {
        "name": str(dataset),
        "owner": str(dataset.owner) if dataset.owner else "nobody",
        "state": str(dataset.get_state_display()),
        "roles": ", ".join(source.roles) or "upstream",
        "states": ", ".join(states) or "not recorded",
        "terms": dataset.terms or "not recorded",
        "purposes": ", ".join(dataset.permitted_purposes) or "none named",
        "until": dataset.terms_end_on.isoformat() if dataset.terms_end_on else "no end",
        "word": word,
        "shape": shape,
        "provenance": dataset.provenance or "not recorded",
        "collection": dataset.collection or "not recorded",
        "lawful_basis": dataset.lawful_basis or "not recorded",
        "retention": dataset.retention or "not recorded",
    }


def columns(record: VersionRecord) -> list[Content]:
    """Columns that say something about people, or stand for a protected attribute; the same facts are said once."""
    about = Field.objects.filter(dataset__in=record.closure.sources)
    rows = about.exclude(classification__in=NOTHING, is_protected=False).select_related("dataset")
    found: dict[tuple[str, ...], list[str]] = {}
    everywhere = sorted(str(source.dataset) for source in record.closure.sources.values())
    for row in rows.order_by("dataset__namespace", "dataset__name", "ordinal", "path")[:MOST_COLUMNS]:
        privileged = f", privileged: {row.privileged}" if row.privileged else ""
        protected = f"yes{privileged}" if row.is_protected else "no"
        facts = (row.path, str(row.get_classification_display()), protected, "yes" if row.is_masked else "no")
        found.setdefault(facts, []).append(str(row.dataset))
    return [
        {
            "column": path,
            "classification": kind,
            "protected": protected,
            "masked": masked,
            "datasets": where(names, everywhere),
        }
        for (path, kind, protected, masked), names in found.items()
    ]


def where(names: list[str], everywhere: list[str]) -> str:
    """In which datasets: all of them, all but a few, or by name, whichever is shortest."""
    others = [name for name in everywhere if name not in names]
    if not others:
        return f"all {len(everywhere)} datasets"
    if len(others) < len(names):
        return f"{len(names)} of {len(everywhere)} datasets; not in {wording.listing(others)}"
    return ", ".join(names)


def feature_content(item: Any) -> Content:
    """One feature with its sources and how sure that is."""
    origins = [origin.label for origin in item.sources]
    return {
        "name": item.name,
        "sources": ", ".join(origins) or "not known",
        "how": item.how,
        "basis": item.basis,
        "masked": "yes" if item.masked else "no",
        "influences": ", ".join(origin.label for origin in item.influences),
    }


def events(record: VersionRecord) -> list[Content]:
    """What happened to the data since they were registered."""
    rows = DatasetEvent.objects.filter(dataset__in=record.closure.sources, created_at__lte=record.at).select_related(
        "dataset", "by"
    )
    return [
        {
            "at": wording.utc(row.created_at),
            "dataset": str(row.dataset),
            "kind": str(row.get_kind_display()),
            "by": record.printed(row.by),
            "fields": ", ".join(row.fields) or "the whole dataset",
            "reason": row.reason,
        }
        for row in rows.order_by("created_at", "id")
    ]
