"""Addresses of dossiers under /api/v1/."""

from django.urls import path

from apps.dossiers.api import views

urlpatterns = [
    path("versions/<uuid:pk>/dossiers", views.VersionDossiers.as_view({"get": "list", "post": "create"})),
    path("dossiers", views.Dossiers.as_view({"get": "list"})),
    path("dossiers/trust", views.Trust.as_view()),
    path("dossiers/<uuid:pk>", views.Dossiers.as_view({"get": "retrieve"})),
    path("dossiers/<uuid:pk>/word", views.DossierWord.as_view()),
    path("dossiers/<uuid:pk>/docx", views.DossierFile.as_view(kind="docx")),
    path("dossiers/<uuid:pk>/pdf", views.DossierFile.as_view(kind="pdf")),
    path("dossiers/<uuid:pk>/bundle", views.DossierFile.as_view(kind="bundle")),
]
