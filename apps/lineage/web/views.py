"""The HTML door of lineage: where a version comes from, and the surroundings of any node."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe

from apps.catalog.models import Dataset
from apps.core import moment
from apps.core.errors import ProductError
from apps.lineage import queries
from apps.lineage.drawing import render as draw
from apps.lineage.models import EventState, Job
from apps.lineage.queries.features import Feature, confidence_of
from apps.lineage.queries.picture import MOST_BOXES, version_picture
from apps.lineage.web.forms import FollowForm, GraphForm, followable
from apps.lineage.web.words import graph_words, upstream_words
from apps.registry.queries import version_for, version_header


@login_required
@moment.shows_past
def version(request: HttpRequest, version: UUID) -> HttpResponse:
    """Which column of which table became which feature, and who else is hit when the followed column changes."""
    at = moment.of(request)
    shown = version_for(request.user, version, at=at)
    is_now = request.GET.get("at") == "now"
    closure = queries.upstream(shown, at or (timezone.now() if is_now else None))
    form = FollowForm(request.GET or None, closure=closure)
    followed = _followed(form, closure)
    header = version_header(shown, request.user, at=at)
    context = {"version": shown, "header": header, "tab": "lineage", "is_now": is_now, "form": form, "closure": closure}
    context |= _drawn(closure, queries.feature_lineage(shown, closure), followed) | _hit(request, closure, followed)
    return render(request, "lineage/version.html", context)


def _followed(form: FollowForm, closure: queries.Closure) -> UUID | None:
    """The chosen column; without a choice the first protected or personal one."""
    if form.is_bound and "column" in form.data:
        return UUID(form.chosen) if form.chosen else None
    first = next((row for _, row in followable(closure) if row.is_protected or row.pk in closure.verdicts), None)
    if first is not None:
        form.fields["column"].initial = str(first.pk)
    return first.pk if first else None


def _drawn(closure: queries.Closure, features: list[Feature], followed: UUID | None) -> dict[str, Any]:
    picture = version_picture(closure, features, followed)
    trail = {link.source_row for link in picture.links if link.is_followed and link.target.startswith("version:")}
    sources = sorted(closure.sources.values(), key=lambda source: (source.depth, str(source.dataset)))
    return {
        "features": features,
        "trail": trail,
        "confidence": confidence_of(features),
        "svg": mark_safe(draw(picture)),
        "left_out": max(0, len(closure.sources) - MOST_BOXES),
        "sources": sources,
        "words": upstream_words(sources),
        "joins": sorted({origin.label for item in features for origin in item.influences}),
    }


def _hit(request: HttpRequest, closure: queries.Closure, followed: UUID | None) -> dict[str, Any]:
    """Who is affected when the followed column changes; without one, when the version's own data do."""
    column = closure.fields.get(followed) if followed else None
    if column is not None:
        dataset = closure.sources[closure.names.of(column.dataset_id)].dataset
        node = queries.Node("datasetField", dataset=dataset, field=column)
    elif closure.training_datasets:
        node = queries.Node("dataset", dataset=closure.sources[closure.training_datasets[0]].dataset)
    else:
        return {"impact": None}
    return {"impact": queries.impact(node, user=request.user, as_of=moment.of(request))}


@login_required
def version_csv(request: HttpRequest, version: UUID) -> HttpResponse:
    """The table of features as a file."""
    shown = version_for(request.user, version)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="lineage-{shown.model.slug}-{shown.pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(
        ["feature", "source_namespace", "source_dataset", "source_column", "how", "masked", "basis", "last_seen"]
    )
    for item in queries.feature_lineage(shown):
        places = [[origin.dataset.namespace, origin.dataset.name, origin.path] for origin in item.sources]
        seen = item.last_seen.isoformat() if item.last_seen else ""
        for place in places or [["", "", ""]]:
            row = [item.name, *place, item.how, "yes" if item.masked else "no", item.basis, seen]
            writer.writerow([_harmless(value) for value in row])
    return response


def _harmless(value: str) -> str:
    """A cell that a spreadsheet does not run as a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


@login_required
@moment.shows_past
def graph(request: HttpRequest) -> HttpResponse:
    """The surroundings of a node, or, without one, what there is to look at."""
    form = GraphForm({"direction": "both", "depth": "2", **request.GET.dict()} if request.GET else None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    context: dict[str, Any] = {"form": form, "refusal": "", "found": None}
    if asked.get("node"):
        try:
            context |= _around(request, asked)
        except ProductError as refused:
            context["refusal"] = refused.detail
    if context["found"] is None:
        context |= _start()
    return render(request, "lineage/graph.html", context, status=404 if context["refusal"] else 200)


def _around(request: HttpRequest, asked: dict[str, Any]) -> dict[str, Any]:
    node = queries.find_node(asked["node"], user=request.user)
    as_of = moment.of(request) or (datetime.combine(asked["as_of"], time.max, UTC) if asked.get("as_of") else None)
    depth, direction = int(asked.get("depth") or 2), asked.get("direction") or "both"
    found = queries.graph(node, direction=direction, depth=depth, as_of=as_of, user=request.user)
    impact = queries.impact(node, user=request.user, as_of=as_of)
    return {"node": node, "found": found, "as_of": as_of, "impact": impact, **_tables(found)}


def _tables(found: queries.Graph) -> dict[str, Any]:
    """The drawing and the same as tables."""
    followed = found.root.field.pk if found.root.field else None

    def ends(edge: Any) -> tuple[Dataset, Dataset]:
        return found.datasets[found.names.of(edge.source_id)], found.datasets[found.names.of(edge.target_id)]

    rows = [(edge, *ends(edge)) for edge in found.edges]
    return {
        "svg": mark_safe(queries.drawing(found, followed=followed)),
        "left_out": max(0, len(found.datasets) - MOST_BOXES),
        "steps": [(edge, *ends(edge)) for edge in sorted(found.field_edges, key=lambda edge: edge.source_field.path)],
        "rows": rows,
        "words": graph_words(found),
    }


def _start() -> dict[str, Any]:
    newest = Dataset.objects.order_by("-created_at")[:20]
    states = EventState.objects
    return {
        "newest": [(dataset, queries.dataset_node(dataset)) for dataset in newest],
        "jobs": Job.objects.count(),
        "waiting": states.filter(state=EventState.State.RECEIVED).count(),
        "aside": states.filter(state=EventState.State.QUARANTINED).select_related("event")[:20],
    }
