"""Pages about one's own passkeys."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts import passkeys, services
from apps.accounts.passkeys import RelyingParty
from apps.accounts.queries import passkeys_of, signing_session
from apps.accounts.web.forms import PasskeyForm, show_refusal
from apps.core.errors import NotFound, ProductError

STATE = "passkey_enrolment"


@never_cache
@login_required
def passkey_new(request: HttpRequest) -> HttpResponse:
    """Add a passkey: the browser makes the key, the password says that it is yours."""
    party = passkeys.relying_party_of(request)
    form = PasskeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and enrol(request, form, party):
        messages.success(request, _("The passkey is added. You can sign with it from now on."))
        return redirect("accounts:profile")
    context: dict[str, Any] = {"form": form, "obstacle": party.obstacle}
    if not party.obstacle:
        options, request.session[STATE] = passkeys.enrolment(request.user, party)
        context["options"] = json.dumps(options)
    return render(request, "accounts/passkey_new.html", context, status=422 if form.errors else 200)


def enrol(request: HttpRequest, form: PasskeyForm, party: RelyingParty) -> bool:
    """Add what the browser answered; False with the refusal in the form when it cannot be used."""
    state = request.session.pop(STATE, {})
    wish = form.cleaned_data
    try:
        services.enrol_passkey(request.user, **wish, state=state, party=party, session=signing_session(request))
    except ProductError as refused:
        show_refusal(form, refused)
        return False
    return True


@login_required
@require_POST
def passkey_revoke(request: HttpRequest, passkey: Any) -> HttpResponse:
    """End one of one's passkeys."""
    found = passkeys_of(request.user).filter(pk=passkey).first()
    if found is None:
        raise NotFound(_("You have no such passkey."))
    services.revoke_passkey(found, reason=request.POST.get("reason", ""), actor=request.user)
    messages.success(request, _("The passkey signs nothing any more. What it signed keeps holding."))
    return redirect("accounts:profile")
