from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "apps.config"
    label = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        """Load Celery here, not in `__init__`, so that the bootstrap needs none; and every task, so that each process
        knows on which queue a job goes."""
        from apps.config.celery import app

        app.autodiscover_tasks(force=True)
