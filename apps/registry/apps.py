"""Tells Django about this app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The registry app."""

    name = "apps.registry"
