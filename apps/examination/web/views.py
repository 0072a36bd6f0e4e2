"""Pages of the auditor's room."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.audit import verbs
from apps.core.errors import NotAllowed, NotFound, ProductError
from apps.core.permissions import refusals
from apps.examination import exporting, queries, services, tracing
from apps.examination.models import InformationRequest
from apps.examination.web import forms

PAGE = 25


def why_not(user: Any, permission: str, obj: Any = None) -> str:
    """Why this person may not do something, in a sentence; empty where they may."""
    return " ".join(refusal.sentence for refusal in refusals(user, permission, obj)[:1])


@login_required
@require_safe
def trace(request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
    """From what runs back to why it may, on one page that prints on two."""
    found = tracing.trace_of(kind, pk, user=request.user)
    services.note_reading(found.decision or found.version, about=kind, actor=request.user)
    return render(request, "examination/trace.html", {"trace": found, "version": found.version, "kind": kind, "pk": pk})


@login_required
@require_safe
def sample_list(request: HttpRequest) -> HttpResponse:
    """Samples that were drawn, newest first."""
    page = Paginator(queries.samples_for(request.user), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "why_not": why_not(request.user, "examination.draw_sample")}
    return render(request, "examination/sample_list.html", context)


@login_required
def sample_new(request: HttpRequest) -> HttpResponse:
    """Say what to draw from and draw."""
    form = forms.SampleForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("examination:sample", services.draw_sample(**form.wish, actor=request.user).pk)
        except NotAllowed:
            raise
        except ProductError as refused:
            forms.show_refusal(form, refused)
    context = {"form": form, "why_not": why_not(request.user, "examination.draw_sample")}
    return render(request, "examination/sample_new.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def sample(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One sample: how it was drawn, how much there was, and what was chosen."""
    found = queries.sample_for(request.user, pk)
    again = queries.repetition_of(found) if "again" in request.GET else None
    context = {"sample": found, "lines": queries.lines_of(found), "again": again}
    return render(request, "examination/sample.html", context)


@login_required
@require_safe
def sample_file(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """A sample as a file, told to the log."""
    found = queries.sample_for(request.user, pk)
    if kind not in {"csv", "json"}:
        raise NotFound(_("A sample comes as csv or json."))
    services.note_export(found, kind=kind, actor=request.user)
    headers = {"Content-Disposition": f'attachment; filename="sample-{found.reference}.{kind}"'}
    if kind == "json":
        return JsonResponse(exporting.as_document(found, settings.BASE_URL), headers=headers)
    return HttpResponse(
        exporting.as_csv(found, settings.BASE_URL), content_type="text/csv; charset=utf-8", headers=headers
    )


@login_required
@require_safe
def request_list(request: HttpRequest) -> HttpResponse:
    """What auditors asked for, the nearest day first."""
    form = forms.RequestFilter(request.GET or None)
    rows = queries.requests_for(request.user)
    page = Paginator(queries.requests_in(rows, form.cleaned_data["state"] if form.is_valid() else ""), PAGE).get_page(
        request.GET.get("page")
    )
    overdue = queries.requests_in(rows, "overdue").count()
    context = {"form": form, "page": page, "overdue": overdue, "today": queries.today()}
    return render(
        request, "examination/request_list.html", context | {"why_not": why_not(request.user, "examination.ask")}
    )


@login_required
def request_new(request: HttpRequest) -> HttpResponse:
    """Ask for something."""
    form = forms.RequestForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("examination:request", services.ask(**form.cleaned_data, actor=request.user).pk)
        except NotAllowed:
            raise
        except ProductError as refused:
            forms.show_refusal(form, refused)
    context = {"form": form, "why_not": why_not(request.user, "examination.ask")}
    return render(request, "examination/request_new.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def request_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One request with its answers, and what this person may do about it."""
    return request_page(request, queries.request_for(request.user, pk), forms.AnswerForm())


def request_page(request: HttpRequest, asked: InformationRequest, form: Any) -> HttpResponse:
    """The page of a request with this form."""
    context = {
        "asked": asked, "answers": asked.answers.select_related("by"), "form": form, "verdict": forms.VerdictForm(),
        "is_overdue": asked.is_overdue(queries.today()),
        "why_no_answer": why_not(request.user, "examination.answer", asked),
        "why_no_verdict": why_not(request.user, "examination.accept", asked),
    }  # fmt: skip
    return render(request, "examination/request.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def request_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer a request."""
    asked, form = queries.request_for(request.user, pk), forms.AnswerForm(request.POST)
    if form.is_valid():
        try:
            services.answer(asked, **form.cleaned_data, actor=request.user)
            messages.success(request, _("Answered. The auditor accepts it, or says what is missing."))
            return redirect("examination:request", pk)
        except NotAllowed:
            raise
        except ProductError as refused:
            forms.show_refusal(form, refused)
    return request_page(request, asked, form)


@login_required
@require_POST
def request_verdict(request: HttpRequest, pk: UUID, verdict: str) -> HttpResponse:
    """Accept an answer, or return it with what is missing."""
    acts = {"accept": services.accept_answer, "return": services.return_answer}
    if verdict not in acts:
        raise NotFound(_("An answer is accepted or returned."))
    acts[verdict](queries.request_for(request.user, pk), actor=request.user, reason=request.POST.get("reason", ""))
    return redirect("examination:request", pk)


@login_required
@require_safe
def readings(request: HttpRequest) -> HttpResponse:
    """What one read and downloaded, as the log tells it."""
    page = Paginator(queries.readings(request.user), PAGE * 2).get_page(request.GET.get("page"))
    called = verbs.name_all(entry.subject for entry in page.object_list)
    rows = [
        {"entry": entry, "phrase": verbs.phrase(entry.verb), "name": called[entry.subject], **queries.taken(entry)}
        for entry in page.object_list
    ]
    return render(request, "examination/readings.html", {"page": page, "rows": rows})
