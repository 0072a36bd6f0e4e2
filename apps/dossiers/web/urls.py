"""Pages of dossiers."""

from django.urls import path

from apps.dossiers.web import views

app_name = "dossiers"

urlpatterns = [
    path("dossiers/", views.dossier_list, name="dossier-list"),
    path("dossiers/trust/", views.trust, name="trust"),
    path("dossiers/<uuid:pk>/", views.dossier_detail, name="dossier"),
    path("dossiers/<uuid:pk>/word/", views.word, name="word"),
    path("dossiers/<uuid:pk>/docx/", views.docx, name="docx"),
    path("dossiers/<uuid:pk>/pdf/", views.pdf, name="pdf"),
    path("dossiers/<uuid:pk>/bundle/", views.bundle, name="bundle"),
    path("versions/<uuid:version>/dossiers/new/", views.dossier_new, name="dossier-new"),
]
