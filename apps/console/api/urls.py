from django.urls import path

from apps.console.api.changes import Changes
from apps.console.api.views import JobCancel, JobView

urlpatterns = [
    path("versions/<uuid:pk>/changes", Changes.as_view(), name="version-changes"),
    path("jobs/<uuid:pk>", JobView.as_view(), name="job"),
    path("jobs/<uuid:pk>/cancel", JobCancel.as_view(), name="job-cancel"),
]
