"""Addresses of policy under /api/v1/."""

from django.urls import path

from apps.policy.api import views

urlpatterns = [
    path("use-cases/<str:name>/facts", views.Facts.as_view()),
    path("use-cases/<str:name>/tier", views.Tier.as_view()),
    path("versions/<uuid:pk>/assessment", views.AssessmentOf.as_view()),
    path("versions/<uuid:pk>/needed-evidence", views.NeededFor.as_view()),
    path("waivers", views.Waivers.as_view({"get": "list", "post": "create"})),
    path("waivers/<uuid:pk>", views.Waivers.as_view({"get": "retrieve"})),
    path("waivers/<uuid:pk>/approve", views.Waivers.as_view({"post": "approve"})),
    path("waivers/<uuid:pk>/reject", views.Waivers.as_view({"post": "reject"})),
    path("waivers/<uuid:pk>/withdraw", views.Waivers.as_view({"post": "withdraw"})),
    path("frameworks", views.Frameworks.as_view()),
    path("frameworks/<slug:slug>", views.FrameworkDetail.as_view()),
    path("framework-changes/<uuid:pk>/confirm", views.FrameworkChanges.as_view({"post": "confirm"})),
    path("framework-changes/<uuid:pk>/reject", views.FrameworkChanges.as_view({"post": "reject"})),
    path("policies", views.Policies.as_view({"get": "list"})),
    path("policies/<slug:slug>", views.Policies.as_view({"get": "retrieve"})),
    path("policies/<slug:slug>/drafts", views.Policies.as_view({"post": "draft"})),
    path("policy-versions/<uuid:pk>", views.PolicyVersions.as_view({"get": "retrieve"})),
    path("policy-versions/<uuid:pk>/simulation", views.PolicyVersions.as_view({"get": "simulation"})),
    path("policy-versions/<uuid:pk>/publish", views.PolicyVersions.as_view({"post": "publish"})),
]
