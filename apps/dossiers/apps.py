"""Tells Django about this app."""

from django.apps import AppConfig


class DossiersConfig(AppConfig):
    """Sealed exports and the verifier that travels with them."""

    name = "apps.dossiers"
    label = "dossiers"
    verbose_name = "Dossiers"

    def ready(self) -> None:
        """Declare the permissions of this app."""
        from apps.dossiers import permissions  # noqa: F401
