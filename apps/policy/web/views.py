"""Pages about policies, frameworks and the intake."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core import moment
from apps.core.errors import Invalid, ProductError
from apps.core.permissions import refusals
from apps.policy import packs, queries, services
from apps.policy.models import Framework, FrameworkChoice, Policy, PolicyVersion, Publication
from apps.policy.web import forms
from apps.policy.web.tables import (
    day_of,
    framework_requirement,
    framework_rows,
    policy_rows,
    requirement_rows,
    tier_terms,
)
from apps.registry.queries import use_case_for


@login_required
@moment.shows_past
def policy_list(request: HttpRequest) -> HttpResponse:
    """Every policy with the version in force, and every framework with whether it is looked at."""
    at = moment.of(request)
    context = {"policies": policy_rows(at), "frameworks": framework_rows(at)}
    return render(request, "policy/policy_list.html", context)


@login_required
@moment.shows_past
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    """The version in force with its requirements, and the drafts."""
    found = get_object_or_404(Policy.objects.select_related("environment"), slug=slug)
    version = queries.policies_in_force(moment.of(request)).get(found.pk)
    return render(request, "policy/policy.html", policy_context(request, found, version))


@login_required
@moment.shows_past
def policy_version(request: HttpRequest, pk: Any) -> HttpResponse:
    """One version of a policy as it is and stays."""
    version = get_object_or_404(PolicyVersion.objects.select_related("policy__environment", "drafted_by"), pk=pk)
    return render(request, "policy/policy.html", policy_context(request, version.policy, version))


def policy_context(request: HttpRequest, found: Policy, version: PolicyVersion | None) -> dict[str, Any]:
    """What the page of a policy shows."""
    at = moment.of(request)
    if at is not None:
        moment.require_there(version or found, at, str(version or found))
    in_force = queries.policies_in_force(at).get(found.pk)
    publication = getattr(version, "publication", None) if version else None
    kept = request.GET.get("framework", "")
    groups = requirement_rows(version, kept) if version else []
    return {
        "policy": found, "version": version, "drafts": queries.drafts(found, at),
        "is_in_force": version is not None and version == in_force,
        "groups": groups, "total": sum(group["count"] for group in groups), "kept": kept, "tier": packs.tier_row(found.tier),
        "refusals": refusals(request.user, "policy.publish_policy", version) if version else [],
        "publication": publication if publication and (at is None or publication.created_at <= at) else None,
    }  # fmt: skip


@login_required
def draft(request: HttpRequest, slug: str) -> HttpResponse:
    """Draft a version with other limits; nothing changes until a second person publishes it."""
    found = get_object_or_404(Policy.objects.select_related("environment"), slug=slug)
    form = forms.DraftForm(house_rules_of(found), request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            version = services.draft_policy(
                found, rules=form.rules(), reason=form.cleaned_data["reason"], actor=request.user
            )
        except ProductError as refused:
            forms.show_refusal(form, refused)
        else:
            return redirect("policy:simulation", pk=version.pk)
    context = {"policy": found, "form": form, "refusals": refusals(request.user, "policy.draft_policy", found)}
    return render(request, "policy/draft.html", context, status=422 if form.errors else 200)


def house_rules_of(found: Policy) -> list[dict[str, Any]]:
    """The house rules of a policy in force, else those that ship."""
    version = queries.policies_in_force().get(found.pk)
    if version is None:
        return packs.house_requirements(found.tier)
    return [row for row in version.body["requirements"] if row["framework"] == packs.HOUSE]


@login_required
def simulation(request: HttpRequest, pk: Any) -> HttpResponse:
    """A version of a policy, tried on the judgements of the last 90 days."""
    version = get_object_or_404(PolicyVersion.objects.select_related("policy__environment", "drafted_by"), pk=pk)
    found = services.simulate(version)
    publication = Publication.objects.filter(policy_version=version).first()
    reasons = refusals(request.user, "policy.publish_policy", version)
    context = {
        "policy": version.policy,
        "version": version,
        "simulation": found,
        "publication": publication,
        "refusals": reasons,
    }
    return render(request, "policy/simulation.html", context)


@login_required
@require_POST
def publish(request: HttpRequest, pk: Any) -> HttpResponse:
    """Put a draft in force now."""
    version = get_object_or_404(PolicyVersion.objects.select_related("policy"), pk=pk)
    if request.POST.get("read") != "on":
        raise Invalid(_("Say that you have read what would change."), code="NOT_READ")
    services.publish_policy(version, actor=request.user, reason=request.POST.get("reason", ""))
    messages.success(request, _("%(version)s is in force.") % {"version": version})
    return redirect("policy:policy", slug=version.policy.slug)


@login_required
@moment.shows_past
def framework(request: HttpRequest, slug: str) -> HttpResponse:
    """A framework with its requirements, and the form to change whether it is looked at."""
    state = next((row for row in queries.framework_states(moment.of(request)) if row.framework.slug == slug), None)
    if state is None:
        raise Http404
    form = forms.FrameworkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.request_framework(slug, **form.cleaned_data, actor=request.user)
        except ProductError as refused:
            forms.show_refusal(form, refused)
        else:
            return redirect("policy:framework", slug=slug)
    return render(
        request, "policy/framework.html", framework_context(request, state, form), status=422 if form.errors else 200
    )


def framework_context(request: HttpRequest, state: queries.ActiveFramework, form: Any) -> dict[str, Any]:
    """What the page of a framework shows."""
    rows: dict[str, list[Any]] = {}
    for row in state.framework.body["requirements"]:
        rows.setdefault(row["group"], []).append(framework_requirement(row))
    groups = [{"title": group["title"], "rows": rows.get(group["id"], [])} for group in state.framework.body["groups"]]
    return {
        "binding": state.framework.binding.replace("_", " "), "as_of": day_of(state.framework.body["framework"]["as_of"]),
        "state": state, "framework": state.framework, "head": state.framework.body["framework"], "groups": groups, "form": form,
        "refusals": refusals(request.user, "policy.request_framework"),
        "confirm_refusals": refusals(request.user, "policy.confirm_framework", state.wish) if state.wish else [],
        "is_law": state.framework.activation == Framework.Activation.AUTOMATIC,
    }  # fmt: skip


@login_required
@require_POST
def framework_decide(request: HttpRequest, pk: Any) -> HttpResponse:
    """A second person confirms or refuses a change."""
    choice = get_object_or_404(FrameworkChoice, pk=pk)
    if request.POST.get("decision") == "confirm":
        published = services.confirm_framework(choice, actor=request.user)
        messages.success(request, _("Confirmed. %(count)d policy versions were published.") % {"count": len(published)})
    else:
        services.reject_framework(choice, actor=request.user, reason=request.POST.get("reason", ""))
    return redirect("policy:framework", slug=choice.slug)


@login_required
def intake(request: HttpRequest, slug: str) -> HttpResponse:
    """The questionnaire, the facts, and the tier that follows with its arithmetic."""
    use_case = use_case_for(request.user, slug)
    form = forms.IntakeForm(use_case, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.answer_facts(use_case, facts=form.facts(), answers=form.answers(), actor=request.user)
        except ProductError as refused:
            forms.show_refusal(form, refused)
        else:
            messages.success(request, _("Answers kept."))
            return redirect("policy:intake", slug=slug)
    return intake_page(request, use_case, form, forms.TierForm(initial={"tier": use_case.proposed_tier}))


def intake_page(request: HttpRequest, use_case: Any, form: Any, tier_form: Any) -> HttpResponse:
    """The page of the intake with these forms."""
    context = {
        "use_case": use_case, "form": form, "tier_form": tier_form, "proposal": services.proposal_for(use_case),
        "unanswered": queries.unanswered_facts(use_case),
        "answer_refusals": refusals(request.user, "registry.answer_facts", use_case),
        "confirm_refusals": refusals(request.user, "registry.confirm_tier", use_case),
        "path": tier_terms(use_case.tier or use_case.proposed_tier),
    }  # fmt: skip
    return render(request, "policy/intake.html", context, status=422 if form.errors or tier_form.errors else 200)


@login_required
@require_POST
def tier(request: HttpRequest, slug: str) -> HttpResponse:
    """A second person confirms the tier."""
    use_case = use_case_for(request.user, slug)
    form = forms.TierForm(request.POST)
    if form.is_valid():
        try:
            services.confirm_tier(use_case, **form.cleaned_data, actor=request.user)
        except ProductError as refused:
            forms.show_refusal(form, refused)
        else:
            messages.success(request, _("Tier confirmed."))
            return redirect("policy:intake", slug=slug)
    return intake_page(request, use_case, forms.IntakeForm(use_case), form)
