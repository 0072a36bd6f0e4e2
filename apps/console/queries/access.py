"""The administrator's task list: what has to be set up, what is done, what cannot start yet."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import Erasure, OrganisationFact, Role, RoleAssignment, Token, User
from apps.accounts.rechecks import confirmed_since, with_confirmations
from apps.catalog.models import Dataset
from apps.gate.models import Decision
from apps.policy.models import Publication
from apps.registry.models import Environment, ModelVersion, UseCase

NEEDED_ROLES = (Role.MODEL_OWNER, Role.VALIDATOR, Role.RISK_OFFICER, Role.AUDITOR)


@dataclass(frozen=True)
class Task:
    """One thing to set up: not_started, attention, done or cannot_start; with the sentence and the page."""

    name: str
    state: str
    sentence: str
    url: str = ""


def tasks() -> list[Task]:
    """The list in the order in which it is done."""
    return [
        _organisation(),
        _people(),
        _rechecks(),
        _erasures(),
        _environments(),
        _policies(),
        _use_cases(),
        _datasets(),
        _pipeline(),
        _sign_in(),
    ]


def _organisation() -> Task:
    answered = OrganisationFact.objects.count()
    if not answered:
        sentence = _("No fact about the organisation is answered; requirements that ask for one stay open.")
        return Task(_("Organisation"), "not_started", sentence, reverse("api-docs"))
    return Task(
        _("Organisation"),
        "done",
        ngettext("%(n)d fact answered.", "%(n)d facts answered.", answered) % {"n": answered},
        reverse("api-docs"),
    )


def _people() -> Task:
    held = set(RoleAssignment.objects.current().values_list("role", flat=True))
    missing = [str(role.label).lower() for role in NEEDED_ROLES if role.value not in held]
    people = User.objects.active().people().count()
    url = reverse("accounts:people")
    if missing:
        return Task(_("People and roles"), "attention", _("Nobody is %(roles)s.") % {"roles": ", ".join(missing)}, url)
    return Task(
        _("People and roles"),
        "done",
        ngettext("%(n)d person, every needed role is held.", "%(n)d people, every needed role is held.", people)
        % {"n": people},
        url,
    )


def _rechecks() -> Task:
    name, url = _("Accounts confirmed"), reverse("accounts:recheck-list")
    if confirmed_since() is None:
        return Task(name, "done", _("Nobody is asked to confirm accounts again."), url)
    due = with_confirmations(User.objects.active()).filter(Q(identity_is_due=True) | Q(rights_are_due=True)).count()
    if due:
        sentence = ngettext("%(n)d account is to be confirmed again.", "%(n)d accounts are to be confirmed again.", due)
        return Task(name, "attention", sentence % {"n": due}, url)
    days = settings.ACCOUNT_RECHECK_DAYS
    return Task(name, "done", _("Every account was confirmed within %(n)d days.") % {"n": days}, url)


def _erasures() -> Task:
    name, url = _("Erasing people"), reverse("accounts:erasure-list")
    waiting = Erasure.objects.filter(state=Erasure.State.OPEN).count()
    if waiting:
        sentence = ngettext(
            "%(n)d request waits for a second person.", "%(n)d requests wait for a second person.", waiting
        )
        return Task(name, "attention", sentence % {"n": waiting}, url)
    return Task(name, "done", _("No request waits for a second person."), url)


def _environments() -> Task:
    rows = list(Environment.objects.order_by("name"))
    url = reverse("api-docs")
    if not any(row.is_production for row in rows):
        return Task(_("Environments"), "not_started", _("No production environment is registered yet."), url)
    lax = [row.name for row in rows if row.is_production and row.mode != Environment.Mode.ENFORCE]
    if lax:
        return Task(
            _("Environments"),
            "attention",
            _("The gate does not enforce in %(names)s.") % {"names": ", ".join(lax)},
            url,
        )
    return Task(_("Environments"), "done", _("%(names)s.") % {"names": ", ".join(row.name for row in rows)}, url)


def _policies() -> Task:
    published = Publication.objects.count()
    url = reverse("policy:policy-list")
    if not published:
        return Task(_("Policies"), "not_started", _("No policy is published; the gate denies everything."), url)
    return Task(
        _("Policies"),
        "done",
        ngettext("%(n)d published version.", "%(n)d published versions.", published) % {"n": published},
        url,
    )


def _use_cases() -> Task:
    rows = UseCase.objects.count()
    open_tiers = UseCase.objects.filter(tier__isnull=True).count()
    url = reverse("console:use-case-list")
    if not rows:
        return Task(
            _("Use cases and models"),
            "not_started",
            _("Nothing is registered yet. Pipelines register by the API."),
            url,
        )
    if open_tiers:
        return Task(
            _("Use cases and models"),
            "attention",
            ngettext("%(n)d use case has no confirmed tier.", "%(n)d use cases have no confirmed tier.", open_tiers)
            % {"n": open_tiers},
            url,
        )
    versions = ModelVersion.objects.count()
    return Task(
        _("Use cases and models"), "done", _("%(n)d use cases, %(m)d versions.") % {"n": rows, "m": versions}, url
    )


def _datasets() -> Task:
    stubs = Dataset.objects.filter(is_governed=False).count()
    url = reverse("console:dataset-list")
    if stubs:
        sentence = ngettext(
            "%(n)d dataset is only known from lineage; nobody answers for it.",
            "%(n)d datasets are only known from lineage; nobody answers for them.",
            stubs,
        ) % {"n": stubs}
        return Task(_("Datasets"), "attention", sentence, f"{url}?standing=ungoverned")
    rows = Dataset.objects.count()
    return Task(
        _("Datasets"),
        "done" if rows else "not_started",
        ngettext("%(n)d governed dataset.", "%(n)d governed datasets.", rows) % {"n": rows},
        url,
    )


def _pipeline() -> Task:
    tokens = Token.objects.usable().filter(user__kind=User.Kind.SERVICE).count()
    if not tokens:
        sentence = _("No service account holds a token yet. Make a service account, give it its role and a token.")
        return Task(_("Pipeline token"), "not_started", sentence, reverse("accounts:people") + "?kind=service")
    first = Decision.objects.order_by("id").first()
    if first is None:
        return Task(
            _("Pipeline token"),
            "attention",
            _("A token exists; the gate was never asked with it."),
            reverse("console:tour"),
        )
    return Task(_("Pipeline token"), "done", _("The gate has been asked."), reverse("gate:decision-list"))


def _sign_in() -> Task:
    if settings.OIDC_ISSUER:
        return Task(_("Single sign-on"), "done", settings.OIDC_ISSUER)
    return Task(
        _("Single sign-on"),
        "not_started",
        _("Local accounts only. Set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET."),
    )
