"""Addresses of the evidence pages."""

from django.urls import path

from apps.evidence.web import checking, views

app_name = "evidence"
urlpatterns = [
    path("versions/<uuid:version>/evidence/", views.version_list, name="version-list"),
    path("versions/<uuid:version>/evidence/new/", views.new, name="new"),
    path("versions/<uuid:version>/evidence/tests/", views.tests_new, name="tests-new"),
    path("versions/<uuid:version>/what-if/", views.what_if, name="what-if"),
    path("versions/<uuid:version>/checks/new/", checking.check_new, name="check-new"),
    path("evidence/<uuid:pk>/", views.detail, name="detail"),
    path("evidence/<uuid:pk>/tables/<int:number>.csv", views.table_csv, name="table-csv"),
    path("evidence/<uuid:pk>/files/<str:sha256>/", views.file, name="file"),
    path("evidence/<uuid:pk>/<slug:verb>/", views.mark, name="mark"),
]
