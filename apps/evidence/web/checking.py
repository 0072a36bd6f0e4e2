"""Pages on which checks are chosen, given their parameters, and started."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.core.permissions import refusals
from apps.evidence import checks, services
from apps.evidence.web.forms import ChecksForm
from apps.evidence.web.parameters import ParametersForm
from apps.evidence.web.views import page
from apps.registry.models import ModelVersion
from apps.registry.queries import version_for


@login_required
def check_new(request: HttpRequest, version: UUID) -> HttpResponse:
    """Choose checks, and then either start them or give their parameters first; the job's page shows how far they are."""
    shown = version_for(request.user, version)
    able = services.able_checks(shown)
    picked = [key for key in able if key in request.GET.getlist("checks")]
    if picked and request.method != "POST":
        return parameters(request, shown, ParametersForm(None, checks=named(picked), version=shown))
    form = ChecksForm(request.POST or None, able=able, initial={"checks": services.required_checks(shown)})
    if request.method == "POST" and form.is_valid():
        return chosen(request, shown, form.cleaned_data["checks"])
    kept = form["checks"].value() or []
    rows = [(check, key in able, key in kept) for key, check in checks.registry().items()]
    response = page(request, "evidence/check_new.html", shown, form=form, rows=rows, why_not=why_not(request, shown))
    response.status_code = 422 if form.errors else 200
    return response


def named(keys: list[str]) -> list[Any]:
    """The checks with these keys."""
    return [checks.registry()[key] for key in keys]


def why_not(request: HttpRequest, version: ModelVersion) -> str:
    """Why this reader may not start checks; empty where they may."""
    return " ".join(refusal.sentence for refusal in refusals(request.user, "evidence.request_checks", version))


def chosen(request: HttpRequest, version: ModelVersion, keys: list[str]) -> HttpResponse:
    """Go to the parameters, or start with those that were given; those that were not have their defaults."""
    if request.POST.get("next") == "parameters":
        address = reverse("evidence:check-new", args=[version.pk])
        return redirect(f"{address}?{urlencode({'checks': keys}, doseq=True)}")
    form = ParametersForm(request.POST, checks=named(keys), version=version)
    if not form.is_valid():
        return parameters(request, version, form, status=422)
    runs = services.request_checks(version, checks=keys, params=form.given(), actor=request.user)
    return redirect("console:job", runs[0].job_id)


def parameters(request: HttpRequest, version: ModelVersion, form: ParametersForm, status: int = 200) -> HttpResponse:
    """The parameters of the checks that were chosen."""
    response = page(request, "evidence/check_parameters.html", version, form=form, why_not=why_not(request, version))
    response.status_code = status
    return response
