"""Addresses of the workflow's pages."""

from django.urls import path

from apps.workflow.web import views

app_name = "workflow"

urlpatterns = [
    path("reviews/<uuid:pk>/", views.review_detail, name="review-detail"),
    path("reviews/<uuid:pk>/sign-off/", views.sign_off, name="sign-off"),
    path("reviews/<uuid:pk>/request-changes/", views.request_changes, name="request-changes"),
    path("reviews/<uuid:pk>/reject/", views.reject, name="reject"),
    path("reviews/<uuid:pk>/claim/", views.claim, name="claim"),
    path("reviews/<uuid:pk>/move/<slug:key>/", views.move, name="move"),
    path("signatures/<uuid:pk>/", views.receipt, name="receipt"),
    path("versions/<uuid:version>/submit/", views.submit, name="submit"),
    path("versions/<uuid:version>/discussion/", views.discussion, name="discussion"),
    path("versions/<uuid:version>/findings/new/", views.finding_new, name="finding-new"),
    path("findings/", views.finding_list, name="finding-list"),
    path("findings/<uuid:pk>/", views.finding, name="finding"),
]
