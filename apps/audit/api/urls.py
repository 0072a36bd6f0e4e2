"""Addresses of the log under /api/v1/."""

from django.urls import path

from apps.audit.api import views

urlpatterns = [
    path("audit/entries", views.Entries.as_view({"get": "list"})),
    path("audit/entries/<int:seq>", views.Entries.as_view({"get": "retrieve"})),
    path("audit/entries/<int:seq>/proof", views.EntryProof.as_view()),
    path("audit/tile/<path:name>", views.TileFile.as_view()),
    path("audit/anchors", views.Anchors.as_view({"get": "list"})),
    path("audit/anchors/<int:number>", views.AnchorFile.as_view()),
    path("audit/checkpoint", views.Head.as_view()),
    path("audit/proof/inclusion", views.InclusionProof.as_view()),
    path("audit/proof/consistency", views.ConsistencyProof.as_view()),
]
