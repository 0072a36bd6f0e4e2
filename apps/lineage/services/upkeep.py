"""What people do to lineage: state an edge, tie or untie two names, replay what was set aside, rebuild everything."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.audit.services import record, system
from apps.catalog.models import Dataset
from apps.catalog.queries import version_subjects
from apps.catalog.services import ensure_fields
from apps.core.errors import Invalid, NotFound
from apps.core.permissions import authorise
from apps.lineage.models import Edge, EventState, FieldEdge, NameAlias
from apps.lineage.models.graph import Basis
from apps.lineage.services.projection import LOCK, project_batch

DERIVED = (
    "lineage_edgerun",
    "lineage_fieldedgerun",
    "lineage_facet",
    "lineage_runio",
    "lineage_declaration",
    "lineage_run",
)


@transaction.atomic
def declare_edge(
    source: Dataset, target: Dataset, *, columns: list[tuple[str, str, bool]], description: str, actor: Any
) -> Edge:
    """State by hand that a dataset comes from another. ``columns`` are (source column, target column, is masked)."""
    authorise(actor, "lineage.declare")
    if source.pk == target.pk:
        raise Invalid("A dataset does not come from itself. Name two different ones.", code="SAME_DATASET")
    now = timezone.now()
    values = {"basis": Basis.MANUAL, "job": None}
    times = {"first_seen": now, "last_seen": now, "declared_by": actor}
    edge, _ = Edge.objects.update_or_create(
        source=source, target=target, **values, defaults={"last_seen": now, "retired_at": None}, create_defaults=times
    )
    for start, end, is_masked in columns:
        FieldEdge.objects.update_or_create(
            source_field=ensure_fields(source, [(start, "", 0)])[0],
            target_field=ensure_fields(target, [(end, "", 0)])[0],
            source=source,
            target=target,
            type="DIRECT",
            subtype="",
            is_masked=is_masked,
            description=description[:500],
            **values,
            defaults={"last_seen": now, "retired_at": None},
            create_defaults=times,
        )
    said = {"source": str(source.pk), "columns": [[start, end, is_masked] for start, end, is_masked in columns]}
    record(actor, "lineage.declared", target, data=said, reason=description, changes=version_subjects(target))
    return edge


@transaction.atomic
def declare_same(dataset: Dataset, alias: Dataset, *, reason: str, actor: Any) -> NameAlias:
    """State that two names are one dataset; ``dataset`` is the name to use."""
    authorise(actor, "lineage.rename")
    if dataset.pk == alias.pk:
        raise Invalid("These are the same name already.", code="SAME_DATASET")
    row, _ = NameAlias.objects.update_or_create(
        dataset=dataset,
        alias=alias,
        kind=NameAlias.Kind.MANUAL,
        defaults={"stated_at": timezone.now(), "stated_by": actor, "undone_at": None, "undone_by": None},
    )
    _record_names(actor, "lineage.names_tied", row, reason)
    return row


@transaction.atomic
def undo_same(alias_id: Any, *, reason: str, actor: Any) -> NameAlias:
    """Untie two names, whoever tied them. Later events do not tie them again."""
    authorise(actor, "lineage.rename")
    row = NameAlias.objects.select_for_update().filter(pk=alias_id, undone_at=None).first()
    if row is None:
        raise NotFound("There is no such tie between names, or it was undone already.")
    row.undone_at, row.undone_by = timezone.now(), actor
    row.save(update_fields=["undone_at", "undone_by"])
    _record_names(actor, "lineage.names_untied", row, reason)
    return row


def _record_names(actor: Any, verb: str, row: NameAlias, reason: str) -> None:
    changes = version_subjects(row.dataset) + version_subjects(row.alias)
    record(actor, verb, row.dataset, data={"alias": str(row.alias_id)}, reason=reason, changes=changes)


@transaction.atomic
def replay(*, actor: Any) -> int:
    """Put everything that was set aside back into the queue; answers with how many events that are."""
    authorise(actor, "lineage.replay")
    count = EventState.objects.filter(state=EventState.State.QUARANTINED).update(
        state=EventState.State.RECEIVED, reason=""
    )
    if count:
        record(actor, "lineage.replayed", "lineage:quarantine", data={"events": str(count)})
    return count


@transaction.atomic
def rebuild() -> int:
    """Forget everything derived and project every event again. What people stated by hand stays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for table in DERIVED:
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("DELETE FROM lineage_edge WHERE basis <> 'manual'")
        cursor.execute("DELETE FROM lineage_fieldedge WHERE basis <> 'manual'")
        cursor.execute("DELETE FROM lineage_namealias WHERE kind <> 'manual' AND undone_at IS NULL")
        cursor.execute("DELETE FROM lineage_job")
        cursor.execute("UPDATE lineage_eventstate SET state = 'received', reason = '', projected_at = NULL")
    total = 0
    while count := project_batch():
        total += count
    record(system("lineage"), "lineage.rebuilt", "lineage:graph", data={"events": str(total)})
    return total
