"""What surrounds a request as far as accounts go."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts import passwords
from apps.accounts.queries import roles_read_once
from apps.core.errors import render_error, wants_json

READS = ("GET", "HEAD")
OPEN_PAGES = ("account_change_password", "account_logout", "account_login")


class RolesReadOnce:
    """A request that only reads asks once which roles a person holds; one that writes asks each time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READS:
            return self.get_response(request)
        with roles_read_once():
            return self.get_response(request)


class PasswordAge:
    """Where passwords have an age: a session whose password is past it leads to the page where it is changed, and nowhere else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.PASSWORD_MAX_AGE_DAYS <= 0 or not request.user.is_authenticated:
            return self.get_response(request)
        refused = passwords.refusal(request.user)
        if refused is None or request.path in map(reverse, OPEN_PAGES):
            return self.get_response(request)
        if wants_json(request):
            return render_error(request, refused)
        messages.warning(request, str(refused.detail))
        return redirect("account_change_password")
