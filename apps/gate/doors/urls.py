from django.urls import path

from apps.gate.doors import authzen

urlpatterns = [
    path("access/v1/evaluation", authzen.Evaluation.as_view(), name="access-evaluation"),
    path("access/v1/evaluations", authzen.Evaluations.as_view(), name="access-evaluations"),
    path(".well-known/authzen-configuration", authzen.configuration, name="authzen-configuration"),
]
