from django.urls import path

from apps.console.api.views import JobCancel, JobView

urlpatterns = [
    path("jobs/<uuid:pk>", JobView.as_view(), name="job"),
    path("jobs/<uuid:pk>/cancel", JobCancel.as_view(), name="job-cancel"),
]
