"""What happens to data after somebody used them. The row never changes; whom it touches is lineage's to say."""

from collections.abc import Sequence

from django.db import transaction

from apps.accounts.models import User
from apps.catalog.models import Classification, Dataset, DatasetEvent
from apps.catalog.services.recording import record_change
from apps.core.errors import Invalid
from apps.core.permissions import authorise

STATE_AFTER = {
    DatasetEvent.Kind.WITHDRAWN: Dataset.State.WITHDRAWN,
    DatasetEvent.Kind.TERMS_ENDED: Dataset.State.TERMS_ENDED,
    DatasetEvent.Kind.FAULTY: Dataset.State.FAULTY,
}


@transaction.atomic
def record_event(
    dataset: Dataset,
    *,
    kind: str,
    fields: Sequence[str] = (),
    classification: str = "",
    reason: str,
    actor: User,
) -> DatasetEvent:
    """Record an event, apply it to the dataset and its fields, and make every judgement that read them be made again."""
    dataset = Dataset.objects.locked(dataset.pk)
    authorise(actor, "catalog.record_event", dataset)
    require_sense(dataset, kind, fields, classification)
    event = DatasetEvent(
        dataset=dataset, kind=kind, fields=list(fields), classification=classification, reason=reason, by=actor
    )
    event.save()
    if kind in STATE_AFTER:
        dataset.state = STATE_AFTER[DatasetEvent.Kind(kind)]
        dataset.save(update_fields=["state"])
    if classification:
        touched = dataset.fields.filter(path__in=fields)
        touched.update(classification=classification, is_declared=True, declared_by=actor)
    said = {"event": str(event.pk), "kind": kind, "fields": list(fields), "classification": classification}
    record_change(actor, "catalog.event_recorded", dataset, said=said, reason=reason, row=event)
    return event


def require_sense(dataset: Dataset, kind: str, fields: Sequence[str], classification: str) -> None:
    """Raise Invalid when the event names no such kind, field or classification, or misses what its kind needs."""
    errors = []
    if kind not in DatasetEvent.Kind.values:
        sentence = f"{kind!r} is not one of {', '.join(DatasetEvent.Kind.values)}."
        errors.append({"pointer": "/kind", "code": "UNKNOWN", "detail": sentence})
    known = set(dataset.fields.filter(path__in=fields).values_list("path", flat=True))
    for path in fields:
        if path not in known:
            sentence = f"{dataset} has no field {path!r}."
            errors.append({"pointer": "/fields", "code": "UNKNOWN", "detail": sentence})
    if kind == DatasetEvent.Kind.RECLASSIFIED and not fields:
        errors.append({"pointer": "/fields", "code": "MISSING", "detail": "Name the fields that were reclassified."})
    if classification and (kind != DatasetEvent.Kind.RECLASSIFIED or classification not in Classification.values):
        sentence = f"Only a reclassification has one, and it is one of {', '.join(Classification.values)}."
        errors.append({"pointer": "/classification", "code": "UNKNOWN", "detail": sentence})
    if errors:
        raise Invalid(errors=errors)
