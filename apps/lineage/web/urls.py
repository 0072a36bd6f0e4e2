"""Addresses of the lineage pages."""

from __future__ import annotations

from django.urls import path

from apps.lineage.web import views

app_name = "lineage"
urlpatterns = [
    path("versions/<uuid:version>/lineage/", views.version, name="version"),
    path("versions/<uuid:version>/lineage.csv", views.version_csv, name="version-csv"),
    path("lineage/", views.graph, name="graph"),
]
