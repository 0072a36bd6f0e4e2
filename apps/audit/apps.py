from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AuditConfig(AppConfig):
    """The log. Every app may keep a `consumers` module (reads the log) and a `verbs` module (words for its entries)."""

    name = "apps.audit"
    label = "audit"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        autodiscover_modules("consumers", "verbs")
