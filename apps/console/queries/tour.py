"""Five things to try, each leading to the object that the demo prepared, or to where one finds it."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.console.queries.search import version_hit
from apps.gate.models import Decision, Outcome
from apps.registry.models import Environment, ModelVersion
from apps.workflow import lifecycle
from apps.workflow.models import Review


def address(name: str, *parts: Any) -> str:
    """The address of a page, empty where the app that has it is not installed."""
    try:
        return reverse(name, args=parts)
    except NoReverseMatch:
        return ""


@dataclass(frozen=True)
class Try:
    """One thing to try: what, why it is worth it, where, and a command where one is needed."""

    title: str
    text: str
    url: str
    link: str
    command: str = ""


def five_things(user: User) -> list[Try]:
    """The list, with addresses of what is there."""
    waiting = (
        Review.objects.visible_to(user).filter(state__in=lifecycle.SIGNING).select_related("version__model__use_case")
    )
    review = waiting.order_by("due_on").first()
    denied = (
        Decision.objects.visible_to(user).filter(outcome=Outcome.DENY, version__isnull=False).order_by("-id").first()
    )
    newest = ModelVersion.objects.visible_to(user).select_related("model__use_case").order_by("-id").first()
    version = review.version if review else newest
    where = Environment.objects.order_by("-is_production", "name").first()
    return [_decide(review), _deny(denied, newest, where), _follow(version), _change(), _prove()]


def _decide(review: Review | None) -> Try:
    text = _("The page says what is met, what is not, and whose turn it is. Sign, or ask for changes.")
    if review is None:
        return Try(_("Decide on a version"), text, address("console:queue"), _("Open the queue"))
    hit = version_hit(review.version)
    return Try(_("Decide on a version"), text, hit.url, _("Open %(name)s") % {"name": hit.name})


def _deny(denied: Decision | None, version: ModelVersion | None, where: Environment | None) -> Try:
    text = _("A pipeline asks with the digest of the bytes; the answer is a sentence with the values and the way out.")
    url = address("gate:decision", denied.pk) if denied else address("gate:decision-list")
    link = _("Read a denial") if denied else _("Open the gate decisions")
    command = ""
    if version is not None and where is not None:
        body = (
            '{"subject": {"type": "service", "id": "me"}, "action": {"name": "deploy"}, "resource": {"type": "artifact", '
            f'"id": "{version.artifact_digest}"}}, "context": {{"environment": "{where.slug}"}}}}'
        )
        head = '-H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
        command = f"curl -f {head} -d '{body}' {settings.BASE_URL}/api/v1/gate/enforce"
    return Try(_("Ask the gate as a pipeline does"), text, url, link, command)


def _follow(version: ModelVersion | None) -> Try:
    text = _("Which columns of which tables became which features, what is proven by a run and what is only declared.")
    if version is None:
        return Try(_("Follow a model back to its data"), text, address("console:dataset-list"), _("Open the datasets"))
    url = address("lineage:version", version.pk)
    return Try(_("Follow a model back to its data"), text, url, _("Open the lineage"))


def _change() -> Try:
    text = _(
        "Change a limit in a draft and see which past decisions would come out differently, before anybody is hit."
    )
    return Try(_("Try a policy on the past"), text, address("policy:policy-list"), _("Open the policies"))


def made_by_demo(name: str) -> str:
    """Where the demo left a file, as its hand-over says; a placeholder where there was no demo."""
    try:
        handed_over = json.loads((settings.VAR / "demo" / "access.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return name.upper()
    return str(handed_over.get(name) or name.upper()) if isinstance(handed_over, dict) else name.upper()


def _prove() -> Try:
    text = _(
        "A sealed PDF and a bundle. The bundle carries its own verifier, which needs neither network nor this server."
    )
    url = address("dossiers:dossier-list")
    command = f"python3 manage.py verify {made_by_demo('dossier')} --trust {made_by_demo('trust')}"
    return Try(_("Verify a dossier offline"), text, url, _("Open the dossiers"), command)
