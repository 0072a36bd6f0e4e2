"""Pages of dossiers: the list, asking for one, following it, taking it away."""

import hashlib
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.audit import queries as audit
from apps.core.errors import ProductError
from apps.core.permissions import refusals
from apps.dossiers import queries, services
from apps.dossiers.downloads import handed_out
from apps.dossiers.web import outline
from apps.dossiers.web.forms import DossierForm
from apps.registry.queries import version_for, version_header

PAGE = 25
EARLIER = 5


@login_required
@require_safe
def dossier_list(request: HttpRequest) -> HttpResponse:
    """Every dossier the reader may see, and how any of them is verified."""
    page = Paginator(queries.dossiers_for(request.user), PAGE).get_page(request.GET.get("page"))
    return render(request, "dossiers/dossier_list.html", {"page": page, "population": page.paginator.count})


@login_required
def dossier_new(request: HttpRequest, version: UUID) -> HttpResponse:
    """What goes in, and the choice of order."""
    shown = version_for(request.user, version)
    form = DossierForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(
                "dossiers:dossier", pk=services.request_dossier(shown, actor=request.user, **form.cleaned_data).pk
            )
        except ProductError as refused:
            form.add_error(None, refused.detail)
    reasons = [refusal.sentence for refusal in refusals(request.user, "dossiers.request", shown)]
    return render(request, "dossiers/dossier_new.html", {
        "version": shown, "header": version_header(shown, request.user), "form": form, "parts": outline.parts_of(shown),
        "earlier": queries.dossiers_of(shown)[:EARLIER], "why_not": " ".join(reasons),
    })  # fmt: skip


@login_required
@require_safe
def dossier_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How far it is; once issued, its digests, its place in the log, its files, and how to verify them."""
    dossier = queries.dossier_for(request.user, pk)
    entries = outline.lines_of(audit.entries_for(dossier))
    fingerprint = hashlib.sha256(services.trust_file()).hexdigest() if dossier.is_ready else ""
    return render(request, "dossiers/dossier.html", {
        "dossier": dossier, "issue": getattr(dossier, "issue", None), "entries": entries, "fingerprint": fingerprint,
        "stages": outline.stages_of(dossier),
    })  # fmt: skip


@login_required
@require_safe
def pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The sealed PDF as a download."""
    return handed_out(queries.dossier_for(request.user, pk), kind="pdf", actor=request.user)


@login_required
@require_POST
def word(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for the content as a Word document."""
    services.request_word(queries.dossier_for(request.user, pk), actor=request.user)
    return redirect("dossiers:dossier", pk=pk)


@login_required
@require_safe
def docx(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The Word document as a download."""
    return handed_out(queries.dossier_for(request.user, pk), kind="docx", actor=request.user)


@login_required
@require_safe
def bundle(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The bundle as a download."""
    return handed_out(queries.dossier_for(request.user, pk), kind="bundle", actor=request.user)


@login_required
@require_safe
def trust(request: HttpRequest) -> HttpResponse:
    """The trust file as a download: public keys and certificates."""
    answer = HttpResponse(services.trust_file(), content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="trust.json"'
    return answer
