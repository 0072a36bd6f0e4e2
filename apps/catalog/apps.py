"""Tells Django about this app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The catalog app."""

    name = "apps.catalog"

    def ready(self) -> None:
        """Declare the permissions of this app."""
        from apps.catalog import permissions  # noqa: F401
