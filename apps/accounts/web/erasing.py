"""Pages on which two people erase a third: what would go and what stays, the request, and the second person's answer."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.accounts import erasures, services
from apps.accounts.models import Erasure, User
from apps.accounts.web.forms import ErasureForm, ReasonForm, UsernameForm, show_refusal
from apps.accounts.web.people import PAGE, person_or_404, require_reader
from apps.core.errors import ProductError
from apps.core.permissions import refusals


@login_required
def erasure_list(request: HttpRequest) -> HttpResponse:
    """Requests to erase somebody, the newest first; and the way to a new one."""
    require_reader(request.user)
    form = UsernameForm(request.GET or None)
    if form.is_bound and form.is_valid():
        found = User.objects.filter(username__iexact=form.cleaned_data["username"]).first()
        if found is not None:
            return redirect("accounts:erasure-new", found.pk)
        form.add_error("username", _("There is no account with this user name."))
    page = Paginator(erasures.erasures_for(request.user), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "form": form, "why_not": refusals(request.user, "accounts.erase_person", User())}
    return render(request, "accounts/erasure_list.html", context)


@login_required
def erasure_new(request: HttpRequest, user: Any) -> HttpResponse:
    """What erasing this person would do, and the request for it. Nothing is erased yet."""
    require_reader(request.user)
    shown = person_or_404(user)
    form = ErasureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.request_erasure(shown, **form.cleaned_data, actor=request.user)
        except ProductError as refused:
            show_refusal(form, refused)
        else:
            return redirect("accounts:erasure", made.pk)
    why_not = refusals(request.user, "accounts.erase_person", shown)
    context = {"person": shown, "preview": erasures.preview(shown), "form": form, "why_not": why_not}
    return render(request, "accounts/erasure_new.html", context, status=422 if form.errors else 200)


@login_required
def erasure(request: HttpRequest, erasure: Any) -> HttpResponse:
    """One request; the second person confirms it here by typing the user name."""
    require_reader(request.user)
    shown = erasures.erasure_for(request.user, erasure)
    form = UsernameForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and answered(request, shown, form, "confirm"):
        return redirect("accounts:erasure", shown.pk)
    return page(request, shown, form, ReasonForm())


@login_required
def erasure_decline(request: HttpRequest, erasure: Any) -> HttpResponse:
    """Say no to a request, or take back one's own."""
    require_reader(request.user)
    shown = erasures.erasure_for(request.user, erasure)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and answered(request, shown, form, "decline"):
        return redirect("accounts:erasure", shown.pk)
    return page(request, shown, UsernameForm(), form)


def answered(request: HttpRequest, shown: Erasure, form: Any, move: str) -> bool:
    """Whether the service did what the second person answered; its refusal is in the form otherwise."""
    moves: dict[str, Any] = {"confirm": services.confirm_erasure, "decline": services.decline_erasure}
    try:
        decided = moves[move](shown, **form.cleaned_data, actor=request.user)
    except ProductError as refused:
        show_refusal(form, refused)
        return False
    said = {
        "confirm": _("The name is erased. Every digest, signature and proof holds as before."),
        "decline": _("The request is declined. Nobody was erased."),
    }
    messages.success(request, f"{said[move]} ({decided.person})")
    return True


def page(request: HttpRequest, shown: Erasure, form: UsernameForm, decline: ReasonForm) -> HttpResponse:
    """The page of a request with both answers."""
    context = {
        "erasure": shown,
        "person": shown.person,
        "preview": erasures.preview(shown.person),
        "form": form,
        "decline": decline,
        "why_not": services.confirmation_refusals(shown, request.user),
        "why_not_decline": refusals(request.user, "accounts.decline_erasure", shown.person),
    }
    return render(request, "accounts/erasure.html", context, status=422 if form.errors or decline.errors else 200)
