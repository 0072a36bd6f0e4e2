"""Every address of the product. An app has a web door, an API door, both or neither; a door that exists is mounted."""

from importlib.util import find_spec

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView

from apps.config import health

handler400 = "apps.core.errors.bad_request"
handler404 = "apps.core.errors.page_not_found"
handler500 = "apps.core.errors.server_error"

OURS = [config.name for config in apps.get_app_configs() if config.name.startswith("apps.")]


def doors(room: str) -> list[str]:
    """The URL modules of one room ("web.urls", "api.urls", "doors.urls") of every app that has it."""
    folder = room.split(".")[0]
    return [f"{name}.{room}" for name in OURS if find_spec(f"{name}.{folder}") and find_spec(f"{name}.{room}")]


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("api/redoc/", SpectacularRedocView.as_view(url_name="schema"), name="api-redoc"),
    *(path("api/v1/", include(module)) for module in doors("api.urls")),
    *(path("", include(module)) for module in doors("doors.urls")),
    *(path("", include(module)) for module in doors("web.urls")),
]
