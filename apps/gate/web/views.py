"""Pages of the gate: the decision log, one decision, the decisions about a version."""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from apps.core import moment
from apps.gate import judging, queries, services
from apps.gate.judging import ALLOWING
from apps.gate.models import Decision
from apps.gate.web.forms import DecisionFilterForm
from apps.registry.queries import version_for, version_header

PAGE = 25
LATER = {"not_applicable", "not_yet_effective"}


@login_required
@require_safe
@moment.shows_past
def decision_list(request: HttpRequest) -> HttpResponse:
    """The log of every question the gate was asked."""
    form = DecisionFilterForm(request.GET or None)
    found = queries.until(queries.decisions_listed(request.user), moment.of(request))
    if form.is_valid():
        found = queries.matching(found, **form.cleaned_data)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "gate/decision_list.html", {"page": page, "form": form, "population": page.paginator.count})


@login_required
@require_safe
@moment.shows_past
def decision_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """One decision: what was asked, which rules were applied to which facts, what would change the answer."""
    decision = get_object_or_404(queries.until(queries.decisions_for(request.user), moment.of(request)), pk=pk)
    return render(request, "gate/decision.html", decision_context(request, decision))


@login_required
@require_safe
def decision_again(request: HttpRequest, pk: str) -> HttpResponse:
    """The same question judged with today's facts and policy, shown and not recorded."""
    decision = get_object_or_404(queries.decisions_for(request.user), pk=pk)
    context = decision_context(request, decision)
    if decision.version and decision.environment:
        context["today"] = services.current_clearance(decision.version, decision.environment)
    return render(request, "gate/decision.html", context)


@login_required
@require_safe
@moment.shows_past
def version_decisions(request: HttpRequest, version: str) -> HttpResponse:
    """The standing answer in each environment, and every question about this version."""
    at = moment.of(request)
    found = version_for(request.user, version, at=at)
    decisions = queries.until(queries.decisions_listed(request.user).filter(version=found), at)
    page = Paginator(decisions, PAGE).get_page(request.GET.get("page"))
    context = {
        "version": found,
        "header": version_header(found, request.user, at=at),
        "tab": "decisions",
        "clearances": queries.clearances_of(found) if at is None else judging.answers_as_at(found, at),
        "page": page,
    }
    return render(request, "gate/version_decisions.html", context)


def decision_context(request: HttpRequest, decision: Decision) -> dict[str, Any]:
    """What the decision page shows."""
    rows = rows_of(decision)
    return {
        "decision": decision,
        "rows": [row for row in rows if row["outcome"] not in LATER],
        "later": [row for row in rows if row["outcome"] in LATER],
        "held": [row for row in rows if row["outcome"] not in {*LATER, "satisfied"}],
        "passed": passed(rows),
        "failing": [row for row in rows if is_failing(row)],
        "advised": [row for row in rows if not is_failing(row) and row["outcome"] not in ALLOWING],
        "entry": queries.entry_of(decision),
        "earlier": earlier_than(decision, request),
        "command": command_for(decision),
        "milliseconds": max(1, round(decision.timing.get("judge_us", 0) / 1000)),
    }


def rows_of(decision: Decision) -> list[dict[str, Any]]:
    """What the decision rests on, requirement by requirement: what held the gate closed first, what does not apply last."""
    rows = judging.requirement_rows(decision)
    return sorted(rows, key=lambda row: (not is_failing(row), row["outcome"] == "not_applicable"))


def earlier_than(decision: Decision, request: HttpRequest) -> Any:
    """The last answers about the same version; none when the version is unknown."""
    if decision.version_id is None:
        return []
    others = queries.decisions_listed(request.user).filter(version=decision.version).exclude(pk=decision.pk)
    return queries.until(others, moment.of(request))[:5]


def passed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules that are met, by the framework they come from."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["outcome"] == "satisfied":
            groups.setdefault(str(row.get("framework") or ""), []).append(row)
    names = queries.rule_families()
    return [{"title": names.get(family) or gettext("Other rules"), "rules": found} for family, found in groups.items()]


def is_failing(row: dict[str, Any]) -> bool:
    """Whether this requirement held the gate closed."""
    return bool(row["is_blocking"]) and row["outcome"] not in ALLOWING


def command_for(decision: Decision) -> str:
    """The `curl` line that asks the same question."""
    question = {
        "subject": {
            "type": decision.subject_given.get("type", "pipeline"),
            "id": decision.subject_given.get("id", "ci"),
        },
        "action": {"name": decision.action},
        "resource": {
            "type": "model_version",
            "id": decision.artifact_digest or str(decision.resource_given.get("id", "")),
        },
        "context": {"environment": decision.environment_given},
    }
    lines = [
        'curl -f -H "Authorization: Bearer $IMPRIMATUR_TOKEN" \\',
        '    -H "Content-Type: application/json" \\',
        f"    -d '{json.dumps(question)}' \\",
        f"    {settings.BASE_URL}/api/v1/gate/enforce",
    ]
    return "\n".join(lines)
