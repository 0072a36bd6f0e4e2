"""Addresses of the pages of policy."""

from django.urls import path, re_path

from apps.policy.web import views, waivers

app_name = "policy"
urlpatterns = [
    path("policies/", views.policy_list, name="policy-list"),
    path("policies/<slug:slug>/", views.policy, name="policy"),
    path("policies/<slug:slug>/draft/", views.draft, name="draft"),
    path("policies/versions/<uuid:pk>/simulation/", views.simulation, name="simulation"),
    path("policies/versions/<uuid:pk>/", views.policy_version, name="policy-version"),
    path("policies/versions/<uuid:pk>/publish/", views.publish, name="publish"),
    path("policies/frameworks/<slug:slug>/", views.framework, name="framework"),
    path("policies/framework-changes/<uuid:pk>/", views.framework_decide, name="framework-decide"),
    path("use-cases/<slug:slug>/intake/", views.intake, name="intake"),
    path("use-cases/<slug:slug>/tier/", views.tier, name="tier"),
    path("waivers/", waivers.waiver_list, name="waiver-list"),
    path("waivers/<uuid:pk>/", waivers.waiver, name="waiver"),
    re_path(
        r"^waivers/(?P<pk>[0-9a-f-]{36})/(?P<decision>approve|reject|withdraw)/$",
        waivers.waiver_decide,
        name="waiver-decide",
    ),
    path("versions/<uuid:version>/waivers/new/", waivers.waiver_new, name="waiver-new"),
]
