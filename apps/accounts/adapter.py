"""allauth asks here: nobody signs up by themselves, and every sign-in, failure and sign-out is an entry in the log."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts import passwords, services
from apps.accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Our answers to allauth's questions."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by administrators."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Start the session, and say so in the log."""
        super().login(request, user)
        services.record_sign_in(user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Called by allauth when user name and password do not match."""
        super().authentication_failed(request, **credentials)
        services.record_failed_sign_in(str(credentials.get("username", "")))

    def logout(self, request: HttpRequest) -> None:
        """End the session, and say so in the log."""
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            services.record_sign_out(user)

    def clean_password(self, password: str, user: User | None = None) -> str:
        """A changed password is another one, else changing it would change nothing."""
        if user is not None and passwords.was_had(user, password):
            raise ValidationError(_("You have or had this password. Choose another one."))
        return str(super().clean_password(password, user))

    def set_password(self, user: User, password: str) -> None:
        """A person changed their own password; nobody else does it through allauth."""
        former = user.password
        super().set_password(user, password)
        services.record_password_change(user, former=former)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """A deactivated user tried to sign in."""
        services.record_failed_sign_in(user.username)
        return super().respond_user_inactive(request, user)
