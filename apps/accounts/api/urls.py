"""Addresses of accounts under /api/v1/."""

from django.urls import path

from apps.accounts.api import erasing, identity, views

urlpatterns = [
    path("me", views.Me.as_view()),
    path("me/passkeys", identity.OwnPasskeys.as_view({"get": "list"})),
    path("me/passkeys/<uuid:pk>", identity.OwnPasskeys.as_view({"get": "retrieve"})),
    path("me/passkeys/<uuid:pk>/revoke", identity.OwnPasskeys.as_view({"post": "revoke"})),
    path("users", views.Users.as_view({"get": "list", "post": "create"})),
    path("users/to-confirm", identity.Rechecks.as_view({"get": "list"})),
    path("users/<uuid:pk>/confirm-rights", identity.Rechecks.as_view({"post": "confirm"})),
    path("users/<uuid:pk>", views.Users.as_view({"get": "retrieve"})),
    path("users/<uuid:pk>/deactivate", views.Users.as_view({"post": "deactivate"})),
    path("users/<uuid:pk>/reactivate", views.Users.as_view({"post": "reactivate"})),
    path("users/<uuid:pk>/password", views.Users.as_view({"post": "password"})),
    path("users/<uuid:pk>/verify-identity", identity.Identities.as_view()),
    path("users/<uuid:pk>/reporting-line", views.Users.as_view({"put": "reporting_line"})),
    path("users/<uuid:pk>/erasures", erasing.Erasures.as_view({"post": "create"})),
    path("erasures", erasing.Erasures.as_view({"get": "list"})),
    path("erasures/<uuid:pk>", erasing.Erasures.as_view({"get": "retrieve"})),
    path("erasures/<uuid:pk>/confirm", erasing.Erasures.as_view({"post": "confirm"})),
    path("erasures/<uuid:pk>/decline", erasing.Erasures.as_view({"post": "decline"})),
    path("roles", views.Roles.as_view({"get": "list", "post": "create"})),
    path("roles/<uuid:pk>", views.Roles.as_view({"get": "retrieve"})),
    path("roles/<uuid:pk>/revoke", views.Roles.as_view({"post": "revoke"})),
    path("tokens", views.Tokens.as_view({"get": "list", "post": "create"})),
    path("tokens/<uuid:pk>", views.Tokens.as_view({"get": "retrieve"})),
    path("tokens/<uuid:pk>/revoke", views.Tokens.as_view({"post": "revoke"})),
    path("organisation/facts", views.OrganisationFacts.as_view()),
]
