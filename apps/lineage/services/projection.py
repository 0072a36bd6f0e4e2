"""From stored events to the graph. One projector at a time; a batch is one transaction; a bad event harms no other.

Every row written here is a function of the set of events, so the order of arrival, duplicates and replay do not matter.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Q
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from apps.audit.services import record, system
from apps.catalog.models import Dataset
from apps.catalog.queries import version_subjects
from apps.catalog.services import ensure_fields
from apps.core.errors import ProductError
from apps.lineage import merge, openlineage
from apps.lineage.identity import TYPE, fitting, path_of
from apps.lineage.merge import Edges, Name
from apps.lineage.models import Declaration, Event, EventState, Job
from apps.lineage.services import edges as edge_rows
from apps.lineage.services import facts, runs
from apps.lineage.services.names import Names
from apps.registry.models import ModelVersion

log = structlog.get_logger(__name__)

LOCK = 0x494D_4C49_4E45  # one projector at a time, in the whole installation
BATCH = 100
INLINE = 25
POISON = (DataError, IntegrityError, ValueError, TypeError, KeyError, AttributeError, RecursionError, ProductError)
SUBJECTS_PER_ENTRY = 400

Pair = tuple[Event, openlineage.Event]


def project_inline(*, wait: float = 0.05) -> None:
    """Right after a commit: project if little is waiting and nobody else does; otherwise wake the worker."""
    waiting = EventState.objects.filter(state=EventState.State.RECEIVED)[: INLINE + 1].count()
    if waiting > INLINE or (waiting and project_batch(limit=INLINE, wait=wait) is None):
        wake()


def project_until(digests: Sequence[str], *, seconds: float) -> bool:
    """Project until these events are in the graph or set aside; False when the time ran out first."""
    deadline = time.monotonic() + seconds
    mine = EventState.objects.filter(event__digest__in=digests, state=EventState.State.RECEIVED)
    while mine.exists():
        if time.monotonic() > deadline:
            wake()
            return False
        project_batch(limit=BATCH, wait=0.1)
    return True


def project_waiting(*, seconds: float = 60.0) -> int:
    """Project everything that waits, batch by batch; answers with how many events that were."""
    deadline, total = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        count = project_batch(limit=BATCH, wait=1.0)
        if not count:
            break
        total += count
    return total


def wake() -> None:
    """Tell a worker that events wait. A broker that does not answer is no harm: the sweep comes every few seconds."""
    try:
        current_app.send_task("lineage.project", queue="light", retry=False, expires=15)
    except (OSError, BrokerError) as refused:
        log.warning("projection_not_woken", error=str(refused))


def _take_lock(wait: float) -> bool:
    deadline = time.monotonic() + wait
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if cursor.fetchone()[0]:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)


@transaction.atomic
def project_batch(*, limit: int = BATCH, wait: float = 0.0) -> int | None:
    """Project the oldest waiting events. Answers with their number, or None when another projector is at work."""
    if not _take_lock(wait):
        return None
    rows = list(Event.objects.waiting().order_by("id")[:limit])
    if not rows:
        return 0
    try:
        with transaction.atomic():
            project(rows)
    except POISON as error:
        log.warning("projection_batch_split", events=len(rows), error=f"{type(error).__name__}: {error}")
        for row in rows:
            _project_alone(row)
    return len(rows)


def _project_alone(row: Event) -> None:
    try:
        with transaction.atomic():
            project([row])
    except POISON as error:
        reason = f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")
        log.warning("event_set_aside", digest=row.digest, reason=reason)
        EventState.objects.filter(event=row).update(state=EventState.State.QUARANTINED, reason=reason)


def project(rows: Sequence[Event]) -> None:
    """Bring these events into the graph, and record which datasets now come from elsewhere."""
    pairs = [(row, openlineage.read(bytes(row.body), now=row.created_at)) for row in rows]
    names = Names()
    run_events = [event for _, event in pairs if event.kind == "run"]
    states = runs.states_of(run_events)
    names.need_jobs(_job_names(pairs, states))
    states = runs.joined_with_stored(states, names)
    owners = _owners(pairs, names)
    histories = {owner: edge_rows.declarations_of(condition) for owner, condition, _ in owners}
    _need_all(pairs, states, histories, names)
    jobs = {job.pk for job in names.jobs.values()}
    before = edge_rows.DATASETS.current(jobs), edge_rows.FIELDS.current(jobs)
    found_runs = runs.save_runs(states, names)
    io = runs.save_io(states, found_runs, names)
    edge_rows.save_run_edges(states, found_runs, names)
    changed = _differing(before, (edge_rows.DATASETS.current(jobs), edge_rows.FIELDS.current(jobs)))
    changed |= _save_declared(owners, histories, names)
    _save_facts(pairs, states, found_runs, io, names)
    names.need_some_version(min(event.at for _, event in pairs))
    _record(changed, pairs)
    now = timezone.now()
    EventState.objects.filter(event__in=rows).update(state=EventState.State.PROJECTED, reason="", projected_at=now)


def _job_names(pairs: Sequence[Pair], states: dict[runs.RunKey, merge.State]) -> set[Name]:
    found = {
        (event.body["job"]["namespace"], event.body["job"]["name"]) for _, event in pairs if event.kind != "dataset"
    }
    for state in states.values():
        parent = merge.fact(state, "parent")
        if parent:
            found.add((parent["namespace"], parent["name"]))
    return found


def _owners(pairs: Sequence[Pair], names: Names) -> list[tuple[str, Q, Job | None]]:
    """Jobs and datasets about which one of these events declares something; the declarations are stored here."""
    found: dict[str, tuple[str, Q, Job | None]] = {}
    for row, event in pairs:
        if event.kind == "run":
            continue
        stated = merge.declaration(event)
        if stated is None:
            continue
        if event.kind == "job":
            job = names.jobs[event.body["job"]["namespace"], event.body["job"]["name"]]
            values: dict[str, Any] = {"job": job}
            found[f"job:{job.pk}"] = (f"job:{job.pk}", Q(job=job), job)
        else:
            target = (event.body["dataset"]["namespace"], event.body["dataset"]["name"])
            names.need_datasets([target])
            dataset = names.datasets[target]
            values = {"dataset": dataset, "is_source": target in stated.without_upstream}
            found[dataset.subject] = (dataset.subject, Q(dataset=dataset), None)
        Declaration.objects.get_or_create(event=row, defaults={**values, "declared_at": event.at})
    return list(found.values())


def _need_all(pairs: Sequence[Pair], states: Any, histories: Any, names: Names) -> None:
    """Find or make every dataset and column that is mentioned, so that nothing that refers to them is lost."""
    events = [event for _, event in pairs]
    mentioned: set[Name] = facts.symlink_names(events)
    for state in states.values():
        mentioned |= runs.dataset_names(state)
    all_edges = [merge.edges(state) for state in states.values()]
    for history in histories.values():
        all_edges += [edges for _, edges in history]
    for edges in all_edges:
        for edge in edges.datasets:
            mentioned |= {edge.source, edge.target}
    for event in events:
        for place in ("inputs", "outputs"):
            mentioned |= {(item["namespace"], item["name"]) for item in event.body.get(place) or []}
        if event.kind == "dataset":
            mentioned.add((event.body["dataset"]["namespace"], event.body["dataset"]["name"]))
    for item in facts.renames(events):
        mentioned |= {item.name, item.other}
    names.need_datasets(mentioned)
    columns: dict[UUID, dict[str, tuple[str, int]]] = defaultdict(dict)
    for name, listed in facts.schema_columns(events):
        owner = names.datasets[name].pk
        for path, kind, ordinal in listed:
            columns[owner].setdefault(path_of(path), (kind, ordinal))
    for edges in all_edges:
        for owner, path in edge_rows.field_names(edges, names):
            columns[owner].setdefault(path, ("", 0))
    names.need_fields(columns)


def _differing(before: Any, after: Any) -> set[UUID]:
    """Targets of the edges that came or went."""
    found = set()
    for table, earlier, later in zip((edge_rows.DATASETS, edge_rows.FIELDS), before, after, strict=True):
        place = table.columns.index("target_id")
        found |= {key[place] for key in earlier ^ later}
    return found


def _save_declared(owners: Sequence[tuple[str, Q, Job | None]], histories: Any, names: Names) -> set[UUID]:
    changed: set[UUID] = set()
    for owner, _, job in owners:
        history: list[tuple[Any, Edges]] = histories[owner]
        condition = Q(job=job) if job else Q(job=None, target=owner.partition(":")[2])
        before = set(edge_rows.Edge.objects.filter(condition, retired_at=None).values_list("source", "target"))
        edge_rows.save_declared_edges(condition, job, history, names)
        after = set(edge_rows.Edge.objects.filter(condition, retired_at=None).values_list("source", "target"))
        changed |= {target for _, target in before ^ after}
    return changed


def _save_facts(pairs: Sequence[Pair], states: Any, found_runs: Any, io: Any, names: Names) -> None:
    subjects: dict[Any, str] = {("dataset", name): row.subject for name, row in names.datasets.items()}
    subjects |= {("job", name): f"job:{row.pk}" for name, row in names.jobs.items()}
    subjects |= {("run", key): f"run:{run.pk}" for key, run in found_runs.items()}
    keys = {run.pk: key for key, run in found_runs.items()}
    called: dict[UUID, list[Name]] = defaultdict(list)
    for name, dataset in names.datasets.items():
        called[dataset.pk].append(name)
    for row in io:
        place = "input" if row.direction == "in" else "output"
        subjects |= {(place, (*keys[row.run_id], name)): f"io:{row.pk}" for name in called[row.dataset_id]}
    facts.save_facets(pairs, subjects)
    events = [event for _, event in pairs]
    facts.save_renames(facts.renames(events), names)
    linked = {
        names.datasets[found.owner].pk
        for event in events
        for found in facts.facets_in(event)
        if (found.place, found.name) == ("dataset", "symlinks")
    }
    facts.save_symlinks(linked, names)
    facts.save_job_types(names.jobs.values())
    _settle_columns({names.datasets[name] for name, _ in facts.schema_columns(events)}, names)


def _settle_columns(datasets: Iterable[Dataset], names: Names) -> None:
    """Types and places of columns follow the newest schema, whichever arrived last."""
    owners = {dataset.pk: dataset for dataset in datasets}
    for owner, columns in facts.winning(owners, "schema").items():
        wanted = [(path_of(path), fitting(kind, TYPE), place) for path, kind, place in columns]
        moved = [column for column in wanted if not names.has_column(owner, *column)]
        if moved:
            ensure_fields(owners[owner], moved)


def _record(changed: set[UUID], pairs: Sequence[Pair]) -> None:
    """One entry per dataset whose origins changed; every judgement that read one of its versions is made again."""
    digests = [row.digest for row, _ in pairs]
    for dataset in Dataset.objects.filter(pk__in=changed).order_by("pk"):
        subjects = version_subjects(dataset)
        for start in range(0, max(1, len(subjects)), SUBJECTS_PER_ENTRY):
            part = subjects[start : start + SUBJECTS_PER_ENTRY]
            record(system("lineage"), "lineage.projected", dataset, data={"events": digests}, changes=part)
    trained = {event.run_id for _, event in pairs if event.kind == "run"}
    spelled = [form for run in sorted(trained) for form in (run, run.replace("-", ""))]
    told = ModelVersion.objects.annotate(run=KeyTextTransform("run_id", "training"))
    for version in told.filter(run__in=spelled) if spelled else ():
        record(system("lineage"), "lineage.run_seen", version, data={"events": digests}, changes=[version])
