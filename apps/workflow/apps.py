"""Tells Django about this app."""

from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    """The workflow app."""

    name = "apps.workflow"
