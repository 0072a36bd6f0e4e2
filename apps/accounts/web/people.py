"""Pages for administrators: who is here, which role each holds, and the keys of service accounts."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts import rechecks, services
from apps.accounts.models import RoleAssignment, Token, User
from apps.accounts.queries import sees_everything
from apps.accounts.web import views
from apps.accounts.web.forms import PeopleFilter, PersonForm, RoleForm, VerifyForm, end_of_day, show_refusal
from apps.core.errors import NotAllowed, NotFound, ProductError
from apps.core.permissions import refusals

PAGE = 50


def require_reader(user: Any) -> None:
    """The list of people is for who sees everything: administrators, auditors, the second line."""
    if not sees_everything(user):
        raise NotAllowed(_("The list of people is for roles that hold for everything. An administrator grants roles."))


def person_or_404(key: Any) -> User:
    """The account with this id."""
    found: User | None = User.objects.select_related("reports_to", "identity_verified_by").filter(pk=key).first()
    if found is None:
        raise NotFound(_("There is no account with this id."))
    return found


def filtered(form: PeopleFilter) -> Any:
    """Accounts as the filter says, with their current roles fetched at once."""
    wish = form.cleaned_data if form.is_valid() else {}
    roles = RoleAssignment.objects.current().order_by("role")
    rows = User.objects.prefetch_related(Prefetch("assignments", queryset=roles, to_attr="current_roles"))
    if text := wish.get("text"):
        rows = rows.filter(Q(printed_name__icontains=text) | Q(username__icontains=text))
    if role := wish.get("role"):
        rows = rows.filter(pk__in=RoleAssignment.objects.current().filter(role=role).values("user"))
    if kind := wish.get("kind"):
        rows = rows.filter(kind=kind)
    return rows.order_by("printed_name", "username")


@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account, with the roles that hold now."""
    require_reader(request.user)
    form = PeopleFilter(request.GET)
    page = Paginator(filtered(form), PAGE).get_page(request.GET.get("page"))
    why_not = refusals(request.user, "accounts.manage_users")
    due = rechecks.accounts_to_confirm(request.user).count()
    return render(request, "accounts/people.html", {"form": form, "page": page, "why_not": why_not, "due": due})


@login_required
def person(request: HttpRequest, user: Any) -> HttpResponse:
    """One account: roles with who granted them, tokens, identity. Granting a role is done here."""
    require_reader(request.user)
    shown = person_or_404(user)
    form = RoleForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and grant(request, shown, form):
        return redirect("accounts:person", shown.pk)
    context = {
        "person": shown,
        "form": form,
        "roles": shown.assignments.select_related("granted_by", "revoked_by").order_by("revoked_at", "role"),
        "tokens": Token.objects.filter(user=shown).select_related("issued_by")[:50],
        "verify_form": VerifyForm(),
        "obstacle": services.signing_obstacle(shown),
        "why_not": refusals(request.user, "accounts.manage_users"),
        "why_not_verify": refusals(request.user, "accounts.verify_identity", shown),
    }
    return render(request, "accounts/person.html", context, status=422 if form.errors else 200)


def grant(request: HttpRequest, shown: User, form: RoleForm) -> bool:
    """Grant what the form says; False with the refusal in the form when the service says no."""
    wish = {**form.cleaned_data, "ends_at": end_of_day(form.cleaned_data["ends_at"])}
    try:
        assignment = services.grant_role(shown, **wish, actor=request.user)
    except ProductError as refused:
        show_refusal(form, refused)
        return False
    role = assignment.get_role_display()
    messages.success(request, _("%(name)s is now %(role)s.") % {"name": shown, "role": str(role).lower()})
    return True


@login_required
def person_new(request: HttpRequest) -> HttpResponse:
    """Make an account. It can do nothing until it holds a role."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wish = {**form.cleaned_data, "password": form.cleaned_data["password"] or None}
        try:
            made = services.create_user(wish.pop("username"), **wish, actor=request.user)
        except ProductError as refused:
            show_refusal(form, refused)
        else:
            return redirect("accounts:person", made.pk)
    context = {"form": form, "why_not": refusals(request.user, "accounts.manage_users")}
    return render(request, "accounts/person_new.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def role_revoke(request: HttpRequest, assignment: Any) -> HttpResponse:
    """End a role now."""
    found = RoleAssignment.objects.select_related("user").filter(pk=assignment).first()
    if found is None:
        raise NotFound(_("There is no role assignment with this id."))
    services.revoke_role(found, reason=request.POST.get("reason", ""), actor=request.user)
    messages.success(request, _("The role is ended. What was done with it stays."))
    return redirect("accounts:person", found.user_id)


@login_required
@require_POST
def standing(request: HttpRequest, user: Any) -> HttpResponse:
    """Close an account, or open it again."""
    moves = {"deactivate": services.deactivate_user, "reactivate": services.reactivate_user}
    move = moves.get(request.POST.get("move", ""))
    if move is None:
        raise NotFound(_("There is no such change of an account."))
    move(person_or_404(user), reason=request.POST.get("reason", ""), actor=request.user)
    return redirect("accounts:person", user)


@login_required
@require_POST
def verify(request: HttpRequest, user: Any) -> HttpResponse:
    """Say how one made sure who holds an account; it may sign from then on."""
    shown, form = person_or_404(user), VerifyForm(request.POST)
    if form.is_valid():
        services.verify_identity(shown, **form.cleaned_data, actor=request.user)
        messages.success(request, _("The identity is verified. %(name)s may sign.") % {"name": shown})
    else:
        messages.error(request, _("Say how you made sure who this is, and what you saw."))
    return redirect("accounts:person", shown.pk)


@never_cache
@login_required
def person_token(request: HttpRequest, user: Any) -> HttpResponse:
    """A token for a service account, shown once."""
    return views.issue(request, person_or_404(user))
