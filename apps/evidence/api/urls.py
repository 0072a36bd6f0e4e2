"""Addresses of evidence under /api/v1/."""

from django.urls import path

from apps.evidence.api import views

urlpatterns = [
    path("versions/<uuid:pk>/checks", views.VersionChecks.as_view()),
    path("versions/<uuid:pk>/evidence", views.VersionEvidence.as_view({"get": "list", "post": "create"})),
    path("versions/<uuid:pk>/tests", views.VersionTests.as_view()),
    path("versions/<uuid:pk>/documents", views.VersionDocuments.as_view({"get": "list", "post": "create"})),
    path("evidence/<uuid:pk>", views.OneEvidence.as_view()),
    path("evidence/<uuid:pk>/files/<str:sha256>", views.EvidenceFile.as_view()),
    path("evidence/<uuid:pk>/accept", views.MarkView.as_view(verb="accept")),
    path("evidence/<uuid:pk>/flag", views.MarkView.as_view(verb="flag")),
    path("evidence/<uuid:pk>/withdraw", views.MarkView.as_view(verb="withdraw")),
    path("evidence-types", views.EvidenceTypes.as_view()),
    path("checks", views.CheckList.as_view()),
]
