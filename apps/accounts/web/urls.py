"""Addresses of the pages about accounts. Sign-in itself is allauth's."""

from django.urls import path

from apps.accounts.web import erasing, passkeys, people, rechecking, views

app_name = "accounts"
urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("profile/theme/", views.theme, name="theme"),
    path("profile/shortcuts/", views.shortcuts, name="shortcuts"),
    path("profile/tokens/new/", views.token_new, name="token-new"),
    path("profile/passkeys/new/", passkeys.passkey_new, name="passkey-new"),
    path("profile/passkeys/<uuid:passkey>/revoke/", passkeys.passkey_revoke, name="passkey-revoke"),
    path("tokens/<uuid:token>/revoke/", views.token_revoke, name="token-revoke"),
    path("demo/sign-in/", views.demo_sign_in, name="demo-sign-in"),
    path("admin/people/", people.people, name="people"),
    path("admin/people/new/", people.person_new, name="person-new"),
    path("admin/people/<uuid:user>/", people.person, name="person"),
    path("admin/people/<uuid:user>/confirm/", rechecking.recheck, name="recheck"),
    path("admin/accounts-to-confirm/", rechecking.recheck_list, name="recheck-list"),
    path("admin/people/<uuid:user>/erase/", erasing.erasure_new, name="erasure-new"),
    path("admin/erasures/", erasing.erasure_list, name="erasure-list"),
    path("admin/erasures/<uuid:erasure>/", erasing.erasure, name="erasure"),
    path("admin/erasures/<uuid:erasure>/decline/", erasing.erasure_decline, name="erasure-decline"),
    path("admin/people/<uuid:user>/standing/", people.standing, name="standing"),
    path("admin/people/<uuid:user>/verify/", people.verify, name="verify"),
    path("admin/people/<uuid:user>/tokens/new/", people.person_token, name="person-token"),
    path("admin/roles/<uuid:assignment>/revoke/", people.role_revoke, name="role-revoke"),
]
