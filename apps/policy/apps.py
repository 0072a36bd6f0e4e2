"""Tells Django about this app."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """The policy app."""

    name = "apps.policy"

    def ready(self) -> None:
        """Declare the permissions of this app, and how evidence learns which requirements read it."""
        from apps.policy import permissions  # noqa: F401
        from apps.policy.queries import uses  # noqa: F401
