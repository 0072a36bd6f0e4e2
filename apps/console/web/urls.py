"""Addresses of the console."""

from django.urls import path

from apps.console.web import inventory, queue, registering, stewarding, versions, views

app_name = "console"
urlpatterns = [
    path("", views.home, name="home"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("queue/", queue.queue, name="queue"),
    path("search/", views.search, name="search"),
    path("system/", views.system, name="system"),
    path("use-cases/", inventory.use_case_list, name="use-case-list"),
    path("use-cases/new/", registering.use_case_new, name="use-case-new"),
    path("use-cases/<slug:slug>/models/new/", registering.model_new, name="model-new"),
    path("use-cases/<slug:slug>/", inventory.use_case, name="use-case"),
    path("models/", inventory.model_list, name="model-list"),
    path("models/<slug:slug>/", inventory.model, name="model"),
    path("models/<slug:model>/versions/<str:version>/", versions.version, name="version"),
    path("models/<slug:model>/versions/<str:version>/changes/", versions.changes, name="version-changes"),
    path("datasets/", inventory.dataset_list, name="dataset-list"),
    path("datasets/<uuid:dataset>/", inventory.dataset, name="dataset"),
    path("datasets/<uuid:dataset>/columns/", stewarding.columns, name="dataset-columns"),
    path("datasets/<uuid:dataset>/terms/", stewarding.terms, name="dataset-terms"),
    path("datasets/<uuid:dataset>/events/new/", stewarding.event, name="dataset-event"),
    path("jobs/<uuid:job>/", views.job, name="job"),
    path("jobs/<uuid:job>/cancel/", views.job_cancel, name="job-cancel"),
    path("glossary/", views.glossary, name="glossary"),
    path("shortcuts/", views.shortcuts, name="shortcuts"),
    path("tour/", views.tour, name="tour"),
    path("admin/", views.access, name="access"),
]
