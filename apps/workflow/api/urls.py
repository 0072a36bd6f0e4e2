"""Addresses of the workflow under /api/v1/."""

from django.urls import path

from apps.workflow.api import signing, views

Reviews, Findings, Moves, Signing = views.Reviews, views.Findings, views.VersionMoves, signing.Signing

urlpatterns = [
    path("reviews", Reviews.as_view({"get": "list"})),
    path("reviews/<uuid:pk>", Reviews.as_view({"get": "retrieve"})),
    path("reviews/<uuid:pk>/sign-offs", Signing.as_view({"post": "sign_offs"})),
    path("reviews/<uuid:pk>/sign-offs/prepare", Signing.as_view({"post": "prepare"})),
    path("reviews/<uuid:pk>/sign-offs/<uuid:signature>", Signing.as_view({"get": "signature"})),
    path("reviews/<uuid:pk>/withdraw-signature", Signing.as_view({"post": "withdraw"})),
    path("reviews/<uuid:pk>/withdraw-signature/prepare", Signing.as_view({"post": "prepare_withdrawal"})),
    path("reviews/<uuid:pk>/request-changes", Reviews.as_view({"post": "request_changes"})),
    path("reviews/<uuid:pk>/reject", Signing.as_view({"post": "reject"})),
    path("reviews/<uuid:pk>/withdraw", Reviews.as_view({"post": "withdraw"})),
    path("reviews/<uuid:pk>/claim", Reviews.as_view({"post": "claim"})),
    path("reviews/<uuid:pk>/findings", Reviews.as_view({"post": "findings"})),
    path("reviews/<uuid:pk>/comments", Reviews.as_view({"post": "comments"})),
    path("findings", Findings.as_view({"get": "list"})),
    path("findings/<uuid:pk>", Findings.as_view({"get": "retrieve"})),
    path("findings/<uuid:pk>/answer", Findings.as_view({"post": "answer"})),
    path("findings/<uuid:pk>/close", Findings.as_view({"post": "close"})),
    path("findings/<uuid:pk>/return", Findings.as_view({"post": "hand_back"})),
    path("versions/<uuid:pk>/submit", Moves.as_view({"post": "submit"})),
    path("versions/<uuid:pk>/suspend", Moves.as_view({"post": "suspend"})),
    path("versions/<uuid:pk>/revoke", Moves.as_view({"post": "revoke"})),
    path("versions/<uuid:pk>/reinstate", Moves.as_view({"post": "reinstate"})),
    path("versions/<uuid:version>/comments", views.VersionComments.as_view({"get": "list"})),
    path("versions/<uuid:version>/comments/<uuid:pk>", views.VersionComments.as_view({"get": "retrieve"})),
    path("datasets/<uuid:pk>/events", views.DatasetEvents.as_view()),
]
