"""Addresses of the auditor's room under /api/v1/."""

from django.urls import path

from apps.examination.api import views

urlpatterns = [
    path("trace/<str:kind>/<uuid:pk>", views.TraceOf.as_view()),
    path("samples", views.Samples.as_view({"get": "list", "post": "create"})),
    path("samples/<uuid:pk>", views.Samples.as_view({"get": "retrieve"})),
    path("requests", views.InformationRequests.as_view({"get": "list", "post": "create"})),
    path("requests/<uuid:pk>", views.InformationRequests.as_view({"get": "retrieve"})),
    path("requests/<uuid:pk>/answers", views.InformationRequests.as_view({"post": "answer"})),
    path("requests/<uuid:pk>/accept", views.InformationRequests.as_view({"post": "accept"})),
    path("requests/<uuid:pk>/return", views.InformationRequests.as_view({"post": "send_back"})),
    path("readings", views.Readings.as_view({"get": "list"})),
]
