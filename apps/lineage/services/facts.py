"""Facets, other names and declarations: what events say of things, apart from runs and edges."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count

from apps.lineage import facets, merge, openlineage
from apps.lineage.merge import Name
from apps.lineage.models import Event, Facet, Job, NameAlias
from apps.lineage.services.names import Names

COPY_LIMIT = 100_000
#: facets whose contents may hold secrets or are a producer's debug output: they stay in the event only
IN_EVENT_ONLY = frozenset({"environmentVariables", "spark.logicalPlan", "spark_unknown", "debug"})

UPSERT = """
INSERT INTO lineage_facet (subject, place, name, body, rank, event_id, schema_url, status, note, is_deleted)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::text[],
                     %s::text[], %s::bool[])
ON CONFLICT (subject, place, name) DO UPDATE SET
    body = excluded.body, rank = excluded.rank, event_id = excluded.event_id, schema_url = excluded.schema_url,
    status = excluded.status, note = excluded.note, is_deleted = excluded.is_deleted
WHERE excluded.rank > lineage_facet.rank
"""


@dataclass(frozen=True)
class Found:
    """One facet as found in one event. ``place`` is dataset, input, output, run or job."""

    owner: Any
    place: str
    name: str
    value: dict[str, Any]


def facets_in(event: openlineage.Event) -> Iterator[Found]:
    """Every facet of an event with what it is about: a dataset name, a job name, a run, or a dataset of a run."""
    body = event.body
    if event.kind == "dataset":
        yield from _held(
            (body["dataset"]["namespace"], body["dataset"]["name"]), "dataset", body["dataset"].get("facets")
        )
        return
    job = (body["job"]["namespace"], body["job"]["name"])
    yield from _held(job, "job", body["job"].get("facets"))
    if event.kind == "run":
        yield from _held((event.run_id, job), "run", body["run"].get("facets"))
    for side, place in (("inputs", "input"), ("outputs", "output")):
        for item in body.get(side) or []:
            name = (item["namespace"], item["name"])
            yield from _held(name, "dataset", item.get("facets"))
            if event.kind == "run":
                yield from _held((event.run_id, job, name), place, item.get(f"{place}Facets"))


def _held(owner: Any, place: str, held: dict[str, Any] | None) -> Iterator[Found]:
    for name, value in (held or {}).items():
        yield Found(owner, place, name, value)


def rank_of(event: openlineage.Event) -> str:
    """The event's order as a text that sorts the same way."""
    moment, phase, digest = merge.order_of(event)
    return f"{moment:020d}.{phase}.{digest}"


def save_facets(events: Iterable[tuple[Event, openlineage.Event]], subjects: Mapping[Any, str]) -> None:
    """Keep the highest of each facet. ``subjects`` turns an owner into the subject its facets are filed under."""
    best: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for row, event in events:
        rank = rank_of(event)
        for found in facets_in(event):
            subject = subjects.get((found.place, found.owner))
            if subject is None:
                continue
            key = (subject, found.place, _clean(found.name, 300))
            if key not in best or best[key][1] < rank:
                best[key] = (*_stored(found, rank, row),)
    if best:
        columns = list(zip(*[(*key, *values) for key, values in sorted(best.items())], strict=True))
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, [list(column) for column in columns])


def _stored(found: Found, rank: str, row: Event) -> tuple[Any, ...]:
    status, _, note = facets.interpret(found.place, found.name, found.value)
    body = json.dumps(found.value, ensure_ascii=True, separators=(",", ":"))
    if found.name in IN_EVENT_ONLY:
        body, note = "", "It may hold secrets or debug output and stands only in the event."
    elif len(body) > COPY_LIMIT:
        body, note = "", f"It has {len(body)} characters and stands only in the event."
    is_deleted = found.place in ("dataset", "job") and found.value.get("_deleted") is True
    return body, rank, row.pk, _clean(found.value["_schemaURL"], 1000), status, _clean(note, 300), is_deleted


def _clean(text: str, limit: int) -> str:
    return text.replace("\x00", "\u2400")[:limit]


# ---------- what the winning facets of datasets mean


def winning(owners: Iterable[UUID], name: str, place: str = "dataset") -> dict[UUID, Any]:
    """What the winning facet of this name says of each dataset (or job), where it can be read."""
    subjects = {f"{place}:{owner}": owner for owner in owners}
    rows = Facet.objects.filter(subject__in=subjects, place=place, name=name, status=Facet.Status.OK, is_deleted=False)
    found = {}
    for row in rows.exclude(body=""):
        status, value, _ = facets.interpret(place, name, json.loads(row.body))
        if status == facets.OK:
            found[subjects[row.subject]] = value
    return found


