"""Tells Django about this app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """The evidence app."""

    name = "apps.evidence"

    def ready(self) -> None:
        """Declare the permissions of this app, and the queue of its task for processes that only ask for it."""
        from apps.evidence import permissions, tasks  # noqa: F401
