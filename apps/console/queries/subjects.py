"""From a subject of the log ("model_version:…") to the page of the object, for jobs and lists."""

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from apps.console.queries.search import version_hit
from apps.core.models import Job
from apps.registry.models import ModelVersion, UseCase

PAGES = {
    "dataset": "console:dataset",
    "evidence": "evidence:detail",
    "review": "workflow:review-detail",
    "finding": "workflow:finding",
    "waiver": "policy:waiver",
    "decision": "gate:decision",
    "dossier": "dossiers:dossier",
}
TASKS = {
    "evidence": _("Measuring evidence"),
    "dossiers": _("Making a dossier"),
    "gate": _("Judging again"),
    "lineage": _("Reading lineage"),
    "workflow": _("Looking at dates"),
    "policy": _("Replaying decisions"),
}


def link_of(subject: str) -> tuple[str, str]:
    """Name and address of what a subject names; empty strings when it has no page."""
    kind, _colon, key = subject.partition(":")
    if kind == "model_version":
        version = ModelVersion.objects.select_related("model__use_case").filter(pk=key).first()
        hit = version_hit(version) if version else None
        return (hit.name, hit.url) if hit else ("", "")
    if kind == "use_case":
        use_case = UseCase.objects.filter(pk=key).first()
        return (use_case.title, reverse("console:use-case", args=[use_case.slug])) if use_case else ("", "")
    try:
        return (kind.capitalize(), reverse(PAGES[kind], args=[key])) if kind in PAGES else ("", "")
    except NoReverseMatch:
        return "", ""


def job_words(job: Job) -> dict[str, Any]:
    """A job's name in words, and the page of what it works on."""
    name, url = link_of(job.subject)
    return {"job_title": TASKS.get(job.task.split(".")[0], job.task), "subject_name": name, "subject_url": url}
