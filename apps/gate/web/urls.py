from django.urls import path

from apps.gate.web import views

app_name = "gate"

urlpatterns = [
    path("decisions/", views.decision_list, name="decision-list"),
    path("decisions/<uuid:pk>/", views.decision_detail, name="decision"),
    path("decisions/<uuid:pk>/again/", views.decision_again, name="decision-again"),
    path("versions/<uuid:version>/decisions/", views.version_decisions, name="version-decisions"),
]
