"""Tells Django about this app."""

from django.apps import AppConfig


class ExaminationConfig(AppConfig):
    """The auditor's room: traces, samples with a stored seed, requests with due dates, and what was read."""

    name = "apps.examination"
    label = "examination"
    verbose_name = "Examination"

    def ready(self) -> None:
        """Declare the permissions of this app."""
        from apps.examination import permissions  # noqa: F401
