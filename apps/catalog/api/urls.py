"""Addresses of the catalog under /api/v1/."""

from django.urls import path

from apps.catalog.api import views

urlpatterns = [
    path("datasets", views.Datasets.as_view({"get": "list", "post": "create"})),
    path("datasets/<uuid:pk>", views.Datasets.as_view({"get": "retrieve"})),
    path("datasets/<uuid:pk>/terms", views.Datasets.as_view({"put": "terms"})),
    path("datasets/<uuid:dataset>/versions", views.DatasetVersions.as_view({"get": "list", "post": "create"})),
    path("datasets/<uuid:dataset>/versions/<uuid:pk>", views.DatasetVersions.as_view({"get": "retrieve"})),
]
