"""Addresses of the log's pages."""

from django.urls import path

from apps.audit.web import views

app_name = "audit"
urlpatterns = [
    path("audit/", views.entry_list, name="entry-list"),
    path("audit/export.jsonl", views.export, name="export"),
    path("audit/verify/", views.verify_everything, name="verify"),
    path("audit/<int:seq>/", views.entry_detail, name="entry"),
    path("audit/<int:seq>/proof.zip", views.entry_proof, name="proof"),
    path("audit/<int:seq>/proof.tlog-proof", views.leaf_proof, name="leaf-proof"),
]
