"""Tells Django about this app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The accounts app."""

    name = "apps.accounts"

    def ready(self) -> None:
        """Declare the permissions of this app."""
        from apps.accounts import permissions  # noqa: F401
