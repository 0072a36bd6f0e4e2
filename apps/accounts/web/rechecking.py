"""Pages on which accounts are confirmed again: which are due, and one with the roles that are confirmed."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.accounts import rechecks, services
from apps.accounts.models import User
from apps.accounts.web.forms import ConfirmForm, VerifyForm, show_refusal
from apps.accounts.web.people import PAGE, person_or_404, require_reader
from apps.core.errors import ProductError
from apps.core.permissions import refusals


@login_required
def recheck_list(request: HttpRequest) -> HttpResponse:
    """Accounts whose identity or roles nobody confirmed for long, the longest first."""
    require_reader(request.user)
    rows = rechecks.accounts_to_confirm(request.user).order_by("quiet_since", "username")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "days": settings.ACCOUNT_RECHECK_DAYS, "since": rechecks.confirmed_since()}
    return render(request, "accounts/recheck_list.html", context)


@login_required
def recheck(request: HttpRequest, user: Any) -> HttpResponse:
    """One account with what it may do now. Confirming says that it is still needed like that."""
    require_reader(request.user)
    shown = person_or_404(user)
    form = ConfirmForm(request.POST or None, initial={"seen": ", ".join(rechecks.rights_of(shown))})
    if request.method == "POST" and form.is_valid() and confirm(request, shown, form):
        return redirect("accounts:recheck-list")
    context = {
        "person": rechecks.with_confirmations(User.objects.select_related("rights_confirmed_by")).get(pk=shown.pk),
        "form": form,
        "roles": shown.assignments.current().select_related("granted_by").order_by("role"),
        "verify_form": VerifyForm(),
        "why_not": refusals(request.user, "accounts.confirm_rights", shown),
        "why_not_verify": refusals(request.user, "accounts.verify_identity", shown),
    }
    return render(request, "accounts/recheck.html", context, status=422 if form.errors else 200)


def confirm(request: HttpRequest, shown: User, form: ConfirmForm) -> bool:
    """Confirm what the form showed; False with the refusal in the form when the service says no."""
    seen, reason = form.cleaned_data["seen"], form.cleaned_data["reason"]
    try:
        services.confirm_rights(shown, seen=seen.split(", ") if seen else [], reason=reason, actor=request.user)
    except ProductError as refused:
        show_refusal(form, refused)
        form.data = {**request.POST.dict(), "seen": ", ".join(rechecks.rights_of(shown))}
        return False
    messages.success(request, _("The roles of %(name)s are confirmed.") % {"name": shown})
    return True
