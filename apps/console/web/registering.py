"""Entering a use case or a model: three things to begin, the rest is asked when the tier needs it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.console.web.entries import ModelForm, UseCaseForm, sent, show_refusal
from apps.core.errors import Conflict, Invalid
from apps.core.permissions import refusals
from apps.registry import queries as registry
from apps.registry import services


@login_required
def use_case_new(request: HttpRequest) -> HttpResponse:
    """Title, purpose and owner; then the intake asks for the facts."""
    form = UseCaseForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_use_case(**form.cleaned_data, actor=request.user)
        except (Invalid, Conflict) as refused:
            show_refusal(form, refused)
        else:
            return redirect("console:use-case", made.slug)
    context = {"form": form, "why_not": refusals(request.user, "registry.create_use_case")}
    return render(request, "console/use_case_new.html", context, status=422 if form.errors else 200)


@login_required
def model_new(request: HttpRequest, slug: str) -> HttpResponse:
    """A name; the versions are registered by the pipeline that trains them."""
    use_case = registry.use_case_for(request.user, slug)
    form = ModelForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_model(use_case, **form.cleaned_data, actor=request.user)
        except (Invalid, Conflict) as refused:
            show_refusal(form, refused)
        else:
            return redirect("console:model", made.slug)
    context = {"form": form, "use_case": use_case, "why_not": refusals(request.user, "registry.create_model", use_case)}
    return render(request, "console/model_new.html", context, status=422 if form.errors else 200)
