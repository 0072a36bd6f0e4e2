"""The Celery application. Imported by `ConfigConfig.ready`, so `current_app` is this one in every process."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings")

TRANSPORT_ALIASES["filesystem"] = "apps.config.broker:Transport"

app = Celery("imprimatur")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
