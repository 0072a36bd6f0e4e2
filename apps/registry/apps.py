"""Tells Django about this app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The registry app."""

    name = "apps.registry"

    def ready(self) -> None:
        """Declare the permissions of this app."""
        from apps.registry import permissions  # noqa: F401