def schema_columns(events: Iterable[openlineage.Event]) -> Iterator[tuple[Name, list[list[Any]]]]:
    """Columns of every readable schema facet."""
    for event in events:
        for found in facets_in(event):
            if found.place == "dataset" and found.name == "schema":
                status, columns, _ = facets.interpret("dataset", "schema", found.value)
                if status == facets.OK and columns:
                    yield found.owner, columns


@dataclass(frozen=True)
class OtherName:
    """A statement that two names are one dataset."""

    name: Name
    other: Name
    kind: str
    type: str
    at: datetime


def renames(events: Iterable[openlineage.Event]) -> Iterator[OtherName]:
    """Renames that the events tell of."""
    for event in events:
        for found in facets_in(event):
            if (found.place, found.name) == ("dataset", "lifecycleStateChange"):
                status, value, _ = facets.interpret("dataset", found.name, found.value)
                if status == facets.OK and value and value["change"] == "RENAME" and "name" in value:
                    before = (value["namespace"], value["name"])
                    if before != found.owner:
                        yield OtherName(found.owner, before, NameAlias.Kind.RENAME, "", event.at)


def symlink_names(events: Iterable[openlineage.Event]) -> set[Name]:
    """Every name that a readable symlinks facet mentions."""
    found_names: set[Name] = set()
    for event in events:
        for found in facets_in(event):
            if (found.place, found.name) == ("dataset", "symlinks"):
                value = facets.interpret("dataset", "symlinks", found.value)[1] or []
                found_names |= {(namespace, name) for namespace, name, _ in value}
    return found_names


def save_renames(stated: Iterable[OtherName], names: Names) -> None:
    """Renames add up: the earliest time of each counts."""
    for item in stated:
        dataset, alias = names.datasets[item.name], names.datasets[item.other]
        row, is_new = NameAlias.objects.get_or_create(
            dataset=dataset, alias=alias, kind=item.kind, defaults={"stated_at": item.at, "type": item.type}
        )
        if not is_new and item.at < row.stated_at:
            row.stated_at = item.at
            row.save(update_fields=["stated_at"])


def save_symlinks(datasets: Iterable[UUID], names: Names) -> None:
    """Symlinks are what the winning facet says; a location that several datasets claim ties none of them."""
    claimed: set[UUID] = set()
    owners = list(datasets)
    subjects = [f"dataset:{owner}" for owner in owners]
    times = {
        row.subject: row.event.event_at
        for row in Facet.objects.filter(subject__in=subjects, place="dataset", name="symlinks").select_related("event")
    }
    said = winning(owners, "symlinks")
    for row in NameAlias.objects.filter(dataset__in=owners, kind=NameAlias.Kind.SYMLINK, undone_at=None):
        targets = {names.datasets[namespace, name].pk for namespace, name, _ in said.get(row.dataset_id, [])}
        if row.alias_id not in targets:
            claimed.add(row.alias_id)
            row.delete()
    for owner, links in said.items():
        for namespace, name, kind in links:
            alias = names.datasets[namespace, name].pk
            if alias == owner:
                continue
            claimed.add(alias)
            values = {"type": kind.upper()[:40], "stated_at": times[f"dataset:{owner}"]}
            row, is_new = NameAlias.objects.get_or_create(
                dataset_id=owner, alias_id=alias, kind=NameAlias.Kind.SYMLINK, defaults=values
            )
            if not is_new and row.undone_at is None:
                NameAlias.objects.filter(pk=row.pk).update(**values)
    _mark_shared(claimed)


def _mark_shared(aliases: Iterable[UUID]) -> None:
    counts = (
        NameAlias.objects.filter(alias__in=list(aliases), kind=NameAlias.Kind.SYMLINK, undone_at=None)
        .values("alias")
        .annotate(claims=Count("dataset", distinct=True))
    )
    for row in counts:
        NameAlias.objects.filter(alias=row["alias"], kind=NameAlias.Kind.SYMLINK).update(is_shared=row["claims"] > 1)


# ---------- jobs


def save_job_types(jobs: Iterable[Job]) -> None:
    """Batch or stream, and who integrates, as the winning facet says."""
    rows = {job.pk: job for job in jobs}
    for owner, said in winning(rows, "jobType", "job").items():
        job = rows[owner]
        wanted = (_clean(said["processing"], 20), _clean(said["integration"], 80))
        if (job.processing, job.integration) != wanted:
            job.processing, job.integration = wanted
            job.save(update_fields=["processing", "integration"])
