"""Pages of the auditor's room."""

from django.urls import path

from apps.examination.web import views

app_name = "examination"

urlpatterns = [
    path("trace/<str:kind>/<uuid:pk>/", views.trace, name="trace"),
    path("samples/", views.sample_list, name="sample-list"),
    path("samples/new/", views.sample_new, name="sample-new"),
    path("samples/<uuid:pk>/", views.sample, name="sample"),
    path("samples/<uuid:pk>/file.<str:kind>", views.sample_file, name="sample-file"),
    path("requests/", views.request_list, name="request-list"),
    path("requests/new/", views.request_new, name="request-new"),
    path("requests/<uuid:pk>/", views.request_detail, name="request"),
    path("requests/<uuid:pk>/answer/", views.request_answer, name="request-answer"),
    path("requests/<uuid:pk>/<str:verdict>/", views.request_verdict, name="request-verdict"),
    path("readings/", views.readings, name="readings"),
]
