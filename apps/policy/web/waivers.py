"""Pages about waivers."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core import moment
from apps.core.errors import ProductError
from apps.core.permissions import refusals
from apps.policy import past, queries, services, wording
from apps.policy.models import Waiver
from apps.policy.queries.measured import organisation_day
from apps.policy.services import Judgement, WaiverEffect
from apps.policy.web.forms import ReasonForm, WaiverFilter, WaiverForm, show_refusal
from apps.registry.models import Environment, ModelVersion
from apps.registry.queries import version_for, version_header

PAGE = 50
DECISIONS = {"approve": services.approve_waiver, "reject": services.reject_waiver, "withdraw": services.withdraw_waiver}


@login_required
@moment.shows_past
def waiver_list(request: HttpRequest) -> HttpResponse:
    """Waivers that the reader may see, those that end first before the others."""
    form = WaiverFilter(request.GET or None)
    wish = form.cleaned_data if form.is_valid() else {}
    at = moment.of(request)
    rows = narrowed(queries.waivers_for(request.user), wish.get("state", ""), wish.get("requirement", ""), at)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    page.object_list = [row if at is None else past.waiver_at(row, at) for row in page.object_list]
    for waiver in page.object_list:
        waiver.shown_state = shown_state(waiver)
    return render(request, "policy/waiver_list.html", {"form": form, "page": page, "population": page.paginator.count})


def narrowed(rows: Any, state: str, requirement: str, at: datetime | None = None) -> Any:
    """Only the waivers that are, or were, in this state for requirements with these letters."""
    today = organisation_day(moment.now())
    if at is not None:
        rows = past.waivers_in_state(rows, Waiver.State.GRANTED if state == "ended" else state, at)
        rows = rows.filter(ends_on__lt=today) if state == "ended" else rows
        rows = rows.filter(ends_on__gte=today) if state == Waiver.State.GRANTED else rows
    elif state == "ended":
        rows = rows.filter(state=Waiver.State.GRANTED, ends_on__lt=today)
    elif state == Waiver.State.GRANTED:
        rows = rows.filter(state=state, ends_on__gte=today)
    elif state:
        rows = rows.filter(state=state)
    return rows.filter(requirement_id__icontains=requirement) if requirement else rows


def shown_state(waiver: Waiver) -> str:
    """The state with the time that has passed."""
    return "ended" if waiver.has_ended(organisation_day(moment.now())) else waiver.state


@login_required
def waiver_new(request: HttpRequest, version: Any) -> HttpResponse:
    """Ask for a waiver; what it would change is shown before anything is sent."""
    wanted = version_for(request.user, version)
    place = place_for(request)
    judgement = services.assess(wanted, place) if place else None
    rows = services.waivable(judgement) if judgement else []
    start = {"requirement": request.GET.get("requirement"), "environment": place.slug if place else ""}
    form = WaiverForm(wanted, rows, request.POST if request.method == "POST" else None, start)
    effect = None
    if request.method == "POST" and form.is_valid():
        if request.POST.get("do") == "preview":
            effect = effect_of(wanted, form.cleaned_data)
        elif (waiver := asked(request, wanted, form)) is not None:
            return redirect("policy:waiver", pk=waiver.pk)
    return waiver_new_page(request, wanted, judgement, form, effect)


def place_for(request: HttpRequest) -> Environment | None:
    """The environment that the reader came from, or the production environment."""
    slug = request.POST.get("environment") or request.GET.get("environment") or ""
    rows = Environment.objects.visible_to(request.user)
    found: Environment | None = rows.filter(slug=slug).first() or rows.order_by("-is_production", "slug").first()
    return found


def effect_of(version: ModelVersion, wish: dict[str, Any]) -> list[WaiverEffect]:
    """What the waiver would change, for its environment or for each of them."""
    places = Environment.objects.order_by("-is_production", "name")
    if wish["environment"]:
        places = places.filter(slug=wish["environment"])
    return [
        services.preview_waiver(version, place, requirement=wish["requirement"], ends_on=wish["ends_on"])
        for place in places
    ]


def asked(request: HttpRequest, version: ModelVersion, form: WaiverForm) -> Waiver | None:
    """The waiver that was asked for; None when the service refused and the form says why."""
    wish = dict(form.cleaned_data)
    place = Environment.objects.filter(slug=wish.pop("environment")).first()
    try:
        waiver = services.request_waiver(version, environment=place, **wish, actor=request.user)
    except ProductError as refused:
        show_refusal(form, refused)
        return None
    messages.success(request, _("%(waiver)s is asked for. Somebody else decides.") % {"waiver": waiver.reference})
    return waiver


def waiver_new_page(
    request: HttpRequest, version: ModelVersion, judgement: Judgement | None, form: WaiverForm, effect: Any
) -> HttpResponse:
    """The page with the form."""
    context = {
        "version": version, "header": version_header(version, request.user), "tab": "overview", "form": form, "effect": effect,
        "judgement": judgement, "refusals": refusals(request.user, "policy.request_waiver", version),
    }  # fmt: skip
    return render(request, "policy/waiver_new.html", context, status=422 if form.errors else 200)


@login_required
@moment.shows_past
def waiver(request: HttpRequest, pk: Any) -> HttpResponse:
    """A waiver, what it changes, and the decision about it."""
    found, at = get_object_or_404(queries.waivers_for(request.user), pk=pk), moment.of(request)
    return waiver_page(request, found if at is None else past.waiver_at(found, at), ReasonForm())


def waiver_page(request: HttpRequest, found: Waiver, form: ReasonForm) -> HttpResponse:
    """The page of a waiver with this form."""
    is_open = found.state == Waiver.State.REQUESTED
    wish = {
        "environment": found.environment.slug if found.environment else "",
        "requirement": found.requirement_id,
        "ends_on": found.ends_on,
    }
    context = {
        "waiver": found, "shown_state": shown_state(found), "version": found.version, "form": form, "steps": steps_of(found),
        "effect": effect_of(found.version, wish) if is_open and moment.of(request) is None else [], "is_open": is_open,
        "may_withdraw": found.state in (Waiver.State.REQUESTED, Waiver.State.GRANTED),
        "decide_refusals": refusals(request.user, "policy.decide_waiver", found),
        "withdraw_refusals": refusals(request.user, "policy.withdraw_waiver", found),
    }  # fmt: skip
    return render(request, "policy/waiver.html", context, status=422 if form.errors else 200)


def steps_of(found: Waiver) -> list[dict[str, Any]]:
    """The life of a waiver as a line of steps."""
    state = shown_state(found)
    decided = found.decided_at is not None
    outcome = _("Rejected") if state == "rejected" else _("Granted")
    last = _("Withdrawn") if state == "withdrawn" else _("Ends by itself")
    return [
        {"name": _("Requested"), "who": found.requested_by, "note": wording.day(found.created_at), "state": "done"},
        {"name": outcome, "who": found.decided_by or _("model risk"), "note": wording.day(found.decided_at) if found.decided_at else "",
         "state": "done" if decided else "now" if state == "requested" else "later"},
        {"name": last, "who": found.withdrawn_by or "", "note": wording.day(found.withdrawn_at or found.ends_on),
         "state": "done" if state in ("ended", "withdrawn") else "now" if state == "granted" else "later"},
    ]  # fmt: skip


@login_required
@require_POST
def waiver_decide(request: HttpRequest, pk: Any, decision: str) -> HttpResponse:
    """Grant, refuse or withdraw."""
    found = get_object_or_404(queries.waivers_for(request.user), pk=pk)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            DECISIONS[decision](found, actor=request.user, **form.cleaned_data)
        except ProductError as refused:
            show_refusal(form, refused)
        else:
            return redirect("policy:waiver", pk=pk)
    return waiver_page(request, found, form)
