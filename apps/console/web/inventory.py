"""Pages of use cases, models and datasets."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.console.queries import datasets as dataset_queries
from apps.console.queries import inventory, versions
from apps.console.queries.paging import keyset
from apps.console.web.forms import DatasetFilter, Filter, ModelFilter, UseCaseFilter
from apps.core import moment
from apps.evidence.presentation import measure_in_words
from apps.policy import packs
from apps.registry import queries as registry
from apps.registry.past import kpis_at
from apps.workflow import queries as workflow


def say_left_out(request: HttpRequest, form: Filter) -> None:
    """Say which filters of the address were not used, because they ask for what is so now."""
    if form.left_out:
        names = ", ".join(form.left_out)
        messages.warning(request, _("Not filtered by %(names)s: that is only known as it is now.") % {"names": names})


@login_required
@moment.shows_past
def use_case_list(request: HttpRequest) -> HttpResponse:
    """Every use case this person may see, now or as they were."""
    at = moment.of(request)
    form = UseCaseFilter(request.GET, at=at)
    say_left_out(request, form)
    page = keyset(inventory.use_cases(request.user, **form.wish, at=at), by=("title", "id"), query=request.GET)
    page = replace(page, rows=inventory.use_case_rows(page.rows, at))
    return render(request, "console/use_case_list.html", {"form": form, "page": page})


@login_required
@moment.shows_past
def use_case(request: HttpRequest, slug: str) -> HttpResponse:
    """Purpose, objective with its measures, people affected, facts, tier with its arithmetic, models, path."""
    at = moment.of(request)
    found = registry.use_case_for(request.user, slug, at=at)
    rows = inventory.model_rows(found.models.select_related("owner", "use_case").order_by("name"), at)
    path = workflow.path_preview(found, at=at)
    context = {
        "use_case": found,
        "kpis": [(kpi, measure_in_words(kpi.measure)) for kpi in kpis_at(found, at)],
        "facts": inventory.fact_areas(found.facts, packs.facts()),
        "arithmetic": found.tier_arithmetic,
        "rows": rows,
        "states": versions.states([row.newest.pk for row in rows if row.newest], at),
        "path": path,
        "path_steps": inventory.path_steps(path),
    }
    return render(request, "console/use_case.html", context)


@login_required
@moment.shows_past
def model_list(request: HttpRequest) -> HttpResponse:
    """Every model this person may see, with its newest version and what runs, now or then."""
    at = moment.of(request)
    form = ModelFilter(request.GET, at=at)
    say_left_out(request, form)
    page = keyset(inventory.models(request.user, **form.wish, at=at), by=("name", "id"), query=request.GET)
    rows = inventory.model_rows(page.rows, at)
    states = versions.states([row.newest.pk for row in rows if row.newest], at)
    return render(request, "console/model_list.html", {"form": form, "page": page, "rows": rows, "states": states})


@login_required
@moment.shows_past
def model(request: HttpRequest, slug: str) -> HttpResponse:
    """One model: its versions and what of it runs where."""
    at = moment.of(request)
    found = registry.model_for(request.user, slug, at=at)
    page = keyset(inventory.versions(found, at), by=("-id",), query=request.GET)
    context = {
        "model": found,
        "page": page,
        "states": versions.states(page.rows, at),
        "running": inventory.running_by_version(found, at),
        "deployments": inventory.running_of(at, version__model=found).get(found.pk, []),
    }
    return render(request, "console/model.html", context)


@login_required
@moment.shows_past
def dataset_list(request: HttpRequest) -> HttpResponse:
    """Every dataset this person may see, with what is known of its columns, now or then."""
    at = moment.of(request)
    form = DatasetFilter(request.GET, at=at)
    say_left_out(request, form)
    page = keyset(dataset_queries.datasets(request.user, **form.wish, at=at), by=("name", "id"), query=request.GET)
    rows = dataset_queries.dataset_rows(page.rows, at)
    return render(request, "console/dataset_list.html", {"form": form, "page": page, "rows": rows})


@login_required
@moment.shows_past
def dataset(request: HttpRequest, dataset: Any) -> HttpResponse:
    """One dataset: terms, columns, states, what happened, and who rests on it."""
    at = moment.of(request)
    found = dataset_queries.dataset(request.user, dataset, at)
    context = {
        "dataset": found,
        "terms_outcome": dataset_queries.terms_outcome(found, timezone.localdate(moment.now())),
        "fields": dataset_queries.fields(found, at),
        "versions": dataset_queries.versions(found, at),
        "events": dataset_queries.events(found, at),
        "hits": dataset_queries.hits(request.user, found, at),
    }
    return render(request, "console/dataset.html", context)
