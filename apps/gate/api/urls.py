from django.urls import path

from apps.gate.api import views
from apps.gate.doors.enforce import Enforce

urlpatterns = [
    path("gate/enforce", Enforce.as_view(), name="gate-enforce"),
    path("gate/decisions", views.Decisions.as_view({"get": "list"}), name="gate-decisions"),
    path("gate/decisions/<uuid:pk>", views.Decisions.as_view({"get": "retrieve"}), name="gate-decision"),
    path("gate/decisions/<uuid:pk>/attestation", views.Attestation.as_view(), name="gate-attestation"),
]
