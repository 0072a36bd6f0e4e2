"""What a data steward does: declare columns, change terms, report what happened to data and see whom it hits."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.catalog import services as catalog
from apps.console.queries import datasets as queries
from apps.console.web.entries import ColumnForm, EventForm, TermsForm, sent, show_refusal
from apps.core.errors import Invalid
from apps.core.permissions import refusals
from apps.workflow import services as workflow


@login_required
def columns(request: HttpRequest, dataset: Any) -> HttpResponse:
    """What each column holds; only what changed is recorded."""
    shown = queries.dataset(request.user, dataset)
    forms = [ColumnForm(field, sent(request)) for field in queries.fields(shown)]
    if request.method == "POST" and all(form.is_valid() for form in forms):
        changed = [form.declaration for form in forms if form.has_changed() or not form.field.is_declared]
        reason = request.POST.get("reason", "")
        catalog.declare_fields(shown, fields=changed, reason=reason, actor=request.user)
        messages.success(request, _("Declared. Everything that was judged on these columns is judged again."))
        return redirect("console:dataset", shown.pk)
    context = {"dataset": shown, "forms": forms, "why_not": refusals(request.user, "catalog.declare_fields", shown)}
    status = 422 if any(form.errors for form in forms) else 200
    return render(request, "console/dataset_columns.html", context, status=status)


@login_required
def terms(request: HttpRequest, dataset: Any) -> HttpResponse:
    """Terms, permitted purposes and the end date."""
    shown = queries.dataset(request.user, dataset)
    form = TermsForm(sent(request), initial=TermsForm.of(shown))
    if request.method == "POST" and form.is_valid():
        try:
            catalog.change_terms(shown, terms=form.declared, reason=form.cleaned_data["reason"], actor=request.user)
        except Invalid as refused:
            show_refusal(form, refused)
        else:
            return redirect("console:dataset", shown.pk)
    context = {"dataset": shown, "form": form, "why_not": refusals(request.user, "catalog.change_terms", shown)}
    return render(request, "console/dataset_terms.html", context, status=422 if form.errors else 200)


@login_required
def event(request: HttpRequest, dataset: Any) -> HttpResponse:
    """Report what happened; the answer lists whom it hits."""
    shown = queries.dataset(request.user, dataset)
    form = EventForm(queries.fields(shown), sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            outcome = workflow.report_data_event(shown, **form.wish, actor=request.user)
        except Invalid as refused:
            show_refusal(form, refused)
        else:
            return render(request, "console/dataset_event_done.html", {"dataset": shown, "outcome": outcome})
    why_not = refusals(request.user, "workflow.report_data_event", shown)
    context = {"dataset": shown, "form": form, "hits": queries.hits(request.user, shown), "why_not": why_not}
    return render(request, "console/dataset_event.html", context, status=422 if form.errors else 200)
