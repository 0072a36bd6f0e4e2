"""Pages about one's own account: profile, theme, tokens."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts import services
from apps.accounts.models import Token, User
from apps.accounts.queries import passkeys_of
from apps.accounts.web.forms import TokenForm, end_of_day, show_refusal
from apps.core.errors import NotFound, ProductError

YEAR = 365 * 24 * 3600
DEMO_VISITORS = {"risk", "developer", "auditor"}


def remember(response: HttpResponse, name: str, value: str) -> None:
    """A taste of this browser, kept for a year; nothing secret."""
    response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True)


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Who you are here, how the product looks to you, and your keys."""
    person = request.user
    context = {
        "roles": person.assignments.current().order_by("role"),
        "tokens": Token.objects.filter(user=person).select_related("issued_by")[:50],
        "passkeys": passkeys_of(person),
        "obstacle": services.signing_obstacle(person) if person.is_person else "",
    }
    return render(request, "accounts/profile.html", context)


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or the system's choice; also for the sign-in page of this browser."""
    chosen = request.POST.get("theme", "")
    services.set_theme(request.user, chosen)
    response = redirect("accounts:profile")
    remember(response, "theme", chosen)
    return response


@login_required
@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Keyboard shortcuts on or off in this browser."""
    response = redirect("accounts:profile")
    remember(response, "shortcuts", "on" if request.POST.get("shortcuts") == "on" else "off")
    return response


@never_cache
@login_required
def token_new(request: HttpRequest) -> HttpResponse:
    """A token for oneself. The answer to the form is the only page that ever shows its text."""
    return issue(request, request.user)


def issue(request: HttpRequest, holder: User) -> HttpResponse:
    """The form for a token of `holder`, and the page that shows it once."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wish = {**form.cleaned_data, "expires_at": end_of_day(form.cleaned_data["expires_at"])}
        try:
            issued = services.issue_token(holder, **wish, actor=request.user)
        except ProductError as refused:
            show_refusal(form, refused)
        else:
            return render(request, "accounts/token_issued.html", {"issued": issued, "holder": holder})
    status = 422 if form.errors else 200
    return render(request, "accounts/token_new.html", {"form": form, "holder": holder}, status=status)


@login_required
@require_POST
def token_revoke(request: HttpRequest, token: str) -> HttpResponse:
    """Make a token useless now."""
    found = Token.objects.select_related("user").filter(pk=token).first()
    if found is None:
        raise NotFound(_("There is no token with this id."))
    services.revoke_token(found, reason=request.POST.get("reason", ""), actor=request.user)
    messages.success(request, _("The token %(name)s opens nothing any more.") % {"name": found.name})
    return (
        redirect("accounts:profile") if found.user_id == request.user.pk else redirect("accounts:person", found.user_id)
    )


@login_not_required
@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """One click into the demo, which holds no secret. Elsewhere this address does not exist."""
    username = request.POST.get("username", "")
    visitor = User.objects.active().filter(username=username).first() if username in DEMO_VISITORS else None
    if not settings.DEMO or visitor is None:
        raise NotFound(_("There is nothing at this address."))
    get_adapter(request).login(request, visitor)
    onward = request.POST.get("next", "")
    return redirect(onward if url_has_allowed_host_and_scheme(onward, {request.get_host()}) else "/")
