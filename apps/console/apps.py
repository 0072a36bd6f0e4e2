"""Console: the pages that mix apps, and nothing else. It has no tables."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Queue, home, search, system, use case, model, version, dataset."""

    name = "apps.console"
    verbose_name = "Console"
