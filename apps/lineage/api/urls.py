"""Addresses of the lineage API, each with and without a trailing slash: clients differ."""

from __future__ import annotations

from django.urls import re_path

from apps.lineage.api import views

urlpatterns = [
    re_path(r"^lineage/?$", views.Receiver.as_view(), name="lineage-receive"),
    re_path(r"^lineage/batch/?$", views.BatchReceiver.as_view(), name="lineage-receive-batch"),
    re_path(r"^lineage/graph/?$", views.GraphView.as_view(), name="lineage-graph"),
    re_path(r"^lineage/impact/?$", views.ImpactView.as_view(), name="lineage-impact"),
]
