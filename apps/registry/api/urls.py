"""Addresses of the registry under /api/v1/."""

from django.urls import path

from apps.registry.api.views import inventory, running, versions

urlpatterns = [
    path("use-cases", inventory.UseCases.as_view({"get": "list", "post": "create"})),
    path("use-cases/<str:name>", inventory.UseCases.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("use-cases/<str:name>/kpis", inventory.UseCases.as_view({"put": "kpis"})),
    path("models", inventory.Models.as_view({"get": "list", "post": "create"})),
    path("models/<str:name>", inventory.Models.as_view({"get": "retrieve"})),
    path("models/<str:name>/owner", inventory.Models.as_view({"put": "owner"})),
    path("models/<str:name>/propose-state", inventory.Models.as_view({"post": "propose_state"})),
    path("models/<str:name>/confirm-state", inventory.Models.as_view({"post": "confirm_state"})),
    path("models/<str:model>/versions", versions.Versions.as_view({"get": "list", "post": "create"})),
    path("models/<str:model>/versions/<str:version>", versions.Versions.as_view({"get": "named"})),
    path("versions", versions.Versions.as_view({"get": "list"})),
    path("versions/<uuid:pk>", versions.Versions.as_view({"get": "retrieve"})),
    path("versions/<uuid:pk>/datasets", versions.VersionDatasets.as_view()),
    path("versions/<uuid:pk>/involvement", versions.VersionInvolvement.as_view()),
    path("datasets/<uuid:pk>/fields", versions.DatasetFields.as_view()),
    path("environments", running.Environments.as_view({"get": "list", "post": "create"})),
    path("environments/<str:name>", running.Environments.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("deployments", running.Deployments.as_view({"get": "list"})),
    path("deployments/<uuid:pk>", running.Deployments.as_view({"get": "retrieve"})),
    path("deployments/<uuid:pk>/started", running.Deployments.as_view({"post": "started"})),
    path("deployments/<uuid:pk>/ended", running.Deployments.as_view({"post": "ended"})),
]
