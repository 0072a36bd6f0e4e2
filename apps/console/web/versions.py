"""The page of a version, and the differences between two of them."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.accounts.models import User
from apps.console import comparison
from apps.console.queries import versions as version_queries
from apps.console.queries.judged import judged
from apps.core import moment
from apps.lineage.queries import subjects_read_once
from apps.registry import queries as registry
from apps.registry.models import Environment, ModelVersion
from apps.workflow import queries as workflow


def heading(version: ModelVersion, user: User, standing: Any, turn: Any) -> Any:
    """The head of a version page with its state as the rules find it, at the moment that the page shows."""
    is_yours = bool(turn and turn.is_yours)
    return registry.version_header(version, user, state=standing.state, is_your_turn=is_yours, at=moment.past())


@login_required
@moment.shows_past
def version(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """Ready or not and why, whose turn it is, what it stands against, how far the review is, what it is."""
    at = moment.of(request)
    shown = registry.version_named(request.user, model, version, at=at)
    places = version_queries.environments(request.user, at)
    environment = version_queries.chosen(places, request.GET.get("environment", ""))
    return render(request, "console/version.html", overview(request.user, shown, places, environment, at))


def overview(
    user: Any, shown: ModelVersion, places: list[Environment], environment: Environment | None, at: datetime | None
) -> dict[str, Any]:
    """What the page of a version shows, now or as it was."""
    with subjects_read_once():
        standing = workflow.standing_of(shown, environment=environment, at=at)
        judgement, no_judgement = judged(shown, environment, at)
        panel = workflow.panel(shown, user, environment=environment, standing=standing, judgement=judgement, at=at)
    links = version_queries.dataset_links(shown, at)
    return {
        "version": shown,
        "tab": "overview",
        "header": heading(shown, user, standing, panel.turn),
        "environments": places,
        "environment": environment,
        "panel": panel,
        "standing": standing,
        "links": links,
        "deployments": version_queries.deployments(shown, at),
        "against": version_queries.against(shown, links, at),
        "judgement": judgement,
        "no_judgement": no_judgement,
    }


@login_required
@moment.shows_past
def changes(request: HttpRequest, model: str, version: str) -> HttpResponse:
    """Against the version in production, or the one chosen: only what differs, unless all is asked for; now or then."""
    at = moment.of(request)
    shown = registry.version_named(request.user, model, version, at=at)
    return render(request, "console/version_changes.html", compared_with(request, shown, at))


def compared_with(request: HttpRequest, shown: ModelVersion, at: datetime | None) -> dict[str, Any]:
    """What the page of changes shows, with the other version that the address names."""
    others = version_queries.siblings(shown, at=at)
    other = version_queries.other_version(shown, request.GET.get("with", ""), others, at)
    show_all = "all" in request.GET
    sections = version_queries.compared(shown, other, show_equal=show_all, at=at) if other else []
    standing = workflow.standing_of(shown, at=at)
    return {
        "version": shown,
        "tab": "changes",
        "header": heading(shown, request.user, standing, None),
        "other": other,
        "others": others,
        "sections": sections,
        "show_all": show_all,
        "summary": comparison.summary(sections),
        "equal": sum(part.equal for part in sections),
    }
