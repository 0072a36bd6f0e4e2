"""Addresses of the workflow's pages."""

from django.urls import path

from apps.workflow.web import signing, views

app_name = "workflow"

urlpatterns = [
    path("reviews/<uuid:pk>/", views.review_detail, name="review-detail"),
    path("reviews/<uuid:pk>/sign-off/", signing.sign_off, name="sign-off"),
    path("reviews/<uuid:pk>/request-changes/", views.request_changes, name="request-changes"),
    path("reviews/<uuid:pk>/reject/", signing.reject, name="reject"),
    path("reviews/<uuid:pk>/claim/", views.claim, name="claim"),
    path("reviews/<uuid:pk>/move/<slug:key>/", views.move, name="move"),
    path("reviews/<uuid:pk>/passkey/<uuid:challenge>/", signing.passkey, name="passkey"),
    path("signatures/<uuid:pk>/withdraw/", signing.withdraw, name="withdraw-signature"),
    path("signatures/<uuid:pk>/", signing.receipt, name="receipt"),
    path("versions/<uuid:version>/submit/", views.submit, name="submit"),
    path("versions/<uuid:version>/discussion/", views.discussion, name="discussion"),
    path("versions/<uuid:version>/findings/new/", views.finding_new, name="finding-new"),
    path("findings/", views.finding_list, name="finding-list"),
    path("findings/<uuid:pk>/", views.finding, name="finding"),
]
