"""Tells Django about this app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """The evidence app."""

    name = "apps.evidence"

    def ready(self) -> None:
        """Declare the permissions of this app."""
        from apps.evidence import permissions  # noqa: F401
