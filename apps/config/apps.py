from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "apps.config"
    label = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        from apps.config import celery  # noqa: F401  (importing it here, not in __init__, keeps the bootstrap free of Celery)
