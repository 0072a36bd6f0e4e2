"""Addresses of the lineage API. The documented ones have no trailing slash; the others answer too, because clients differ."""

from __future__ import annotations

from django.urls import path

from apps.lineage.api import views

urlpatterns = [
    path("lineage", views.Receiver.as_view(), name="lineage-receive"),
    path("lineage/batch", views.BatchReceiver.as_view(), name="lineage-receive-batch"),
    path("lineage/graph", views.GraphView.as_view(), name="lineage-graph"),
    path("lineage/impact", views.ImpactView.as_view(), name="lineage-impact"),
    path("lineage/", views.Receiver.as_view(schema=None)),
    path("lineage/batch/", views.BatchReceiver.as_view(schema=None)),
    path("lineage/graph/", views.GraphView.as_view(schema=None)),
    path("lineage/impact/", views.ImpactView.as_view(schema=None)),
]
